/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From configuration and zones to the snapshot that queries see. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "base/log.h"
#include "base/random.h"
#include "candord/daemon.h"
#include "candord/delegations.h"
#include "candord/denied.h"
#include "candord/rate_limit.h"
#include "dns/name.h"

/* --- where truth comes from --- */

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static bool address_equal(const struct ip_address *a, const struct ip_address *b)
{
    return a == b || (a && b && ip_equal(a, b));
}

static bool forward_equal(const struct forward_zone *a, const struct forward_zone *b)
{
    if (!name_equal(a->origin, b->origin) || a->mode != b->mode || a->server_count != b->server_count)
        return false;
    for (size_t i = 0; i < a->server_count; i++)
        if (!ip_equal(&a->servers[i].address, &b->servers[i].address) ||
            a->servers[i].port != b->servers[i].port)
            return false;
    return true;
}

static bool lists_equal(const struct resolver_options *a, const struct resolver_options *b)
{
    if (a->anchor_count != b->anchor_count || a->forward_count != b->forward_count ||
        a->insecure_count != b->insecure_count || a->avoid_count != b->avoid_count)
        return false;
    for (size_t i = 0; i < a->anchor_count; i++)
        if (!text_equal(a->anchors[i], b->anchors[i]))
            return false;
    for (size_t i = 0; i < a->forward_count; i++)
        if (!forward_equal(&a->forwards[i], &b->forwards[i]))
            return false;
    for (size_t i = 0; i < a->insecure_count; i++)
        if (!name_equal(a->insecure[i], b->insecure[i]))
            return false;
    for (size_t i = 0; i < a->avoid_count; i++)
        if (!ip_equal(&a->avoid[i].address, &b->avoid[i].address) || a->avoid[i].length != b->avoid[i].length)
            return false;
    return true;
}

static bool options_equal(const struct resolver_options *a, const struct resolver_options *b)
{
    return a->threads == b->threads && a->validate == b->validate &&
           text_equal(a->anchor_file, b->anchor_file) && text_equal(a->hints_file, b->hints_file) &&
           a->qname_minimization == b->qname_minimization &&
           a->qname_minimization_strict == b->qname_minimization_strict && a->synthesize == b->synthesize &&
           a->accept_expired == b->accept_expired && a->telemetry == b->telemetry &&
           address_equal(a->query_source_v4, b->query_source_v4) &&
           address_equal(a->query_source_v6, b->query_source_v6) && a->use_v4 == b->use_v4 &&
           a->use_v6 == b->use_v6 && a->max_cache_ttl_s == b->max_cache_ttl_s &&
           a->max_negative_ttl_s == b->max_negative_ttl_s && a->min_cache_ttl_s == b->min_cache_ttl_s &&
           a->servfail_ttl_ms == b->servfail_ttl_ms && a->max_stale_ttl_s == b->max_stale_ttl_s &&
           a->query_timeout_ms == b->query_timeout_ms && a->max_outstanding == b->max_outstanding &&
           a->max_per_zone == b->max_per_zone && a->max_joined == b->max_joined &&
           a->unbound_cache_bytes == b->unbound_cache_bytes && lists_equal(a, b) &&
           denied_equal(a->denied, b->denied);
}

static void pool_free(struct truth_source_pool *pool)
{
    arena_fini(&pool->arena);
    if (pool->resolver)
        resolver_stop(pool->resolver);
    if (pool->cache)
        cache_free(pool->cache);
    config_holder_unref(pool->holder);
    free(pool);
}

