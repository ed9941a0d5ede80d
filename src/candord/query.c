/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way of a query. The first half decides what may be asked and by whom; the second brings truth and
 * policy together. A cached answer that no rule concerns takes the short way: parse, access, cache, one
 * comparison, copy. */
#include "candord/query.h"

#include <string.h>

#include "base/clock.h"
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
    const struct serving *serving = worker_serving(q->worker);
    if (q->asked.has_cookie && q->snapshot->config->server.answer_cookie)
        q->cookie_length = (uint8_t)cookie_make(serving->cookie_secret, q->asked.cookie, &q->client.address,
                                                (uint32_t)clock_wall_s(), q->cookie);
}

/* --- policy --- */

/* A truth's memo is a generation of policy and zones: under it the name is in no zone of ours, and no rule
 * concerns the truth (remembered.c sets it, and says for whom). */
static bool memo_is_clean(const struct query *q, const struct truth *truth)
{
    return !q->rights.client_rules &&
           atomic_load_explicit(&truth->memo[q->view->index & 1], memory_order_relaxed) ==
               q->view->policy->generation;
}

static struct policy_facts facts_of(const struct query *q)
{
    return (struct policy_facts){
        .client = q->client.address,
        .rd = query_rd(&q->asked),
        .dnssec_ok = q->asked.dnssec_ok,
        .links = q->chain.links,
        .link_count = q->chain.count,
    };
}

static void note_disabled(struct query *q)
{
    if (q->explanation)
        return;
    for (unsigned i = 0; i < q->verdict.disabled_count; i++)
        rewrite_note(q, &q->verdict.disabled[i], true);
}

/* The question alone, for the rules that may act before recursion (rpz.md rule 18). */
static enum policy_step judge_question(struct query *q)
{
    struct policy_facts facts = facts_of(q);
    const struct policy_link question = {.name = q->name};
    facts.links = &question;
    facts.link_count = 1;
    return policy_decide(q->view->policy, &facts, &q->verdict);
}

static struct policy_facts facts_of_answer(const struct query *q)
{
    struct policy_facts facts = facts_of(q);
    facts.answer_known = true;
    facts.answer_failed = q->answer.failed;
    facts.answer_bogus = q->answer.bogus;
    return facts;
}

static enum policy_step judge_answer(struct query *q)
{
    struct policy_facts facts = facts_of_answer(q);
    return policy_decide(q->view->policy, &facts, &q->verdict);
}

/* An explanation wants all facts, also those that the verdict can do without: the first link whose servers
 * are wanted still, or CHAIN_MAX. */
static unsigned link_to_explain(const struct query *q)
{
    const struct policy_set *policy = q->view->policy;
    bool wanted = policy->has[RPZ_NSDNAME] || policy->has[RPZ_NSIP];
    for (unsigned i = 0; wanted && !q->answer.failed && i < q->chain.count; i++)
        if (!q->chain.links[i].servers_known)
            return i;
    return CHAIN_MAX;
}

/* The chain of a cached truth as links; the names and addresses stay the truth's. */
static unsigned links_of_truth(const struct truth *truth, struct policy_link links[CHAIN_MAX])
{
    unsigned n = truth->link_count < CHAIN_MAX ? truth->link_count : CHAIN_MAX;
    for (unsigned i = 0; i < n; i++)
        links[i] = (struct policy_link){.name = truth->links[i].name,
                                        .addresses = truth->links[i].addresses,
                                        .address_count = truth->links[i].address_count,
                                        .is_signed = truth->links[i].is_signed};
    return n;
}

static enum policy_step judge_truth(struct query *q, const struct truth *truth)
{
    struct policy_link links[CHAIN_MAX];
    struct policy_facts facts = facts_of(q);
    facts.links = links;
    facts.link_count = links_of_truth(truth, links);
    facts.answer_known = true;
    facts.answer_failed = truth->failed;
    facts.answer_bogus = truth->security == TRUTH_BOGUS;
    return policy_decide(q->view->policy, &facts, &q->verdict);
}

/* --- the short way --- */

enum short_way { SHORT_TRUTH, SHORT_RULE, SHORT_NOT };

/* Does policy let a cached truth go out as it is, is there a rule for the question's own name, or is it a
 * case for the long way? */
static enum short_way judge_short(struct query *q, struct truth *truth)
{
    if (!q->policed) {
        if (!q->view->has_policy)
            remember_clean(q, truth);
        return SHORT_TRUTH;
    }
    enum policy_step step = judge_truth(q, truth);
    if (step == POLICY_NO_RULE && !q->verdict.disabled_count) {
        remember_clean(q, truth);
        return SHORT_TRUTH;
    }
    const struct policy_match *match = &q->verdict.match;
    if (step != POLICY_RULE || q->verdict.disabled_count || match->link > 0 || rewrite_lets_pass(q))
        return SHORT_NOT;
    q->answer.rcode = truth->rcode;
    q->verdict.match.name = q->name;
    return SHORT_RULE;
}

