/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a question: asked, joined, limited, sent into a context of libunbound, timed out, answered,
 * remembered. Everything here but the calls marked so runs on the thread itself. */
#include "resolve/resolver_thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "base/log.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "net/loop.h"
#include "resolve/failures.h"
#include "resolve/questions.h"
#include "resolve/recursor.h"

enum {
    CONTEXTS = 2,           /* 0: every question; see choose_context() */
    RETIRED_MAX = 4,        /* contexts replaced by a flush that still have questions */
    JUST_FETCHED_MS = 1000, /* needs no refresh: somebody else's has come meanwhile */
};

enum metric {
    ASKED,
    JOINED,
    FOUND,
    RECURSIONS,
    PREFETCHES,
    BOGUS,
    FAILED,
    TIMED_OUT,
    REFRESH_FAILED,
    LIMITED_ALL,
    LIMITED_ZONE,
    LIMITED_CLIENT,
    LIMITED_JOINED,
    FLUSHES,
    OUTSTANDING,
    METRICS
};

static const struct metric_def metric_defs[METRICS] = {
    [ASKED] = {"asked", "questions", "Questions that the workers did not find in the cache.", METRIC_COUNTER},
    [JOINED] = {"joined", "questions", "Questions that joined an identical one under way.", METRIC_COUNTER},
    [FOUND] = {"found", "questions", "Questions whose answer came into the cache meanwhile.", METRIC_COUNTER},
    [RECURSIONS] = {"recursions", "questions", "Questions given to recursion.", METRIC_COUNTER},
    [PREFETCHES] = {"prefetches", "questions", "Of these, asked before the cached answer had ended.",
                    METRIC_COUNTER},
    [BOGUS] = {"bogus", "answers", "Answers that failed DNSSEC validation.", METRIC_COUNTER},
    [FAILED] = {"failed", "questions", "Recursions that ended without an answer.", METRIC_COUNTER},
    [TIMED_OUT] = {"timed_out", "questions", "Askers told of a failure because time ran out.",
                   METRIC_COUNTER},
    [REFRESH_FAILED] = {"refresh_failed", "questions", "Failures beside an answer that may be served stale.",
                        METRIC_COUNTER},
    [LIMITED_ALL] = {"limited_all", "questions", "Refused: as many questions under way as may be.",
                     METRIC_COUNTER},
    [LIMITED_ZONE] = {"limited_zone", "questions", "Refused: their zone had its share under way.",
                      METRIC_COUNTER},
    [LIMITED_CLIENT] = {"limited_client", "questions", "Refused: their client had its share under way.",
                        METRIC_COUNTER},
    [LIMITED_JOINED] = {"limited_joined", "questions", "Refused: too many wait for the same answer.",
                        METRIC_COUNTER},
    [FLUSHES] = {"flushes", "flushes", "Recursion contexts thrown away on request, per thread.",
                 METRIC_COUNTER},
    [OUTSTANDING] = {"outstanding", "questions", "Questions under way in recursion.", METRIC_GAUGE},
};

static const struct metric_group metric_group = {"resolver", metric_defs, METRICS};

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
    struct questions *questions;
    struct limits *limits;
    _Atomic uint64_t *numbers;
};

static void count(struct resolver_thread *t, enum metric metric)
{
    metric_add(t->numbers, metric, 1);
}

/* --- back to the askers --- */

/* `truth` may be NULL with an error; the ask gets a reference of its own. */
static void reply(struct resolver_ask *ask, int error, struct truth *truth)
{
    ask->error = error;
    ask->truth = truth ? truth_ref(truth) : NULL;
    inbox_post(ask->reply_to, &ask->message);
}

static void reply_all(struct question *question, int error, struct truth *truth)
{
    struct resolver_ask *ask;
    while ((ask = question_take(question)))
        reply(ask, error, truth);
}

static void end_question(struct question *question)
{
    struct resolver_thread *t = question->thread;
    loop_timer_cancel(t->loop, &question->timer);
    limits_leave(t->limits, &question->place);
    questions_remove(t->questions, question);
    metric_set(t->numbers, OUTSTANDING, limits_used(t->limits));
}

