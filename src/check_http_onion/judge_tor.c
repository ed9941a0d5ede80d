// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/judge_tor.h"

#include "check_http_onion/judge_http.h"
#include "check_http_onion/words.h"

#include <inttypes.h>
#include <string.h>

/* ---- health ---- */

/* Granted; or the service answered that it has no such port, or no web server behind it: in each case our Tor
 * reached it. On a plain port 01 says nothing. */
static bool reached(const struct side_facts *side, bool extended)
{
    return side->end == SIDE_REPLIED &&
           (side->reply == REPLY_GRANTED || side->reply == REPLY_CONNECTION_REFUSED ||
            (side->reply == REPLY_FAILURE && extended));
}

static bool is_extended(const struct observation *seen)
{
    for (size_t i = 0; i < seen->try_count; i++)
        if (seen->tries[i].end == TRY_PROXY_NO && seen->tries[i].reply >= REPLY_NO_DESCRIPTOR)
            return true;
    return seen->port_kind.end == SIDE_REPLIED && seen->port_kind.reply == REPLY_BAD_ADDRESS;
}

static bool is_plain(const struct observation *seen)
{
    return seen->port_kind.end == SIDE_REPLIED && seen->port_kind.reply != REPLY_BAD_ADDRESS;
}

static enum tor_health health_by_references(struct arena *arena, const struct observation *seen,
                                            const char **why)
{
    size_t good = 0, silent = 0, count = seen->reference_count;
    for (size_t i = 0; i < count; i++) {
        good += reached(&seen->references[i], is_extended(seen));
        silent += seen->references[i].end == SIDE_RUNNING;
    }
    if (!count)
        return TOR_UNKNOWN;
    if (good)
        *why = count == 1 ? "the reference onion is reached"
                          : arena_printf(arena, "%zu of %zu reference onions are reached", good, count);
    else
        *why = count == 1 ? (silent ? "the reference onion is silent, too" : "the reference onion fails, too")
                          : arena_printf(arena, "all %zu reference onions fail, too", count);
    return good ? TOR_WELL : TOR_SICK;
}

static enum tor_health health_by_control(struct arena *arena, const struct control_facts *c, int64_t now_s,
                                         const char **why)
{
    *why = "";
    if (c->end != CONTROL_ANSWERED)
        return TOR_UNKNOWN;
    int64_t late_s = c->consensus_valid_until_s ? now_s - c->consensus_valid_until_s : 0;
    bool half = c->bootstrap_percent >= 0 && c->bootstrap_percent < 100;
    if (half)
        *why =
            arena_printf(arena, "it has not joined the network: bootstrap %d%%, %s%s%s", c->bootstrap_percent,
                         c->bootstrap_tag, *c->bootstrap_warning ? ": " : "", c->bootstrap_warning);
    else if (late_s > 0)
        *why = arena_printf(arena, "its consensus ran out %" PRId64 " minutes ago", late_s / 60);
    else if (c->network_live == 0)
        *why = "it sees no network";
    else if (c->circuit_established == 0)
        *why = "it can build no circuits";
    else
        *why = "bootstrapped, network up";
    bool sick = half || late_s > 0 || c->network_live == 0 || c->circuit_established == 0;
    return sick ? TOR_SICK : c->bootstrap_percent == 100 ? TOR_SEEMS_WELL : TOR_UNKNOWN;
}

enum tor_health judge_health(struct arena *arena, const struct observation *seen, int64_t now_s,
                             const char **why)
{
    const char *by_reference = "", *by_control = "";
    enum tor_health reference = health_by_references(arena, seen, &by_reference);
    enum tor_health control = health_by_control(arena, &seen->control, now_s, &by_control);
    bool control_decides = control == TOR_SICK && reference != TOR_WELL;
    bool reference_decides = reference != TOR_UNKNOWN && !control_decides;
    *why = reference_decides ? by_reference : by_control;
    return reference_decides ? reference : control;
}

/* ---- the try that tells most ---- */

/* Lower tells more. What is about the service or about us first, then what reached the service, then Tor's
 * reasons from the near to the far, then silence. */
