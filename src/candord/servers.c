/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The name servers of a name, for NSDNAME and NSIP rules (rpz.md rule 17): the NS sets of the name and of its
 * parents above min-ns-dots, and the addresses of those servers. What is found is kept per zone cut
 * (server_table.h). A budget bounds what one query may spend, so that a zone built to make us loop costs no
 * more than that. */
#include <string.h>

#include "candord/delegations.h"
#include "candord/query.h"
#include "candord/server_table.h"
#include "candord/worker.h"
#include "dns/name.h"
#include "dns/record.h"

/* nameserver-lookups and nameserver-lookup-time bound what a walk asks; these bound what it keeps. */
enum {
    BUDGET_SERVERS = 16,     /* name servers of one cut that are looked at */
    BUDGET_ALL_SERVERS = 64, /* of all cuts of one name */
    BUDGET_ADDRESSES = 16,   /* of one server */
    LIFE_MIN_S = 5,          /* of what is remembered of a cut */
    LIFE_MAX_S = 3600,
    LIFE_SPENT_S = 10, /* of a cut that took the whole budget: not every question pays that */
};

enum walk_step { WALK_CUT, WALK_ADDRESSES };

/* Where a walk stands. Lives in the query's arena. */
struct server_walk {
    unsigned link;
    const uint8_t *at; /* the name whose NS set is wanted */
    enum walk_step step;
    unsigned asks;
    uint64_t started_ms, expires_ms;
    unsigned asks_before; /* when the cut being read was begun; so is: */
    uint64_t begun_ms;
    bool complete;                                /* of the cut being read: nothing was skipped */
    bool spent;                                   /* and if so, because the budget ended */
    struct policy_server servers[BUDGET_SERVERS]; /* of the cut being read */
    size_t server_count, server_at;
    uint16_t address_type; /* A, then AAAA */
    struct ip_address addresses[BUDGET_ADDRESSES];
    size_t address_count;
    struct policy_server *found; /* of all cuts */
    size_t found_count;
};

/* The first name that may be a zone cut: the answer may have proven which zone the link's name is in. */
static const uint8_t *first_name(const struct query *q, unsigned link)
{
    const uint8_t *name = q->chain.links[link].name;
    unsigned labels = name_labels(name), proven = q->chain.zone_labels[link];
    return proven < labels ? name_skip(name, labels - proven) : name;
}

static struct server_walk *walk_begin(struct query *q, unsigned link)
{
    struct server_walk *walk = arena_zalloc(&q->arena, sizeof *walk);
    if (!walk)
        return NULL;
    walk->link = link;
    walk->at = first_name(q, link);
    walk->started_ms = walk->begun_ms = q->now_ms;
    walk->found = arena_alloc(&q->arena, BUDGET_ALL_SERVERS * sizeof *walk->found);
    metric_add(worker_counters(q->worker), SERVE_SERVER_WALKS, 1);
    return walk->found ? walk : NULL;
}

/* --- asking --- */

enum want { WANT_HAVE, WANT_NOTHING, WANT_WAIT };

struct wanted {
    enum want state;
    const struct truth *truth; /* WANT_HAVE, from recursion */
    struct zone_answer local;  /* WANT_HAVE, from a zone of ours: truth is NULL */
};

static bool budget_left(struct query *q, const struct server_walk *walk)
{
    const struct view_config *config = q->view->config;
    if (walk->asks < config->nameserver_lookups &&
        q->now_ms - walk->started_ms < config->nameserver_lookup_ms)
        return true;
    metric_add(worker_counters(q->worker), SERVE_SERVER_BUDGET, 1);
    return false;
}

uint32_t servers_patience_ms(const struct query *q)
{
    uint64_t spent_ms = q->walk ? q->now_ms - q->walk->started_ms : 0;
    uint32_t all_ms = q->view->config->nameserver_lookup_ms;
    return spent_ms < all_ms ? (uint32_t)(all_ms - spent_ms) : 1;
}

static bool may_wait(const struct query *q, uint16_t type)
{
    const struct policy_set_options *options = &q->view->policy->options;
    return type == TYPE_NS ? options->nsdname_wait_recurse ||
                                 (q->view->policy->has[RPZ_NSIP] && options->nsip_wait_recurse)
                           : options->nsip_wait_recurse;
}