/* --- remembering --- */

static bool is_failure(const struct truth *truth)
{
    return truth->failed || truth->security == TRUTH_BOGUS;
}

static void remember(const struct question *question, struct truth *truth)
{
    struct resolver_thread *t = question->thread;
    uint64_t now_ms = loop_now_ms(t->loop);
    struct truth *present =
        cache_find(t->options.cache, question->hash, question->name, question->name_length, question->qtype);
    bool worth_keeping = present && !is_failure(present) && now_ms < present->stale_until_ms;
    if (worth_keeping && is_failure(truth)) {
        atomic_store_explicit(&present->refresh_failed_ms, now_ms, memory_order_relaxed);
        count(t, REFRESH_FAILED);
        return;
    }
    if (truth->expires_ms <= now_ms || (worth_keeping && truth->expires_ms <= present->expires_ms))
        return;
    if (cache_insert(t->options.cache, question->hash, truth) == ERR_NOMEM)
        log_write(LOG_RESOLVER, LEVEL_WARN, "an answer is not cached: out of memory");
}

static int failure_truth(struct resolver_thread *t, const uint8_t *name, uint16_t qtype, int ede,
                         const char *text, struct truth **out)
{
    return truth_from_failure(name, qtype, ede, text, loop_now_ms(t->loop), t->options.servfail_ttl_ms, out);
}

/* --- an answer comes --- */

static void log_bogus(const struct question *question, const char *why)
{
    char name[NAME_TEXT_MAX];
    if (log_enabled(LOG_DNSSEC, LEVEL_INFO))
        log_write(LOG_DNSSEC, LEVEL_INFO, "validating %s/%s: bogus: %s",
                  name_to_text_nodot(question->name, name), type_to_text(question->qtype), why ? why : "");
}

static int truth_of_message(const struct question *question, const struct recursor_answer *answer,
                            struct truth **out)
{
    struct resolver_thread *t = question->thread;
    struct truth_source source = {
        .name = question->name,
        .qtype = question->qtype,
        .message = answer->message,
        .message_length = answer->length,
        .security = answer->security,
        .ede = ede_from_bogus_text(answer->why_bogus),
        .ede_text = bogus_reason(answer->why_bogus),
        .now_ms = loop_now_ms(t->loop),
        .max_ttl_s = t->options.max_ttl_s,
        .max_negative_ttl_s = t->options.max_negative_ttl_s,
        .min_ttl_s = t->options.min_ttl_s,
        .stale_s = t->options.stale_s,
    };
    if (answer->security == TRUTH_BOGUS) {
        count(t, BOGUS);
        log_bogus(question, answer->why_bogus);
    }
    return truth_from_message(&source, out);
}

static int truth_of_answer(const struct question *question, const struct recursor_answer *answer,
                           struct truth **out)
{
    struct resolver_thread *t = question->thread;
    const char *why = "no authoritative server gave a usable answer";
    int ede = EDE_NO_REACHABLE_AUTHORITY;
    if (answer->rcode == RCODE_NOERROR) {
        int error = truth_of_message(question, answer, out);
        if (error == 0 || error == ERR_NOMEM)
            return error;
        why = "the answer could not be read";
        ede = EDE_OTHER;
    }
    count(t, FAILED);
    return failure_truth(t, question->name, question->qtype, ede, why, out);
}

static void reap_soon(struct resolver_thread *t, const struct recursor *recursor);

static void answered(void *query, const struct recursor_answer *answer)
{
    struct question *question = query;
    struct resolver_thread *t = question->thread;
    struct truth *truth = NULL;
    int error = truth_of_answer(question, answer, &truth);
    if (!error) {
        truth->source = question->source;
        if (truth->zone_labels >= 0)
            limits_learn(t->limits, question->name, (unsigned)truth->zone_labels);
        remember(question, truth);
    }
    reply_all(question, error, truth);
    truth_unref(truth);
    reap_soon(t, question->recursor);
    end_question(question);
}

