/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a verdict makes of an answer (rpz.md rules 22 to 27). */
#include <string.h>

#include "candord/hits.h"
#include "candord/query.h"
#include "candord/querylog.h"
#include "candord/worker.h"
#include "dns/name.h"

static const struct policy_set_zone *deciding_zone(const struct query *q, const struct policy_match *match)
{
    return &q->view->policy->zones[match->zone];
}

void rewrite_note(struct query *q, const struct policy_match *match, bool disabled)
{
    if (q->explanation)
        return;
    const struct policy_set_zone *zone = deciding_zone(q, match);
    struct policy_counters *counters = zone->options.counters;
    _Atomic uint64_t *ours = worker_counters(q->worker);
    if (disabled) {
        metric_add(ours, SERVE_DISABLED_MATCHES, 1);
        if (counters)
            atomic_fetch_add_explicit(&counters->disabled_hits, 1, memory_order_relaxed);
    } else {
        metric_add(ours, match->action == RPZ_PASSTHRU ? SERVE_PASSTHRU : SERVE_REWRITTEN, 1);
        if (counters)
            atomic_fetch_add_explicit(&counters->hits[match->hit.trigger][match->action], 1,
                                      memory_order_relaxed);
    }
    hits_note(q, match);
    /* Over TCP nothing is rewritten by TCP-ONLY, and BIND says nothing (but of a disabled zone). */
    bool passes = !disabled && match->action == RPZ_TCP_ONLY && q->client.transport != TRANSPORT_UDP;
    if (zone->options.log && !passes)
        querylog_rewrite(q, match, disabled);
}

static int find_cname(void *context, const struct rrset *set)
{
    const uint8_t **target = context;
    if (set->type == TYPE_CNAME)
        *target = set->rdatas[0].bytes;
    return 0;
}

/* A rule for many names or for addresses that sends one name to itself is PASSTHRU in its old form for that
 * name. A target that is a wildcard stands for another name. */
static void settle_self_reference(struct query *q)
{
    struct policy_match *match = &q->verdict.match;
    const uint8_t *target = match->override_cname;
    const uint8_t *name = match->link ? q->chain.links[match->link].name : q->name;
    if (match->action != RPZ_LOCAL_DATA)
        return;
    if (!target && policy_hit_data(deciding_zone(q, match)->zone, &match->hit, find_cname, &target))
        return;
    if (target && !name_is_wildcard(target) && name_equal(target, name)) {
        match->action = RPZ_PASSTHRU;
        match->override_cname = NULL;
    }
}

bool rewrite_lets_pass(struct query *q)
{
    settle_self_reference(q);
    enum rpz_action action = q->verdict.match.action;
    return action == RPZ_PASSTHRU || (action == RPZ_TCP_ONLY && q->client.transport != TRANSPORT_UDP);
}

/* What a rule made is not what was signed (rule 22). */
static void drop_signatures(struct answer *answer)
{
    struct rrset *sets = answer->sets[SECTION_ANSWER];
    uint16_t kept = 0;
    for (uint16_t i = 0; i < answer->count[SECTION_ANSWER]; i++) {
        if (type_is_dnssec(sets[i].type))
            continue;
        sets[kept] = sets[i];
        sets[kept++].sig_count = 0;
    }
    answer->count[SECTION_ANSWER] = kept;
}

/* Keeps the records that led to the name the rule is for, and forgets what follows. */
static void cut_answer(struct query *q, unsigned link)
{
    struct answer *answer = &q->answer;
    answer->count[SECTION_ANSWER] = link < q->chain.count ? q->chain.answers_before[link] : 0;
    answer->count[SECTION_AUTHORITY] = answer->count[SECTION_ADDITIONAL] = 0;
    answer->authoritative = answer->authentic = answer->bogus = answer->failed = answer->is_signed = false;
    answer->ede = EDE_NONE;
    answer->ede_text = NULL;
    drop_signatures(answer);
}

