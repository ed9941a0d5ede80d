/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The transfer itself: read, built, handed to the keeper. */
#include <semaphore.h>
#include <stdio.h>

#include "base/clock.h"
#include "candord/secondary_attempt.h"
#include "transfer/incoming.h"

enum { PROGRESS_MESSAGES = 16 };

/* --- handing over --- */

/* Waits until the keeper is done with an arrival. */
struct delivery {
    sem_t done;
    int error;
    uint32_t serial;
    char problem[512];
};

static void delivered(struct arrival *arrival)
{
    struct delivery *delivery = arrival->context;
    delivery->error = arrival->error;
    delivery->serial = arrival->serial;
    snprintf(delivery->problem, sizeof delivery->problem, "%s", arrival->problem);
    arrival_free(arrival);
    sem_post(&delivery->done);
}

static int deliver(struct attempt *a, struct arrival *arrival)
{
    struct delivery delivery = {0};
    sem_init(&delivery.done, 0, 0);
    arrival->context = &delivery;
    arrival->done = delivered;
    arrival_deliver(a->round->daemon, arrival);
    while (sem_wait(&delivery.done))
        ; /* EINTR */
    sem_destroy(&delivery.done);
    if (delivery.error)
        return attempt_fail(a, delivery.error, "%s",
                            delivery.problem[0] ? delivery.problem : err_text(delivery.error));
    a->round->has_serial = true;
    a->round->serial = delivery.serial;
    return 0;
}

static int hand_over(struct attempt *a, struct incoming *in)
{
    bool whole = incoming_kind(in) == INCOMING_WHOLE;
    struct arrival *arrival = attempt_arrival(a, whole ? ARRIVAL_WHOLE : ARRIVAL_CHANGES);
    if (!arrival)
        return attempt_fail(a, ERR_NOMEM, "out of memory");
    int error = whole ? incoming_build(in, &arrival->whole) : 0;
    if (error) {
        arrival_free(arrival);
        return attempt_fail(a, error, "%s", incoming_problem(in));
    }
    if (!whole)
        arrival->changes = incoming_changes(in);
    arrival->bytes = incoming_bytes(in);
    arrival->took_ms = (uint32_t)(clock_mono_ms() - a->began_ms);
    return deliver(a, arrival);
}

static bool wants_ixfr(const struct attempt *a)
{
    bool configured = a->round->zone->transfer_in.request_ixfr;
    return a->look.latest && !a->round->whole &&
           (a->peer && a->peer->request_ixfr >= 0 ? a->peer->request_ixfr : configured);
}

/* --- the transfer --- */

static void show_progress(const struct attempt *a, const struct incoming *in)
{
    if (!a->look.progress)
        return;
    atomic_store_explicit(&a->look.progress->records, incoming_records(in), memory_order_relaxed);
    atomic_store_explicit(&a->look.progress->bytes, incoming_bytes(in), memory_order_relaxed);
}

/* All messages, until the answer is complete. */
static int receive_transfer(struct attempt *a, struct incoming *in, struct tsig_session *session)
{
    int more = 1;
    while (more == 1) {
        const uint8_t *message;
        size_t length;
        int error = link_receive(&a->link, &message, &length);
        if (error)
            return attempt_fail_link(a, error);
        error = attempt_check_signature(a, session, message, &length);
        if (error)
            return error;
        more = incoming_take(in, message, length);
        if (incoming_messages(in) % PROGRESS_MESSAGES == 1)
            show_progress(a, in);
    }
    show_progress(a, in);
    if (more < 0)
        return attempt_fail(a, more, "%s", incoming_problem(in));
    return tsig_is_complete(session) ? 0 : attempt_fail(a, ERR_REFUSED, "the last message is not signed");
}

static void say_completed(const struct attempt *a, const struct incoming *in)
{
    const char *why;
    uint64_t took_ms = clock_mono_ms() - a->began_ms, left_out = incoming_left_out(in, &why);
    attempt_say(
        a, LEVEL_INFO,
        "Transfer completed: %u messages, %llu records, %llu bytes, %llu.%03llu secs (%llu bytes/sec) "
        "(serial %u%s)",
        incoming_messages(in), (unsigned long long)incoming_records(in),
        (unsigned long long)incoming_bytes(in), (unsigned long long)took_ms / 1000,
        (unsigned long long)took_ms % 1000,
        (unsigned long long)(incoming_bytes(in) * 1000 / (took_ms ? took_ms : 1)), incoming_soa(in)->serial,
        incoming_kind(in) == INCOMING_CHANGES ? ", changes" : "");
    if (left_out)
        attempt_say(a, LEVEL_WARN, "%llu records were left out (%s)", (unsigned long long)left_out, why);
}

