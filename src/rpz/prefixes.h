/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Longest-prefix look-up for one trigger and one family: the address space cut into stretches, each with the
 * longest prefix that covers it; one binary search finds it. Inside rpz/ only. */
#ifndef RPZ_PREFIXES_H
#define RPZ_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "rpz/pages.h"

__extension__ typedef unsigned __int128 ip_number;

struct prefix_rule {
    uint32_t entry;  /* in the zone's owners */
    uint32_t parent; /* index + 1 of the longest shorter prefix around it; 0: none */
    uint32_t length; /* bits */
};

struct prefixes {
    struct pages pages; /* starts of stretches, rule + 1 of each, rules */
    enum ip_family family;
    uint32_t stretches, rules;
};

struct prefix_item {
    struct ip_prefix prefix;
    uint32_t entry;
    const uint8_t *name; /* of equal prefixes in different spellings the smallest name counts */
};

/* Sorts `items` and builds from them. 0 or ERR_NOMEM. */
int prefixes_build(struct prefixes *prefixes, enum ip_family family, struct prefix_item *items,
                   size_t count) MUST_CHECK;
void prefixes_free(struct prefixes *prefixes);

/* The longest prefix around `address`, at most `longest` bits; NULL: none. */
const struct prefix_rule *prefixes_find(const struct prefixes *prefixes, const struct ip_address *address,
                                        unsigned longest);

#endif