static void prefetch_if_due(struct query *q, const struct truth *truth)
{
    const struct view_config *config = q->view->config;
    uint64_t left_ms = truth->expires_ms - q->now_ms, whole_ms = truth->expires_ms - truth->fetched_ms;
    if (left_ms < (uint64_t)config->prefetch_trigger_s * 1000 && q->may_recurse && !truth->failed &&
        whole_ms >= (uint64_t)config->prefetch_eligible_s * 1000)
        worker_fetch(q->worker, q->view, truth->name, truth->qtype);
}

/* That recursion failed for others is nothing to somebody who may not have recursion. */
static struct truth *fresh_truth(struct query *q)
{
    struct cache *cache = q->view->pool->cache;
    q->hash = cache_hash(cache, q->name, q->name_length, q->asked.qtype);
    struct truth *truth = cache_find(cache, q->hash, q->name, q->name_length, q->asked.qtype);
    bool fresh = truth && truth->expires_ms > q->now_ms;
    return fresh && (q->may_recurse || !truth->failed) ? truth : NULL;
}

static void answer_truth(struct query *q, const struct truth *truth)
{
    count(q, SERVE_CACHE_HITS);
    prefetch_if_due(q, truth);
    reply_truth(q, truth);
}

bool truth_is_short(const struct query *q, const struct truth *truth)
{
    if (truth->failed && q->policed)
        return false; /* names of its chain that could be had may have a rule */
    if (truth->link_count > 1 && q->view->has_zones)
        return false; /* the chain may lead into a zone of ours */
    return true;
}

/* Answers from a fresh truth about a name that is in no zone of ours. False: the long way has to be taken. */
static bool answer_from_cache(struct query *q, struct truth *truth, enum query_progress *progress)
{
    if (!truth_is_short(q, truth))
        return false;
    enum short_way way = judge_short(q, truth);
    if (way == SHORT_NOT)
        return false;
    *progress = QUERY_DONE;
    if (way == SHORT_RULE) {
        count(q, SERVE_CACHE_HITS);
        if (!answer_verdict(q, truth))
            *progress = rewrite_begin(q);
    } else {
        answer_truth(q, truth);
    }
    return true;
}

/* --- the long way --- */

void query_keep_packet(struct query *q)
{
    const uint8_t *copy = q->holds_packet ? NULL : arena_copy(&q->arena, q->packet, q->packet_length);
    if (!copy)
        return; /* without memory the borrowed one serves until the batch ends, and waiting fails as well */
    q->asked.qname = copy + (q->asked.qname - q->packet);
    if (q->asked.cookie)
        q->asked.cookie = copy + (q->asked.cookie - q->packet);
    q->packet = copy;
    q->holds_packet = true;
}

static void truth_begin(struct query *q)
{
    query_keep_packet(q);
    q->stage = STAGE_TRUTH;
    q->answer = (struct answer){.authentic = true, .ede = EDE_NONE};
    q->chain.count = 0;
    q->first_zone = NULL;
    chain_restart(q, q->name);
}

static enum query_progress finish(struct query *q)
{
    if (q->answer.bogus && !query_cd(&q->asked))
        q->answer.rcode = RCODE_SERVFAIL;
    reply_answer(q);
    return QUERY_DONE;
}

/* The truth is complete and no rule changes it, or a passthru lets it be. */
static enum query_progress finish_truth(struct query *q)
{
    if (!q->answer.failed && dns64_wanted(q))
        return QUERY_WAITS; /* advance() goes on at once */
    return finish(q);
}

static enum query_progress judge(struct query *q)
{
    if (!q->policed || q->verdict_known)
        return finish_truth(q);
    enum policy_step step = judge_answer(q);
    if (q->explanation && link_to_explain(q) < CHAIN_MAX) {
        step = POLICY_NEEDS_SERVERS;
        q->verdict.link = link_to_explain(q);
    }
    if (step == POLICY_NEEDS_SERVERS) {
        q->stage = STAGE_SERVERS;
        return QUERY_WAITS;
    }
    if (q->explanation) {
        struct policy_facts facts = facts_of_answer(q);
        explain_note(q, &facts);
    }
    note_disabled(q);
    q->verdict_known = true;
    q->verdict_is_rule = step == POLICY_RULE;
    if (step != POLICY_RULE) {
        if (q->sole_truth && !q->servers_incomplete)
            remember_clean(q, q->sole_truth);
        return finish_truth(q);
    }
    if (!rewrite_lets_pass(q))
        return rewrite_begin(q);
    rewrite_note(q, &q->verdict.match, false);
    return finish_truth(q);
}

/* The addresses to synthesize from are policed as well; what their names' servers are has been judged before.
 */
static enum query_progress judge_dns64(struct query *q)
{
    bool passed = q->verdict_known && q->verdict_is_rule;
    for (unsigned i = 0; i < q->chain.count; i++)
        q->chain.links[i].servers_known = true;
    if (q->policed && !passed && judge_answer(q) == POLICY_RULE && !rewrite_lets_pass(q))
        return rewrite_begin(q);
    dns64_finish(q);
    return finish(q);
}

