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
#include "candord/query.h"
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
        .hash = q->hash,
        .snapshot_id = q->snapshot->id,
        .name = q->name,
        .name_length = q->name_length,
        .view = (uint16_t)q->view->index,
        .dnssec_ok = q->asked.dnssec_ok,
        .qtype = q->asked.qtype,
    };
}

/* Clients of whom the same is true get the same answer. */
static bool client_is_usual(const struct query *q)
{
    return q->policed && q->may_recurse && !q->rights.client_rules;
}

/* Counts a match that was found before, and logs it; what a log line says of the rule is looked up again. */
static void note_again(struct query *q, const struct ready_form *form)
{
    const struct policy_set_zone *zone = &q->view->policy->zones[form->from.zone];
    struct policy_match match = {
        .zone = form->from.zone,
        .action = (enum rpz_action)form->from.action,
        .hit.trigger = RPZ_QNAME,
        .name = q->name,
    };
    if (zone->options.log && log_enabled(LOG_RPZ, LEVEL_INFO))
        (void)!policy_zone_match_name(zone->zone, RPZ_QNAME, q->name, zone->options.include_subdomains,
                                      &match.hit);
    rewrite_note(q, &match, false);
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
