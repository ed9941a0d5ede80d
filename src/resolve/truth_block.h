/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a truth lies in memory; for truth.c and truth_build.c only. */
#ifndef RESOLVE_TRUTH_BLOCK_H
#define RESOLVE_TRUTH_BLOCK_H

#include <stdalign.h>
#include <stddef.h>
#include <urcu-qsbr.h>

#include "resolve/truth.h"

struct truth_block {
    struct rcu_head rcu; /* first */
    struct truth truth;
    alignas(8) uint8_t data[]; /* links, addresses, TTL offsets, names, wires, text */
};

/* What malloc takes for `n` bytes: its 8-byte header, steps of 16. */
#define TRUTH_ALLOCATION_BYTES(n) (((n) + 8 + 15) & ~(size_t)15)

static inline struct truth_block *truth_block_of(struct truth *truth)
{
    return (struct truth_block *)((char *)truth - offsetof(struct truth_block, truth));
}

/* An empty truth with `bytes` of data behind it and one reference. NULL when memory is out. */
struct truth *truth_block_new(size_t bytes);

#endif
