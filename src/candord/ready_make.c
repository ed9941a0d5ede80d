/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a rule for the question's own name makes by itself: an answer without records, or with its local data,
 * in bytes that are right behind any question (owners are pointers to it, other names are written out). */
#include <string.h>

#include "candord/query.h"
#include "candord/ready_table.h"
#include "candord/worker.h"
#include "dns/name.h"

struct making {
    struct ready_form *form;
    struct writer writer;
    uint16_t qtype;
    uint32_t max_ttl_s;
};

static void put_record(struct making *making, const struct rrset *set, const struct rdata *rdata)
{
    struct writer *w = &making->writer;
    write_u16(w, 0xc000 | DNS_HEADER_BYTES);
    write_u16(w, set->type);
    write_u16(w, CLASS_IN);
    write_u32(w, set->ttl_s < making->max_ttl_s ? set->ttl_s : making->max_ttl_s);
    write_u16(w, rdata->length);
    write_bytes(w, rdata->bytes, rdata->length);
    making->form->counts[0]++;
}

/* Non-zero: the answer is not the rule's alone. */
static int put_set(void *context, const struct rrset *set)
{
    struct making *making = context;
    if (set->type == TYPE_CNAME && (making->qtype != TYPE_CNAME || name_is_wildcard(set->rdatas[0].bytes)))
        return 1; /* it leads on to another name */
    for (unsigned i = 0; set->type == making->qtype && i < set->count; i++)
        put_record(making, set, &set->rdatas[i]);
    return 0;
}

static bool put_records(const struct query *q, const struct policy_set_zone *zone, struct making *making)
{
    const struct policy_match *match = &q->verdict.match;
    const struct ready_record *soa = &q->view->policy_soas[match->zone];
    if (match->action == RPZ_LOCAL_DATA && policy_hit_data(zone->zone, &match->hit, put_set, making))
        return false;
    if (soa->length) {
        write_bytes(&making->writer, soa->bytes, soa->length);
        making->form->counts[2]++;
    }
    making->form->length = (uint16_t)writer_used(&making->writer);
    return !making->writer.error;
}

/* The OPT for a client that asks for nothing special. */
static bool put_opt(const struct query *q, const struct policy_set_zone *zone, struct making *making)
{
    char origin[NAME_TEXT_MAX];
    const struct edns_reply edns = {
        .udp_size = q->snapshot->config->server.edns_udp_size,
        .extended_rcode = making->form->rcode,
        .keepalive_100ms = -1,
        .ede = zone->options.ede,
        .ede_text = zone->options.ede == EDE_NONE ? NULL : name_to_text_nodot(zone->options.origin, origin),
    };
    size_t bytes = edns_reply_bytes(&edns);
    making->form->opt_length = (uint8_t)bytes;
    return bytes <= writer_left(&making->writer) && edns_write(&making->writer, &edns);
}

/* The records that the action takes, by the first of its RRsets, which has a place of its own. */
static int note_data(void *context, const struct rrset *set)
{
    *(const void **)context = set;
    return 1;
}

static bool is_simple(const struct query *q)
{
    const struct policy_match *match = &q->verdict.match;
    return (match->action == RPZ_NXDOMAIN || match->action == RPZ_NODATA ||
            match->action == RPZ_LOCAL_DATA) &&
           !match->override_cname && q->asked.qtype != TYPE_ANY &&
           q->asked.qtype != q->view->synthesized_type && q->view->policy_soas &&
           q->view->index <= UINT16_MAX;
}

static struct ready_source source_of(const struct query *q, const struct policy_set_zone *zone)
{
    const struct policy_match *match = &q->verdict.match;
    struct ready_source from = {
        .snapshot_id = q->snapshot->id,
        .zone = match->zone,
        .view = (uint16_t)q->view->index,
        .action = (uint8_t)match->action,
        .needs_truth = !q->verdict.before_recursion,
    };
    if (match->action == RPZ_LOCAL_DATA) {
        from.qtype = q->asked.qtype;
        (void)!policy_hit_data(zone->zone, &match->hit, note_data, &from.data);
    }
    return from;
}

const struct ready_form *ready_form_of_verdict(struct query *q)
{
    const struct policy_set_zone *zone = &q->view->policy->zones[q->verdict.match.zone];
    struct ready_table *table = worker_ready(q->worker);
    struct ready_form made;
    if (!is_simple(q))
        return NULL;
    const struct ready_source from = source_of(q, zone);
    const struct ready_form *known = ready_table_form(table, &from);
    if (known)
        return known;
    struct making making = {.form = &made,
                            .writer = writer_of(made.bytes, sizeof made.bytes),
                            .qtype = q->asked.qtype,
                            .max_ttl_s = zone->options.max_policy_ttl_s};
    memset(&made, 0, sizeof made);
    made.from = from;
    made.rcode = q->verdict.match.action == RPZ_NXDOMAIN ? RCODE_NXDOMAIN : RCODE_NOERROR;
    if (!put_records(q, zone, &making) || !put_opt(q, zone, &making))
        return NULL;
    return ready_table_add(table, &made);
}