/* --- time runs out --- */

/* Those whose time is over get a failure; libunbound goes on, and the question keeps its place. */
static void question_timed_out(struct loop_timer *timer)
{
    struct question *question = (struct question *)((char *)timer - offsetof(struct question, timer));
    struct resolver_thread *t = question->thread;
    struct truth *truth = NULL;
    int error = failure_truth(t, question->name, question->qtype, EDE_NO_REACHABLE_AUTHORITY,
                              "no answer in time", &truth);
    if (!error)
        remember(question, truth);
    uint64_t now_ms = loop_now_ms(t->loop);
    while (question->first_ask && question->first_ask->deadline_ms <= now_ms) {
        count(t, TIMED_OUT);
        reply(question_take(question), error, truth);
    }
    truth_unref(truth);
    if (question->first_ask &&
        loop_timer_set(t->loop, timer, question->first_ask->deadline_ms, question_timed_out))
        reply_all(question, ERR_NOMEM, NULL);
}

/* --- a question comes --- */

/* libunbound has no prefetch: asked again before a TTL has run out, a context gives what it has cached. So a
 * refresh of what is still fresh goes to the context that did not give it: that one has no copy, or an older
 * one that has run out. */
static uint8_t choose_context(const struct truth *present, uint64_t now_ms)
{
    bool is_fresh = present && !present->failed && now_ms < present->expires_ms;
    return is_fresh ? (uint8_t)(present->source ^ 1) : 0;
}

static int open_context(struct resolver_thread *t, uint8_t which)
{
    char problem[256];
    if (t->contexts[which])
        return 0;
    int error = recursor_new(t->loop, t->options.configuration, answered, &t->contexts[which], problem,
                             sizeof problem);
    if (error)
        log_write(LOG_RESOLVER, LEVEL_ERROR, "%s", problem);
    return error;
}

/* Has the cache got what is asked, or does it know that asking is no use at the moment? */
static bool answer_from_cache(struct resolver_thread *t, struct resolver_ask *ask, struct truth *present)
{
    uint64_t now_ms = loop_now_ms(t->loop);
    if (!present)
        return false;
    bool is_fresh = now_ms < present->expires_ms;
    if (is_fresh && (!ask->refresh || now_ms - present->fetched_ms < JUST_FETCHED_MS)) {
        reply(ask, 0, present);
        return true;
    }
    uint64_t failed_ms = atomic_load_explicit(&present->refresh_failed_ms, memory_order_relaxed);
    if (!failed_ms || now_ms - failed_ms >= t->options.servfail_ttl_ms)
        return false;
    struct truth *truth = NULL;
    int error = failure_truth(t, ask->name, ask->qtype, EDE_CACHED_ERROR, NULL, &truth);
    reply(ask, error, truth);
    truth_unref(truth);
    return true;
}

static void join(struct resolver_thread *t, struct question *question, struct resolver_ask *ask)
{
    if (t->options.max_joined && question->ask_count >= t->options.max_joined) {
        count(t, LIMITED_JOINED);
        reply(ask, ERR_LIMIT, NULL);
        return;
    }
    ask->deadline_ms = loop_now_ms(t->loop) + t->options.query_timeout_ms;
    if (!question->timer.heap_index &&
        loop_timer_set(t->loop, &question->timer, ask->deadline_ms, question_timed_out)) {
        reply(ask, ERR_NOMEM, NULL);
        return;
    }
    question_join(question, ask);
}

static bool enter(struct resolver_thread *t, struct resolver_ask *ask, struct limits_place *place)
{
    static const enum metric metric_of[] = {[LIMITS_FULL] = LIMITED_ALL,
                                            [LIMITS_ZONE_FULL] = LIMITED_ZONE,
                                            [LIMITS_CLIENT_FULL] = LIMITED_CLIENT};
    enum limits_verdict verdict = limits_enter(t->limits, ask->name, &ask->client, place);
    if (verdict == LIMITS_OK)
        return true;
    count(t, metric_of[verdict]);
    reply(ask, ERR_LIMIT, NULL);
    return false;
}

