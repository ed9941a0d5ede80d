/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/update.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "candord/arrival.h"
#include "candord/signature.h"
#include "candord/update_forward.h"
#include "candord/worker.h"
#include "dns/name.h"
#include "transfer/update.h"

/* One update on its way to the keeper and back to the worker. */
struct update_under_way {
    struct worker_task answering;
    struct query *query; /* waits; the worker's */
    struct update *update;
    const struct update_config *config; /* of the query's snapshot */
    const uint8_t *key;
    unsigned rcode;
};

void update_say(const struct query *q, enum log_level level, const uint8_t *zone, const char *format, ...)
{
    char address[IP_TEXT_MAX], name[NAME_TEXT_MAX], key[NAME_TEXT_MAX], what[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    log_write(LOG_UPDATE, level, "client %s#%u%s%s: updating zone '%s/IN': %s",
              ip_to_text(&q->client.address, address), q->client.port, q->key ? " key " : "",
              q->key ? name_to_text_nodot(q->key, key) : "", name_to_text_nodot(zone, name), what);
}

static enum query_progress deny(struct query *q, unsigned rcode, const uint8_t *zone, const char *why)
{
    update_say(q, LEVEL_INFO, zone, "%s", why);
    return rcode == RCODE_REFUSED ? query_refuse(q) : query_done_code(q, rcode, EDE_NONE, NULL);
}

/* --- the keeper's thread --- */

static uint32_t today(time_t now)
{
    struct tm parts;
    gmtime_r(&now, &parts);
    return (uint32_t)((parts.tm_year + 1900) * 10000 + (parts.tm_mon + 1) * 100 + parts.tm_mday);
}

static int compute(struct arrival *arrival, const struct zone_content *latest)
{
    struct update_under_way *under_way = arrival->context;
    int64_t now_s = clock_wall_s();
    const struct update_terms terms = {
        .rules = under_way->config->rules,
        .key = under_way->key,
        .serial_method = under_way->config->serial_method,
        .now_s = (uint32_t)now_s,
        .today = today((time_t)now_s),
    };
    under_way->rcode = update_compute(under_way->update, latest, &terms, &arrival->changes);
    return 0;
}

/* The version is in force, or nothing has changed. */
static void done(struct arrival *arrival)
{
    struct update_under_way *under_way = arrival->context;
    if (arrival->error) /* ERR_INVALID: a zone cannot hold that */
        under_way->rcode = arrival->error == ERR_INVALID ? RCODE_REFUSED : RCODE_SERVFAIL;
    arrival_free(arrival);
    worker_post(under_way->query->worker, &under_way->answering);
}

/* --- the worker's thread --- */

static void answer(struct worker *worker, struct worker_task *task)
{
    struct update_under_way *under_way = (struct update_under_way *)task;
    struct query *q = under_way->query;
    (void)worker;
    if (under_way->rcode)
        update_say(q, LEVEL_INFO, under_way->update->zone, "%s", rcode_to_text(under_way->rcode));
    worker_lend_room(q);
    reply_code(q, under_way->rcode, EDE_NONE, NULL);
    update_free(under_way->update);
    free(under_way);
    update_give_place(q);
    worker_answer(q);
}

static enum query_progress deliver(struct query *q, const struct zone_config *zone, struct update *update)
{
    struct arrival *arrival =
        arrival_new(ARRIVAL_COMPUTED, ARRIVAL_UPDATE, q->view->config->name, zone->name);
    struct update_under_way *under_way = arrival ? calloc(1, sizeof *under_way) : NULL;
    if (!under_way) {
        arrival_free(arrival);
        update_free(update);
        update_give_place(q);
        return query_done_code(q, RCODE_SERVFAIL, EDE_NONE, NULL);
    }
    char address[IP_TEXT_MAX], key[NAME_TEXT_MAX];
    snprintf(arrival->from, sizeof arrival->from, "%s#%u%s%s%s", ip_to_text(&q->client.address, address),
             q->client.port, q->key ? " (key " : "", q->key ? name_to_text_nodot(q->key, key) : "",
             q->key ? ")" : "");
    *under_way = (struct update_under_way){
        .answering.run = answer, .query = q, .update = update, .config = &zone->update, .key = q->key};
    arrival->bytes = q->packet_length;
    arrival->compute = compute;
    arrival->done = done;
    arrival->context = under_way;
    metric_add(worker_counters(q->worker), SERVE_UPDATES, 1);
    arrival_deliver(worker_serving(q->worker)->daemon, arrival);
    return QUERY_WAITS;
}

/* update-policy stands in the place of allow-update; it is asked for each record, by the keeper. */
static bool may_update(const struct query *q, const struct zone_config *zone)
{
    if (!zone->update.rules)
        return query_allowed(q, zone->allow_update);
    return q->key && (!zone->update.from || query_allowed(q, zone->update.from));
}

static const struct zone_table_entry *zone_of(const struct query *q, const uint8_t *name)
{
    const struct zone_table_entry *zone = zone_table_find(q->view->zones, name, false);
    return zone && zone->owner && name_equal(zone->origin, name) ? zone : NULL;
}

/* --- how many at once --- */

static bool take_place(const struct query *q)
{
    struct serving *serving = worker_serving(q->worker);
    if (atomic_fetch_add(&serving->updates, 1) < q->snapshot->config->server.update_quota)
        return true;
    atomic_fetch_sub(&serving->updates, 1);
    return false;
}

void update_give_place(const struct query *q)
{
    atomic_fetch_sub(&worker_serving(q->worker)->updates, 1);
}

/* As BIND: no answer, so that whoever asks comes again. */
static enum query_progress too_many(struct query *q, const uint8_t *zone)
{
    update_say(q, LEVEL_INFO, zone, "too many updates under way (update-quota)");
    metric_add(worker_counters(q->worker), SERVE_LIMIT_UPDATES, 1);
    reply_none(q);
    return QUERY_DONE;
}

/* --- the beginning --- */

static enum query_progress start_forward(struct query *q, const struct zone_config *zone)
{
    if (!update_may_forward(q, zone))
        return deny(q, RCODE_REFUSED, zone->name, "not in allow-update-forwarding");
    return take_place(q) ? update_forward(q, zone) : too_many(q, zone->name);
}

static enum query_progress start_here(struct query *q, const struct zone_config *zone, bool loaded)
{
    unsigned rcode;
    if (!may_update(q, zone))
        return deny(q, RCODE_REFUSED, zone->name, "not in allow-update");
    struct update *update = update_read(q->packet, q->packet_length, &rcode);
    if (!update)
        return deny(q, rcode, zone->name, rcode_to_text(rcode));
    bool enter = loaded && take_place(q);
    if (enter)
        return deliver(q, zone, update);
    update_free(update);
    return loaded ? too_many(q, zone->name) : deny(q, RCODE_SERVFAIL, zone->name, "the zone is not loaded");
}

enum query_progress update_start(struct query *q)
{
    uint8_t name[NAME_MAX_BYTES];
    name_copy_lower(name, q->asked.qname);
    const struct zone_table_entry *entry =
        q->asked.qtype == TYPE_SOA && q->asked.qclass == CLASS_IN ? zone_of(q, name) : NULL;
    const struct zone_config *zone = entry ? entry->owner : NULL;
    /* The primary may know the key. */
    if (signature_is_foreign(q) && (!zone || !update_may_forward(q, zone)))
        return query_done_code(q, RCODE_NOTAUTH, EDE_NONE, NULL);
    if (q->asked.qtype != TYPE_SOA)
        return deny(q, RCODE_FORMERR, name, "the zone section has no SOA");
    if (!zone || (zone->kind != ZONE_PRIMARY && zone->kind != ZONE_SECONDARY))
        return deny(q, zone ? RCODE_REFUSED : RCODE_NOTAUTH, name,
                    zone ? "not a zone that is updated" : "not a zone of ours");
    return zone->kind == ZONE_SECONDARY ? start_forward(q, zone)
                                        : start_here(q, zone, entry->content != NULL);
}