static void take_soa(struct attempt *a, const struct incoming_soa *soa)
{
    a->round->has_timers = true;
    a->round->timers = (struct schedule_timers){soa->refresh_s, soa->retry_s, soa->expire_s};
    a->round->their_serial = soa->serial;
}

static int finish_transfer(struct attempt *a, struct incoming *in)
{
    take_soa(a, incoming_soa(in));
    if (incoming_kind(in) == INCOMING_UP_TO_DATE) {
        a->round->result = ROUND_CURRENT;
        return 0;
    }
    int error = hand_over(a, in);
    if (error)
        return error;
    say_completed(a, in);
    a->round->result = ROUND_TRANSFERRED;
    return 0;
}

static int transfer_over_link(struct attempt *a, const struct transfer_request *request, struct incoming *in)
{
    struct tsig_session session;
    const struct transfer_in_config *limits = &a->round->zone->transfer_in;
    a->link.deadline_ms = clock_mono_ms() + (uint64_t)limits->max_time_s * 1000;
    a->link.idle_ms = limits->max_idle_s > INT32_MAX / 1000 ? INT32_MAX : limits->max_idle_s * 1000;
    int error = attempt_send(a, request, &session);
    if (!error)
        error = receive_transfer(a, in, &session);
    tsig_end(&session);
    return error;
}

static struct incoming *new_incoming(const struct attempt *a, const struct transfer_request *request)
{
    const struct incoming_options options = {
        .request = *request,
        .policy = a->round->zone->is_policy,
        .any_serial = a->round->whole,
        .has_version = a->look.latest != NULL,
        .old_records = a->look.latest ? zone_content_records(a->look.latest) : 0,
        .max_records = a->round->zone->transfer_in.max_records,
        .old = a->look.latest,
    };
    return incoming_new(&options);
}

/* Opens a connection unless the one for the SOA is still there. */
static int connect_for_transfer(struct attempt *a)
{
    char local[IP_TEXT_MAX];
    int error = a->link.bytes ? 0 : attempt_open(a, LINK_TCP);
    if (!error)
        attempt_say(a, LEVEL_INFO, "connected using %s%s", link_local_text(&a->link, local),
                    a->round->primary->tls ? " (TLS)" : "");
    return error;
}

static int transfer(struct attempt *a, uint16_t type)
{
    bool reused = a->link.bytes != NULL;
    const struct transfer_request request = attempt_request(a, type);
    int error = connect_for_transfer(a);
    struct incoming *in = error ? NULL : new_incoming(a, &request);
    if (error)
        return error;
    if (!in)
        return attempt_fail(a, ERR_NOMEM, "out of memory");
    a->began_ms = clock_mono_ms();
    if (a->look.progress)
        zone_progress_begin(a->look.progress, DOING_TRANSFER, 0);
    error = transfer_over_link(a, &request, in);
    link_close(&a->link);
    bool closed_before = error == ERR_CLOSED && reused && incoming_messages(in) == 0;
    if (!error)
        error = finish_transfer(a, in);
    if (a->look.progress)
        zone_progress_end(a->look.progress);
    incoming_free(in);
    /* A server may close after the SOA's answer: that is no failure of the transfer. */
    return closed_before && !fetch_is_cancelled(&a->round->job) ? transfer(a, type) : error;
}

/* Changes that cannot be had, or do not apply, are no reason to stay behind. */
int attempt_transfer(struct attempt *a)
{
    if (!wants_ixfr(a))
        return transfer(a, TYPE_AXFR);
    int error = transfer(a, TYPE_IXFR);
    bool hopeless = error == 0 || error == ERR_TIMEOUT || error == ERR_NOMEM || error == ERR_LIMIT ||
                    error <= ERR_ERRNO_BASE || fetch_is_cancelled(&a->round->job);
    if (hopeless)
        return error;
    attempt_say(a, LEVEL_INFO, "%s, retrying with AXFR", a->round->problem);
    return transfer(a, TYPE_AXFR);
}
