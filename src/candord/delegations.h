/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones of ours delegate to servers that the world's root may know nothing of: recursion is told of them. And
 * which of all that it is told a name goes to. */
#ifndef CANDORD_DELEGATIONS_H
#define CANDORD_DELEGATIONS_H

#include "base/arena.h"
#include "base/error.h"
#include "resolve/resolver.h"
#include "zone/table.h"

enum {
    DELEGATIONS_MAX = 1000,           /* of one view; more are left to recursion from the root */
    DELEGATION_SERVERS_MAX = 16,      /* addresses of one delegation */
    DELEGATION_ZONE_RECORDS = 200000, /* larger zones are not searched */
};

/* Copies `from` to `out` with a stub for each delegation in the zones of `table` (not in policy zones) whose
 * servers' addresses the same zone holds. Configured forwards win. All in `arena`. 0 or ERR_NOMEM. */
int options_with_delegations(const struct resolver_options *from, const struct zone_table *table,
                             struct arena *arena, struct resolver_options *out) MUST_CHECK;

/* The closest of these at or above the name; NULL: none. */
const struct forward_zone *forward_of_name(const struct forward_zone *forwards, size_t count,
                                           const uint8_t *name);

#endif
