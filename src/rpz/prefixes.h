/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Longest-prefix look-up for one trigger and one family: the address space cut into stretches, each with the
 * longest prefix that covers it; one binary search finds it. Never changes once it is made; versions share it
 * until a delta touches one of its rules. Inside rpz/ only. */
#ifndef RPZ_PREFIXES_H
#define RPZ_PREFIXES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "dns/name.h"
#include "rpz/pages.h"

__extension__ typedef unsigned __int128 ip_number;

struct prefix_rule {
    uint64_t owner;  /* hash of its name */
    uint32_t parent; /* index + 1 of the longest shorter prefix around it; 0: none */
    uint32_t length; /* bits */
};

struct prefixes {
    _Atomic unsigned references;
    struct pages pages; /* starts of stretches, starts of rules, rules, rule + 1 of each stretch */
    const void *starts; /* in the pages, as the next two */
    const uint32_t *covers;
    const struct prefix_rule *owners;
    enum ip_family family;
    uint32_t stretches, rules;
};

/* A rule that comes, or goes. */
struct prefix_item {
    ip_number first;
    uint64_t owner;
    uint32_t length;
    uint32_t turn; /* of several items for one owner the last one counts */
    bool gone;
};

/* The name with this hash, of a rule that is there: of equal prefixes in different spellings the smallest
 * name counts. */
struct prefix_names {
    void (*of)(const void *context, uint64_t owner, uint8_t out[NAME_MAX_BYTES]);
    const void *context;
};

ip_number prefix_number(const struct ip_address *address);

/* What `old` (NULL: nothing) becomes with these items, which are sorted here; an item that is there already,
 * or not there to go, changes nothing. *out is NULL when no rule is left. 0 or ERR_NOMEM. */
int prefixes_change(const struct prefixes *old, enum ip_family family, struct prefix_item *items,
                    size_t count, const struct prefix_names *names, struct prefixes **out) MUST_CHECK;

/* What `bytes` were the pages of (base and used), with as many stretches and rules. 0, memory, or
 * ERR_MALFORMED: they are none. */
int prefixes_restore(enum ip_family family, const void *bytes, size_t length, uint32_t stretches,
                     uint32_t rules, struct prefixes **out) MUST_CHECK;

struct prefixes *prefixes_ref(struct prefixes *prefixes);
void prefixes_unref(struct prefixes *prefixes);

/* The longest prefix around `address`, at most `longest` bits; NULL: none. */
const struct prefix_rule *prefixes_find(const struct prefixes *prefixes, const struct ip_address *address,
                                        unsigned longest);

#endif