static void set_ede(struct query *q, const struct policy_set_zone *zone)
{
    char text[NAME_TEXT_MAX];
    if (zone->options.ede == EDE_NONE)
        return;
    q->answer.ede = zone->options.ede;
    q->answer.ede_text = arena_strdup(&q->arena, name_to_text_nodot(zone->options.origin, text));
}

/* The SOA of the policy zone says who is responsible. In additional, so that nobody caches the denial for
 * long. */
static int add_soa(struct query *q, const struct policy_set_zone *zone)
{
    if (!zone->options.add_soa)
        return 0;
    struct rrset soa = *policy_zone_soa(zone->zone);
    soa.ttl_s = policy_soa_ttl_s(&soa);
    return answer_add(q, SECTION_ADDITIONAL, &soa);
}

/* The owner of what the rule puts in: the name it is for, as the client wrote it if it is the question's. */
static const uint8_t *owner_of(const struct query *q, const struct policy_match *match)
{
    return match->link == 0 ? q->asked.qname : q->chain.links[match->link].name;
}

static void out_of_memory(struct query *q)
{
    q->answer.count[SECTION_ANSWER] = 0;
    q->answer.rcode = RCODE_SERVFAIL;
}

/* --- local data --- */

struct local_data {
    struct query *query;
    uint16_t qtype;
    const uint8_t *owner;
    uint32_t max_ttl_s;
    uint16_t added;
    const uint8_t *cname; /* the target when the rule redirects */
    uint32_t cname_ttl_s;
};

static bool type_wanted(uint16_t qtype, uint16_t type)
{
    return qtype == type || qtype == TYPE_ANY;
}

static int add_local_set(void *context, const struct rrset *set)
{
    struct local_data *local = context;
    uint32_t ttl_s = set->ttl_s < local->max_ttl_s ? set->ttl_s : local->max_ttl_s;
    if (set->type == TYPE_CNAME) {
        local->cname = set->rdatas[0].bytes;
        local->cname_ttl_s = ttl_s;
        return 0;
    }
    if (!type_wanted(local->qtype, set->type))
        return 0;
    struct rrset mine = *set;
    mine.owner = local->owner;
    mine.ttl_s = ttl_s;
    local->added++;
    return answer_add(local->query, SECTION_ANSWER, &mine);
}

/* `*.garden.` stands for the name itself below garden. NULL: the name would be too long, or memory. */
static const uint8_t *redirect_target(struct query *q, const uint8_t *cname, const uint8_t *owner)
{
    uint8_t joined[NAME_MAX_BYTES];
    if (!name_is_wildcard(cname))
        return cname;
    int length = name_join(owner, name_skip(cname, 1), joined);
    return length < 0 ? NULL : arena_copy(&q->arena, joined, (size_t)length);
}

static enum query_progress redirect(struct query *q, const uint8_t *owner, const uint8_t *cname,
                                    uint32_t ttl_s)
{
    const uint8_t *target = redirect_target(q, cname, owner);
    struct rdata *rdata = arena_alloc(&q->arena, sizeof *rdata);
    if (!target) {
        q->answer.rcode = RCODE_YXDOMAIN; /* as a DNAME that makes a name too long (RFC 6672) */
        return QUERY_DONE;
    }
    if (rdata)
        *rdata = (struct rdata){.length = (uint16_t)name_length(target), .bytes = target};
    struct rrset set = {.owner = owner, .type = TYPE_CNAME, .ttl_s = ttl_s, .count = 1, .rdatas = rdata};
    q->answer.rcode = RCODE_NOERROR;
    if (!rdata || answer_add(q, SECTION_ANSWER, &set)) {
        out_of_memory(q);
        return QUERY_DONE;
    }
    /* A CNAME record of the rule is itself the answer to these; one made by an override or from a wildcard is
     * followed whatever the type, as BIND does. */
    bool asked_for = q->asked.qtype == TYPE_CNAME || q->asked.qtype == TYPE_ANY;
    if (asked_for && !q->verdict.match.override_cname && target == cname)
        return QUERY_DONE;
    q->target = target;
    q->target_after = q->answer.count[SECTION_ANSWER];
    q->stage = STAGE_TARGET;
    q->chain.count = 1; /* what follows is no first name */
    chain_restart(q, target);
    return QUERY_WAITS;
}

