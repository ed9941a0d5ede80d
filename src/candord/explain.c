/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/explain.h"

#include <stdlib.h>
#include <string.h>

#include "candord/worker.h"
#include "dns/message.h"
#include "dns/name.h"

enum { QUESTION_MAX = 512 };

/* The question as a client would send it. */
static size_t write_question(const struct explanation *e, uint8_t *packet)
{
    struct message_writer m;
    const struct edns_reply edns = {
        .udp_size = DNS_UDP_DEFAULT, .dnssec_ok = e->dnssec_ok, .keepalive_100ms = -1, .ede = EDE_NONE};
    message_begin(&m, packet, QUESTION_MAX, 0, e->no_recursion ? 0 : DNS_RD);
    if (message_put_question(&m, e->name, e->type, CLASS_IN))
        return 0;
    message_reserve(&m, edns_reply_bytes(&edns));
    message_put_edns(&m, &edns);
    return message_finish(&m, RCODE_NOERROR);
}

static void run(struct worker *worker, struct worker_task *task)
{
    struct explanation *e = (struct explanation *)((char *)task - offsetof(struct explanation, task));
    const struct client client = {
        .transport = e->tcp ? TRANSPORT_TCP : TRANSPORT_UDP, .address = e->client, .local = e->local};
    uint8_t packet[QUESTION_MAX];
    size_t length = write_question(e, packet);
    arena_init(&e->arena, 0);
    worker_explain(worker, e, &client, packet, length);
}

void explain_submit(struct daemon *daemon, struct explanation *e)
{
    e->reply_to = &daemon->inbox;
    e->task.run = run;
    worker_post(daemon->workers[0], &e->task);
}

void explain_free(struct explanation *e)
{
    arena_fini(&e->arena);
    snapshot_unref(e->snapshot);
    free(e);
}

const struct view *explain_view(const struct query *q, const struct view *found)
{
    const char *wanted = q->explanation->view_name;
    for (size_t i = 0; *wanted && i < q->snapshot->view_count; i++)
        if (!strcmp(q->snapshot->views[i].config->name, wanted))
            return &q->snapshot->views[i];
    return found;
}

/* Names and addresses of the facts live in the query: the explanation outlives it. */
static void copy_link(struct arena *arena, const struct policy_link *from, struct policy_link *to)
{
    *to = *from;
    to->name = arena_copy(arena, from->name, name_length(from->name));
    to->addresses = arena_copy_array(arena, from->addresses, from->address_count, sizeof *from->addresses);
    struct policy_server *servers = arena_alloc(arena, from->server_count * sizeof *servers);
    to->servers = servers;
    for (size_t i = 0; servers && i < from->server_count; i++) {
        servers[i] = from->servers[i];
        servers[i].name = arena_copy(arena, from->servers[i].name, name_length(from->servers[i].name));
        servers[i].addresses = arena_copy_array(arena, from->servers[i].addresses,
                                                from->servers[i].address_count, sizeof(struct ip_address));
    }
}

static void own_name(struct arena *arena, struct policy_match *match)
{
    if (match->name)
        match->name = arena_copy(arena, match->name, name_length(match->name));
}

void explain_note(struct query *q, const struct policy_facts *facts)
{
    struct explanation *e = q->explanation;
    struct policy_facts question = *facts;
    struct policy_verdict verdict;
    question.answer_known = false;
    e->before_recursion = policy_decide(q->view->policy, &question, &verdict) == POLICY_RULE;
    e->reached_policy = true;
    e->truth_rcode = q->answer.rcode;
    e->truth_failed = q->answer.failed;
    e->truth_bogus = q->answer.bogus;
    e->truth_signed = q->answer.is_signed;
    e->truth_ours = q->answer.authoritative;
    e->link_count = (unsigned)facts->link_count;
    for (size_t i = 0; i < facts->link_count; i++)
        copy_link(&e->arena, &facts->links[i], &e->links[i]);
    e->candidate_count = policy_explain(q->view->policy, facts, e->candidates, EXPLAIN_CANDIDATES_MAX);
    for (size_t i = 0; i < e->candidate_count; i++)
        own_name(&e->arena, &e->candidates[i].match);
    e->step = policy_decide(q->view->policy, facts, &verdict);
    e->match = verdict.match;
    if (e->step == POLICY_RULE)
        own_name(&e->arena, &e->match);
}

void explain_finish(struct query *q)
{
    struct explanation *e = q->explanation;
    e->snapshot = snapshot_ref(q->snapshot);
    e->view = q->view;
    e->dropped = q->no_reply || !q->out_length;
    e->answer = arena_copy(&e->arena, q->out, q->out_length);
    e->answer_length = e->answer && !e->dropped ? q->out_length : 0;
    q->explanation = NULL;
    inbox_post(e->reply_to, &e->job.message);
}
