/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/hits.h"

#include "dns/name.h"

void hits_take(struct query *q, const struct policy_match *match)
{
    const struct policy_set_zone *zone = &q->view->policy->zones[match->zone];
    struct policy_hit hit = match->hit;
    uint8_t owner[NAME_MAX_BYTES] = {0}; /* a turn must be noted: the root stands for what is not found */
    size_t length = 1;
    if (hit.trigger != RPZ_QNAME ||
        policy_zone_match_name(zone->zone, RPZ_QNAME, match->name, zone->options.include_subdomains, &hit))
        length = policy_hit_owner(zone->zone, &hit, match->name, owner);
    name_to_lower(owner);
    sketch_note(worker_hits(q->worker), owner, length, q->view->asked_id, q->now_ms);
}
