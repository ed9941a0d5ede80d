/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What would a client be answered, and why? The question goes the way of any other, on a worker, but nothing
 * is counted or logged as a hit, and every rule that matches is written down with the reason why it wins or
 * loses. */
#ifndef CANDORD_EXPLAIN_H
#define CANDORD_EXPLAIN_H

#include "candord/daemon.h"
#include "candord/query.h"

enum { EXPLAIN_CANDIDATES_MAX = 64 };

struct explanation {
    struct job job; /* comes back to the main thread: job.done(&explanation->job) */
    struct worker_task task;
    struct inbox *reply_to;

    /* Asked. */
    uint8_t name[NAME_MAX_BYTES];
    uint16_t type;
    struct ip_address client, local;
    bool dnssec_ok, tcp, no_recursion;
    char view_name[64]; /* "": the view that the client's address leads to */

    /* Found. Names, addresses and rules live in `arena` and `snapshot`. */
    struct snapshot *snapshot; /* held */
    const struct view *view;   /* NULL: no view lets this client in */
    struct arena arena;
    bool reached_policy; /* false: refused, or no policy for this client; nothing below is set but the answer
                          */
    bool before_recursion; /* the rule may act before recursion (qname-wait-recurse no) */
    uint8_t truth_rcode;
    bool truth_failed, truth_bogus, truth_signed, truth_ours;
    unsigned link_count;
    struct policy_link links[CHAIN_MAX];
    struct policy_candidate candidates[EXPLAIN_CANDIDATES_MAX];
    size_t candidate_count;
    enum policy_step step;     /* POLICY_NO_RULE or POLICY_RULE */
    struct policy_match match; /* POLICY_RULE */
    bool dropped;              /* no answer would be sent */
    uint8_t *answer;           /* the message that would be sent, in `arena` */
    size_t answer_length;
};

/* Sends an explanation (calloc'ed; asked part, job.done and job.context set) on its way. From the main
 * thread. */
void explain_submit(struct daemon *daemon, struct explanation *explanation);

/* Gives back all it holds, and itself. Main thread. */
void explain_free(struct explanation *explanation);

/* For the query path: the view that was asked for, or `found`. */
const struct view *explain_view(const struct query *query, const struct view *found);
/* The facts are complete. */
void explain_note(struct query *query, const struct policy_facts *facts);
/* The answer is written, or there is none. */
void explain_finish(struct query *query);

#endif