/* Runs the stage that the query is in. QUERY_WAITS: it waits, unless the stage changed: then the next one
 * runs. */
static enum query_progress run_stage(struct query *q)
{
    if (q->stage == STAGE_SERVERS) {
        enum query_progress progress = servers_gather(q, q->verdict.link);
        return progress == QUERY_DONE ? judge(q) : progress;
    }
    if (chain_gather(q) == QUERY_WAITS)
        return QUERY_WAITS;
    switch (q->stage) {
    case STAGE_TARGET:
        return rewrite_finish(q);
    case STAGE_DNS64:
        return q->rewritten ? rewrite_finish(q) : judge_dns64(q);
    default:
        return judge(q);
    }
}

static enum query_progress advance(struct query *q)
{
    enum query_progress progress;
    enum query_stage before;
    unsigned link;
    do {
        before = q->stage;
        link = q->verdict.link;
        progress = run_stage(q);
    } while (progress == QUERY_WAITS &&
             (q->stage != before || (before == STAGE_SERVERS && q->verdict.link != link)));
    return progress;
}

/* A rule that may act without recursion does. */
static bool rule_before_recursion(struct query *q, enum query_progress *progress)
{
    if (!q->policed || q->view->policy->options.qname_wait_recurse || judge_question(q) != POLICY_RULE)
        return false;
    if (rewrite_lets_pass(q))
        return false; /* the truth is wanted all the same, and judged with the same result */
    note_disabled(q);
    q->verdict_known = true;
    q->verdict.match.name = q->name;
    *progress = answer_verdict(q, NULL) ? QUERY_DONE : rewrite_begin(q);
    if (*progress == QUERY_WAITS)
        *progress = advance(q);
    return true;
}

static enum query_progress answer_question(struct query *q, const struct zone_table_entry *zone,
                                           struct truth *truth)
{
    enum query_progress progress;
    if (q->policed && q->view->policy->options.servfail_until_ready && !q->view->policy->ready) {
        count(q, SERVE_NOT_READY);
        return query_done_code(q, RCODE_SERVFAIL, EDE_NOT_READY, NULL);
    }
    if (truth && !zone && answer_from_cache(q, truth, &progress))
        return progress == QUERY_WAITS ? advance(q) : progress;
    /* What a zone of ours says about the name costs no recursion. */
    if (!q->explanation && !zone && rule_before_recursion(q, &progress))
        return progress;
    truth_begin(q);
    return advance(q);
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

enum query_progress query_start(struct query *q, const uint8_t *packet, size_t length)
{
    q->packet = packet;
    q->packet_length = length;
    q->started_ms = q->now_ms;
    q->recursion_allowed = false; /* until the access lists have been asked: no RA before */
    enum query_verdict verdict = query_parse(packet, length, &q->asked);
    count(q, q->client.transport == TRANSPORT_UDP ? SERVE_UDP_QUERIES : SERVE_TCP_QUERIES);
    bool rd = verdict == QUERY_OK && query_rd(&q->asked);
    unsigned badly_signed = q->asked.has_tsig ? signature_check(q) : RCODE_NOERROR;
    q->rights =
        __builtin_expect(q->key != NULL, 0)
            ? rights_of_key(q->snapshot, &q->client.address, q->key, &q->client.local, rd)
            : rights_of(worker_rights(q->worker), q->snapshot, &q->client.address, &q->client.local, rd);
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
    bool short_way = q->rights.query && !q->explanation && q->asked.qtype != q->view->synthesized_type;
    struct truth *truth = short_way ? fresh_truth(q) : NULL;
    if (truth && memo_is_clean(q, truth)) {
        count(q, SERVE_POLICY_MEMO_HITS);
        answer_truth(q, truth);
        return QUERY_DONE;
    }
    if (short_way && answer_remembered(q, truth))
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
    return answer_question(q, zone, truth);
}

enum query_progress query_resume(struct query *q)
{
    return advance(q);
}

/* What every query sets, also one that is answered in one go. */
static void clear_reply(struct query *q)
{
    q->no_reply = false;
    q->cookie_length = 0;
    q->out_length = 0;
}

void query_clear(struct query *q)
{
    clear_reply(q);
    if (!q->touched)
        return;
    q->touched = false;
    if (q->signature)
        signature_end(q);
    truth_unref(q->truth);
    if (q->holds_snapshot)
        snapshot_unref(q->snapshot);
    if (q->arena.blocks)
        arena_reset(&q->arena);
    truth_unref(q->sole_truth);
    q->truth = q->sole_truth = NULL;
    q->servers_incomplete = false;
    q->verdict.disabled_count = 0;
    q->verdict.depends_on_client = false;
    q->holds_snapshot = q->holds_packet = false;
    q->ask_error = 0;
    q->prefer_stale = q->answered = q->verdict_known = q->verdict_is_rule = q->rewritten = false;
    q->walk = NULL;
    q->target = NULL;
    q->stage = STAGE_TRUTH;
    q->first_zone = NULL;
    q->chain.count = 0;
    q->answer = (struct answer){.authentic = true, .ede = EDE_NONE};
}
