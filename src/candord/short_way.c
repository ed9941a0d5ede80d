/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The short way of a query: a fresh truth in the cache, no zone of ours concerned. A cached answer that no
 * rule concerns costs parsing, access, a look into the cache, one comparison, and copying.
 *
 * What is looked for lies wherever the name's hash says, and has seldom been asked lately enough to be in the
 * processor's caches: to wait for it would be most of the cost. So the questions that came together are first
 * all read, their places asked for in two steps, and only then are they answered (query_look_ahead()). */
#include "candord/query.h"
#include "candord/ready_table.h"
#include "candord/worker.h"

static void count(struct query *q, enum serve_metric which)
{
    metric_add(worker_counters(q->worker), which, 1);
}

/* --- policy over a cached truth --- */

/* A truth's memo is a generation of policy and zones: under it the name is in no zone of ours, and no rule
 * concerns the truth (remembered.c sets it, and says for whom). */
static bool memo_is_clean(const struct query *q, const struct truth *truth)
{
    return !q->rights.client_rules &&
           atomic_load_explicit(&truth->memo[q->view->index & 1], memory_order_relaxed) ==
               q->view->policy->generation;
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
    struct policy_facts facts = query_facts(q);
    facts.links = links;
    facts.link_count = links_of_truth(truth, links);
    facts.answer_known = true;
    facts.answer_failed = truth->failed;
    facts.answer_bogus = truth->security == TRUTH_BOGUS;
    return query_judge(q, &facts);
}

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

bool short_way_judge(struct query *q, struct truth *truth, enum query_progress *progress)
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

bool short_way_returned(struct query *q, enum query_progress *progress)
{
    struct truth *truth = q->truth;
    if (!truth || truth->failed || !q->is_short || q->stage != STAGE_TRUTH || q->chain.count ||
        q->asks_alias || !truth_is_short(q, truth) ||
        !cache_confirm(truth, q->name, q->name_length, q->asked.qtype) ||
        (q->view->has_zones && zone_table_find(q->view->zones, q->name, q->asked.qtype == TYPE_DS)))
        return false;
    enum short_way way = judge_short(q, truth);
    if (way == SHORT_NOT)
        return false;
    q->truth = NULL;
    *progress = QUERY_DONE;
    if (way == SHORT_TRUTH)
        reply_truth(q, truth);
    else if (!answer_verdict(q, truth))
        *progress = rewrite_begin(q);
    truth_unref(truth);
    return true;
}

/* --- finding it --- */

void short_way_open(struct query *q)
{
    struct cache *cache = q->view->pool->cache;
    q->digest = cache_digest(cache, q->name, q->name_length, q->asked.qtype);
    q->hash = cache_digest_hash(q->digest);
    cache_prefetch(cache, q->hash);
}

void query_look_ahead(struct query *q)
{
    if (!q->is_short)
        return;
    q->ahead = cache_prefetch_truth(q->view->pool->cache, q->hash);
    if (!q->ahead && q->policed)
        ready_table_prefetch(worker_ready(q->worker), q->hash);
}

/* That recursion failed for others is nothing to somebody who may not have recursion. */
static struct truth *fresh_truth(struct query *q)
{
    struct truth *truth = q->ahead;
    if (truth && !cache_confirm(truth, q->name, q->name_length, q->asked.qtype))
        truth = cache_find(q->view->pool->cache, q->hash, q->name, q->name_length, q->asked.qtype);
    bool fresh = truth && truth->expires_ms > q->now_ms;
    return fresh && (q->may_recurse || !truth->failed) ? truth : NULL;
}

bool short_way_answer(struct query *q, struct truth **out)
{
    struct truth *truth = *out = fresh_truth(q);
    if (!truth || !memo_is_clean(q, truth))
        return answer_remembered(q, truth);
    count(q, SERVE_POLICY_MEMO_HITS);
    answer_truth(q, truth);
    return true;
}
