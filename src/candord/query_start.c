/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning of a query: what may be asked, and by whom. */
#include "candord/query.h"

#include <string.h>

#include "base/clock.h"
#include "candord/cookie_table.h"
#include "candord/explain.h"
#include "candord/querylog.h"
#include "candord/signature.h"
#include "candord/transfer_out.h"
#include "candord/update.h"
#include "candord/worker.h"
#include "dns/cookie.h"
#include "dns/name.h"

static void count(struct query *q, enum serve_metric which)
{
    metric_add(worker_counters(q->worker), which, 1);
}

/* --- access --- */

bool query_allowed(const struct query *q, const struct acl *acl)
{
    const struct acl_subject subject = {.address = q->client.address, .key = q->key};
    return acl_allows(acl, &subject, &q->snapshot->config->environment);
}

/* The same for the address that was asked. */
static bool allows_on(const struct query *q, const struct acl *acl)
{
    const struct acl_subject here = {.address = q->client.local};
    return acl_allows(acl, &here, &q->snapshot->config->environment);
}

enum query_progress query_done_code(struct query *q, unsigned rcode, int ede, const char *text)
{
    reply_code(q, rcode, ede, text);
    return QUERY_DONE;
}

enum query_progress query_refuse(struct query *q)
{
    count(q, SERVE_REFUSED_ACCESS);
    return query_done_code(q, RCODE_REFUSED, EDE_PROHIBITED, NULL);
}

/* Types that are operations, not data. */
static int meta_type_rcode(uint16_t qtype, bool at_apex)
{
    switch (qtype) {
    case TYPE_MAILA:
    case TYPE_MAILB:
        return RCODE_NOTIMP;
    case TYPE_AXFR:
    case TYPE_IXFR: /* REFUSED: to be looked at */
        return at_apex ? RCODE_REFUSED : RCODE_NOTAUTH;
    case TYPE_OPT:
    case TYPE_TSIG:
    case TYPE_TKEY:
    case 0:
        return RCODE_FORMERR;
    default:
        return -1;
    }
}

static void take_rights(struct query *q)
{
    bool rd = query_rd(&q->asked);
    q->recursion_allowed = q->rights.recursion;
    q->may_recurse = q->recursion_allowed && rd;
    q->policed = q->view->has_policy && (q->recursion_allowed || !rd);
}

/* The guard weighs new policy against what clients ask. */
static void note_asked(const struct query *q)
{
    if (q->policed && !q->explanation)
        sketch_ask(q->asked_lately, q->name, q->name_length, q->view->asked_id, q->now_ms);
}

/* Who takes the zone from us looks at its SOA first, also where nobody may ask for anything else. */
static bool may_refresh(const struct query *q, const struct zone_table_entry *zone)
{
    const struct zone_config *config = zone->owner;
    return q->asked.qtype == TYPE_SOA && config->transfer_out.allow_given &&
           name_equal(zone->origin, q->name) && query_allowed(q, config->allow_transfer);
}

/* May this client ask about this name at all? */
static bool access_allowed(const struct query *q, const struct zone_table_entry *zone)
{
    const struct zone_config *config = zone ? zone->owner : NULL;
    if (config)
        return (query_allowed(q, config->allow_query) && allows_on(q, config->allow_query_on)) ||
               may_refresh(q, zone);
    return zone ? q->rights.empty_zones : q->rights.query;
}

/* --- EDNS --- */

static void answer_cookie(struct query *q)
{
    if (q->snapshot->config->server.answer_cookie)
        q->cookie_length = (uint8_t)cookie_table_make(worker_cookies(q->worker), q->asked.cookie,
                                                      &q->client.address, q->now_ms, q->cookie);
}

/* --- the beginning --- */

static enum query_progress answer_malformed(struct query *q, enum query_verdict verdict)
{
    switch (verdict) {
    case QUERY_DROP:
        count(q, SERVE_DROPPED_MALFORMED);
        reply_none(q);
        return QUERY_DONE;
    case QUERY_NOTIMP:
        count(q, SERVE_NOTIMP);
        return query_done_code(q, RCODE_NOTIMP, EDE_NONE, NULL);
    case QUERY_BADVERS:
        count(q, SERVE_BADVERS);
        return query_done_code(q, RCODE_BADVERS, EDE_NONE, NULL);
    default:
        count(q, SERVE_FORMERR);
        return query_done_code(q, RCODE_FORMERR, EDE_NONE, NULL);
    }
}

static enum query_progress answer_operation(struct query *q)
{
    if (q->asked.opcode == OPCODE_NOTIFY && !q->explanation) {
        query_notify(q);
        return QUERY_DONE;
    }
    if (q->asked.opcode == OPCODE_UPDATE && q->view && !q->explanation)
        return update_start(q);
    count(q, SERVE_NOTIMP);
    return query_done_code(
        q,
        q->asked.opcode == OPCODE_NOTIFY || q->asked.opcode == OPCODE_UPDATE ? RCODE_REFUSED : RCODE_NOTIMP,
        EDE_NONE, NULL);
}