static int rank_of(const struct try_facts *f)
{
    static const uint8_t order[] = {REPLY_AUTH_MISSING,       REPLY_AUTH_WRONG,  REPLY_BAD_ADDRESS,
                                    REPLY_CONNECTION_REFUSED, REPLY_NOT_ALLOWED, REPLY_COMMAND,
                                    REPLY_ADDRESS_TYPE};
    static const uint8_t later[] = {REPLY_FAILURE,          REPLY_BAD_DESCRIPTOR,  REPLY_INTRO_FAILED,
                                    REPLY_NO_DESCRIPTOR,    REPLY_REND_FAILED,     REPLY_INTRO_TIMEOUT,
                                    REPLY_HOST_UNREACHABLE, REPLY_NET_UNREACHABLE, REPLY_TTL_EXPIRED};
    const uint8_t *at = f->end == TRY_PROXY_NO ? memchr(order, f->reply, sizeof order) : NULL;
    if (at)
        return (int)(at - order);
    at = f->end == TRY_PROXY_NO ? memchr(later, f->reply, sizeof later) : NULL;
    if (at)
        return 30 + (int)(at - later);
    switch (f->end) {
    case TRY_HTTP:
        return 20;
    case TRY_RUNNING:
        return f->granted ? 25 : 60;
    case TRY_PROXY_NO:
        return 40;
    default:
        return 50;
    }
}

const struct try_facts *telling_try(const struct observation *seen)
{
    const struct try_facts *best = NULL;
    for (size_t i = 0; i < seen->try_count; i++)
        if (seen->tries[i].end != TRY_ANSWERED && (!best || rank_of(&seen->tries[i]) < rank_of(best)))
            best = &seen->tries[i];
    return best;
}

/* ---- verdicts ---- */

/* One judgement at work. */
struct case_file {
    struct arena *arena;
    const struct options *options;
    const struct observation *seen;
    enum tor_health health;
    const char *evidence;
};

static struct verdict say(const char *service, enum plugin_state state, const char *text)
{
    bool service_fault = state == STATE_CRITICAL && !strcmp(service, "ONION");
    return (struct verdict){.state = text ? state : STATE_UNKNOWN,
                            .service = service,
                            .judged = true,
                            .text = text ? text : "out of memory",
                            .has_perfdata = true,
                            .about_service = service_fault};
}

static struct verdict tor_fault(const struct case_file *f, const char *text)
{
    struct verdict v = say("TOR", f->options->tor_critical ? STATE_CRITICAL : STATE_UNKNOWN, text);
    v.about_service = false;
    return v;
}

static struct verdict setup_fault(const struct case_file *f, const char *text)
{
    struct verdict v = say("ONION", f->options->auth_critical ? STATE_CRITICAL : STATE_UNKNOWN, text);
    v.about_service = false;
    return v;
}

static const char *place_of(const struct case_file *f)
{
    const struct endpoint *e = &f->options->socks;
    return e->path ? e->path : arena_printf(f->arena, "%s:%u", e->host, e->port);
}

/* The control port's own trouble is said, for somebody has configured it. */
static const char *control_remark(const struct case_file *f)
{
    const struct control_facts *c = &f->seen->control;
    switch (c->end) {
    case CONTROL_UNREACHABLE:
        return arena_printf(f->arena, "; the control port does not answer (%s)", err_text(c->error));
    case CONTROL_REFUSED:
        return arena_printf(f->arena, "; the control port refused us (%s)", c->refusal);
    case CONTROL_NO_COOKIE:
        return arena_printf(f->arena, "; cannot read the control port's cookie or password (%s)",
                            err_text(c->error));
    case CONTROL_NONSENSE:
        return "; --control is no Tor control port";
    default:
        return "";
    }
}

/* What is known of this Tor, as the end of a sentence about the service. */
static const char *health_remark(const struct case_file *f)
{
    switch (f->health) {
    case TOR_WELL:
        return arena_printf(f->arena, "; this tor is well (%s), so it is the service", f->evidence);
    case TOR_SEEMS_WELL:
        return arena_printf(f->arena, "; this tor seems well (%s), so it is probably the service",
                            f->evidence);
    default:
        return f->options->has_control || f->options->reference_count
                   ? ""
                   : "; whether it is the service or this tor, --control or --reference would tell";
    }
}

