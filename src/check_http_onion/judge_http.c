// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/judge_http.h"

#include "check_http_onion/headers.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char NO_MEMORY[] = "out of memory";

static struct verdict no_memory(void)
{
    return (struct verdict){.state = STATE_UNKNOWN, .service = "HTTP", .text = NO_MEMORY};
}

static struct verdict say(enum plugin_state state, bool judged, const char *text)
{
    if (!text)
        return no_memory();
    return (struct verdict){
        .state = state, .service = "HTTP", .judged = judged, .text = text, .about_service = true};
}

/* ---- taking the answer apart ---- */

/* A copy without zero bytes, which would hide what follows them. */
static char *copy_visible(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    for (size_t i = 0; copy && i < length; i++)
        copy[i] = bytes[i] ? bytes[i] : ' ';
    if (copy)
        copy[length] = 0;
    return copy;
}

/* "HTTP/1.1 200 OK": three digits after the first space. */
static int status_of(const char *status_line)
{
    const char *space = strchr(status_line, ' ');
    if (!space || strspn(space + 1, "0123456789") != 3)
        return 0;
    int status = atoi(space + 1);
    return status >= 100 && status < 600 ? status : 0;
}

int answer_split(struct arena *arena, const struct http_answer *answer, struct answer_head *out)
{
    const struct http_buffer *head = answer->head.length ? &answer->head : &answer->body;
    char *text = copy_visible(arena, head->bytes, head->length);
    if (!text)
        return ERR_NOMEM;
    char *end = text + strcspn(text, "\r\n"), *headers = end + strspn(end, "\r\n");
    if (headers - end > 2 || (headers - end == 2 && *end == '\n'))
        headers = text + head->length; /* a blank line right after the status line */
    *end = 0;
    char *last = text + head->length;
    while (last > headers && (last[-1] == '\r' || last[-1] == '\n'))
        *--last = 0;
    while (end > text && isspace((unsigned char)end[-1]))
        *--end = 0;
    const char *body = answer->body.bytes ? answer->body.bytes : "";
    *out = (struct answer_head){
        .status_line = text, .headers = headers, .body = body, .status = status_of(text)};
    return 0;
}

bool answer_redirects(const struct options *o, const struct answer_head *head)
{
    return !o->expect && o->on_redirect == REDIRECT_FOLLOW && head->status >= 300 && head->status < 400;
}

/* ---- complaints ---- */

/* Complaints gathered so far: the worst state, and the texts joined by ", ". */
struct complaints {
    struct arena *arena;
    enum plugin_state state;
    const char *text; /* NULL: memory is out */
};

static void complain(struct complaints *c, enum plugin_state state, const char *text)
{
    c->state = state_worse(state, c->state);
    if (!text || !c->text)
        c->text = NULL;
    else
        c->text = *c->text ? arena_printf(c->arena, "%s, %s", c->text, text) : text;
}

static void judge_age(struct complaints *c, const struct options *o, const char *headers)
{
    const char *date = header_value(c->arena, headers, "Date");
    const char *modified = header_value(c->arena, headers, "Last-Modified");
    if (!date || !*date)
        return complain(c, STATE_UNKNOWN, "Server date unknown");
    if (!modified || !*modified)
        return complain(c, STATE_CRITICAL, "Document modification date unknown");
    int64_t server_s = http_date_s(date), document_s = http_date_s(modified), age_s = server_s - document_s;
    const char *text = NULL;
    if (!server_s)
        text = arena_printf(c->arena, "Server date \"%100s\" unparsable", date);
    else if (!document_s)
        text = arena_printf(c->arena, "Document date \"%100s\" unparsable", modified);
    else if (age_s < -30)
        text = arena_printf(c->arena, "Document is %" PRId64 " seconds in the future", -age_s);
    else if (age_s <= o->max_age_s)
        return;
    else if (age_s > 2 * 86400)
        text = arena_printf(c->arena, "Last modified %.1f days ago", (double)age_s / 86400);
    else
        text = arena_printf(c->arena, "Last modified %d:%02d:%02d ago", (int)age_s / 3600,
                            (int)age_s / 60 % 60, (int)age_s % 60);
    complain(c, STATE_CRITICAL, text);
}