/* Something is not known of these servers: what was found counts, but not for long. */
static void skip_part(struct query *q, struct server_walk *walk)
{
    walk->complete = false;
    q->servers_incomplete = true;
}

/* May the walk go on asking? It counts against the cut being read if not. */
static bool may_spend(struct query *q, struct server_walk *walk)
{
    bool may = !q->ask_pending && budget_left(q, walk);
    walk->spent |= !may;
    return may;
}

/* The truth about (name, type), if it can be had: from our zones, from what just came back, from the cache,
 * or by asking. A miss that may not be waited for is fetched for the next time. */
static struct wanted want(struct query *q, struct server_walk *walk, const uint8_t *name, uint16_t type)
{
    struct wanted result = {.state = WANT_HAVE};
    const struct zone_table_entry *zone = zone_table_find(q->view->zones, name, false);
    if (zone && zone->content &&
        !zone_content_answer(zone->content, name, type, false, &q->arena, &result.local) &&
        result.local.result != ZONE_DELEGATION)
        return result;
    struct truth *came = q->truth;
    if (came && came->qtype == type && name_equal(came->name, name)) {
        result.truth = came; /* freed with the next answer, or with the query */
        return result;
    }
    uint64_t hash = cache_hash(q->view->pool->cache, name, name_length(name), type);
    const struct truth *cached = cache_find(q->view->pool->cache, hash, name, name_length(name), type);
    if (cached && cached->stale_until_ms > q->now_ms) {
        result.truth = cached;
        return result;
    }
    result.state = WANT_NOTHING;
    bool may_ask = q->may_recurse && !q->ask_error;
    if (may_ask && may_wait(q, type) && may_spend(q, walk)) {
        truth_unref(q->truth);
        q->truth = NULL;
        walk->asks++;
        result.state = query_ask(q, name, type) == QUERY_WAITS ? WANT_WAIT : WANT_NOTHING;
    } else if (may_ask && !may_wait(q, type) && !q->ask_pending) {
        worker_fetch(q->worker, q->view, name, type);
    }
    if (result.state == WANT_NOTHING)
        skip_part(q, walk);
    q->ask_error = 0;
    return result;
}

/* Calls `each` for the records of (name, type) in what was found; `truth` is read from its plain wire. */
static void each_record(struct query *q, const struct wanted *from, const uint8_t *name, uint16_t type,
                        void (*each)(struct query *q, struct server_walk *walk, const struct rdata *rdata))
{
    if (from->truth) {
        struct answer kept = q->answer;
        q->answer = (struct answer){0};
        if (!answer_add_truth(q, from->truth, from->truth->link_count)) {
            for (uint16_t i = 0; i < q->answer.count[SECTION_ANSWER]; i++) {
                const struct rrset *set = &q->answer.sets[SECTION_ANSWER][i];
                for (uint16_t k = 0; set->type == type && name_equal(set->owner, name) && k < set->count; k++)
                    each(q, q->walk, &set->rdatas[k]);
            }
        }
        q->answer = kept;
        return;
    }
    for (size_t i = 0; i < from->local.answer_count; i++) {
        const struct rrset *set = &from->local.answer[i];
        for (uint16_t k = 0; set->type == type && name_equal(set->owner, name) && k < set->count; k++)
            each(q, q->walk, &set->rdatas[k]);
    }
}

static void limit_life(struct server_walk *walk, const struct wanted *from)
{
    if (from->truth && from->truth->expires_ms < walk->expires_ms)
        walk->expires_ms = from->truth->expires_ms;
}

/* --- one cut --- */

static bool needs_addresses(const struct query *q)
{
    return q->view->policy->has[RPZ_NSIP];
}

static void add_server(struct query *q, struct server_walk *walk, const struct rdata *rdata)
{
    uint8_t *name = arena_alloc(&q->arena, rdata->length);
    if (!name || name_is_root(rdata->bytes) || walk->server_count == BUDGET_SERVERS)
        return; /* `NS .` names nobody */
    name_copy_lower(name, rdata->bytes);
    walk->servers[walk->server_count++] = (struct policy_server){.name = name};
}

static void add_address(struct query *q, struct server_walk *walk, const struct rdata *rdata)
{
    (void)q;
    struct ip_address address = rdata_address(walk->address_type, rdata->bytes, rdata->length);
    if (address.family != IP_NONE && walk->address_count < BUDGET_ADDRESSES)
        walk->addresses[walk->address_count++] = address;
}

