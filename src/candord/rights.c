/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/rights.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"

enum { SLOTS = 1024 };

struct slot {
    uint64_t snapshot_id; /* 0: empty */
    struct ip_address client, local;
    struct rights by_rd[2];
};

struct rights_table {
    uint64_t seed;
    struct slot slots[SLOTS];
};

struct rights_table *rights_table_new(void)
{
    struct rights_table *table = calloc(1, sizeof *table);
    if (table)
        table->seed = random_u64();
    return table;
}

void rights_table_free(struct rights_table *table)
{
    free(table);
}

static struct rights work_out(const struct snapshot *snapshot, const struct acl_subject *who,
                              const struct ip_address *local, bool rd)
{
    const struct view *view = snapshot_view(snapshot, who, local, rd);
    const struct acl_environment *environment = &snapshot->config->environment;
    bool silence = acl_allows(snapshot->config->server.blackhole, who, environment);
    if (!view)
        return (struct rights){.silence = silence};
    const struct view_config *config = view->config;
    const struct acl_subject here = {.address = *local};
    bool from_cache = acl_allows(config->allow_query_cache, who, environment) &&
                      acl_allows(config->allow_query_cache_on, &here, environment);
    bool ordered = config->order_count || config->sortlist;
    bool limited = view->limiter && !acl_allows(config->rate_limit->exempt, who, environment);
    return (struct rights){
        .view = view,
        .limited = limited,
        .ordered = ordered,
        .last_look = limited || ordered,
        .silence = silence,
        .query = from_cache,
        .empty_zones = acl_allows(config->allow_query, who, environment) &&
                       acl_allows(config->allow_query_on, &here, environment),
        .recursion = from_cache && config->recursion &&
                     acl_allows(config->allow_recursion, who, environment) &&
                     acl_allows(config->allow_recursion_on, &here, environment),
        .client_rules =
            view->policy->has[RPZ_CLIENT_IP] && policy_client_concerned(view->policy, &who->address),
    };
}

/* All sixteen bytes count: those that a family does not use are zero. */
static bool same(const struct ip_address *a, const struct ip_address *b)
{
    return a->family == b->family && !memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static size_t place_of(const struct rights_table *table, const struct ip_address *client)
{
    uint64_t halves[2];
    memcpy(halves, client->bytes, sizeof halves);
    return hash_mix(halves[0] ^ table->seed, halves[1] ^ table->seed ^ 0x9e3779b97f4a7c15u) % SLOTS;
}

static void fill(struct slot *slot, const struct snapshot *snapshot, const struct ip_address *client,
                 const struct ip_address *local)
{
    const struct acl_subject who = {.address = *client};
    *slot = (struct slot){
        .snapshot_id = snapshot->id,
        .client = *client,
        .local = *local,
        .by_rd = {work_out(snapshot, &who, local, false), work_out(snapshot, &who, local, true)},
    };
}

struct rights rights_of(struct rights_table *table, const struct snapshot *snapshot,
                        const struct ip_address *client, const struct ip_address *local, bool rd)
{
    struct slot *slot = &table->slots[place_of(table, client)];
    if (slot->snapshot_id != snapshot->id || !same(&slot->client, client) || !same(&slot->local, local))
        fill(slot, snapshot, client, local);
    return slot->by_rd[rd];
}

struct rights rights_of_key(const struct snapshot *snapshot, const struct ip_address *client,
                            const uint8_t *key, const struct ip_address *local, bool rd)
{
    const struct acl_subject who = {.address = *client, .key = key};
    return work_out(snapshot, &who, local, rd);
}