/* -s and -d: a long string is shown by its beginning. */
static void judge_string(struct complaints *c, const char *what, const char *wanted, const char *in,
                         const struct target *target)
{
    enum { SHOWN = 29, CUT = 26 };
    char *cut = arena_printf(c->arena, "%.*s", EXPECT_MAX - 1, wanted);
    if (!cut || !*cut || strstr(in, cut))
        return;
    bool is_long = strlen(cut) > SHOWN;
    complain(c, STATE_CRITICAL,
             arena_printf(c->arena, "%s '%.*s%s' not found on '%s'", what, is_long ? CUT : SHOWN, cut,
                          is_long ? "..." : "", target_url(c->arena, target)));
}

static void judge_pattern(struct complaints *c, const struct options *o, const char *body)
{
    int result = regexec(&o->pattern, body, 0, NULL, 0);
    char why[200];
    if (result && result != REG_NOMATCH) {
        regerror(result, &o->pattern, why, sizeof why);
        complain(c, STATE_CRITICAL, arena_printf(c->arena, "Execute Error: %s", why));
    } else if ((result == 0) == o->invert_pattern) {
        complain(c, STATE_CRITICAL, o->invert_pattern ? "pattern found" : "pattern not found");
    }
}

static void judge_size(struct complaints *c, const struct options *o, uint64_t bytes)
{
    bool large = o->size_max > 0 && bytes > (uint64_t)o->size_max;
    bool small = o->size_min > 0 && bytes < (uint64_t)o->size_min;
    if (large || small)
        complain(c, STATE_WARNING,
                 arena_printf(c->arena, "page size %" PRIu64 " too %s", bytes, large ? "large" : "small"));
}

static enum plugin_state state_of_status(const struct options *o, int status)
{
    if (status >= 500)
        return STATE_CRITICAL;
    if (status >= 400)
        return STATE_WARNING;
    return status >= 300 && o->on_redirect == REDIRECT_STATE ? o->redirect_state : STATE_OK;
}

static enum plugin_state state_of_time(const struct options *o, double elapsed_s)
{
    if (o->has_crit && range_alerts(&o->crit, elapsed_s))
        return STATE_CRITICAL;
    return o->has_warn && range_alerts(&o->warn, elapsed_s) ? STATE_WARNING : STATE_OK;
}

/* ---- the whole answer ---- */

/* Any of the comma-separated words in the status line? */
static bool expected(struct arena *arena, const char *status_line, const char *words)
{
    char *copy = arena_printf(arena, "%.*s", EXPECT_MAX - 1, words), *rest = NULL;
    for (char *word = copy ? strtok_r(copy, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest))
        if (strstr(status_line, word))
            return true;
    return false;
}

static struct verdict not_expected(struct arena *arena, const struct target *target, const char *status_line)
{
    static const char WHAT[] = "Invalid HTTP response received from host";
    return say(STATE_CRITICAL, false,
               target->port == 80
                   ? arena_printf(arena, "%s: %s", WHAT, status_line)
                   : arena_printf(arena, "%s on port %d: %s", WHAT, target->port, status_line));
}

static struct verdict bad_status(struct arena *arena, const char *status_line)
{
    const char *space = strchr(status_line, ' ');
    bool three = space && strspn(space + 1, "0123456789") == 3;
    return say(STATE_CRITICAL, true,
               arena_printf(arena, "Invalid Status%s (%s)", three ? "" : " Line", status_line));
}

static struct complaints judge_content(struct arena *arena, const struct options *o,
                                       const struct target *target, const struct http_answer *answer,
                                       const struct answer_head *head)
{
    struct complaints c = {arena, STATE_OK, ""};
    if (!o->expect)
        c.state = state_of_status(o, head->status);
    if (o->max_age_s >= 0)
        judge_age(&c, o, head->headers);
    if (o->header_string)
        judge_string(&c, "header", o->header_string, head->headers, target);
    if (o->body_string)
        judge_string(&c, "string", o->body_string, head->body, target);
    if (o->has_pattern)
        judge_pattern(&c, o, head->body);
    judge_size(&c, o, answer->wire_bytes);
    return c;
}

