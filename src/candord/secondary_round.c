/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "candord/secondary_attempt.h"
#include "dns/name.h"

enum {
    CONNECT_MS = 10000,
    UDP_TRIES = 3,
    UDP_TRY_MS = 1000, /* the first; each next one as much longer */
    TCP_ANSWER_MS = 15000,
    EDNS_BYTES = 1232,
};

/* --- texts --- */

void primary_to_text(const struct remote_server *primary, char *out, size_t size)
{
    char address[IP_TEXT_MAX], key[NAME_TEXT_MAX];
    snprintf(out, size, "%s#%u%s%s%s%s", ip_to_text(&primary->endpoint.address, address),
             primary->endpoint.port, primary->tls ? " over TLS" : "", primary->key ? " (key " : "",
             primary->key ? name_to_text_nodot(primary->key->name, key) : "", primary->key ? ")" : "");
}

static const char *server_text(const struct attempt *a, char out[IP_TEXT_MAX])
{
    char address[IP_TEXT_MAX];
    const struct endpoint *to = &a->round->primary->endpoint;
    snprintf(out, IP_TEXT_MAX, "%.50s#%u", ip_to_text(&to->address, address), to->port);
    return out;
}

/* BIND's beginning of such lines. */
void attempt_say(const struct attempt *a, enum log_level level, const char *format, ...)
{
    char text[600], server[IP_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_write(LOG_XFER_IN, level, "transfer of '%s/IN' from %s: %s", a->round->zone->name_text,
              server_text(a, server), text);
}

int attempt_fail(struct attempt *a, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(a->round->problem, sizeof a->round->problem, format, arguments);
    va_end(arguments);
    return error;
}

int attempt_fail_link(struct attempt *a, int error)
{
    return attempt_fail(a, error, "%s", a->link.problem);
}

/* --- what is configured --- */

static bool wants_expire(const struct attempt *a)
{
    return a->peer && a->peer->request_expire >= 0 ? a->peer->request_expire
                                                   : a->round->zone->transfer_in.request_expire;
}

static struct ip_address source_of(const struct attempt *a)
{
    bool v6 = a->round->primary->endpoint.address.family == IP_V6;
    const struct transfer_in_config *in = &a->round->zone->transfer_in;
    struct ip_address none = {.family = IP_NONE};
    struct ip_address of_peer = !a->peer ? none : v6 ? a->peer->source_v6 : a->peer->source_v4;
    return of_peer.family != IP_NONE ? of_peer : v6 ? in->source_v6 : in->source_v4;
}

struct transfer_request attempt_request(const struct attempt *a, uint16_t type)
{
    return (struct transfer_request){.zone = a->round->zone->name,
                                     .id = random_u16(),
                                     .type = type,
                                     .serial = a->look.latest ? zone_content_serial(a->look.latest) : 0};
}

int attempt_open(struct attempt *a, enum link_kind kind)
{
    const char *tls = a->round->primary->tls;
    const struct link_options options = {
        .kind = kind == LINK_TCP && tls ? LINK_TLS : kind,
        .to = a->round->primary->endpoint,
        .source = source_of(a),
        .tls = tls ? config_tls(a->round->holder->config, tls) : NULL,
        .cancel_fd = a->round->job.cancel_fd,
        .connect_ms = CONNECT_MS,
    };
    link_close(&a->link);
    int error = link_open(&a->link, &options);
    return error ? attempt_fail_link(a, error) : 0;
}

/* --- questions and signatures --- */

int attempt_send(struct attempt *a, const struct transfer_request *request, struct tsig_session *session)
{
    uint8_t message[REQUEST_BYTES_MAX + TSIG_BYTES_MAX];
    size_t length = transfer_request_write(request, message);
    tsig_begin(session, a->key);
    if (tsig_sign(session, message, &length, sizeof message, (uint64_t)clock_wall_s()))
        return attempt_fail(a, ERR_NOMEM, "the question could not be signed");
    int error = link_send(&a->link, message, length);
    return error ? attempt_fail_link(a, error) : 0;
}

/* Checks a message's signature; *length becomes that of the message without it. */
int attempt_check_signature(struct attempt *a, struct tsig_session *session, const uint8_t *message,
                            size_t *length)
{
    if (!a->key)
        return 0;
    int error = tsig_verify(session, message, *length, (uint64_t)clock_wall_s(), length);
    if (error == ERR_REFUSED && session->peer_error)
        return attempt_fail(a, ERR_REFUSED, "the primary refuses our signature: %s",
                            tsig_error_text(session->peer_error));
    if (error == ERR_REFUSED)
        return attempt_fail(a, ERR_REFUSED, "the answer's signature is not accepted: %s",
                            tsig_error_text(session->error));
    return error < 0 ? attempt_fail(a, error, "a malformed message") : 0;
}

/* --- has it changed? --- */

static int judge_soa(struct attempt *a, const struct soa_answer *soa)
{
    struct round *round = a->round;
    if ((soa->rcode == RCODE_FORMERR || soa->rcode == RCODE_NOTIMP) && wants_expire(a) && !a->no_edns) {
        a->no_edns = true;
        return ERR_UNSUPPORTED;
    }
    if (soa->rcode)
        return attempt_fail(a, ERR_REFUSED, "refresh: unexpected rcode (%s)", rcode_to_text(soa->rcode));
    if (!soa->has_soa || !soa->authority)
        return attempt_fail(a, ERR_INVALID, "refresh: %s answer",
                            soa->has_soa ? "non-authoritative" : "no SOA in the");
    round->has_timers = true;
    round->timers = (struct schedule_timers){soa->refresh_s, soa->retry_s, soa->expire_s};
    round->their_serial = soa->serial;
    a->has_expire = soa->has_expire;
    a->expire_s = soa->expire_option_s;
    return 0;
}

/* Waits for the answer to the SOA question on the open link. ERR_AGAIN: it was truncated. */
static int receive_soa(struct attempt *a, const struct transfer_request *request,
                       struct tsig_session *session)
{
    for (;;) {
        const uint8_t *message;
        size_t length;
        struct soa_answer soa;
        int error = link_receive(&a->link, &message, &length);
        if (error)
            return attempt_fail_link(a, error);
        if (soa_answer_read(request, message, length, &soa) != 0) {
            if (a->link.options.kind == LINK_UDP)
                continue; /* somebody else's, or forged: the right one may come yet */
            return attempt_fail(a, ERR_MALFORMED, "refresh: a malformed answer");
        }
        if (soa.truncated)
            return ERR_AGAIN;
        error = attempt_check_signature(a, session, message, &length);
        return error ? error : judge_soa(a, &soa);
    }
}

static int try_soa(struct attempt *a, uint32_t wait_ms)
{
    struct tsig_session session;
    struct transfer_request request = attempt_request(a, TYPE_SOA);
    request.ask_expire = wants_expire(a) && !a->no_edns;
    request.edns_bytes = request.ask_expire ? EDNS_BYTES : 0;
    a->link.deadline_ms = clock_mono_ms() + wait_ms;
    a->link.idle_ms = wait_ms;
    int error = attempt_send(a, &request, &session);
    if (!error)
        error = receive_soa(a, &request, &session);
    tsig_end(&session);
    return error;
}

/* An old server that stumbles over EDNS is asked again without. */
static int ask_soa_once(struct attempt *a, uint32_t wait_ms)
{
    int error = try_soa(a, wait_ms);
    return error == ERR_UNSUPPORTED ? try_soa(a, wait_ms) : error;
}

static int ask_soa_by_udp(struct attempt *a)
{
    int error = attempt_open(a, LINK_UDP);
    for (uint32_t i = 1; i <= UDP_TRIES && (error == 0 || error == ERR_TIMEOUT); i++) {
        error = ask_soa_once(a, i * UDP_TRY_MS);
        if (error == 0)
            break;
    }
    link_close(&a->link);
    return error;
}

/* The connection stays open for the transfer. */
static int ask_soa_by_tcp(struct attempt *a)
{
    int error = attempt_open(a, LINK_TCP);
    if (!error)
        error = ask_soa_once(a, TCP_ANSWER_MS);
    return error == ERR_AGAIN ? attempt_fail(a, ERR_MALFORMED, "refresh: truncated over TCP") : error;
}

static int ask_soa(struct attempt *a)
{
    if (a->round->primary->tls)
        return ask_soa_by_tcp(a);
    int error = ask_soa_by_udp(a);
    bool nothing_came = error == ERR_TIMEOUT && a->round->zone->transfer_in.try_tcp_refresh;
    return error == ERR_AGAIN || nothing_came ? ask_soa_by_tcp(a) : error;
}

/* --- the whole --- */

struct arrival *attempt_arrival(const struct attempt *a, enum arrival_kind kind)
{
    struct arrival *arrival = arrival_new(kind, ARRIVAL_TRANSFER, a->round->view->name, a->round->zone->name);
    if (arrival)
        primary_to_text(a->round->primary, arrival->from, sizeof arrival->from);
    return arrival;
}

static void confirmed(struct arrival *arrival)
{
    arrival_free(arrival);
}

static void confirm(struct attempt *a)
{
    struct arrival *arrival = attempt_arrival(a, ARRIVAL_CONFIRMED);
    if (!arrival)
        return;
    arrival->done = confirmed;
    arrival_deliver(a->round->daemon, arrival);
}

static int ask(struct attempt *a)
{
    struct round *round = a->round;
    uint32_t ours = a->look.latest ? zone_content_serial(a->look.latest) : 0;
    int error = round->whole ? 0 : ask_soa(a);
    if (error)
        return error;
    if (round->whole || !a->look.latest || serial_newer(round->their_serial, ours)) {
        error = attempt_transfer(a);
    } else {
        round->result = ROUND_CURRENT;
    }
    if (!error && round->result == ROUND_CURRENT) {
        round->has_serial = true;
        round->serial = ours;
        round->older = round->their_serial != ours;
        confirm(a);
    }
    return error;
}

void round_run(struct fetch_job *job)
{
    struct round *round = (struct round *)job;
    struct attempt a = {.round = round, .link = {.fd = -1}};
    a.peer = config_peer(round->view, &round->primary->endpoint.address);
    a.key = round->primary->key ?: a.peer ? a.peer->key : NULL;
    keeper_look(&round->daemon->keeper, round->view->name, round->zone->name, &a.look);
    /* Changes of a plain zone make no policy zone, nor the other way round. */
    if (a.look.latest && round->zone->is_policy != (zone_content_get_policy(a.look.latest) != NULL))
        round->whole = true;
    round->result = ROUND_FAILED;
    int error = fetch_is_cancelled(job) ? attempt_fail(&a, ERR_CLOSED, "cancelled") : ask(&a);
    link_close(&a.link);
    if (error)
        round->result = fetch_is_cancelled(job) ? ROUND_CANCELLED : ROUND_FAILED;
    if (!error && a.has_expire && a.expire_s < round->timers.expire_s)
        round->timers.expire_s = a.expire_s;
    zone_look_fini(&a.look);
}
