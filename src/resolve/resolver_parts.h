/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What resolver_thread.c (a thread and its contexts) and resolver_question.c (the life of a question) share.
 */
#ifndef RESOLVE_RESOLVER_PARTS_H
#define RESOLVE_RESOLVER_PARTS_H

#include <pthread.h>

#include "net/loop.h"
#include "resolve/questions.h"
#include "resolve/recursor.h"
#include "resolve/resolver_thread.h"

enum {
    CONTEXTS = 2,    /* 0: every question; see choose_context() */
    RETIRED_MAX = 4, /* contexts replaced by a flush that still have questions */
};

enum resolver_metric {
    ASKED,
    JOINED,
    FOUND,
    RECURSIONS,
    PREFETCHES,
    BOGUS,
    FAILED,
    TIMED_OUT,
    REFRESH_FAILED,
    DENIED,
    LIMITED_ALL,
    LIMITED_ZONE,
    LIMITED_CLIENT,
    LIMITED_JOINED,
    FLUSHES,
    OUTSTANDING,
    RESOLVER_METRICS
};

struct resolver_thread {
    struct resolver_thread_options options;
    pthread_t pthread;
    bool running, stopping;
    struct loop *loop;
    struct inbox inbox;
    struct loop_watch inbox_watch;
    struct inbox_message stop_message, flush_message;
    _Atomic bool flush_posted;
    struct recursor *contexts[CONTEXTS];
    struct recursor *retired[RETIRED_MAX];
    struct loop_timer reap_timer;
    struct loop_timer root_timer;
    struct resolver_ask root_ask; /* ours, for the root's DNSKEY */
    struct questions *questions;
    struct limits *limits;
    _Atomic uint64_t *numbers;
};

static inline void resolver_count(struct resolver_thread *t, enum resolver_metric metric)
{
    metric_add(t->numbers, metric, 1);
}

/* A question comes: its asker gets his answer now or later. */
void resolver_take_ask(struct resolver_thread *t, struct resolver_ask *ask);

/* Every asker gets ERR_CLOSED. */
void resolver_close_questions(struct resolver_thread *t);

/* Gives an ask back. `truth` may be NULL with an error; the ask gets a reference of its own. */
void resolver_reply(struct resolver_ask *ask, int error, struct truth *truth);

/* libunbound's answers come here. */
void resolver_answered(void *query, const struct recursor_answer *answer);

/* Makes sure that there is a context of this number. 0 or an error, which has been logged. */
int resolver_open_context(struct resolver_thread *t, uint8_t which) MUST_CHECK;

/* An answer came from this context: if it has been replaced and this was its last, it goes. */
void resolver_reap_soon(struct resolver_thread *t, const struct recursor *recursor);

#endif