struct verdict judge_answer(struct arena *arena, const struct options *o, const struct target *target,
                            const struct http_answer *answer, double elapsed_s,
                            const struct judge_extras *extras)
{
    struct answer_head head;
    if (answer_split(arena, answer, &head))
        return no_memory();
    if (!expected(arena, head.status_line, o->expect ? o->expect : "HTTP/1."))
        return not_expected(arena, target, head.status_line);
    if (!o->expect && !head.status)
        return bad_status(arena, head.status_line);
    struct complaints c = judge_content(arena, o, target, answer, &head);
    if (extras->first)
        c.state = STATE_CRITICAL;
    if (extras->remark)
        complain(&c, extras->remark_state, extras->remark);
    if (!c.text)
        return no_memory();
    const char *subject =
        o->expect ? arena_printf(arena, "Status line output matched \"%.*s\"", EXPECT_MAX - 1, o->expect)
                  : head.status_line;
    c.state = state_worse(state_of_time(o, elapsed_s), c.state);
    struct verdict verdict =
        say(c.state, true,
            arena_printf(arena, "%s%s%s%s%s - %" PRIu64 " bytes in %.3f second response time %s",
                         extras->first ? extras->first : "", extras->first ? " - " : "", subject,
                         *c.text ? " - " : "", c.text, answer->wire_bytes, elapsed_s, o->link ? "</A>" : ""));
    verdict.has_perfdata = true;
    return verdict;
}

const char *judge_cut(struct arena *arena, const struct http_answer *a)
{
    if (a->end == HTTP_BAD_CHUNKS)
        return "Failed to unchunk message body";
    if (a->end != HTTP_CUT)
        return NULL;
    if (!a->body_wire_bytes && a->announced_bytes < 0)
        return "answer cut in its headers";
    if (a->announced_bytes < 0)
        return arena_printf(arena, "body cut at %" PRIu64 " bytes", a->body_wire_bytes);
    return arena_printf(arena, "body cut at %" PRIu64 " of %" PRId64 " bytes", a->body_wire_bytes,
                        a->announced_bytes);
}

/* ---- no answer ---- */

static struct verdict no_connection(struct arena *arena, const struct target *target,
                                    const struct http_answer *a)
{
    static const char WHAT[] = "Unable to open TCP socket";
    const char *why = a->os_errno ? strerrordesc_np(a->os_errno) : *a->error ? a->error : "no connection";
    const char *peer = target_peer(target);
    if (a->end == HTTP_NO_NAME)
        return say(STATE_CRITICAL, false, arena_printf(arena, "%s: %s", WHAT, a->error));
    if (*peer == '/')
        return say(STATE_CRITICAL, false,
                   arena_printf(arena, "%s: connect to file socket %s: %s", WHAT, peer, why));
    return say(
        STATE_CRITICAL, false,
        arena_printf(arena, "%s: connect to address %s and port %d: %s", WHAT, peer, target->port, why));
}

/* "OpenSSL/3.0.1: error:0A00010B:SSL routines::wrong version number": the reason is at the end. */
static const char *tls_reason(const char *error)
{
    const char *at = strstr(error, "error:") ? strrchr(error, ':') : NULL;
    if (strstr(error, "SSL_ERROR_SYSCALL")) /* libcurl goes on with an address that it made up from ours */
        return "the connection was closed";
    return at && at[1] ? at + 1 : error;
}

struct verdict judge_no_answer(struct arena *arena, const struct target *target, const struct http_answer *a)
{
    struct verdict verdict;
    switch (a->end) {
    case HTTP_NO_NAME:
    case HTTP_NO_CONNECTION:
        return no_connection(arena, target, a);
    case HTTP_NO_TLS:
        verdict = say(STATE_CRITICAL, false,
                      arena_printf(arena, "Cannot make SSL connection: %s", tls_reason(a->error)));
        verdict.service = NULL;
        return verdict;
    case HTTP_NO_TUNNEL:
        return say(STATE_CRITICAL, false, arena_printf(arena, "the proxy makes no tunnel: %s", a->error));
    case HTTP_EMPTY:
        return say(STATE_CRITICAL, false, "No data received from host");
    case HTTP_UNREADABLE:
        return say(STATE_CRITICAL, false,
                   arena_printf(arena, "Invalid HTTP response received from host: %s", a->error));
    case HTTP_RECEIVE_FAILED:
        return say(STATE_CRITICAL, false,
                   arena_printf(arena, "Error on receive: %s",
                                a->os_errno ? strerrordesc_np(a->os_errno) : a->error));
    default:
        verdict = say(STATE_UNKNOWN, false, arena_printf(arena, "%s", *a->error ? a->error : "no answer"));
        verdict.about_service = false;
        return verdict;
    }
}

