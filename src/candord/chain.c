/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The truth about a name, as records: from zones of ours where they hold it, from recursion elsewhere, and
 * from both in turn where a CNAME leads from one to the other. */
#include <string.h>

#include "candord/query.h"
#include "candord/worker.h"
#include "dns/name.h"
#include "dns/record.h"

int answer_add(struct query *q, enum dns_section section, const struct rrset *set)
{
    struct answer *answer = &q->answer;
    if (answer->count[section] == answer->room[section]) {
        uint16_t room = answer->room[section] ? (uint16_t)(answer->room[section] * 2) : 8;
        struct rrset *grown = arena_alloc(&q->arena, room * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        if (answer->count[section])
            memcpy(grown, answer->sets[section], answer->count[section] * sizeof *grown);
        answer->sets[section] = grown;
        answer->room[section] = room;
    }
    answer->sets[section][answer->count[section]++] = *set;
    return 0;
}

void chain_restart(struct query *q, const uint8_t *name)
{
    name_copy_lower(q->current, name);
    q->hops = 0;
    q->truth_done = q->asks_alias = q->alias_from_cache = false;
    q->ask_error = 0;
}

static struct policy_link *add_link(struct query *q, const uint8_t *name)
{
    struct chain *chain = &q->chain;
    if (chain->count == CHAIN_MAX)
        return NULL;
    struct policy_link *link = &chain->links[chain->count];
    *link = (struct policy_link){.name = name};
    chain->zone_labels[chain->count] = ZONE_NOT_PROVEN;
    chain->answers_before[chain->count++] = q->answer.count[SECTION_ANSWER];
    return link;
}

/* A link's name must outlive the current name buffer. */
static const uint8_t *keep_lower(struct query *q, const uint8_t *name)
{
    uint8_t *copy = arena_alloc(&q->arena, name_length(name));
    if (copy)
        name_copy_lower(copy, name);
    return copy;
}

/* --- recursion --- */

/* Records that stand together and share owner and type become one RRset. */
struct decoder {
    struct query *query;
    enum dns_section section;
    struct rrset set;
    struct rdata *rdatas;
    uint16_t room;
};

static int decoder_flush(struct decoder *d)
{
    if (!d->set.count)
        return 0;
    d->set.rdatas = d->rdatas;
    int error = answer_add(d->query, d->section, &d->set);
    d->set.count = 0;
    d->room = 0;
    d->rdatas = NULL;
    return error;
}

static int decoder_put(struct decoder *d, const struct message_record *record, const struct rdata *rdata)
{
    struct arena *arena = &d->query->arena;
    if (d->set.count && d->set.type == record->type && d->section == record->section &&
        name_equal(d->set.owner, record->owner)) {
        if (record->ttl_s < d->set.ttl_s)
            d->set.ttl_s = record->ttl_s;
    } else {
        int error = decoder_flush(d);
        if (error)
            return error;
        const uint8_t *owner = arena_copy(arena, record->owner, record->owner_length);
        if (!owner)
            return ERR_NOMEM;
        d->section = record->section;
        d->set = (struct rrset){.owner = owner, .type = record->type, .ttl_s = record->ttl_s};
    }
    if (d->set.count == d->room) {
        uint16_t room = d->room ? (uint16_t)(d->room * 2) : 4;
        struct rdata *grown = arena_alloc(arena, room * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        if (d->set.count)
            memcpy(grown, d->rdatas, d->set.count * sizeof *grown);
        d->rdatas = grown;
        d->room = room;
    }
    d->rdatas[d->set.count++] = *rdata;
    return 0;
}

/* The wire of a truth as a whole message, so that the one reader of messages reads it. */
static uint8_t *whole_message(struct query *q, const struct truth *truth, const struct truth_wire *wire,
                              size_t *length)
{
    size_t question = (size_t)truth->name_length + 4;
    *length = DNS_HEADER_BYTES + question + wire->length;
    uint8_t *message = arena_alloc(&q->arena, *length);
    if (!message)
        return NULL;
    struct writer w = writer_of(message, *length);
    write_u16(&w, 0);
    write_u16(&w, DNS_QR);
    write_u16(&w, 1);
    for (int i = 0; i < 3; i++)
        write_u16(&w, wire->counts[i]);
    write_bytes(&w, truth->name, truth->name_length);
    write_u16(&w, truth->qtype);
    write_u16(&w, CLASS_IN);
    truth_copy_wire(truth, wire, q->now_ms, q->view->config->stale_answer_ttl_s, w.at);
    return message;
}

/* Does a record lead from one of the first `upto` links to the next? It stands at that link's name, or (a
 * DNAME, its signature) above it. */
static bool before_link(const struct truth *truth, const struct message_record *record, unsigned upto)
{
    bool above = record->type == TYPE_DNAME || record->type == TYPE_RRSIG;
    for (unsigned i = 0; i < upto; i++)
        if (name_equal(record->owner, truth->links[i].name) ||
            (above && name_is_within(truth->links[i].name, record->owner)))
            return true;
    return false;
}

int answer_add_truth(struct query *q, const struct truth *truth, unsigned upto)
{
    const struct truth_wire *wire = q->asked.dnssec_ok && !q->rewritten ? &truth->full : &truth->plain;
    bool part = upto < truth->link_count;
    size_t length;
    uint8_t *message = whole_message(q, truth, wire, &length);
    if (!message)
        return ERR_NOMEM;
    struct message_reader reader;
    struct message_record record;
    struct decoder decoder = {.query = q};
    int got = message_open(&reader, message, length);
    while (got >= 0 && (got = message_next(&reader, &record)) == 1) {
        if (part && (record.section != SECTION_ANSWER || !before_link(truth, &record, upto)))
            continue;
        struct rdata rdata;
        got = message_rdata(&reader, &record, &q->arena, &rdata);
        if (got >= 0)
            got = decoder_put(&decoder, &record, &rdata);
    }
    return got < 0 ? got : decoder_flush(&decoder);
}

/* The chain ends at the current name without any data; a rule may be for it all the same. */
static void end_chain(struct query *q)
{
    const uint8_t *name = keep_lower(q, q->current);
    if (name)
        add_link(q, name);
    q->truth_done = true;
}

static void fail(struct query *q, int ede, const char *text)
{
    q->answer.failed = true;
    q->answer.rcode = RCODE_SERVFAIL;
    q->answer.ede = ede;
    q->answer.ede_text = text;
    end_chain(q);
}

/* The first later link of a truth that lies in a zone of ours: there our own data goes on. */
static unsigned first_link_of_ours(const struct query *q, const struct truth *truth)
{
    unsigned i = 1;
    while (i < truth->link_count && !zone_table_find(q->view->zones, truth->links[i].name, false))
        i++;
    return i;
}

/* Links of a truth need the answer counts that hold once its records are decoded: count the RRsets that stand
 * before each link's own name. */
static int add_truth_links(struct query *q, const struct truth *truth, unsigned upto, uint16_t first_set)
{
    for (unsigned i = 0; i < upto; i++) {
        const struct truth_link *from = &truth->links[i];
        const uint8_t *name = keep_lower(q, from->name);
        struct policy_link *link = name ? add_link(q, name) : NULL;
        if (!link)
            return ERR_NOMEM;
        uint16_t at = first_set;
        while (i > 0 && at < q->answer.count[SECTION_ANSWER] &&
               !name_equal(q->answer.sets[SECTION_ANSWER][at].owner, name))
            at++;
        q->chain.answers_before[q->chain.count - 1] = at;
        q->chain.zone_labels[q->chain.count - 1] = from->zone_labels;
        link->is_signed = from->is_signed;
        link->address_count = from->address_count;
        link->addresses =
            arena_copy_array(&q->arena, from->addresses, from->address_count, sizeof *from->addresses);
        if (!link->addresses)
            return ERR_NOMEM;
    }
    return 0;
}

/* Recursion fails for a chain as a whole. Rules are for names, also for those before the one that could not
 * be had: then the chain is walked alias by alias. Not where the failure took its time: that is a dead zone,
 * and asking it more would only hold up the client. */
static bool ask_for_alias(struct query *q, uint16_t qtype)
{
    if (!q->policed || q->asks_alias || q->stage != STAGE_TRUTH || qtype == TYPE_CNAME || qtype == TYPE_ANY ||
        q->now_ms - q->started_ms > ALIAS_PATIENCE_MS)
        return false;
    q->asks_alias = true;
    return true;
}

static bool in_chain(const struct query *q, const uint8_t *name)
{
    unsigned i = 0;
    while (i < q->chain.count && !name_equal(q->chain.links[i].name, name))
        i++;
    return i < q->chain.count;
}

/* The name is an alias: goes on with its target. */
static int take_alias(struct query *q, const struct truth *truth)
{
    uint16_t first_set = q->answer.count[SECTION_ANSWER];
    int error = answer_add_truth(q, truth, truth->link_count);
    if (!error)
        error = add_truth_links(q, truth, truth->link_count, first_set);
    const struct rrset *sets = q->answer.sets[SECTION_ANSWER];
    const uint8_t *target = NULL;
    for (uint16_t i = first_set; !error && i < q->answer.count[SECTION_ANSWER]; i++)
        if (sets[i].type == TYPE_CNAME)
            target = sets[i].rdatas[0].bytes;
    q->asks_alias = q->alias_from_cache = q->answer.authentic = false;
    if (error || !target) {
        fail(q, EDE_NO_REACHABLE_AUTHORITY, NULL);
        return error;
    }
    name_copy_lower(q->current, target);
    if (in_chain(q, q->current)) { /* a loop goes out as far as it was followed */
        q->answer.rcode = RCODE_SERVFAIL;
        q->truth_done = true;
    }
    return 0;
}

static int take_truth(struct query *q, struct truth *truth, uint16_t qtype)
{
    struct answer *answer = &q->answer;
    if (truth->failed && ask_for_alias(q, qtype)) {
        q->alias_from_cache = truth != q->truth; /* a failure that is remembered asks nobody again */
        return 0;
    }
    if (truth->failed) {
        fail(q, truth->ede, truth->ede_text ? arena_strdup(&q->arena, truth->ede_text) : NULL);
        return 0;
    }
    if (q->asks_alias)
        return take_alias(q, truth);
    unsigned first_link = q->chain.count;
    unsigned upto = q->view->has_zones ? first_link_of_ours(q, truth) : truth->link_count;
    uint16_t first_set = answer->count[SECTION_ANSWER];
    int error = answer_add_truth(q, truth, upto);
    if (!error)
        error = add_truth_links(q, truth, upto, first_set);
    if (error)
        return error;
    answer->rcode = truth->rcode;
    answer->authentic &= truth->security == TRUTH_SECURE;
    answer->bogus |= truth->security == TRUTH_BOGUS;
    answer->is_signed |= truth->has_sigs;
    if (answer->bogus) {
        answer->ede = truth->ede;
        answer->ede_text = truth->ede_text ? arena_strdup(&q->arena, truth->ede_text) : NULL;
    }
    q->truth_done = upto == truth->link_count;
    if (q->truth_done && first_link == 0 && q->stage == STAGE_TRUTH)
        q->sole_truth = truth_ref(truth);
    if (!q->truth_done) {
        answer->rcode = RCODE_NOERROR;
        name_copy_lower(q->current, truth->links[upto].name);
    }
    return 0;
}

/* What is in the cache and may be used now; stale data only when fresh data cannot be had (RFC 8767). */
static struct truth *usable(struct query *q, uint64_t hash, uint16_t qtype, bool fresh_failed)
{
    struct truth *truth = cache_find(q->view->pool->cache, hash, q->current, name_length(q->current), qtype);
    const struct view_config *config = q->view->config;
    if (!truth || (truth->failed && !q->may_recurse))
        return NULL;
    if (truth->expires_ms > q->now_ms)
        return truth;
    uint64_t failed_ms = atomic_load_explicit(&truth->refresh_failed_ms, memory_order_relaxed);
    bool recently = failed_ms && q->now_ms < failed_ms + (uint64_t)config->stale_refresh_time_s * 1000;
    bool now = fresh_failed || recently || config->stale_answer_client_timeout_ms == 0;
    if (truth->failed || !config->stale_answer_enable || truth->stale_until_ms <= q->now_ms || !now)
        return NULL;
    if (!fresh_failed && !recently && q->may_recurse)
        worker_fetch(q->worker, q->view, truth->name, truth->qtype);
    metric_add(worker_counters(q->worker), SERVE_STALE_ANSWERS, 1);
    q->answer.ede = truth->rcode == RCODE_NXDOMAIN ? EDE_STALE_NXDOMAIN : EDE_STALE_ANSWER;
    return truth;
}

static bool asked_truth_failed(const struct query *q)
{
    return q->ask_error || (q->truth && q->truth->failed);
}

static int ask_error_ede(int error)
{
    return error == ERR_TIMEOUT ? EDE_NO_REACHABLE_AUTHORITY : EDE_OTHER;
}

/* An answer that came after its question was given up (a stale one went out) is for another name. */
static void drop_foreign_truth(struct query *q, uint16_t qtype)
{
    if (q->truth && (q->truth->qtype != qtype || !name_equal(q->truth->name, q->current))) {
        truth_unref(q->truth);
        q->truth = NULL;
    }
}

static enum query_progress gather_recursive(struct query *q, uint16_t wanted)
{
    uint16_t qtype = q->asks_alias ? (uint16_t)TYPE_CNAME : wanted;
    if (!q->may_recurse && q->chain.count) { /* an alias that leads out: it is all we may say */
        end_chain(q);
        return QUERY_DONE;
    }
    drop_foreign_truth(q, qtype);
    uint64_t hash = cache_hash(q->view->pool->cache, q->current, name_length(q->current), qtype);
    bool returned = q->truth || q->ask_error;
    struct truth *truth =
        returned && !asked_truth_failed(q) ? q->truth : usable(q, hash, qtype, returned || q->prefer_stale);
    if (!truth && q->truth)
        truth = q->truth;
    if (!truth && q->ask_error && ask_for_alias(q, qtype)) {
        /* the next turn asks */
    } else if (!truth && q->ask_error) {
        fail(q, ask_error_ede(q->ask_error), err_text(q->ask_error));
    } else if (!truth && !q->may_recurse) { /* not in the cache, and we may not ask */
        q->answer.rcode = RCODE_REFUSED;
        end_chain(q);
    } else if (!truth && q->asks_alias && (q->alias_from_cache || (q->ask_pending && q->prefer_stale))) {
        fail(q, EDE_NO_REACHABLE_AUTHORITY, NULL);
    } else if (!truth) {
        return q->ask_pending ? QUERY_WAITS : query_ask(q, q->current, qtype);
    } else if (take_truth(q, truth, qtype)) {
        fail(q, EDE_OTHER, "out of memory");
    }
    truth_unref(q->truth);
    q->truth = NULL;
    q->ask_error = 0;
    return QUERY_DONE;
}

/* --- zones of ours --- */

static bool set_is_signed(const struct rrset *set)
{
    return set->sig_count || type_is_dnssec(set->type);
}

/* Links for the names that a zone's answer goes through: the asked one and each CNAME's target inside the
 * zone. */
static int add_local_links(struct query *q, const struct zone_answer *from)
{
    const uint8_t *name = keep_lower(q, q->current);
    struct policy_link *link = name ? add_link(q, name) : NULL;
    int error = link ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < from->answer_count && !error; i++) {
        const struct rrset *set = &from->answer[i];
        error = answer_add(q, SECTION_ANSWER, set);
        link->is_signed |= set_is_signed(set);
        q->answer.is_signed |= link->is_signed;
        bool last =
            i + 1 == from->answer_count && (from->result == ZONE_CNAME_OUT || from->result == ZONE_LOOP);
        bool follows = set->type == TYPE_CNAME && q->asked.qtype != TYPE_CNAME && q->asked.qtype != TYPE_ANY;
        if (!error && follows && !last) {
            link = add_link(q, keep_lower(q, set->rdatas[0].bytes));
            error = link && link->name ? 0 : ERR_NOMEM;
        } else if (!error && (set->type == TYPE_A || set->type == TYPE_AAAA)) {
            struct ip_address *addresses =
                arena_alloc(&q->arena, (link->address_count + set->count) * sizeof *addresses);
            if (!addresses)
                return ERR_NOMEM;
            if (link->address_count)
                memcpy(addresses, link->addresses, link->address_count * sizeof *addresses);
            for (uint16_t k = 0; k < set->count; k++)
                addresses[link->address_count++] =
                    rdata_address(set->type, set->rdatas[k].bytes, set->rdatas[k].length);
            link->addresses = addresses;
        }
    }
    return error;
}

static int add_sets(struct query *q, enum dns_section section, const struct rrset *sets, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = answer_add(q, section, &sets[i]);
    return error;
}

/* As BIND: who asks for keys, or with EDNS for no more than a classic datagram holds, gets nothing beside the
 * answer, whatever minimal-responses says. */
static bool wants_the_answer_only(const struct query *q)
{
    switch (q->asked.qtype) {
    case TYPE_DS:
    case TYPE_DNSKEY:
    case TYPE_CDS:
    case TYPE_CDNSKEY:
        return true;
    default:
        return q->asked.has_edns && q->asked.udp_size <= DNS_UDP_CLASSIC &&
               q->client.transport == TRANSPORT_UDP;
    }
}

static bool wants_zone_servers(const struct query *q)
{
    if (wants_the_answer_only(q))
        return false;
    switch (q->view->config->minimal_responses) {
    case MINIMAL_NO:
        return true;
    case MINIMAL_NO_AUTH_RECURSIVE:
        return !q->may_recurse;
    default:
        return false;
    }
}

static uint8_t local_rcode(enum zone_result result)
{
    switch (result) {
    case ZONE_NXDOMAIN:
        return RCODE_NXDOMAIN;
    case ZONE_YXDOMAIN:
        return RCODE_YXDOMAIN;
    case ZONE_LOOP:
        return RCODE_SERVFAIL;
    default:
        return RCODE_NOERROR;
    }
}

static int finish_local(struct query *q, const struct zone_answer *from)
{
    q->truth_done = true;
    q->answer.rcode = local_rcode(from->result);
    int error = add_sets(q, SECTION_AUTHORITY, from->authority, from->authority_count);
    /* Below a cut nobody has said yet whether there are signatures: then there may be. */
    bool is_signed = from->result == ZONE_DELEGATION;
    for (size_t i = 0; i < from->authority_count; i++)
        is_signed |= set_is_signed(&from->authority[i]);
    if (q->chain.count)
        q->chain.links[q->chain.count - 1].is_signed |= is_signed;
    q->answer.is_signed |= is_signed;
    bool minimal = q->rewritten || wants_the_answer_only(q) ||
                   (q->view->config->minimal_responses == MINIMAL_YES &&
                    q->asked.qtype != TYPE_NS); /* servers without addresses say too little (BIND) */
    if (error || (minimal && from->result != ZONE_DELEGATION))
        return error;
    return add_sets(q, SECTION_ADDITIONAL, from->additional, from->additional_count);
}

static enum query_progress gather_local(struct query *q, const struct zone_content *content, uint16_t qtype)
{
    struct zone_answer from;
    const uint8_t *name = q->chain.count ? q->current : q->stage == STAGE_TRUTH ? q->asked.qname : q->current;
    bool dnssec = q->asked.dnssec_ok && !q->rewritten;
    int error = zone_content_answer(content, name, qtype, dnssec, &q->arena, &from);
    if (!error && from.result == ZONE_DELEGATION && q->may_recurse)
        return gather_recursive(q, qtype);
    if (!error && from.result == ZONE_ANSWER && wants_zone_servers(q))
        error = zone_content_add_authority(content, qtype, dnssec, &q->arena, &from);
    if (!q->chain.count)
        q->first_zone = content;
    if (q->first_zone != content && from.result != ZONE_DELEGATION)
        from.additional_count = 0; /* as BIND: only from the zone that was asked first */
    if (!q->chain.count)
        q->answer.authoritative = from.result != ZONE_DELEGATION;
    q->answer.authentic = false;
    if (!error)
        error = add_local_links(q, &from);
    if (!error && from.result == ZONE_CNAME_OUT) {
        name_copy_lower(q->current, from.target);
        error = add_sets(q, SECTION_AUTHORITY, from.authority, from.authority_count);
    } else if (!error)
        error = finish_local(q, &from);
    if (error)
        fail(q, EDE_OTHER, err_text(error));
    metric_add(worker_counters(q->worker), SERVE_LOCAL_ANSWERS, 1);
    return QUERY_DONE;
}

enum query_progress chain_gather(struct query *q)
{
    uint16_t qtype = q->stage == STAGE_DNS64 ? TYPE_A : q->asked.qtype;
    enum query_progress progress = QUERY_DONE;
    while (!q->truth_done && progress == QUERY_DONE) {
        if (q->hops++ > CHAIN_HOPS_MAX) {
            q->truth_done = true; /* what was found so far goes out, as with any long chain */
            break;
        }
        const struct zone_table_entry *zone = zone_table_find(q->view->zones, q->current, qtype == TYPE_DS);
        if (!zone && qtype == TYPE_DS && !q->may_recurse) /* the parent's to say, but it cannot be asked */
            zone = zone_table_find(q->view->zones, q->current, false);
        if (zone && !zone->content)
            fail(q, EDE_NOT_READY, "zone not loaded");
        else if (zone)
            progress = gather_local(q, zone->content, qtype);
        else
            progress = gather_recursive(q, qtype);
    }
    if (progress == QUERY_WAITS)
        q->hops--;
    return progress;
}