static const char *count_remark(const struct case_file *f)
{
    size_t count = f->seen->try_count;
    return count == 1 ? "" : arena_printf(f->arena, ", %zu of %zu circuits", count, count);
}

static const char *plain_remark(const struct case_file *f)
{
    return is_plain(f->seen) ? "; cannot tell more: add ExtendedErrors to the SocksPort line in torrc" : "";
}

static const char *descriptor_remark(const struct case_file *f)
{
    const struct control_facts *c = &f->seen->control;
    if (!*c->descriptor)
        return "";
    return arena_printf(f->arena, "; descriptor %s%s%s", c->descriptor, *c->descriptor_reason ? ": " : "",
                        c->descriptor_reason);
}

/* Anything that a sick Tor could cause as well as a dead service. */
static struct verdict path_fault(const struct case_file *f, const char *what,
                                 enum plugin_state without_evidence)
{
    if (f->health == TOR_SICK)
        return tor_fault(f, arena_printf(f->arena, "%s; not the service's fault: %s%s", what, f->evidence,
                                         control_remark(f)));
    enum plugin_state state = f->health == TOR_UNKNOWN ? without_evidence : STATE_CRITICAL;
    return say("ONION", state,
               arena_printf(f->arena, "%s%s%s%s%s%s", what, count_remark(f), descriptor_remark(f),
                            health_remark(f), plain_remark(f), control_remark(f)));
}

static struct verdict proxy_reply(const struct case_file *f, uint8_t reply)
{
    const char *words = words_of_reply(reply, !is_plain(f->seen));
    const char *text = arena_printf(f->arena, "%s (SOCKS %02X)", words, reply);
    switch (reply) {
    case REPLY_AUTH_MISSING:
    case REPLY_AUTH_WRONG:
        return setup_fault(f, text);
    case REPLY_BAD_ADDRESS: {
        struct verdict v = setup_fault(f, text);
        v.state = STATE_UNKNOWN;
        return v;
    }
    case REPLY_CONNECTION_REFUSED:
        return say(
            "ONION", STATE_CRITICAL,
            arena_printf(f->arena, "the service does not offer port %d (SOCKS 05)", f->seen->target.port));
    case REPLY_FAILURE:
        return is_plain(f->seen)
                   ? path_fault(f, text, STATE_CRITICAL)
                   : say("ONION", STATE_CRITICAL, arena_printf(f->arena, "%s%s", text, count_remark(f)));
    case REPLY_REND_FAILED:
    case REPLY_INTRO_TIMEOUT:
        return path_fault(f, text, STATE_UNKNOWN);
    case REPLY_HOST_UNREACHABLE:
    case REPLY_NO_DESCRIPTOR:
    case REPLY_BAD_DESCRIPTOR:
    case REPLY_INTRO_FAILED:
        return path_fault(f, text, STATE_CRITICAL);
    case REPLY_TTL_EXPIRED:
        if (f->health == TOR_WELL || f->health == TOR_SEEMS_WELL)
            return path_fault(f, text, STATE_CRITICAL);
        break;
    }
    return tor_fault(f, arena_printf(f->arena, "%s%s%s%s", text, f->health == TOR_SICK ? "; " : "",
                                     f->health == TOR_SICK ? f->evidence : "", control_remark(f)));
}

static struct verdict silence(const struct case_file *f, const struct try_facts *try)
{
    size_t count = f->seen->try_count;
    const char *circuits = arena_printf(f->arena, "%zu circuit%s", count, count == 1 ? "" : "s");
    if (try->granted)
        return say("ONION", f->options->timeout_state,
                   arena_printf(f->arena,
                                "no answer in %d s on %s: the service takes connections, its web server "
                                "is silent",
                                f->options->timeout_s, circuits));
    return path_fault(f, arena_printf(f->arena, "no answer in %d s", f->options->timeout_s),
                      f->options->timeout_state);
}

