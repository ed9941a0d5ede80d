/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker's questions to the resolver, and the queries that wait for them. */
#include <stdlib.h>

#include "base/log.h"
#include "candord/worker_parts.h"
#include "dns/name.h"

/* fetches-per-zone ... drop: a zone that has its share already is not even told so; who asks comes again. An
 * answer that could be had all the same (a stale one, a rule's) goes out. */
static void drop_failure(struct query *q)
{
    q->pending.ask.zone_full = false;
    if (q->view->config->drop_when_zone_full && !q->explanation && q->out_length >= DNS_HEADER_BYTES &&
        (q->out[3] & 15) == RCODE_SERVFAIL)
        reply_none(q);
}

static void query_continue(struct query *q)
{
    struct worker *worker = q->worker;
    worker_lend_room(q);
    worker->counters = q->explanation ? worker->unseen : worker->counted;
    enum query_progress progress = query_resume(q);
    worker->counters = worker->counted;
    if (progress == QUERY_WAITS)
        return;
    if (q->pending.ask.zone_full)
        drop_failure(q);
    worker_deliver(q);
    if (q->ask_pending)
        q->answered = true; /* the ask's storage is needed until it comes back */
    else
        worker_give(worker, q);
}

static struct query *query_of_timer(struct loop_timer *timer)
{
    return (struct query *)((char *)timer - offsetof(struct query, stale_timer));
}

static void patience_ended(struct loop_timer *timer)
{
    struct query *q = query_of_timer(timer);
    q->prefer_stale = true;
    query_continue(q);
}

/* How long the query waits for what it asks now before it goes on without; 0: as long as the resolver takes.
 */
static uint32_t patience_of(const struct query *q)
{
    const struct view_config *config = q->view->config;
    if (q->stage == STAGE_SERVERS)
        return servers_patience_ms(q);
    if (q->asks_alias)
        return ALIAS_PATIENCE_MS;
    bool stale = config->stale_answer_enable && config->stale_answer_client_timeout_ms > 0;
    return stale ? (uint32_t)config->stale_answer_client_timeout_ms : 0;
}

static void fill_ask(struct worker *worker, struct resolver_ask *ask, const struct view *view,
                     const uint8_t *name, uint16_t type)
{
    ask->reply_to = &worker->inbox;
    ask->name_length = (uint8_t)name_copy(ask->name, name);
    ask->qtype = type;
    ask->hash = cache_hash(view->pool->cache, ask->name, ask->name_length, type);
    ask->error = 0;
    ask->zone_full = false;
    ask->truth = NULL;
    worker->asks_out++;
}

enum query_progress query_ask(struct query *q, const uint8_t *name, uint16_t type)
{
    struct worker *worker = q->worker;
    struct serving *serving = worker->serving;
    if (atomic_fetch_add(&serving->waiting, 1) >= q->snapshot->config->server.recursive_clients) {
        atomic_fetch_sub(&serving->waiting, 1);
        metric_add(worker->counters, SERVE_LIMIT_CLIENTS, 1);
        q->ask_error = ERR_LIMIT;
        return QUERY_DONE;
    }
    metric_add(worker->counters, SERVE_CACHE_MISSES, 1);
    metric_set(worker->counters, SERVE_WAITING, ++worker->waiting);
    fill_ask(worker, &q->pending.ask, q->view, name, type);
    q->pending.ask.client =
        q->stage == STAGE_SERVERS ? (struct ip_address){.family = IP_NONE} : q->client.address;
    q->pending.ask.refresh = false;
    q->ask_pending = true;
    uint32_t patience_ms = patience_of(q);
    if (patience_ms && loop_timer_set(worker->loop, &q->stale_timer, q->now_ms + patience_ms, patience_ended))
        log_write(LOG_CLIENT, LEVEL_ERROR, "no memory for a timer");
    resolver_ask(q->view->pool->resolver, &q->pending.ask);
    return QUERY_WAITS;
}

void worker_fetch(struct worker *worker, const struct view *view, const uint8_t *name, uint16_t type)
{
    struct pending_ask *pending = worker->stopping ? NULL : calloc(1, sizeof *pending);
    if (!pending)
        return;
    metric_add(worker->counters, SERVE_PREFETCHES, 1);
    fill_ask(worker, &pending->ask, view, name, type);
    pending->ask.refresh = true;
    resolver_ask(view->pool->resolver, &pending->ask);
}

/* --- what comes back --- */

void worker_ask_returned(struct worker *worker, struct pending_ask *pending)
{
    struct query *q = pending->query;
    worker->asks_out--;
    if (!q) { /* a refresh: the cache has it */
        truth_unref(pending->ask.truth);
        free(pending);
        return;
    }
    atomic_fetch_sub(&worker->serving->waiting, 1);
    metric_set(worker->counters, SERVE_WAITING, --worker->waiting);
    loop_timer_cancel(worker->loop, &q->stale_timer);
    q->ask_pending = false;
    q->truth = pending->ask.truth;
    q->ask_error = pending->ask.error;
    if (q->answered)
        worker_give(worker, q);
    else
        query_continue(q);
}
