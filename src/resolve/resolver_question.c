/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a question: asked, joined, limited, given to libunbound, timed out, answered, remembered. All
 * of it on the resolver's thread. */
#include "base/log.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "resolve/failures.h"
#include "resolve/resolver_parts.h"

enum {
    JUST_FETCHED_MS = 1000, /* needs no refresh: somebody else's has come meanwhile */
    WHOLE_SECOND_MS = 1000,
    SLOW_MS = 2000, /* refusals come sooner, silence takes longer */
};

/* --- back to the askers --- */

void resolver_reply(struct resolver_ask *ask, int error, struct truth *truth)
{
    ask->error = error;
    ask->truth = truth ? truth_ref(truth) : NULL;
    inbox_post(ask->reply_to, &ask->message);
}

static void reply_all(struct question *question, int error, struct truth *truth)
{
    struct resolver_ask *ask;
    while ((ask = question_take(question)))
        resolver_reply(ask, error, truth);
}

/* `answered`: a server said something. */
static void end_question(struct question *question, bool answered)
{
    struct resolver_thread *t = question->thread;
    loop_timer_cancel(t->loop, &question->timer);
    limits_leave(t->limits, &question->place, answered, loop_now_ms(t->loop));
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
        resolver_count(t, REFRESH_FAILED);
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
        resolver_count(t, BOGUS);
        log_bogus(question, answer->why_bogus);
    }
    return truth_from_message(&source, out);
}

/* Is the message an answer? One that begins with a CNAME may still say that the rest could not be had. */
static bool is_answer(const struct recursor_answer *answer)
{
    if (answer->rcode != RCODE_NOERROR || answer->length < DNS_HEADER_BYTES)
        return false;
    unsigned rcode = answer->message[3] & 15;
    return rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN || rcode == RCODE_YXDOMAIN ||
           answer->security == TRUTH_BOGUS;
}

static int deny(const struct question *question, struct truth **truth)
{
    resolver_count(question->thread, DENIED);
    truth_unref(*truth);
    *truth = NULL;
    return failure_truth(question->thread, question->name, question->qtype, EDE_BLOCKED,
                         "the answer may not come from outside", truth);
}

static int truth_of_answer(const struct question *question, const struct recursor_answer *answer,
                           struct truth **out)
{
    struct resolver_thread *t = question->thread;
    bool was_slow = loop_now_ms(t->loop) - question->asked_ms >= SLOW_MS;
    const char *why =
        was_slow ? "no authoritative server answers" : "no authoritative server gave a usable answer";
    int ede = EDE_NO_REACHABLE_AUTHORITY;
    if (is_answer(answer)) {
        int error = truth_of_message(question, answer, out);
        if (error == 0 && t->options.denies && t->options.denies(t->options.denied, *out))
            return deny(question, out);
        if (error == 0 || error == ERR_NOMEM)
            return error;
        why = "the answer could not be read";
        ede = EDE_OTHER;
    }
    resolver_count(t, FAILED);
    return failure_truth(t, question->name, question->qtype, ede, why, out);
}

void resolver_answered(void *query, const struct recursor_answer *answer)
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
    resolver_reap_soon(t, question->recursor);
    end_question(question, answer->rcode == RCODE_NOERROR);
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
        resolver_count(t, TIMED_OUT);
        resolver_reply(question_take(question), error, truth);
    }
    truth_unref(truth);
    if (question->first_ask &&
        loop_timer_set(t->loop, timer, question->first_ask->deadline_ms, question_timed_out))
        reply_all(question, ERR_NOMEM, NULL);
}

/* --- a question comes --- */

/* libunbound has no prefetch: asked again before a TTL has run out, a context gives what it has cached; and
 * it counts in whole seconds, so up to one later than we do. A refresh therefore goes to the context that did
 * not give the present answer: that one has no copy, or an older one that has run out. */
static uint8_t choose_context(const struct truth *present, uint64_t now_ms)
{
    bool has_copy = present && !present->failed && now_ms < present->expires_ms + WHOLE_SECOND_MS;
    return has_copy ? (uint8_t)(present->source ^ 1) : 0;
}

