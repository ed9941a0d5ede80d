// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/probe.h"

#include "base/clock.h"
#include "check_http_onion/circuits.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Well formed but for its checksum: Tor refuses it at once and sends nothing. */
static const char WRONG_CHECKSUM[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaad.onion";

enum { SIDES_MAX = REFERENCES_MAX + 1, LOOK_AGAIN_MS = 1000, LOOK_UP_MS = 60000 };

/* One try at work. */
struct try_work {
    struct leg leg;
    struct http_request request; /* with the leg's socket in it */
    struct http_exchange *exchange;
    uint64_t heard_us;
    uint64_t heard_bytes;
};

struct side_work {
    struct leg leg;
    struct side_facts *facts;
};

/* An observation at work. */
struct probe {
    const struct options *options;
    const struct probe_clock *clock;
    struct observation *seen;
    struct http_door *door;
    bool by_socks;
    struct endpoint_list list; /* of the proxy, or of the server itself */
    struct try_work tries[CIRCUITS_MAX];
    struct side_work sides[SIDES_MAX];
    size_t side_count;
    struct control control;
    uint64_t now_us;
};

/* Who is polled, in one array. */
struct poll_set {
    struct pollfd fds[(CIRCUITS_MAX + SIDES_MAX) * LEG_FDS_MAX + 1];
    size_t count;
};

static double since(uint64_t from_us, uint64_t to_us)
{
    return to_us > from_us ? (double)(to_us - from_us) / 1e6 : 0;
}

/* Milliseconds to the deadline, rounded up; without a deadline, as long as a round may take. */
static int left_ms(const struct probe *p)
{
    if (p->clock->deadline_us == UINT64_MAX)
        return LOOK_AGAIN_MS;
    return p->clock->deadline_us > p->now_us ? (int)((p->clock->deadline_us - p->now_us + 999) / 1000) : 0;
}

/* For a look-up, which nothing else can end. */
static int look_up_ms(const struct probe *p)
{
    return p->clock->deadline_us == UINT64_MAX ? LOOK_UP_MS : left_ms(p);
}

/* ---- tries ---- */

static void end_try(struct probe *p, size_t i, enum try_end end)
{
    struct try_work *w = &p->tries[i];
    p->seen->tries[i].end = end;
    if (w->exchange)
        http_stop(w->exchange);
    w->exchange = NULL;
    leg_end(&w->leg);
    if (end == TRY_ANSWERED && p->seen->chosen < 0)
        p->seen->chosen = (int)i;
}

static void start_http(struct probe *p, size_t i)
{
    struct try_work *w = &p->tries[i];
    w->exchange = http_start(p->door, &w->request, &p->seen->tries[i].answer);
    if (w->exchange)
        return;
    p->seen->machine_error = ERR_NOMEM;
    p->seen->tries[i].answer.end = HTTP_FAILED;
    end_try(p, i, TRY_HTTP);
}

static void start_try(struct probe *p)
{
    size_t i = p->seen->try_count++;
    struct try_work *w = &p->tries[i];
    struct try_facts *f = &p->seen->tries[i];
    *f = (struct try_facts){.by_socks = p->by_socks, .began_s = since(p->clock->began_us, p->now_us)};
    w->request = p->seen->request;
    w->heard_us = p->now_us;
    w->leg = (struct leg){.phase = LEG_DONE, .far_fd = -1, .listen_fd = -1, .near_fd = -1};
    if (w->request.tunnel_host)
        start_http(p, i); /* libcurl's own connection: it takes no HTTP proxy behind a Unix socket */
    else if (p->by_socks)
        leg_begin(&w->leg, &p->list, w->request.host, (uint16_t)w->request.port, p->now_us);
    else
        leg_begin_direct(&w->leg, &p->list, p->now_us);
}

/* The SOCKS part of a try has failed; how? */
static enum try_end leg_failure(const struct leg *leg)
{
    switch (leg->socks.phase) {
    case SOCKS_REFUSED:
        return TRY_PROXY_NO;
    case SOCKS_NO_METHOD:
    case SOCKS_AUTH_REFUSED:
        return TRY_PROXY_AUTH;
    case SOCKS_NONSENSE:
        return TRY_NOT_SOCKS;
    case SOCKS_TALKING:
    case SOCKS_GRANTED:
        break;
    }
    return leg->socks.in_length || leg->socks.out_sent ? TRY_PROXY_CLOSED : TRY_NO_PROXY;
}

/* After the leg has moved. */
static void look_at_leg(struct probe *p, size_t i)
{
    struct try_work *w = &p->tries[i];
    struct try_facts *f = &p->seen->tries[i];
    if (w->leg.ready_us && !f->ready_s) {
        f->ready_s = since(w->leg.began_us, w->leg.ready_us);
        w->heard_us = p->now_us;
    }
    f->reply = w->leg.socks.reply;
    if (w->leg.phase == LEG_FAILED && !w->exchange) {
        f->leg_error = w->leg.error;
        f->answer.end = HTTP_NO_CONNECTION; /* counts where the leg was direct */
        f->answer.os_errno = w->leg.error < ERR_ERRNO_BASE ? ERR_ERRNO_BASE - w->leg.error : 0;
        end_try(p, i, w->leg.direct ? TRY_HTTP : leg_failure(&w->leg));
    } else if (w->leg.phase == LEG_READY && !w->exchange) {
        f->granted = true;
        if (leg_listen(&w->leg)) {
            p->seen->machine_error = w->leg.error;
            f->answer.end = HTTP_FAILED;
            end_try(p, i, TRY_HTTP);
            return;
        }
        w->request.abstract_socket = w->leg.name;
        start_http(p, i);
    }
}

static void look_at_exchange(struct probe *p, size_t i)
{
    struct try_work *w = &p->tries[i];
    struct http_answer *a = &p->seen->tries[i].answer;
    if (!w->exchange)
        return;
    if (a->wire_bytes != w->heard_bytes) {
        w->heard_bytes = a->wire_bytes;
        w->heard_us = p->now_us;
    }
    if (a->end != HTTP_RUNNING)
        http_see_first_bytes(a, w->leg.first, w->leg.first_length, w->leg.reset);
    if (a->end != HTTP_RUNNING)
        end_try(p, i, a->end == HTTP_COMPLETE ? TRY_ANSWERED : TRY_HTTP);
}

/* Replies that are about the service or about how it is asked, and that no other path would change. */
static bool is_settled(const struct try_facts *f)
{
    static const uint8_t settled[] = {REPLY_CONNECTION_REFUSED, REPLY_NOT_ALLOWED,  REPLY_COMMAND,
                                      REPLY_ADDRESS_TYPE,       REPLY_AUTH_MISSING, REPLY_AUTH_WRONG,
                                      REPLY_BAD_ADDRESS};
    if (f->end == TRY_PROXY_NO)
        return memchr(settled, f->reply, sizeof settled) != NULL;
    bool ours = f->end == TRY_HTTP && f->answer.end == HTTP_FAILED;
    return ours || f->end == TRY_NO_PROXY || f->end == TRY_PROXY_AUTH || f->end == TRY_NOT_SOCKS;
}

static struct circuits_plan plan(const struct probe *p)
{
    struct circuit_view views[CIRCUITS_MAX];
    const struct observation *seen = p->seen;
    for (size_t i = 0; i < seen->try_count; i++) {
        const struct try_facts *f = &seen->tries[i];
        views[i].heard_us = p->tries[i].heard_us;
        views[i].fate = f->end == TRY_RUNNING    ? CIRCUIT_RUNNING
                        : f->end == TRY_ANSWERED ? CIRCUIT_ANSWERED
                        : is_settled(f)          ? CIRCUIT_SETTLED
                                                 : CIRCUIT_FAILED;
    }
    size_t limit = seen->onion ? (size_t)p->options->circuits : 1;
    return circuits_plan(views, seen->try_count, limit, (uint64_t)(p->options->hedge_s * 1e6), p->now_us);
}

/* ---- beside the tries: references, and the port's kind ---- */

static void start_side(struct probe *p, const char *host, uint16_t port, struct side_facts *facts)
{
    struct side_work *w = &p->sides[p->side_count++];
    w->facts = facts;
    facts->end = SIDE_RUNNING;
    leg_begin(&w->leg, &p->list, host, port, p->now_us);
}

static void start_references(struct probe *p, struct arena *arena)
{
    struct observation *seen = p->seen;
    if (seen->reference_count || !p->by_socks)
        return;
    for (size_t i = 0; i < p->options->reference_count; i++) {
        const char *text = p->options->references[i], *colon = strchr(text, ':');
        const char *host = colon ? arena_printf(arena, "%.*s", (int)(colon - text), text) : text;
        if (host)
            start_side(p, host, colon ? (uint16_t)atoi(colon + 1) : 80,
                       &seen->references[seen->reference_count++]);
    }
}

static void look_at_side(struct side_work *w)
{
    if (w->facts->end != SIDE_RUNNING || w->leg.phase == LEG_CONNECTING || w->leg.phase == LEG_TALKING)
        return;
    bool replied = w->leg.socks.phase == SOCKS_GRANTED || w->leg.socks.phase == SOCKS_REFUSED;
    w->facts->end = replied ? SIDE_REPLIED : SIDE_FAILED;
    w->facts->reply = w->leg.socks.reply;
    leg_end(&w->leg);
}

/* Does the plain port's reply leave open what failed? */
static bool is_ambiguous(const struct try_facts *f)
{
    return f->end == TRY_PROXY_NO && f->reply >= REPLY_FAILURE && f->reply <= REPLY_CONNECTION_REFUSED;
}

static void start_sides(struct probe *p, struct arena *arena)
{
    struct observation *seen = p->seen;
    uint64_t hedge_us = (uint64_t)(p->options->hedge_s * 1e6);
    for (size_t i = 0; i < seen->try_count && seen->onion; i++) {
        const struct try_facts *f = &seen->tries[i];
        bool silent = f->end == TRY_RUNNING && p->now_us >= p->tries[i].heard_us + hedge_us;
        if (silent || (f->end != TRY_RUNNING && f->end != TRY_ANSWERED && f->end != TRY_NO_PROXY))
            start_references(p, arena);
        if (is_ambiguous(f) && seen->port_kind.end == SIDE_UNASKED)
            start_side(p, WRONG_CHECKSUM, 80, &seen->port_kind);
    }
}

static bool sides_over(const struct probe *p)
{
    for (size_t i = 0; i < p->side_count; i++)
        if (p->sides[i].facts->end == SIDE_RUNNING)
            return false;
    return p->control.facts.end != CONTROL_TALKING;
}

/* ---- the loop ---- */

static void gather(const struct probe *p, struct poll_set *set)
{
    set->count = 0;
    for (size_t i = 0; i < p->seen->try_count; i++)
        set->count += leg_poll(&p->tries[i].leg, set->fds + set->count);
    for (size_t i = 0; i < p->side_count; i++)
        set->count += leg_poll(&p->sides[i].leg, set->fds + set->count);
    set->count += control_poll(&p->control, set->fds + set->count);
}

/* Hands each its own part, in the order of gather(). */
static void scatter(struct probe *p, const struct poll_set *set)
{
    const struct pollfd *at = set->fds;
    struct pollfd own[LEG_FDS_MAX];
    for (size_t i = 0; i < p->seen->try_count; i++) {
        size_t count = leg_poll(&p->tries[i].leg, own);
        leg_carry_on(&p->tries[i].leg, at, count, p->now_us);
        at += count;
    }
    for (size_t i = 0; i < p->side_count; i++) {
        size_t count = leg_poll(&p->sides[i].leg, own);
        leg_carry_on(&p->sides[i].leg, at, count, p->now_us);
        at += count;
    }
    if (control_poll(&p->control, own))
        control_carry_on(&p->control, at);
}

static void look(struct probe *p)
{
    for (size_t i = 0; i < p->seen->try_count; i++) {
        if (p->seen->tries[i].end != TRY_RUNNING)
            continue;
        look_at_leg(p, i);
        look_at_exchange(p, i);
    }
    for (size_t i = 0; i < p->side_count; i++)
        look_at_side(&p->sides[i]);
}

static bool round_of(struct probe *p, struct arena *arena)
{
    struct poll_set set;
    struct circuits_plan next = plan(p);
    for (size_t i = 0; i < next.start; i++)
        start_try(p);
    start_sides(p, arena);
    look(p); /* what failed at once */
    if (next.start)
        return !p->seen->machine_error;
    if (p->seen->chosen >= 0 || (next.over && sides_over(p)))
        return false;
    int wait_ms = left_ms(p);
    if (wait_ms == 0) {
        p->seen->timed_out = true;
        return false;
    }
    if (next.look_us != UINT64_MAX && next.look_us < p->now_us + (uint64_t)wait_ms * 1000)
        wait_ms = next.look_us > p->now_us ? (int)((next.look_us - p->now_us) / 1000 + 1) : 0;
    gather(p, &set);
    p->seen->machine_error = http_wait(p->door, set.fds, set.count, wait_ms);
    p->now_us = clock_mono_us();
    scatter(p, &set);
    look(p);
    return !p->seen->machine_error;
}

/* ---- beginning and end ---- */

static void begin_control(struct probe *p)
{
    char secret[1024];
    struct endpoint_list list;
    const struct options *o = p->options;
    p->control = (struct control){.fd = -1, .facts = {.end = CONTROL_UNASKED}};
    if (!o->has_control || !p->seen->onion)
        return;
    int error = control_secret(o->cookie_file, o->control_password_file, secret, sizeof secret);
    if (error) {
        p->control.facts = (struct control_facts){.end = CONTROL_NO_COOKIE, .error = error};
        return;
    }
    error = endpoint_resolve(&o->control, AF_UNSPEC, look_up_ms(p), &list);
    if (error)
        p->control.facts = (struct control_facts){.end = CONTROL_UNREACHABLE, .error = error};
    else
        control_begin(&p->control, &list.addresses[0], secret, target_peer(&p->seen->target));
    explicit_bzero(secret, sizeof secret);
}

static void finish(struct probe *p)
{
    for (size_t i = 0; i < p->seen->try_count; i++) {
        if (p->tries[i].exchange)
            http_stop(p->tries[i].exchange);
        leg_end(&p->tries[i].leg);
    }
    for (size_t i = 0; i < p->side_count; i++)
        leg_end(&p->sides[i].leg);
    control_end(&p->control);
    p->seen->control = p->control.facts;
    if (p->door)
        http_door_free(p->door);
}

/* The proxy's addresses, or the server's own. A server without one is a try that failed. */
static void find_peer(struct probe *p)
{
    struct observation *seen = p->seen;
    const struct http_request *r = &seen->request;
    const struct options *o = p->options;
    bool local = *r->host == '/';
    struct endpoint server = {
        .host = local ? NULL : r->host, .path = local ? r->host : NULL, .port = (uint16_t)r->port};
    int family = o->ipv6_only ? AF_INET6 : o->ipv4_only ? AF_INET : AF_UNSPEC;
    if (r->tunnel_host)
        return;
    if (p->by_socks) {
        seen->proxy_error = endpoint_resolve(&o->socks, AF_UNSPEC, look_up_ms(p), &p->list);
        return;
    }
    int error = endpoint_resolve(&server, family, look_up_ms(p), &p->list);
    if (!error)
        return;
    struct try_facts *f = &seen->tries[seen->try_count++];
    f->end = error == ERR_TIMEOUT ? TRY_RUNNING : TRY_HTTP;
    f->answer.end = HTTP_NO_NAME;
    snprintf(f->answer.error, sizeof f->answer.error, "%s",
             p->list.gai_error ? gai_strerror(p->list.gai_error) : err_text(error));
}

static void run(struct probe *p, struct arena *arena)
{
    struct observation *seen = p->seen;
    find_peer(p);
    p->door = http_door_new(seen->target.tls);
    seen->machine_error = p->door ? 0 : ERR_NOMEM;
    begin_control(p);
    p->now_us = clock_mono_us();
    bool more = !seen->proxy_error && p->door && !seen->try_count;
    while (more && round_of(p, arena))
        continue;
    finish(p);
}

void probe_run(struct arena *arena, const struct options *options, const struct target *target,
               const struct probe_clock *clock, struct observation *out)
{
    *out = (struct observation){.target = *target, .chosen = -1};
    out->onion = target_is_onion(target);
    out->address = onion_judge(target_peer(target), &out->address_letters);
    if (out->onion && out->address != ONION_V3)
        return;
    struct probe *p = calloc(1, sizeof *p);
    if (!p || request_compose(arena, options, target, &out->request)) {
        out->machine_error = ERR_NOMEM;
        free(p);
        return;
    }
    p->options = options;
    p->clock = clock;
    p->seen = out;
    p->by_socks = out->onion || options->socks_given;
    p->now_us = clock_mono_us();
    run(p, arena);
    free(p);
}

void observation_fini(struct observation *observation)
{
    for (size_t i = 0; i < observation->try_count; i++)
        http_answer_fini(&observation->tries[i].answer);
}

size_t circuits_failed(const struct observation *seen)
{
    size_t failed = 0;
    for (size_t i = 0; i < seen->try_count; i++) {
        bool slower = seen->tries[i].end == TRY_RUNNING && seen->chosen >= 0;
        failed += seen->tries[i].end != TRY_ANSWERED && !slower;
    }
    return failed;
}
