/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A set of numbers that stand for things kept elsewhere: "have I seen this before?"
 * Inside rpz/ only. */
#ifndef RPZ_SET_H
#define RPZ_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "rpz/pages.h"

struct set {
    struct pages slots; /* uint64_t: upper half of the hash, number + 1 */
    unsigned bits;
    uint32_t count;
};

/* Is `number` the thing that is looked for? */
typedef bool set_same(const void *context, uint32_t number);

/* The number with this hash of which `same` is true, or -1. */
int64_t set_find(const struct set *set, uint64_t hash, set_same *same, const void *context);

/* Adds a number that is not in it. 0 or ERR_NOMEM. */
int set_add(struct set *set, uint64_t hash, uint32_t number) MUST_CHECK;

/* Takes out a number that is in it under this hash. */
void set_remove(struct set *set, uint64_t hash, uint32_t number);

void set_free(struct set *set);

#endif