/* Has the cache got what is asked, or does it know that asking is no use at the moment? */
static bool answer_from_cache(struct resolver_thread *t, struct resolver_ask *ask, struct truth *present)
{
    uint64_t now_ms = loop_now_ms(t->loop);
    if (!present)
        return false;
    bool is_fresh = now_ms < present->expires_ms;
    if (is_fresh && (!ask->refresh || now_ms - present->fetched_ms < JUST_FETCHED_MS)) {
        resolver_count(t, FOUND);
        resolver_reply(ask, 0, present);
        return true;
    }
    uint64_t failed_ms = atomic_load_explicit(&present->refresh_failed_ms, memory_order_relaxed);
    if (!failed_ms || now_ms - failed_ms >= t->options.servfail_ttl_ms)
        return false;
    struct truth *truth = NULL;
    int error = failure_truth(t, ask->name, ask->qtype, EDE_CACHED_ERROR, NULL, &truth);
    resolver_count(t, FOUND);
    resolver_reply(ask, error, truth);
    truth_unref(truth);
    return true;
}

/* How many clients may wait for one question has a bound; what we want to know ourselves has none. */
static void join(struct resolver_thread *t, struct question *question, struct resolver_ask *ask)
{
    bool counts = t->options.max_joined && ask->client.family != IP_NONE;
    if (counts && question->ask_count >= t->options.max_joined) {
        resolver_count(t, LIMITED_JOINED);
        resolver_reply(ask, ERR_LIMIT, NULL);
        return;
    }
    ask->deadline_ms = loop_now_ms(t->loop) + t->options.query_timeout_ms;
    if (!question->timer.heap_index &&
        loop_timer_set(t->loop, &question->timer, ask->deadline_ms, question_timed_out)) {
        resolver_reply(ask, ERR_NOMEM, NULL);
        return;
    }
    question_join(question, ask);
}

static bool enter(struct resolver_thread *t, struct resolver_ask *ask, struct limits_place *place)
{
    static const enum resolver_metric metric_of[] = {[LIMITS_FULL] = LIMITED_ALL,
                                                     [LIMITS_ZONE_FULL] = LIMITED_ZONE,
                                                     [LIMITS_CLIENT_FULL] = LIMITED_CLIENT};
    enum limits_verdict verdict =
        limits_enter(t->limits, ask->name, &ask->client, loop_now_ms(t->loop), place);
    if (verdict == LIMITS_OK)
        return true;
    resolver_count(t, metric_of[verdict]);
    ask->zone_full = verdict == LIMITS_ZONE_FULL;
    resolver_reply(ask, ERR_LIMIT, NULL);
    return false;
}

static void recurse(struct resolver_thread *t, struct resolver_ask *ask, uint8_t source)
{
    struct limits_place place;
    if (!enter(t, ask, &place))
        return;
    struct question *question = questions_add(t->questions, ask);
    if (!question) {
        limits_leave(t->limits, &place, false, 0);
        resolver_reply(ask, ERR_NOMEM, NULL);
        return;
    }
    question->thread = t;
    question->place = place;
    question->source = source;
    question->asked_ms = loop_now_ms(t->loop);
    join(t, question, ask);
    resolver_count(t, RECURSIONS);
    metric_set(t->numbers, OUTSTANDING, limits_used(t->limits));
    int error = resolver_open_context(t, source);
    if (!error) {
        question->recursor = t->contexts[source];
        error = recursor_ask(question->recursor, question->name, question->qtype, question);
    }
    if (error) { /* otherwise the question may have ended already */
        reply_all(question, error == ERR_NOMEM ? ERR_NOMEM : ERR_LIMIT, NULL);
        end_question(question, false);
    }
}

void resolver_take_ask(struct resolver_thread *t, struct resolver_ask *ask)
{
    if (t->stopping) {
        resolver_reply(ask, ERR_CLOSED, NULL);
        return;
    }
    resolver_count(t, ASKED);
    struct truth *present = cache_find(t->options.cache, ask->hash, ask->name, ask->name_length, ask->qtype);
    if (answer_from_cache(t, ask, present))
        return;
    struct question *question = questions_find(t->questions, ask);
    if (question) {
        resolver_count(t, JOINED);
        join(t, question, ask);
        return;
    }
    uint8_t source = choose_context(present, loop_now_ms(t->loop));
    if (present && loop_now_ms(t->loop) < present->expires_ms)
        resolver_count(t, PREFETCHES);
    recurse(t, ask, source);
}

void resolver_close_questions(struct resolver_thread *t)
{
    struct question *question;
    while ((question = questions_any(t->questions))) {
        reply_all(question, ERR_CLOSED, NULL);
        end_question(question, false);
    }
}
