/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What policy says about a question that comes again. Two things are remembered, each under the generation of
 * policy that it holds for, so that a new one invalidates nothing by hand:
 *
 *   on a cached truth   that no rule concerns it, or that a rule for the question's own name decides it
 *   in ready_table.h    the answer it makes, and of which zone it is
 *
 * Which rule for its own name a question has depends on the name alone; whether it may act can depend on the
 * truth: rules of earlier zones for addresses, signatures, failure. So where recursion comes first
 * (qname-wait-recurse) a ready answer goes out only when the truth's memo says that the rule acts. */
#include "base/log.h"
#include "candord/hits.h"
#include "candord/query.h"
#include "candord/querylog.h"
#include "candord/ready_table.h"
#include "candord/worker.h"

static const uint64_t A_RULE_DECIDES = 1ull << 63; /* in a memo, beside the generation */

static _Atomic uint64_t *memo_of(const struct query *q, struct truth *truth)
{
    return &truth->memo[q->view->index & 1];
}

/* A memo holds for any client without CLIENT-IP rules of his own, with RD, and, if the truth is signed,
 * without DO: the case in which most rules act. */
static bool memo_is_for(const struct query *q, const struct truth *truth)
{
    return query_rd(&q->asked) && !(q->asked.dnssec_ok && truth->has_sigs) && !q->rights.client_rules;
}

static void set_memo(const struct query *q, struct truth *truth, uint64_t what)
{
    if (memo_is_for(q, truth) && !q->verdict.disabled_count && !q->verdict.depends_on_client)
        atomic_store_explicit(memo_of(q, truth), q->view->policy->generation | what, memory_order_relaxed);
}

void remember_clean(const struct query *q, struct truth *truth)
{
    set_memo(q, truth, 0);
}

static bool rule_may_act(const struct query *q, struct truth *truth)
{
    uint64_t acts = q->view->policy->generation | A_RULE_DECIDES;
    return truth && memo_is_for(q, truth) &&
           atomic_load_explicit(memo_of(q, truth), memory_order_relaxed) == acts;
}

static struct ready_key key_of(const struct query *q)
{
    return (struct ready_key){
        .digest = q->digest,
        .hash = q->hash,
        .snapshot_id = q->snapshot->id,
        .view = (uint16_t)q->view->index,
        .dnssec_ok = q->asked.dnssec_ok,
    };
}

/* Clients of whom the same is true get the same answer. */
static bool client_is_usual(const struct query *q)
{
    return q->policed && q->may_recurse && !q->rights.client_rules;
}

static struct policy_match match_of(const struct query *q, const struct ready_form *form)
{
    return (struct policy_match){
        .zone = form->from.zone,
        .action = (enum rpz_action)form->from.action,
        .hit.trigger = RPZ_QNAME,
        .name = q->name,
    };
}

static __attribute__((noinline)) void take_again(struct query *q, const struct ready_form *form)
{
    const struct policy_match match = match_of(q, form);
    hits_take(q, &match);
}

/* What a log line says of the rule is looked up again. */
static __attribute__((noinline)) void log_again(struct query *q, const struct ready_form *form)
{
    const struct policy_set_zone *zone = &q->view->policy->zones[form->from.zone];
    struct policy_match match = match_of(q, form);
    if (log_enabled(LOG_RPZ, LEVEL_INFO))
        (void)!policy_zone_match_name(zone->zone, RPZ_QNAME, q->name, zone->options.include_subdomains,
                                      &match.hit);
    querylog_rewrite(q, &match, false);
}

/* Counts a match that was found before, and logs it: as rewrite_note() does, in fewer steps. */
static void note_again(struct query *q, const struct ready_form *form)
{
    const struct policy_zone_options *zone = &q->view->policy->zones[form->from.zone].options;
    metric_add(worker_counters(q->worker), SERVE_REWRITTEN, 1);
    if (zone->counters)
        hit_run_add(worker_hit_run(q->worker), &zone->counters->hits[RPZ_QNAME][form->from.action]);
    if (__builtin_expect(sketch_turn(worker_hits(q->worker)), 0))
        take_again(q, form);
    if (zone->log)
        log_again(q, form);
}

bool answer_remembered(struct query *q, struct truth *truth)
{
    if (!client_is_usual(q))
        return false;
    const struct ready_key key = key_of(q);
    const struct ready_form *form = ready_table_find(worker_ready(q->worker), &key);
    if (!form || (form->from.needs_truth && !rule_may_act(q, truth)) || !reply_ready(q, form))
        return false;
    metric_add(worker_counters(q->worker), SERVE_POLICY_MEMO_HITS, 1);
    if (truth && truth_is_short(q, truth))
        metric_add(worker_counters(q->worker), SERVE_CACHE_HITS, 1);
    note_again(q, form);
    return true;
}

/* Is the verdict a rule for the question's own name, and the same for every such client? */
static bool verdict_is_common(const struct query *q)
{
    const struct policy_verdict *verdict = &q->verdict;
    return client_is_usual(q) && !q->explanation && q->rights.query && verdict->match.link == 0 &&
           verdict->match.hit.trigger == RPZ_QNAME && !verdict->disabled_count && !verdict->depends_on_client;
}

bool answer_verdict(struct query *q, struct truth *truth)
{
    const struct ready_form *form = verdict_is_common(q) ? ready_form_of_verdict(q) : NULL;
    if (!form || !reply_ready(q, form))
        return false;
    if (truth)
        set_memo(q, truth, A_RULE_DECIDES);
    const struct ready_key key = key_of(q);
    ready_table_put(worker_ready(q->worker), &key, form);
    rewrite_note(q, &q->verdict.match, false);
    return true;
}
