/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What policy says about a question that comes again. Two things are remembered, each under the generation of
 * policy that it holds for, so that a new one invalidates nothing by hand:
 *
 *   on a cached truth   that no rule concerns it, or that a rule for the question's own name decides it
 *   in ready_table.h    that rule, and the answer it makes
 *
 * Which rule for its own name a question has depends on the name alone; whether it may act can depend on the
 * truth: rules of earlier zones for addresses, signatures, failure. So where recursion comes first
 * (qname-wait-recurse) a ready answer goes out only when the truth's memo says that the rule acts. */
#include <string.h>

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
        .view = (uint8_t)q->view->index,
        .dnssec_ok = q->asked.dnssec_ok,
        .qtype = q->asked.qtype,
    };
}

/* Clients of whom the same is true get the same answer. */
static bool client_is_usual(const struct query *q)
{
    return q->policed && q->may_recurse && !q->rights.client_rules;
}

bool answer_remembered(struct query *q, struct truth *truth)
{
    if (!client_is_usual(q))
        return false;
    const struct ready_key key = key_of(q);
    const struct ready_answer *ready = ready_table_find(worker_ready(q->worker), &key);
    if (!ready || (ready->needs_truth && !rule_may_act(q, truth)) || !reply_ready(q, ready))
        return false;
    metric_add(worker_counters(q->worker), SERVE_POLICY_MEMO_HITS, 1);
    if (truth && truth_is_short(q, truth))
        metric_add(worker_counters(q->worker), SERVE_CACHE_HITS, 1);
    rewrite_note(q, &ready->match, false);
    return true;
}

/* Is the verdict a rule for the question's own name, and the same for every such client? */
static bool verdict_is_common(const struct query *q)
{
    const struct policy_verdict *verdict = &q->verdict;
    return client_is_usual(q) && !q->explanation && verdict->match.link == 0 &&
           verdict->match.hit.trigger == RPZ_QNAME && !verdict->disabled_count && !verdict->depends_on_client;
}

/* Was the answer made from the rule alone, and is it whole? DNS64 and minimal-any look at the client. */
static bool answer_is_the_rules(const struct query *q)
{
    enum rpz_action action = q->verdict.match.action;
    bool whole = !q->no_reply && !(load_u16(q->out + 2) & DNS_TC) && !q->target;
    return whole && (action == RPZ_NXDOMAIN || action == RPZ_NODATA || action == RPZ_LOCAL_DATA) &&
           (q->answer.rcode == RCODE_NOERROR || q->answer.rcode == RCODE_NXDOMAIN) &&
           q->asked.qtype != TYPE_ANY && q->asked.qtype != q->view->synthesized_type &&
           q->view->index <= UINT8_MAX;
}

/* The OPT for a client that asks for nothing special. */
static size_t make_opt(const struct query *q, uint8_t *opt, size_t size)
{
    const struct edns_reply edns = {
        .udp_size = q->snapshot->config->server.edns_udp_size,
        .extended_rcode = q->answer.rcode,
        .dnssec_ok = q->asked.dnssec_ok,
        .keepalive_100ms = -1,
        .ede = q->answer.ede,
        .ede_text = q->answer.ede_text,
    };
    struct writer w = writer_of(opt, size);
    return edns_reply_bytes(&edns) <= size && edns_write(&w, &edns) ? writer_used(&w) : 0;
}

static void put_answer(struct query *q, const struct ready_key *key)
{
    uint8_t opt[READY_BYTES];
    const uint8_t *records = q->out + DNS_HEADER_BYTES + q->asked.qname_length + 4;
    size_t opt_length = make_opt(q, opt, sizeof opt), length = (size_t)(q->out + q->records_end - records);
    if (!opt_length || length > READY_BYTES)
        return;
    struct ready_answer ready = {
        .match = q->verdict.match,
        .needs_truth = !q->verdict.before_recursion,
        .rcode = q->answer.rcode,
        .length = (uint16_t)length,
        .opt_length = (uint8_t)opt_length,
    };
    for (int i = 0; i < 3; i++)
        ready.counts[i] = load_u16(q->out + 6 + 2 * i);
    ready.counts[2] = (uint16_t)(ready.counts[2] - q->asked.has_edns);
    (void)!ready_table_put(worker_ready(q->worker), key, &ready, records,
                           opt); /* the next one is made anew */
}

void remember_rule(struct query *q, struct truth *truth)
{
    if (!verdict_is_common(q) || !answer_is_the_rules(q))
        return;
    if (truth)
        set_memo(q, truth, A_RULE_DECIDES);
    const struct ready_key key = key_of(q);
    if (ready_table_wants(worker_ready(q->worker), &key))
        put_answer(q, &key);
}
