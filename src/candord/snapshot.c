/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "candord/rate_limit.h"
#include "dns/name.h"
#include "dns/record.h"

static bool acl_is_any(const struct acl *acl)
{
    return acl && acl->count == 1 && acl->elements[0].kind == ACL_ANY && !acl->elements[0].negated;
}

struct snapshot *snapshot_new(struct config_holder *holder, size_t view_count)
{
    static _Atomic uint64_t ids;
    struct snapshot *snapshot = calloc(1, sizeof *snapshot + view_count * sizeof snapshot->views[0]);
    if (!snapshot)
        return NULL;
    atomic_init(&snapshot->references, 1);
    snapshot->id = atomic_fetch_add(&ids, 1) + 1;
    snapshot->holder = config_holder_ref(holder);
    snapshot->config = holder->config;
    snapshot->view_count = view_count;
    return snapshot;
}

uint32_t policy_soa_ttl_s(const struct rrset *soa)
{
    uint32_t minimum_s = soa_minimum_s(soa->rdatas[0].bytes);
    return soa->ttl_s < minimum_s ? soa->ttl_s : minimum_s;
}

static void make_ready(const struct policy_set_zone *zone, struct ready_record *out)
{
    if (!zone->zone || !zone->options.add_soa)
        return;
    const struct rrset *soa = policy_zone_soa(zone->zone);
    struct writer w = writer_of(out->bytes, sizeof out->bytes);
    write_bytes(&w, soa->owner, name_length(soa->owner));
    write_u16(&w, TYPE_SOA);
    write_u16(&w, CLASS_IN);
    write_u32(&w, policy_soa_ttl_s(soa));
    write_u16(&w, soa->rdatas[0].length);
    write_bytes(&w, soa->rdatas[0].bytes, soa->rdatas[0].length);
    assert(!w.error);
    out->length = (uint16_t)writer_used(&w);
}

static struct ready_record *ready_soas(const struct policy_set *policy)
{
    struct ready_record *soas = calloc(policy->count + 1, sizeof *soas);
    for (size_t i = 0; soas && i < policy->count; i++)
        make_ready(&policy->zones[i], &soas[i]);
    return soas;
}

uint32_t view_asked_id(const char *view_name)
{
    return (uint32_t)hash_bytes(0, view_name, strlen(view_name)) | 1; /* 0 stands for all views */
}

void view_init(struct view *view, const struct view_config *config, unsigned index, struct policy_set *policy,
               struct zone_table *zones, struct truth_source_pool *pool)
{
    *view = (struct view){
        .config = config,
        .index = index,
        .asked_id = view_asked_id(config->name),
        .any_client = acl_is_any(config->match_clients) && acl_is_any(config->match_destinations) &&
                      !config->match_recursive_only,
        .has_policy = policy && policy->count > 0,
        .policy = policy,
        .policy_soas = ready_soas(policy),
        .zones = zones,
        .has_zones = zone_table_count(zones) > 0,
        .synthesized_type = config->dns64_count ? TYPE_AAAA : 0,
        .pool = pool,
    };
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_unref(struct snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->view_count; i++) {
        policy_set_unref(snapshot->views[i].policy);
        free(snapshot->views[i].policy_soas);
        zone_table_unref(snapshot->views[i].zones);
        pool_unref(snapshot->views[i].pool);
        rate_limiter_unref(snapshot->views[i].limiter);
    }
    config_holder_unref(snapshot->holder);
    free(snapshot);
}

static struct config_holder *config_holder_new(struct config *config, struct config_holder *base)
{
    struct config_holder *holder = calloc(1, sizeof *holder);
    if (!holder)
        return NULL;
    atomic_init(&holder->references, 1);
    holder->config = config;
    holder->base = base ? config_holder_ref(base) : NULL;
    return holder;
}

int config_holder_read(const struct config_read_options *options, struct config_holder *base,
                       struct config_holder **out)
{
    struct config *config;
    int error = config_read(options, &config);
    if (error)
        return error;
    *out = config_holder_new(config, base);
    if (*out)
        return 0;
    config_free(config);
    return ERR_NOMEM;
}

struct config_holder *config_holder_ref(struct config_holder *holder)
{
    atomic_fetch_add_explicit(&holder->references, 1, memory_order_relaxed);
    return holder;
}

void config_holder_unref(struct config_holder *holder)
{
    if (!holder || atomic_fetch_sub_explicit(&holder->references, 1, memory_order_acq_rel) != 1)
        return;
    config_free(holder->config);
    config_holder_unref(holder->base);
    free(holder);
}

struct truth_source_pool *pool_ref(struct truth_source_pool *pool)
{
    atomic_fetch_add_explicit(&pool->references, 1, memory_order_relaxed);
    return pool;
}

void pool_unref(struct truth_source_pool *pool)
{
    if (pool)
        atomic_fetch_sub_explicit(&pool->references, 1, memory_order_acq_rel);
}

const struct view *snapshot_view(const struct snapshot *snapshot, const struct acl_subject *client,
                                 const struct ip_address *destination, bool rd)
{
    const struct acl_environment *environment = &snapshot->config->environment;
    const struct acl_subject to = {.address = *destination};
    for (size_t i = 0; i < snapshot->view_count; i++) {
        const struct view *view = &snapshot->views[i];
        if (view->any_client)
            return view;
        if (view->config->match_recursive_only && !rd)
            continue;
        if (acl_allows(view->config->match_clients, client, environment) &&
            acl_allows(view->config->match_destinations, &to, environment))
            return view;
    }
    return NULL;
}
