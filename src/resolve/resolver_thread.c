/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resolver thread: its inbox, its contexts of libunbound, its beginning and its end. */
#include "resolve/resolver_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "base/log.h"
#include "base/random.h"
#include "base/reader.h"
#include "dns/consts.h"
#include "resolve/configuration.h"
#include "resolve/resolver_parts.h"

static const struct metric_def metric_defs[RESOLVER_METRICS] = {
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
    [DENIED] = {"denied", "answers", "Answers with an address or alias that deny-answer-... keeps out.",
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

static const struct metric_group metric_group = {"resolver", metric_defs, RESOLVER_METRICS};

/* --- contexts --- */

int resolver_open_context(struct resolver_thread *t, uint8_t which)
{
    char problem[256];
    if (t->contexts[which])
        return 0;
    int error = recursor_new(t->loop, configuration_text(t->options.configuration), resolver_answered,
                             &t->contexts[which], problem, sizeof problem);
    if (error)
        log_write(LOG_RESOLVER, LEVEL_ERROR, "%s", problem);
    return error;
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

void resolver_reap_soon(struct resolver_thread *t, const struct recursor *recursor)
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
    if (resolver_open_context(t, which)) {
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
    resolver_count(t, FLUSHES);
    reap(&t->reap_timer);
}

static void stop(struct resolver_thread *t)
{
    t->stopping = true;
    loop_timer_cancel(t->loop, &t->root_timer);
    loop_timer_cancel(t->loop, &t->reap_timer);
    resolver_close_questions(t);
    for (size_t i = 0; i < CONTEXTS; i++)
        recursor_free(t->contexts[i]);
    for (size_t i = 0; i < RETIRED_MAX; i++)
        recursor_free(t->retired[i]);
    loop_unwatch(t->loop, &t->inbox_watch);
    loop_stop(t->loop);
}

/* --- the root's keys (RFC 5011) --- */

enum {
    ROOT_FIRST_MS = 1000,
    ROOT_AGAIN_MS = 12 * 3600 * 1000, /* well within half the TTL of two days */
    ROOT_RETRY_MS = 3600 * 1000,
};

static void ask_for_root(struct loop_timer *timer)
{
    struct resolver_thread *t =
        (struct resolver_thread *)((char *)timer - offsetof(struct resolver_thread, root_timer));
    t->root_ask = (struct resolver_ask){
        .reply_to = &t->inbox, .name = {0}, .name_length = 1, .qtype = TYPE_DNSKEY, .refresh = true};
    t->root_ask.hash = cache_hash(t->options.cache, t->root_ask.name, 1, TYPE_DNSKEY);
    resolver_take_ask(t, &t->root_ask);
}

static void root_answered(struct resolver_thread *t)
{
    int seen = t->root_ask.error ? t->root_ask.error
                                 : configuration_root_seen(t->options.configuration, t->root_ask.truth);
    truth_unref(t->root_ask.truth);
    t->root_ask.truth = NULL;
    if (t->stopping)
        return;
    uint64_t wait_ms = seen < 0 ? ROOT_RETRY_MS : ROOT_AGAIN_MS;
    if (loop_timer_set(t->loop, &t->root_timer, loop_now_ms(t->loop) + wait_ms, ask_for_root))
        log_write(LOG_DNSSEC, LEVEL_ERROR, "the root's keys are no longer followed: out of memory");
    if (seen == 1)
        t->options.root_changed(t->options.root_context);
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
        else if (message == &t->root_ask.message)
            root_answered(t);
        else
            resolver_take_ask(t, (struct resolver_ask *)message);
    }
}

static void inbox_ready(struct loop_watch *watch, unsigned events)
{
    (void)events;
    take_all((struct resolver_thread *)((char *)watch - offsetof(struct resolver_thread, inbox_watch)));
}

static void *run(void *context)
{
    struct resolver_thread *t = context;
    rcu_register_thread();
    loop_on_wait(t->loop, reader_before_wait, reader_after_wait, NULL);
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
    t->limits = limits_new(o->max_outstanding, o->max_per_zone, random_u64());
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
    if (!error && o->follows_root)
        error = loop_timer_set(t->loop, &t->root_timer, loop_now_ms(t->loop) + ROOT_FIRST_MS, ask_for_root);
    if (!error)
        error = recursor_new(t->loop, configuration_text(o->configuration), resolver_answered,
                             &t->contexts[0], problem, problem_size);
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
    while ((message = inbox_take(&t->inbox))) {
        if (message == &t->root_ask.message)
            truth_unref(t->root_ask.truth);
        else if (message != &t->flush_message)
            resolver_reply((struct resolver_ask *)message, ERR_CLOSED, NULL);
    }
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