/* All addresses are asked for at once; the walk then waits for one after the other. */
static void fetch_addresses(struct query *q, const struct server_walk *walk)
{
    for (size_t i = 0; i < walk->server_count; i++) {
        const uint8_t *name = walk->servers[i].name;
        static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
        for (size_t t = 0; t < 2; t++) {
            uint64_t hash = cache_hash(q->view->pool->cache, name, name_length(name), types[t]);
            if (!cache_find(q->view->pool->cache, hash, name, name_length(name), types[t]) &&
                !zone_table_find(q->view->zones, name, false))
                worker_fetch(q->worker, q->view, name, types[t]);
        }
    }
}

static enum query_progress read_cut(struct query *q, struct server_walk *walk)
{
    walk->complete = true;
    walk->spent = false;
    walk->expires_ms = q->now_ms + LIFE_MAX_S * 1000;
    struct wanted servers = want(q, walk, walk->at, TYPE_NS);
    if (servers.state == WANT_WAIT)
        return QUERY_WAITS;
    walk->server_count = walk->server_at = walk->address_count = 0;
    walk->address_type = TYPE_A;
    if (servers.state == WANT_HAVE) {
        limit_life(walk, &servers);
        each_record(q, &servers, walk->at, TYPE_NS, add_server);
    }
    if (walk->server_count && needs_addresses(q) && q->may_recurse)
        fetch_addresses(q, walk);
    walk->step = WALK_ADDRESSES;
    return QUERY_DONE;
}

static enum query_progress read_addresses(struct query *q, struct server_walk *walk)
{
    bool needed = needs_addresses(q);
    while (needed && walk->server_at < walk->server_count) {
        struct policy_server *server = &walk->servers[walk->server_at];
        struct wanted addresses = want(q, walk, server->name, walk->address_type);
        if (addresses.state == WANT_WAIT)
            return QUERY_WAITS;
        if (addresses.state == WANT_HAVE) {
            limit_life(walk, &addresses);
            each_record(q, &addresses, server->name, walk->address_type, add_address);
        }
        if (walk->address_type == TYPE_A) {
            walk->address_type = TYPE_AAAA;
            continue;
        }
        server->addresses =
            arena_copy_array(&q->arena, walk->addresses, walk->address_count, sizeof *walk->addresses);
        server->address_count = server->addresses ? walk->address_count : 0;
        walk->address_count = 0;
        walk->address_type = TYPE_A;
        walk->server_at++;
    }
    return QUERY_DONE;
}

/* --- the walk --- */

static bool zone_concerned(const struct policy_set_zone *zone, const struct policy_server *server)
{
    struct policy_hit hit;
    if (!zone->zone)
        return false;
    if (zone->options.nsdname_enable &&
        policy_zone_match_name(zone->zone, RPZ_NSDNAME, server->name, zone->options.include_subdomains, &hit))
        return true;
    for (size_t i = 0; zone->options.nsip_enable && i < server->address_count; i++)
        if (policy_zone_match_address(zone->zone, RPZ_NSIP, &server->addresses[i], &hit))
            return true;
    return false;
}

/* Servers that no rule concerns need not be looked at again under this policy. */
static bool cut_is_clean(const struct policy_set *policy, const struct server_entry *entry)
{
    for (size_t s = 0; s < entry->server_count; s++)
        for (size_t z = 0; z < policy->count; z++)
            if (zone_concerned(&policy->zones[z], &entry->servers[s]))
                return false;
    return true;
}

static void take_entry(struct query *q, struct server_walk *walk, struct server_entry *entry)
{
    const struct policy_set *policy = q->view->policy;
    q->servers_incomplete |= entry->incomplete;
    if (entry->clean_generation == policy->generation)
        return;
    if (cut_is_clean(policy, entry)) {
        entry->clean_generation = policy->generation;
        return;
    }
    for (size_t i = 0; i < entry->server_count && walk->found_count < BUDGET_ALL_SERVERS; i++) {
        struct policy_server *server = &walk->found[walk->found_count];
        const struct policy_server *from = &entry->servers[i];
        server->name = arena_copy(&q->arena, from->name, name_length(from->name));
        server->addresses =
            arena_copy_array(&q->arena, from->addresses, from->address_count, sizeof *from->addresses);
        server->address_count = from->address_count;
        if (server->name && server->addresses)
            walk->found_count++;
    }
}

