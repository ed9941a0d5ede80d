// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/check.h"

#include "base/clock.h"
#include "check_http_onion/headers.h"
#include "check_http_onion/judge_http.h"
#include "check_http_onion/judge_tor.h"
#include "check_http_onion/patience.h"
#include "check_http_onion/verbose.h"

#include <string.h>

/* A check at work. */
struct check {
    struct arena *arena;
    struct options options; /* a copy: an onion in the chain makes everything after it go through Tor */
    struct probe_clock clock;
    struct report *report;
    struct target target;
    int depth;               /* redirects followed */
    const char *left_tor_to; /* where a redirect led out of Tor; NULL: nowhere */
    enum plugin_state certificate_state;
};

static double elapsed_s(const struct check *c)
{
    return (double)(clock_mono_us() - c->clock.began_us) / 1e6;
}

static void add_before(struct check *c, const char *text)
{
    const char *both = text ? arena_printf(c->arena, "%s%s", c->report->before, text) : NULL;
    if (both)
        c->report->before = both;
}

/* Circuits that failed although another brought the answer; or that more than one was needed, for silence. */
static const char *circuits_remark(struct check *c, const struct observation *seen)
{
    size_t count = seen->try_count, failed = circuits_failed(seen);
    if (!seen->onion || count < 2)
        return NULL;
    if (!failed)
        return arena_printf(c->arena, "slow, %zu circuits used", count);
    return arena_printf(c->arena, "%zu of %zu circuits failed", failed, count);
}

static const char *join(struct arena *arena, const char *a, const char *b)
{
    return !a ? b : !b ? a : arena_printf(arena, "%s, %s", a, b);
}

/* The place that an answer redirects to, when it is a clear name and the answer came from an onion. */
static void note_way_out(struct check *c, const struct answer_head *head)
{
    struct target place;
    if (!target_is_onion(&c->target) || head->status < 300 || head->status >= 400)
        return;
    if (redirect_place(c->arena, &c->target, head->headers, &place) == REDIRECT_GO &&
        !target_is_onion(&place))
        c->left_tor_to = target_url(c->arena, &place);
}

static struct verdict judge(struct check *c, const struct http_answer *answer, const char *first)
{
    const struct observation *seen = &c->report->seen;
    struct judge_extras extras = {
        .first = first, .remark = circuits_remark(c, seen), .remark_state = STATE_OK};
    size_t failed = circuits_failed(seen);
    if (seen->onion && c->options.circuits_warn && failed >= (size_t)c->options.circuits_warn)
        extras.remark_state = STATE_WARNING;
    if (c->left_tor_to)
        extras.remark = join(c->arena, extras.remark,
                             arena_printf(c->arena, "redirects out of Tor to %s", c->left_tor_to));
    return judge_answer(c->arena, &c->options, &c->target, answer, elapsed_s(c), &extras);
}

/* Follows the redirect: true when there is another target to observe, else the verdict is set. */
static bool follow(struct check *c, const struct answer_head *head, struct verdict *verdict)
{
    struct target next = c->target;
    enum redirect_verdict why = redirect_place(c->arena, &c->target, head->headers, &next);
    if (why == REDIRECT_GO)
        why = redirect_judge(&c->options, &c->target, ++c->depth, &next);
    if (why != REDIRECT_GO) {
        *verdict = judge_redirect(c->arena, &c->options, why, &next, head->status_line);
        return false;
    }
    if (target_is_onion(&c->target))
        c->options.socks_given = true;
    c->target = next;
    if (c->options.verbose)
        add_before(c, verbose_redirect(c->arena, &next));
    return true;
}

/* -C. True when nothing more is to be judged. */
static bool certificate_is_all(struct check *c, const struct http_answer *answer, struct verdict *verdict)
{
    if (!c->options.check_certificate || !c->target.tls)
        return false;
    *verdict = judge_certificate(c->arena, &c->options, &answer->certificate, clock_wall_s());
    c->certificate_state = verdict->state;
    if (c->options.continue_after_certificate)
        add_before(c, arena_printf(c->arena, "%s - %s\n", state_text(verdict->state), verdict->text));
    return !c->options.continue_after_certificate;
}

