/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the lines of a list say together -> the rules of a policy zone. Lists know no wildcards of the DNS: a
 * line covers a name, what is below it, or both, and a line of a higher rank wins over every lower one
 * however deep. In a policy zone the deepest owner wins, and an owner that exists, or has owners below it,
 * hides the
 * `*` above it. So lines that others cover are left out, and where a line makes a hole (an exception below a
 * blocked name) the names between are written out. Pure. Inside feed/ only. */
#ifndef FEED_RULES_H
#define FEED_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

enum rank {
    RANK_NONE = -1,
    RANK_BLOCK,
    RANK_ALLOW,
    RANK_BLOCK_FIRST, /* adblock's $important */
    RANK_ALLOW_FIRST,
};

struct rules_entry {
    const uint8_t *name;
    int8_t self, below; /* enum rank */
};

struct rules {
    struct arena names;
    struct rules_entry *entries;
    size_t count, room;
    uint32_t *slots; /* number of an entry + 1; 0: free */
    size_t mask;
    uint64_t seed;
};

/* 0 or ERR_NOMEM; rules_fini() in either case. */
int rules_init(struct rules *rules) MUST_CHECK;
void rules_fini(struct rules *rules);

/* A line about `name` (lower case, `length` bytes): its rank for the name itself and for what is below. 0 or
 * ERR_NOMEM. */
int rules_add(struct rules *rules, const uint8_t *name, size_t length, enum rank self,
              enum rank below) MUST_CHECK;

/* Calls `each` for every rule: for `name`, or with `wildcard` for `*.name`. A rule may come twice. Stops at a
 * result below zero and returns it. */
typedef int rules_each_fn(void *context, const uint8_t *name, bool wildcard, bool allow);
int rules_each(const struct rules *rules, rules_each_fn *each, void *context) MUST_CHECK;

#endif
