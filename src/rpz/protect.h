/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that no rule of a feed may hit without an operator's word: `protect { … }`. Pure. Built once, then
 * read by any thread. */
#ifndef RPZ_PROTECT_H
#define RPZ_PROTECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Which rules hit a protected name. */
enum protect_how {
    PROTECT_EXACT = 1, /* one for the name itself, or for all that is below it (`*.name`) */
    PROTECT_ABOVE = 2, /* a wildcard further up that covers the name */
    PROTECT_BELOW = 4, /* one for a name below it */
    PROTECT_ALL = 7,
};

struct protected_name {
    const uint8_t *name; /* lower case; borrowed, as the array is */
    uint8_t how;
};

/* In canonical order. */
struct protected_names {
    const struct protected_name *names;
    size_t count;
};

/* Sorts `names` where they stand; of one that is there twice both choices hold. */
void protected_init(struct protected_names *protected, struct protected_name *names, size_t count);

/* The protected name that a rule for `name` (lower case, without `*.`) hits, or NULL. `covers` says whether a
 * wildcard at `name`, or with `include_subdomains` a rule there, really decides about a name below it: a more
 * specific rule may. */
const uint8_t *protected_find(const struct protected_names *names, const uint8_t *name, bool covers_below,
                              bool (*covers)(void *context, const uint8_t *protected), void *context);

#endif