/* The service was reached; what came was not a whole answer. */
static struct verdict http_failure(const struct case_file *f, const struct try_facts *try)
{
    struct verdict v = judge_no_answer(f->arena, &f->seen->target, &try->answer);
    const char *count = count_remark(f);
    if (v.text && count)
        v.text = arena_printf(f->arena, "%s%s", v.text, count);
    v.has_perfdata = true;
    return v;
}

static struct verdict judge_try(const struct case_file *f, const struct try_facts *try)
{
    const char *at = place_of(f);
    switch (try->end) {
    case TRY_NO_PROXY:
        return tor_fault(
            f, arena_printf(f->arena, "nobody listens at %s (%s): no tor there, or its network is disabled%s",
                            at, err_text(try->leg_error), control_remark(f)));
    case TRY_PROXY_CLOSED:
        return tor_fault(f, arena_printf(f->arena, "the proxy at %s broke off (%s)%s%s%s", at,
                                         err_text(try->leg_error), f->health == TOR_SICK ? "; " : "",
                                         f->health == TOR_SICK ? f->evidence : "", control_remark(f)));
    case TRY_PROXY_AUTH:
        return tor_fault(f, arena_printf(f->arena, "the proxy at %s does not take our credentials", at));
    case TRY_NOT_SOCKS:
        return tor_fault(f, arena_printf(f->arena, "what listens at %s does not speak SOCKS5", at));
    case TRY_PROXY_NO:
        return proxy_reply(f, try->reply);
    case TRY_RUNNING:
        return silence(f, try);
    default:
        return http_failure(f, try);
    }
}

struct verdict judge_onion_failure(struct arena *arena, const struct options *options,
                                   const struct observation *seen, int64_t now_s)
{
    struct case_file f = {.arena = arena, .options = options, .seen = seen};
    if (seen->machine_error)
        return tor_fault(&f,
                         arena_printf(arena, "this check itself failed: %s", err_text(seen->machine_error)));
    if (seen->address != ONION_V3) {
        struct verdict v = say("ONION", STATE_UNKNOWN,
                               arena_printf(arena, "%s (this one has %zu)", words_of_address(seen->address),
                                            seen->address_letters));
        if (seen->address != ONION_LENGTH)
            v.text = words_of_address(seen->address);
        v.has_perfdata = v.about_service = false;
        return v;
    }
    if (seen->proxy_error)
        return tor_fault(&f, arena_printf(arena, "cannot find the proxy %s: %s", place_of(&f),
                                          err_text(seen->proxy_error)));
    const struct try_facts *try = telling_try(seen);
    if (!try)
        return tor_fault(&f, "no time to try");
    f.health = judge_health(arena, seen, now_s, &f.evidence);
    return judge_try(&f, try);
}

/* ---- clear names ---- */

static struct verdict no_socket(struct arena *arena, const struct observation *seen, const char *why)
{
    const char *peer = target_peer(&seen->target);
    struct verdict v =
        say("HTTP", STATE_CRITICAL,
            arena_printf(arena, "Unable to open TCP socket: connect to address %s and port %d: %s", peer,
                         seen->target.port, why));
    v.judged = v.has_perfdata = false;
    v.about_service = true;
    return v;
}

struct verdict judge_clear_failure(struct arena *arena, const struct options *o,
                                   const struct observation *seen)
{
    struct case_file f = {.arena = arena, .options = o, .seen = seen};
    const struct try_facts *try = telling_try(seen);
    struct verdict v;
    if (seen->proxy_error || seen->machine_error)
        return no_socket(arena, seen, err_text(seen->proxy_error ? seen->proxy_error : seen->machine_error));
    if (!try || try->end == TRY_RUNNING) {
        v = say("HTTP", o->timeout_state,
                arena_printf(arena, "Socket timeout after %d seconds", o->timeout_s));
        v.service = NULL;
        v.judged = v.has_perfdata = false;
        v.about_service = true;
        return v;
    }
    if (try->end == TRY_HTTP)
        return judge_no_answer(arena, &seen->target, &try->answer);
    if (try->end == TRY_PROXY_NO)
        return no_socket(arena, seen, words_of_clear_reply(try->reply));
    v = judge_try(&f, try);
    return no_socket(arena, seen, v.text);
}