/* Did the cut being read take most of what there is? */
static bool took_most(const struct query *q, const struct server_walk *walk)
{
    const struct view_config *config = q->view->config;
    return 2 * (walk->asks - walk->asks_before) >= config->nameserver_lookups ||
           2 * (q->now_ms - walk->begun_ms) >= config->nameserver_lookup_ms;
}

static struct server_entry *keep_cut(struct query *q, struct server_walk *walk, struct server_entry *entry)
{
    uint64_t least_ms = q->now_ms + (walk->spent ? LIFE_SPENT_S : LIFE_MIN_S) * 1000;
    /* What other cuts have spent is not this one's fault: it is read again for the next question. */
    bool keep = walk->complete || (walk->spent && took_most(q, walk));
    *entry = (struct server_entry){
        .source = q->view->pool,
        .name = walk->at,
        .expires_ms = walk->complete && walk->expires_ms > least_ms ? walk->expires_ms : least_ms,
        .incomplete = !walk->complete,
        .has_addresses = needs_addresses(q),
        .server_count = walk->server_count,
        .servers = walk->servers,
    };
    if (!keep || server_table_put(worker_servers(q->worker), entry))
        return entry;
    return server_table_find(worker_servers(q->worker), entry->source, entry->name, q->now_ms) ?: entry;
}

/* What is remembered of a cut, if it is all that this policy wants to know: another view's may want less, and
 * so may an older one. */
static struct server_entry *known_cut(struct query *q, const struct server_walk *walk)
{
    struct server_entry *entry =
        server_table_find(worker_servers(q->worker), q->view->pool, walk->at, q->now_ms);
    return entry && (entry->has_addresses || !needs_addresses(q)) ? entry : NULL;
}

/* Is the name for forwarders to resolve, and not to be asked about? What zones there are is their knowledge.
 */
static bool is_left_out(const struct query *q, const uint8_t *name)
{
    const struct resolver_options *options = &q->view->pool->options;
    if (q->view->config->nameserver_lookup_forwarded || !options->forward_count ||
        zone_table_find(q->view->zones, name, false))
        return false;
    const struct forward_zone *forward = forward_of_name(options->forwards, options->forward_count, name);
    return forward && (forward->mode == FORWARD_ONLY || forward->mode == FORWARD_FIRST);
}

static enum query_progress walk_on(struct query *q, struct server_walk *walk)
{
    struct server_entry made;
    while (name_labels(walk->at) > q->view->policy->options.min_ns_dots) {
        if (walk->step == WALK_CUT && is_left_out(q, walk->at)) {
            walk->at = name_skip(walk->at, 1);
            continue;
        }
        struct server_entry *entry = walk->step == WALK_CUT ? known_cut(q, walk) : NULL;
        if (!entry) {
            if (walk->step == WALK_CUT && read_cut(q, walk) == QUERY_WAITS)
                return QUERY_WAITS;
            if (read_addresses(q, walk) == QUERY_WAITS)
                return QUERY_WAITS;
            entry = keep_cut(q, walk, &made);
        }
        take_entry(q, walk, entry);
        walk->step = WALK_CUT;
        walk->asks_before = walk->asks;
        walk->begun_ms = q->now_ms;
        walk->at = name_skip(walk->at, 1);
    }
    return QUERY_DONE;
}

enum query_progress servers_gather(struct query *q, unsigned link)
{
    if (!q->walk || q->walk->link != link)
        q->walk = walk_begin(q, link);
    else if (q->ask_pending) /* patience ended */
        metric_add(worker_counters(q->worker), SERVE_SERVER_BUDGET, 1);
    if (q->walk && walk_on(q, q->walk) == QUERY_WAITS)
        return QUERY_WAITS;
    struct policy_link *to = &q->chain.links[link];
    to->servers_known = true;
    if (q->walk) {
        to->servers = q->walk->found;
        to->server_count = q->walk->found_count;
    } else {
        q->servers_incomplete = true;
    }
    truth_unref(q->truth);
    q->truth = NULL;
    q->walk = NULL;
    return QUERY_DONE;
}
