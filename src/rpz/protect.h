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
    uint8_t name[255]; /* lower case */
    uint8_t how;
};

struct protected_names; /* in canonical order */

/* Copies `count` names in any order; of one that is there twice both choices hold. NULL: memory. */
struct protected_names *protected_new(const struct protected_name *names, size_t count);
void protected_free(struct protected_names *names);
size_t protected_count(const struct protected_names *names);

/* The protected name that a rule for `name` (lower case, without `*.`) hits, or NULL. `covers` says whether a
 * wildcard at `name`, or with `include_subdomains` a rule there, really decides about a name below it: a more
 * specific rule may. */
const uint8_t *protected_find(const struct protected_names *names, const uint8_t *name, bool covers_below,
                              bool (*covers)(void *context, const uint8_t *protected), void *context);

#endif