/* An answer is there. True when another target is to be observed. */
static bool take_answer(struct check *c, const struct http_answer *answer, struct verdict *verdict)
{
    struct answer_head head;
    if (certificate_is_all(c, answer, verdict))
        return false;
    if (answer_split(c->arena, answer, &head)) {
        *verdict = judge_no_answer(c->arena, &c->target, answer);
        return false;
    }
    note_way_out(c, &head);
    if (answer_redirects(&c->options, &head))
        return follow(c, &head, verdict);
    *verdict = judge(c, answer, NULL);
    verdict->state = state_worse(verdict->state, c->certificate_state);
    if (c->options.show_body)
        c->report->after = arena_printf(c->arena, "%s\n", head.body);
    return false;
}

/* A part of an answer, good enough to say what it was. */
static bool is_partial(const struct try_facts *try)
{
    const struct http_answer *a = try ? &try->answer : NULL;
    return a && try->end == TRY_HTTP && (a->head.length || a->body.length) &&
           (a->end == HTTP_CUT || a->end == HTTP_BAD_CHUNKS || a->end == HTTP_UNREADABLE);
}

static struct verdict take_failure(struct check *c)
{
    const struct observation *seen = &c->report->seen;
    const struct try_facts *try = telling_try(seen);
    if (is_partial(try)) {
        const char *cut = judge_cut(c->arena, &try->answer);
        return judge(c, &try->answer, cut ? cut : try->answer.error);
    }
    return seen->onion ? judge_onion_failure(c->arena, &c->options, seen, clock_wall_s())
                       : judge_clear_failure(c->arena, &c->options, seen);
}

/* TLS versions that the library no longer has; said before any packet. */
static bool refuse_old_tls(const struct options *o, struct verdict *verdict)
{
    if (!o->tls || (o->tls_max != TLS_SSL2 && o->tls_max != TLS_SSL3))
        return false;
    *verdict = (struct verdict){.state = STATE_CRITICAL,
                                .text = o->tls_max == TLS_SSL2
                                            ? "SSL protocol version 2 is not supported by your SSL library."
                                            : "SSL protocol version 3 is not supported by your SSL library."};
    return true;
}

static bool refuse_tunnel_to_onion(const struct check *c, struct verdict *verdict)
{
    if (!target_is_onion(&c->target) || !request_is_tunnel(&c->options, &c->target))
        return false;
    *verdict = (struct verdict){.state = STATE_UNKNOWN,
                                .service = "ONION",
                                .judged = true,
                                .text = "-j CONNECT asks an HTTP proxy; onion names go through --socks only"};
    return true;
}

static struct verdict observe_and_judge(struct check *c)
{
    struct verdict verdict = {.state = STATE_UNKNOWN, .service = "HTTP", .text = "nothing was done"};
    bool more = !refuse_old_tls(&c->options, &verdict) && !refuse_tunnel_to_onion(c, &verdict);
    while (more) {
        struct observation *seen = &c->report->seen;
        observation_fini(seen);
        probe_run(c->arena, &c->options, &c->target, &c->clock, seen);
        if (c->options.verbose)
            add_before(c, verbose_observation(c->arena, &c->options, seen));
        more = seen->chosen >= 0 && take_answer(c, &seen->tries[seen->chosen].answer, &verdict);
        if (seen->chosen < 0)
            verdict = take_failure(c);
    }
    return verdict;
}

/* The deadline of everything; the state file gets its part of the time at the end. */
static struct probe_clock clock_of(const struct options *o)
{
    struct probe_clock clock = {.began_us = clock_mono_us(), .deadline_us = UINT64_MAX};
    uint64_t reserve_us = o->state_file && o->timeout_s > 1 ? (uint64_t)STATE_WAIT_MS * 1000 : 0;
    if (o->timeout_s)
        clock.deadline_us = clock.began_us + (uint64_t)o->timeout_s * 1000000 - reserve_us;
    return clock;
}

void check_run(struct arena *arena, const struct options *options, struct report *out)
{
    *out = (struct report){.before = ""};
    struct check c = {
        .arena = arena, .options = *options, .report = out, .target = target_of_options(options)};
    c.clock = clock_of(options);
    out->verdict = observe_and_judge(&c);
    if (options->state_file)
        patience_apply(arena, options, clock_wall_s(), out);
    out->elapsed_s = elapsed_s(&c);
}

void report_fini(struct report *report)
{
    observation_fini(&report->seen);
}