static void recurse(struct resolver_thread *t, struct resolver_ask *ask, uint8_t source)
{
    struct limits_place place;
    if (!enter(t, ask, &place))
        return;
    struct question *question = questions_add(t->questions, ask);
    if (!question) {
        limits_leave(t->limits, &place);
        reply(ask, ERR_NOMEM, NULL);
        return;
    }
    question->thread = t;
    question->place = place;
    question->source = source;
    join(t, question, ask);
    count(t, RECURSIONS);
    metric_set(t->numbers, OUTSTANDING, limits_used(t->limits));
    int error = open_context(t, source);
    if (!error) {
        question->recursor = t->contexts[source];
        error = recursor_ask(question->recursor, question->name, question->qtype, question);
    }
    if (error) { /* otherwise the question may have ended already */
        reply_all(question, error == ERR_NOMEM ? ERR_NOMEM : ERR_LIMIT, NULL);
        end_question(question);
    }
}

static void take_ask(struct resolver_thread *t, struct resolver_ask *ask)
{
    if (t->stopping) {
        reply(ask, ERR_CLOSED, NULL);
        return;
    }
    count(t, ASKED);
    struct question *question = questions_find(t->questions, ask);
    if (question) {
        count(t, JOINED);
        join(t, question, ask);
        return;
    }
    struct truth *present = cache_find(t->options.cache, ask->hash, ask->name, ask->name_length, ask->qtype);
    if (answer_from_cache(t, ask, present)) {
        count(t, FOUND);
        return;
    }
    uint8_t source = choose_context(present, loop_now_ms(t->loop));
    if (present && loop_now_ms(t->loop) < present->expires_ms)
        count(t, PREFETCHES);
    recurse(t, ask, source);
}

/* --- flush and stop --- */

/* Outside of any callback of libunbound's. */
static void reap(struct loop_timer *timer)
{
    struct resolver_thread *t =
        (struct resolver_thread *)((char *)timer - offsetof(struct resolver_thread, reap_timer));
    for (size_t i = 0; i < RETIRED_MAX; i++)
        if (t->retired[i] && recursor_outstanding(t->retired[i]) == 0) {
            recursor_free(t->retired[i]);
            t->retired[i] = NULL;
        }
}

static void reap_soon(struct resolver_thread *t, const struct recursor *recursor)
{
    for (size_t i = 0; i < RETIRED_MAX; i++)
        if (t->retired[i] == recursor && recursor_outstanding(recursor) == 0)
            (void)!loop_timer_set(t->loop, &t->reap_timer, loop_now_ms(t->loop), reap);
}

/* Without a place for the old one, or without memory for a new one, the flush does not happen. */
static void flush_context(struct resolver_thread *t, uint8_t which)
{
    struct recursor *old = t->contexts[which];
    size_t place = 0;
    while (place < RETIRED_MAX && t->retired[place])
        place++;
    if (!old || place == RETIRED_MAX)
        return;
    t->contexts[which] = NULL;
    if (open_context(t, which)) {
        t->contexts[which] = old;
        return;
    }
    t->retired[place] = old;
}

static void flush(struct resolver_thread *t)
{
    atomic_store(&t->flush_posted, false);
    for (uint8_t i = 0; i < CONTEXTS; i++)
        flush_context(t, i);
    count(t, FLUSHES);
    reap(&t->reap_timer);
}

static void stop(struct resolver_thread *t)
{
    struct question *question;
    t->stopping = true;
    loop_timer_cancel(t->loop, &t->reap_timer);
    while ((question = questions_any(t->questions))) {
        reply_all(question, ERR_CLOSED, NULL);
        end_question(question);
    }
    for (size_t i = 0; i < CONTEXTS; i++)
        recursor_free(t->contexts[i]);
    for (size_t i = 0; i < RETIRED_MAX; i++)
        recursor_free(t->retired[i]);
    loop_unwatch(t->loop, &t->inbox_watch);
    loop_stop(t->loop);
}

