/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters and gauges. A room describes its numbers once, in a table (name, unit, help); each thread
 * counts in a block of its own without any lock; whoever reads sums the blocks. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum metric_kind { METRIC_COUNTER /* only grows */, METRIC_GAUGE /* goes up and down */ };

struct metric_def {
    const char *name; /* snake_case, no prefix: "queries_udp" */
    const char *unit; /* "queries", "bytes", "seconds"; "" for a plain number */
    const char *help; /* one sentence */
    enum metric_kind kind;
};

struct metric_group {
    const char *room; /* "serve", "cache": becomes the prefix of the exported name */
    const struct metric_def *defs;
    size_t count;
};

struct metric_block; /* one thread's numbers of one group */
struct metrics;      /* all blocks of a process */

/* Returns NULL when memory is out. */
struct metrics *metrics_new(void);

/* Ends all blocks as well; no thread may count any more. */
void metrics_free(struct metrics *metrics);

/* A block for the calling room and thread; lives until metrics_free(). `group` must outlive it. NULL when
 * memory is out. Safe for threads. */
struct metric_block *metrics_add_block(struct metrics *metrics, const struct metric_group *group) MUST_CHECK;

/* The array that the owner of a block counts in; `count` of the group entries. */
_Atomic uint64_t *metric_values(struct metric_block *block);

/* Adds to a number. Only the owner of the block writes, so a plain load and store are enough. */
static inline void metric_add(_Atomic uint64_t *values, size_t which, uint64_t n)
{
    uint64_t old = atomic_load_explicit(&values[which], memory_order_relaxed);
    atomic_store_explicit(&values[which], old + n, memory_order_relaxed);
}

/* Sets a gauge (its owner only). */
static inline void metric_set(_Atomic uint64_t *values, size_t which, uint64_t n)
{
    atomic_store_explicit(&values[which], n, memory_order_relaxed);
}

/* Calls `each` for every number, groups in order of registration, values summed over all blocks. */
typedef void metric_visit(void *context, const char *room, const struct metric_def *def, uint64_t value);
void metrics_read(struct metrics *metrics, metric_visit *each, void *context);

#endif