/* The source of truth for a view: one that is there with equal options, or a new one. */
static int pool_for(struct daemon *daemon, struct config_holder *holder, const struct view_config *view,
                    const struct zone_table *zones, struct truth_source_pool **out, char *problem,
                    size_t problem_size)
{
    struct truth_source_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return ERR_NOMEM;
    arena_init(&pool->arena, 0);
    atomic_init(&pool->references, 1);
    pool->holder = config_holder_ref(holder);
    int error = options_with_delegations(&view->resolver, zones, &pool->arena, &pool->options);
    struct truth_source_pool *equal = daemon->pools;
    while (equal && !error && !options_equal(&equal->options, &pool->options))
        equal = equal->next;
    if (!error && !equal) {
        pool->cache = cache_new(holder->config->server.max_cache_bytes);
        error = pool->cache ? resolver_start(&pool->options, pool->cache, daemon->metrics, &pool->resolver,
                                             problem, problem_size)
                            : ERR_NOMEM;
    }
    if (error || equal) {
        pool_free(pool);
        *out = equal;
        return error;
    }
    pool->next = daemon->pools;
    daemon->pools = pool;
    *out = pool;
    return 0;
}

void publish_retire(struct daemon *daemon, bool all)
{
    struct truth_source_pool **at = &daemon->pools;
    while (*at) {
        struct truth_source_pool *pool = *at;
        if (!all && atomic_load(&pool->references) > 1) {
            at = &pool->next;
            continue;
        }
        *at = pool->next;
        pool_free(pool);
    }
}

/* --- snapshots --- */

/* What counts answers goes on over a reload that leaves its options as they are. */
static int limiter_for(struct daemon *daemon, const struct view_config *config, struct rate_limiter **out)
{
    const struct snapshot *old = atomic_load(&daemon->serving.snapshot);
    if (!config->rate_limit)
        return 0;
    for (size_t i = 0; old && i < old->view_count; i++) {
        const struct view *view = &old->views[i];
        if (view->limiter && !strcmp(view->config->name, config->name) &&
            !memcmp(&view->config->rate_limit->options, &config->rate_limit->options,
                    sizeof config->rate_limit->options)) {
            *out = rate_limiter_ref(view->limiter);
            return 0;
        }
    }
    *out = rate_limiter_new(&config->rate_limit->options, random_u64());
    return *out ? 0 : ERR_NOMEM;
}

static int fill_view(struct daemon *daemon, struct config_holder *holder, struct view *view, unsigned index,
                     char *problem, size_t problem_size)
{
    const struct view_config *config = &holder->config->views[index];
    struct truth_source_pool *pool = NULL;
    struct zone_table *zones = keeper_table(&daemon->keeper, config);
    struct policy_set *policy = keeper_policy(&daemon->keeper, config);
    int error =
        zones && policy ? pool_for(daemon, holder, config, zones, &pool, problem, problem_size) : ERR_NOMEM;
    if (error) {
        zone_table_unref(zones);
        policy_set_unref(policy);
        return error;
    }
    view_init(view, config, index, policy, zones, pool_ref(pool));
    return limiter_for(daemon, config, &view->limiter);
}

/* max-cache-size holds for all truths together: each has an equal part of it. */
static void share_memory(struct daemon *daemon, size_t max_bytes)
{
    size_t count = 0;
    for (const struct truth_source_pool *pool = daemon->pools; pool; pool = pool->next)
        count++;
    for (struct truth_source_pool *pool = daemon->pools; pool; pool = pool->next)
        cache_resize(pool->cache, max_bytes / count);
}

int publish(struct daemon *daemon, struct config_holder *holder, char *problem, size_t problem_size)
{
    struct snapshot *snapshot = snapshot_new(holder, holder->config->view_count);
    int error = snapshot ? 0 : ERR_NOMEM;
    snprintf(problem, problem_size, "%s", err_text(ERR_NOMEM));
    for (size_t i = 0; i < holder->config->view_count && !error; i++)
        error = fill_view(daemon, holder, &snapshot->views[i], (unsigned)i, problem, problem_size);
    if (error) {
        snapshot_unref(snapshot);
        return error;
    }
    struct snapshot *old = atomic_exchange(&daemon->serving.snapshot, snapshot);
    atomic_store(&daemon->serving.querylog, holder->config->server.querylog);
    if (old) {
        synchronize_rcu();
        snapshot_unref(old);
    }
    courier_published(daemon->courier);
    publish_retire(daemon, false);
    share_memory(daemon, holder->config->server.max_cache_bytes);
    return 0;
}