/* ---- certificate ---- */

static enum plugin_state state_of_days(const struct options *o, int days)
{
    return days > o->certificate_crit_days ? STATE_WARNING : STATE_CRITICAL;
}

static struct verdict say_certificate(enum plugin_state state, const char *text)
{
    struct verdict verdict = say(state, false, text);
    verdict.service = NULL;
    return verdict;
}

struct verdict judge_certificate(struct arena *arena, const struct options *o,
                                 const struct certificate_facts *f, int64_t now_s)
{
    char when[80];
    time_t end = (time_t)f->not_after_s;
    struct tm local;
    int64_t left_s = f->not_after_s - now_s;
    int days = (int)(left_s / 86400), hours = (int)(left_s / 3600);
    if (!f->seen)
        return say_certificate(STATE_CRITICAL, "Cannot retrieve server certificate.");
    if (!f->dates_readable || !localtime_r(&end, &local))
        return say_certificate(STATE_CRITICAL, "Wrong time format in certificate.");
    strftime(when, sizeof when, "%a %b %e %H:%M:%S %Y %z", &local);
    if (days > 0 && days <= o->certificate_warn_days)
        return say_certificate(
            state_of_days(o, days),
            arena_printf(arena, "Certificate '%s' expires in %d day(s) (%s).", f->common_name, days, when));
    if (days == 0 && left_s > 0)
        return say_certificate(state_of_days(o, 0),
                               arena_printf(arena, "Certificate '%s' expires in %d %s (%s)", f->common_name,
                                            hours > 0 ? hours : (int)left_s / 60,
                                            hours > 0 ? "hours" : "minutes", when));
    if (left_s < 0)
        return say_certificate(STATE_CRITICAL,
                               arena_printf(arena, "Certificate '%s' expired on %s.", f->common_name, when));
    if (days == 0)
        return say_certificate(state_of_days(o, 0), arena_printf(arena, "Certificate '%s' just expired (%s).",
                                                                 f->common_name, when));
    return say_certificate(STATE_OK,
                           arena_printf(arena, "Certificate '%s' will expire on %s.", f->common_name, when));
}

/* ---- redirects ---- */

struct verdict judge_redirect(struct arena *arena, const struct options *o, enum redirect_verdict why,
                              const struct target *place, const char *status_line)
{
    const char *end = o->link ? "</A>" : "";
    const char *url = why == REDIRECT_LOOP || why == REDIRECT_TOO_MANY ? target_url(arena, place) : "";
    switch (why) {
    case REDIRECT_NO_PLACE:
        return say(STATE_UNKNOWN, false,
                   arena_printf(arena, "Could not find redirect location - %s%s", status_line, end));
    case REDIRECT_EMPTY:
        return say(STATE_UNKNOWN, false, arena_printf(arena, "Empty redirect location%s", end));
    case REDIRECT_TOO_MANY:
        return say(
            STATE_WARNING, false,
            arena_printf(arena, "maximum redirection depth %d exceeded - %s%s", o->redirects_max, url, end));
    case REDIRECT_LOOP:
        return say(STATE_CRITICAL, false,
                   arena_printf(arena, "redirection creates an infinite loop - %s%s", url, end));
    case REDIRECT_BAD_PORT:
        return say(STATE_UNKNOWN, false, arena_printf(arena, "Redirection to port above 65535%s", end));
    default:
        return say(STATE_UNKNOWN, false,
                   arena_printf(arena, "Could not parse redirect location - %s%s", status_line, end));
    }
}