static enum query_progress answer_class(struct query *q)
{
    if (q->asked.qclass == CLASS_CH && reply_chaos(q))
        return QUERY_DONE;
    if (q->asked.qclass == CLASS_ANY || q->asked.qclass == CLASS_NONE) { /* of updates, not of questions */
        count(q, SERVE_FORMERR);
        return query_done_code(q, RCODE_FORMERR, EDE_NONE, NULL);
    }
    return query_refuse(q);
}

/* require-server-cookie: over UDP a client that knows cookies must show one of ours (RFC 7873 section 5.2.3).
 */
static bool cookie_missing(const struct query *q)
{
    return q->asked.has_cookie && q->snapshot->config->server.require_server_cookie &&
           q->client.transport == TRANSPORT_UDP && !q->explanation &&
           !cookie_valid(worker_serving(q->worker)->cookie_secret, q->asked.cookie, q->asked.cookie_length,
                         &q->client.address, (uint32_t)clock_wall_s());
}

static enum query_progress answer_nothing(struct query *q)
{
    count(q, SERVE_DROPPED_BLACKHOLE);
    reply_none(q);
    return QUERY_DONE;
}

static unsigned take_signed_rights(struct query *q, bool rd)
{
    unsigned rcode = signature_check(q);
    q->rights =
        q->key ? rights_of_key(q->snapshot, &q->client.address, q->key, &q->client.local, rd)
               : rights_of(worker_rights(q->worker), q->snapshot, &q->client.address, &q->client.local, rd);
    q->rights.last_look = true;
    return rcode;
}

enum query_progress query_receive(struct query *q, const uint8_t *packet, size_t length)
{
    q->packet = packet;
    q->packet_length = length;
    q->started_ms = q->now_ms;
    q->recursion_allowed = false; /* until the access lists have been asked: no RA before */
    enum query_verdict verdict = query_parse(packet, length, &q->asked);
    count(q, q->client.transport == TRANSPORT_UDP ? SERVE_UDP_QUERIES : SERVE_TCP_QUERIES);
    bool rd = verdict == QUERY_OK && query_rd(&q->asked);
    unsigned badly_signed = RCODE_NOERROR;
    if (__builtin_expect(q->asked.has_tsig, 0))
        badly_signed = take_signed_rights(q, rd);
    else
        q->rights =
            rights_of(worker_rights(q->worker), q->snapshot, &q->client.address, &q->client.local, rd);
    if (q->rights.silence && !q->explanation)
        return answer_nothing(q);
    if (verdict != QUERY_OK)
        return answer_malformed(q, verdict);
    if (__builtin_expect(badly_signed, 0) && !(q->asked.opcode == OPCODE_UPDATE && signature_is_foreign(q)))
        return query_done_code(q, badly_signed, EDE_NONE, NULL);
    q->view = q->rights.view;
    if (q->explanation)
        q->view = explain_view(q, q->view);
    if (q->asked.has_cookie)
        answer_cookie(q);
    if (q->asked.opcode != OPCODE_QUERY) {
        q->touched = true; /* its records are read into the arena */
        return answer_operation(q);
    }
    if (!q->view)
        return query_refuse(q);
    if (cookie_missing(q))
        return query_done_code(q, RCODE_BADCOOKIE, EDE_NONE, NULL);
    if (atomic_load_explicit(&worker_serving(q->worker)->querylog, memory_order_relaxed) && !q->explanation)
        querylog_question(q);
    if (q->asked.qclass != CLASS_IN)
        return answer_class(q);
    q->name_length = q->asked.qname_length;
    name_copy_lower_known(q->name, q->asked.qname, q->name_length);
    take_rights(q);
    note_asked(q);
    q->is_short = q->rights.query && !q->explanation && q->asked.qtype != q->view->synthesized_type;
    if (q->is_short)
        short_way_open(q);
    return QUERY_OPEN;
}

enum query_progress query_answer(struct query *q)
{
    struct truth *truth = NULL;
    if (q->is_short && short_way_answer(q, &truth))
        return QUERY_DONE;
    q->touched = true;
    const struct zone_table_entry *zone =
        q->view->has_zones ? zone_table_find(q->view->zones, q->name, q->asked.qtype == TYPE_DS) : NULL;
    int meta = meta_type_rcode(q->asked.qtype, zone && name_equal(zone->origin, q->name));
    if (meta == RCODE_REFUSED && !q->explanation)
        return transfer_out_start(q, zone);
    if (meta >= 0)
        return query_done_code(q, (unsigned)meta, EDE_NONE, NULL);
    if (!access_allowed(q, zone))
        return query_refuse(q);
    return query_decide(q, zone, truth);
}

enum query_progress query_start(struct query *q, const uint8_t *packet, size_t length)
{
    enum query_progress progress = query_receive(q, packet, length);
    if (progress != QUERY_OPEN)
        return progress;
    query_look_ahead(q);
    return query_answer(q);
}
