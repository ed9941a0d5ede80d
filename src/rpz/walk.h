/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of a version, one after the other. Inside rpz/ only. */
#ifndef RPZ_WALK_H
#define RPZ_WALK_H

#include "rpz/version.h"

/* What policy_cursor.part counts. */
enum part { PART_SOA, PART_RULES, PART_OTHERS, PART_END };

struct walker {
    const struct policy_zone *zone;
    struct policy_cursor at; /* behind the last record that was given */
    uint8_t owner[NAME_MAX_BYTES];
};

/* The next record; false: there is none. It is good until the next call. */
bool walker_next(struct walker *walker, struct policy_record *out);

/* The owner of one side of the entry named `relative`, absolute. */
void walk_owner(const struct policy_zone *zone, const uint8_t *relative, enum owner_side side,
                uint8_t out[NAME_MAX_BYTES]);

/* The same of an entry that has its name with it. */
void walk_entry(const struct policy_zone *zone, const uint8_t *entry, enum owner_side side,
                uint8_t out[NAME_MAX_BYTES]);

/* The SOA, without owner. */
void walk_soa(const struct policy_zone *zone, struct policy_record *out);

/* The record of a side at `*within` (0: its first one), without owner, and where the next one is. False:
 * there is none. */
bool walk_side(const struct policy_zone *zone, const uint8_t *entry, enum owner_side side, uint32_t *within,
               struct policy_record *out);

#endif