/* A rule with an A but no AAAA: for a DNS64 client its AAAA is made from it (rpz.md rule 29). */
static int put_synthesized(const struct policy_set_zone *zone, const struct policy_match *match,
                           struct local_data *local)
{
    bool made;
    local->qtype = TYPE_A;
    int error = policy_hit_data(zone->zone, &match->hit, add_local_set, local);
    return error ? error : dns64_convert(local->query, local->max_ttl_s, &made);
}

static enum query_progress put_local_data(struct query *q, const struct policy_match *match)
{
    const struct policy_set_zone *zone = deciding_zone(q, match);
    query_keep_packet(q); /* a CNAME's owner has to last while its target is looked up */
    const uint8_t *owner = owner_of(q, match);
    if (match->override_cname)
        return redirect(q, owner, match->override_cname, match->ttl_s);
    struct local_data local = {
        .query = q, .qtype = q->asked.qtype, .owner = owner, .max_ttl_s = zone->options.max_policy_ttl_s};
    q->answer.rcode = RCODE_NOERROR;
    int error = policy_hit_data(zone->zone, &match->hit, add_local_set, &local);
    if (!error && !local.added && !local.cname && dns64_usable(q))
        error = put_synthesized(zone, match, &local);
    if (error) {
        out_of_memory(q);
        return QUERY_DONE;
    }
    return local.cname ? redirect(q, owner, local.cname, local.cname_ttl_s) : QUERY_DONE;
}

/* --- carrying out --- */

/* No records but the SOA that is ready in the view: most of what policy answers. */
static bool finish_denial(struct query *q)
{
    const struct ready_record *soa =
        q->view->policy_soas ? &q->view->policy_soas[q->verdict.match.zone] : NULL;
    bool denial = q->answer.rcode == RCODE_NXDOMAIN || q->answer.rcode == RCODE_NOERROR;
    if (!denial || q->answer.count[SECTION_ANSWER] || q->answer.count[SECTION_AUTHORITY] || !soa)
        return false;
    return reply_denial(q, q->answer.rcode, soa->length ? soa : NULL, q->answer.ede, q->answer.ede_text);
}

static void finish(struct query *q)
{
    const struct policy_set_zone *zone = deciding_zone(q, &q->verdict.match);
    set_ede(q, zone);
    if (finish_denial(q))
        return;
    if (add_soa(q, zone))
        out_of_memory(q);
    reply_answer(q);
}

enum query_progress rewrite_begin(struct query *q)
{
    const struct policy_match *match = &q->verdict.match;
    /* A name that leads on to another one exists. */
    bool leads_on = match->link + 1 < q->chain.count;
    unsigned truth_rcode = leads_on ? RCODE_NOERROR : q->answer.rcode;
    rewrite_note(q, match, false);
    q->rewritten = true;
    cut_answer(q, match->link);
    switch (match->action) {
    case RPZ_DROP:
        metric_add(worker_counters(q->worker), SERVE_DROPPED_POLICY, 1);
        reply_none(q);
        return QUERY_DONE;
    case RPZ_TCP_ONLY:
        reply_truncated(q, truth_rcode);
        return QUERY_DONE;
    case RPZ_NXDOMAIN:
        q->answer.rcode = RCODE_NXDOMAIN;
        break;
    case RPZ_LOCAL_DATA:
        if (put_local_data(q, match) == QUERY_WAITS)
            return QUERY_WAITS;
        break;
    default:
        q->answer.rcode = RCODE_NOERROR;
        break;
    }
    finish(q);
    return QUERY_DONE;
}

enum query_progress rewrite_finish(struct query *q)
{
    if (q->stage == STAGE_DNS64)
        dns64_finish(q);
    else if (!q->answer.failed && dns64_wanted(q))
        return QUERY_WAITS;
    q->answer.authentic = q->answer.authoritative = false;
    finish(q);
    return QUERY_DONE;
}
