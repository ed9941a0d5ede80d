/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The long way of a query: truth gathered stage by stage, judged, rewritten. Each stage may wait. */
#include "candord/query.h"

#include <string.h>

#include "candord/explain.h"
#include "candord/signature.h"
#include "candord/worker.h"
#include "dns/cookie.h"
#include "dns/name.h"

static void count(struct query *q, enum serve_metric which)
{
    metric_add(worker_counters(q->worker), which, 1);
}

/* --- judging --- */

struct policy_facts query_facts(const struct query *q)
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

/* An explanation begins anew: it gathers facts that were not asked for. */
enum policy_step query_judge(struct query *q, const struct policy_facts *facts)
{
    enum policy_step step = q->verdict_waits && !q->explanation
                                ? policy_resume(q->view->policy, facts, &q->verdict)
                                : policy_decide(q->view->policy, facts, &q->verdict);
    q->verdict_waits = step == POLICY_NEEDS_ANSWER || step == POLICY_NEEDS_SERVERS;
    return step;
}

/* The question alone, for the rules that may act before recursion (rpz.md rule 18). */
static enum policy_step judge_question(struct query *q)
{
    struct policy_facts facts = query_facts(q);
    const struct policy_link question = {.name = q->name};
    facts.links = &question;
    facts.link_count = 1;
    return query_judge(q, &facts);
}

static struct policy_facts facts_of_answer(const struct query *q)
{
    struct policy_facts facts = query_facts(q);
    facts.answer_known = true;
    facts.answer_failed = q->answer.failed;
    facts.answer_bogus = q->answer.bogus;
    return facts;
}

static enum policy_step judge_answer(struct query *q)
{
    struct policy_facts facts = facts_of_answer(q);
    return query_judge(q, &facts);
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

/* --- stages --- */

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
    bool rule = q->policed && !passed && judge_answer(q) == POLICY_RULE;
    if (rule && !rewrite_lets_pass(q))
        return rewrite_begin(q);
    if (rule)
        rewrite_note(q, &q->verdict.match, false);
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

enum query_progress query_decide(struct query *q, const struct zone_table_entry *zone, struct truth *truth)
{
    enum query_progress progress;
    if (q->policed && q->view->policy->options.servfail_until_ready && !q->view->policy->ready) {
        count(q, SERVE_NOT_READY);
        return query_done_code(q, RCODE_SERVFAIL, EDE_NOT_READY, NULL);
    }
    if (truth && !zone && short_way_judge(q, truth, &progress))
        return progress == QUERY_WAITS ? advance(q) : progress;
    q->verdict_waits = false; /* the long way may find another truth in the cache */
    /* What a zone of ours says about the name costs no recursion. */
    if (!q->explanation && !zone && rule_before_recursion(q, &progress))
        return progress;
    truth_begin(q);
    return advance(q);
}

enum query_progress query_resume(struct query *q)
{
    enum query_progress progress;
    bool done = short_way_returned(q, &progress);
    return done && progress == QUERY_DONE ? QUERY_DONE : advance(q);
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
    q->prefer_stale = q->answered = q->verdict_known = q->verdict_waits = q->verdict_is_rule = q->rewritten =
        false;
    q->walk = NULL;
    q->target = NULL;
    q->stage = STAGE_TRUTH;
    q->first_zone = NULL;
    q->chain.count = 0;
    q->answer = (struct answer){.authentic = true, .ede = EDE_NONE};
}
