/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a client may have: his view, and what its access lists say. Lists are walked once per client and
 * snapshot and remembered; for the query after that it is one comparison. One worker's own. */
#ifndef CANDORD_RIGHTS_H
#define CANDORD_RIGHTS_H

#include <stdbool.h>

#include "base/address.h"
#include "candord/snapshot.h"

struct rights {
    const struct view *view; /* NULL: none lets him in */
    bool silence;            /* blackhole: not a word to this client */
    bool query;              /* what is in no zone of ours: allow-query-cache, not allow-query (as BIND) */
    bool empty_zones;        /* allow-query; zones with a list of their own are asked theirs */
    bool recursion;          /* allow-recursion, and the view does recurse */
    bool client_rules;       /* some CLIENT-IP rule of the view's policy holds his address */
    bool limited;            /* rate-limit holds for him */
    bool ordered;            /* the view has rrset-order or sortlist */
    bool last_look;          /* answers are looked at before they go out: one of these, or signed */
};

struct rights_table;

/* NULL: memory. */
struct rights_table *rights_table_new(void);
void rights_table_free(struct rights_table *table);

/* The rights of `client`, who asked at `local`, with or without RD. */
struct rights rights_of(struct rights_table *table, const struct snapshot *snapshot,
                        const struct ip_address *client, const struct ip_address *local, bool rd);

/* The same for one whose question is signed with `key`; worked out anew each time. */
struct rights rights_of_key(const struct snapshot *snapshot, const struct ip_address *client,
                            const uint8_t *key, const struct ip_address *local, bool rd);

#endif
