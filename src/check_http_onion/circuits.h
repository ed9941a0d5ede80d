/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many circuits to use, and when: one on a good day, and when it fails or is silent, the others at once.
 * Pure: no clock, no socket. */
#ifndef CHECK_CIRCUITS_H
#define CHECK_CIRCUITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum circuit_fate {
    CIRCUIT_RUNNING,
    CIRCUIT_ANSWERED, /* a whole answer of the web server: the service is up */
    CIRCUIT_SETTLED,  /* failed, and another circuit would fail alike: the answer is about the service or
                       * about the way we ask, not about the path */
    CIRCUIT_FAILED    /* failed; another path may do better */
};

struct circuit_view {
    enum circuit_fate fate;
    uint64_t heard_us; /* when it last made progress (its start counts) */
};

struct circuits_plan {
    bool over;        /* nothing more to start, and nothing to wait for */
    size_t start;     /* so many are to be started now */
    uint64_t look_us; /* look again then, at the latest; UINT64_MAX: only when something happens */
};

/* What to do at `now_us`. `limit` is the number of circuits in all (1 or more). */
struct circuits_plan circuits_plan(const struct circuit_view *views, size_t count, size_t limit,
                                   uint64_t hedge_us, uint64_t now_us);

#endif
