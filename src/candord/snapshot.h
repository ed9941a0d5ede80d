/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All that a query needs to know of the world at one moment: configuration, zones, policy, and where the
 * truth comes from. Immutable, published as a whole through RCU, counted by references for queries that wait.
 */
#ifndef CANDORD_SNAPSHOT_H
#define CANDORD_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "candord/config.h"
#include "resolve/cache.h"
#include "resolve/resolver.h"
#include "rpz/policy.h"
#include "zone/table.h"

struct config_holder;
struct rate_limiter;

/* Where one or more views get the truth from: shared by all whose resolver options are equal. */
struct truth_source_pool {
    _Atomic unsigned references;
    struct cache *cache;
    struct resolver *resolver;
    struct config_holder *holder; /* keeps what `options` points to alive */
    struct arena arena;           /* and so does this */
    struct resolver_options options;
    struct truth_source_pool *next; /* the daemon's list */
};

/* A configuration is shared by all snapshots that were made under it. */
struct config_holder {
    _Atomic unsigned references;
    struct config *config;
    struct config_holder *base; /* whose text `config` was built from once more; NULL: its own */
};

/* A record as it stands in a message, names uncompressed. */
struct ready_record {
    uint16_t length;
    uint8_t bytes[3 * 255 + 32]; /* an SOA at its largest: owner, two names, numbers */
};

struct view {
    const struct view_config *config;
    unsigned index;
    uint32_t asked_id; /* stands for the view in the summaries of what is asked (rpz/sketch.h) */
    bool any_client;   /* match-clients and match-destinations let everybody in */
    bool has_policy;
    struct policy_set *policy;
    struct ready_record *policy_soas; /* of each policy zone, as add-soa adds it; length 0: none */
    struct zone_table *zones;
    bool has_zones;            /* zones of ours other than the empty ones */
    uint16_t synthesized_type; /* AAAA with dns64: what the cache holds of it is not the answer; else 0 */
    struct truth_source_pool *pool;
    struct rate_limiter *limiter; /* NULL: rate-limit is not configured */
};

struct snapshot {
    _Atomic unsigned references;
    uint64_t id; /* differs between any two of a process; never 0 */
    struct config_holder *holder;
    const struct config *config; /* holder's */
    size_t view_count;
    struct view views[];
};

/* A snapshot with room for the views of a configuration; views are filled by the caller. Takes a reference on
 * the holder. NULL: memory. */
struct snapshot *snapshot_new(struct config_holder *holder, size_t view_count);

/* Fills what a view derives from its parts; takes over the references given. */
void view_init(struct view *view, const struct view_config *config, unsigned index, struct policy_set *policy,
               struct zone_table *zones, struct truth_source_pool *pool);

/* view->asked_id: the same for a name over reloads. */
uint32_t view_asked_id(const char *view_name);

/* How long a policy zone's SOA lives in an answer (rpz.md rule 24). */
uint32_t policy_soa_ttl_s(const struct rrset *soa);

struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot *snapshot);

/* A configuration as config_read() gives it, in a holder. `base`: see the holder, of which it takes a
 * reference; NULL: none. Returns 0 or a negative error, config_read()'s or ERR_NOMEM. */
MUST_CHECK int config_holder_read(const struct config_read_options *options, struct config_holder *base,
                                  struct config_holder **out);
struct config_holder *config_holder_ref(struct config_holder *holder);
void config_holder_unref(struct config_holder *holder);

struct truth_source_pool *pool_ref(struct truth_source_pool *pool);
/* The last reference does not stop the resolver (that blocks): the daemon does, who holds one as well. */
void pool_unref(struct truth_source_pool *pool);

/* The first view whose match-clients, match-destinations and match-recursive-only fit; NULL: none. */
const struct view *snapshot_view(const struct snapshot *snapshot, const struct acl_subject *client,
                                 const struct ip_address *destination, bool rd);

#endif