/* --- the thread --- */

static void take_all(struct resolver_thread *t)
{
    struct inbox_message *message;
    inbox_quiet(&t->inbox);
    while ((message = inbox_take(&t->inbox))) {
        if (message == &t->stop_message)
            stop(t);
        else if (message == &t->flush_message)
            flush(t);
        else
            take_ask(t, (struct resolver_ask *)message);
    }
}

static void inbox_ready(struct loop_watch *watch, unsigned events)
{
    (void)events;
    take_all((struct resolver_thread *)((char *)watch - offsetof(struct resolver_thread, inbox_watch)));
}

static void before_wait(void *context)
{
    (void)context;
    rcu_thread_offline();
}

static void after_wait(void *context)
{
    (void)context;
    rcu_thread_online();
}

static void *run(void *context)
{
    struct resolver_thread *t = context;
    rcu_register_thread();
    loop_on_wait(t->loop, before_wait, after_wait, NULL);
    loop_run(t->loop);
    rcu_unregister_thread();
    return NULL;
}

static void thread_free(struct resolver_thread *t)
{
    if (t->loop) {
        loop_free(t->loop);
        inbox_fini(&t->inbox);
    }
    questions_free(t->questions);
    limits_free(t->limits);
    free(t);
}

static int open_thread(struct resolver_thread *t, char *problem, size_t problem_size)
{
    const struct resolver_thread_options *o = &t->options;
    struct metric_block *block = metrics_add_block(o->metrics, &metric_group);
    t->questions = questions_new(o->max_outstanding);
    t->limits = limits_new(o->max_outstanding, o->max_per_zone);
    if (!block || !t->questions || !t->limits)
        return ERR_NOMEM;
    t->numbers = metric_values(block);
    int error = inbox_init(&t->inbox);
    if (error)
        return error;
    t->loop = loop_new();
    if (!t->loop) {
        inbox_fini(&t->inbox);
        return ERR_NOMEM;
    }
    error = loop_watch(t->loop, &t->inbox_watch, t->inbox.fd, LOOP_READ, inbox_ready);
    if (!error)
        error = recursor_new(t->loop, o->configuration, answered, &t->contexts[0], problem, problem_size);
    return error;
}

int resolver_thread_start(const struct resolver_thread_options *options, struct resolver_thread **out,
                          char *problem, size_t problem_size)
{
    struct resolver_thread *t = calloc(1, sizeof *t);
    if (!t)
        return ERR_NOMEM;
    t->options = *options;
    int error = open_thread(t, problem, problem_size);
    if (!error) {
        int failed = pthread_create(&t->pthread, NULL, run, t);
        error = failed ? err_from_errno(failed) : 0;
        if (error)
            recursor_free(t->contexts[0]);
    }
    if (error) {
        if (problem_size && !problem[0])
            snprintf(problem, problem_size, "a resolver thread does not start: %s", err_text(error));
        thread_free(t);
        return error;
    }
    char name[16];
    snprintf(name, sizeof name, "resolver/%u", options->number);
    pthread_setname_np(t->pthread, name);
    *out = t;
    return 0;
}

void resolver_thread_stop(struct resolver_thread *t)
{
    struct inbox_message *message;
    inbox_post(&t->inbox, &t->stop_message);
    pthread_join(t->pthread, NULL);
    while ((message = inbox_take(&t->inbox)))
        if (message != &t->flush_message)
            reply((struct resolver_ask *)message, ERR_CLOSED, NULL);
    thread_free(t);
}

void resolver_thread_ask(struct resolver_thread *t, struct resolver_ask *ask)
{
    inbox_post(&t->inbox, &ask->message);
}

void resolver_thread_flush(struct resolver_thread *t)
{
    if (!atomic_exchange(&t->flush_posted, true))
        inbox_post(&t->inbox, &t->flush_message);
}
