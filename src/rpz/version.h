/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a version of a policy zone, and looking up with a prepared key. Inside rpz/ only. */
#ifndef RPZ_VERSION_H
#define RPZ_VERSION_H

#include <stdatomic.h>

#include "rpz/data.h"
#include "rpz/key.h"
#include "rpz/lineage.h"
#include "rpz/owners.h"
#include "rpz/prefixes.h"
#include "rpz/skipped.h"
#include "rpz/zone.h"

enum { FAMILIES = 2 };

struct policy_zone {
    _Atomic unsigned references;
    uint8_t origin[NAME_MAX_BYTES];
    uint8_t origin_bytes;
    struct lineage *lineage;
    struct policy_zone *next_ended; /* of those to be cleared away */
    struct owners owners;
    struct owner_found tops[RPZ_TRIGGERS]; /* the entry that holds `*` of the QNAME and the NSDNAME tree */
    uint32_t usual_ttls[OWNER_USUAL_TTLS];
    unsigned usual_count;
    struct prefixes *prefixes[RPZ_TRIGGERS][FAMILIES]; /* NULL: no rules */
    struct skipped *skipped;
    struct rrset soa;
    struct rdata soa_rdata; /* the version's own */
    struct policy_zone_counts counts;
};

/* Frees what a version holds, whatever of it has been made. The lineage is locked. */
void policy_zone_clear(struct policy_zone *zone);

/* Gives a version its SOA; the RDATA becomes its own. */
void policy_zone_set_soa(struct policy_zone *zone, uint32_t ttl_s, struct rdata rdata);

/* What follows from all parts, once they are there; the counts of records and rules are. */
void policy_zone_settle(struct policy_zone *zone);

/* The wire form of a special action's target: "." "*." "rpz-drop." …; NULL for the others. */
const uint8_t *rpz_action_target(enum rpz_action action);

/* What a key of this trigger's names (QNAME, NSDNAME) is made with. */
static inline const struct rpz_tail *rpz_key_tail(enum rpz_trigger trigger)
{
    return trigger == RPZ_NSDNAME ? rpz_tail_nsdname() : rpz_tail_none();
}

/* policy_zone_match_name() with a key made with rpz_key_tail(trigger). */
bool policy_zone_match_key(const struct policy_zone *zone, enum rpz_trigger trigger, struct rpz_key *key,
                           bool include_subdomains, struct policy_hit *out);

/* policy_zone_match_address() for prefixes of at most `longest` bits: an explanation goes on from a hit with
 * one bit less. */
bool policy_zone_match_within(const struct policy_zone *zone, enum rpz_trigger trigger,
                              const struct ip_address *address, unsigned longest, struct policy_hit *out);

#endif
