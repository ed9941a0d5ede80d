// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/print.h"

#include "check_http_onion/judge_tor.h"
#include "check_http_onion/prometheus.h"
#include "plugin/perfdata.h"
#include "plugin/result.h"
#include "plugin/text.h"

#include <math.h>
#include <string.h>

/* The answer whose figures are shown: the good one, or what came of the most telling try. */
const struct try_facts *shown_try(const struct observation *seen)
{
    return seen->chosen >= 0 ? &seen->tries[seen->chosen] : telling_try(seen);
}

static void add(struct arena *arena, char **text, const struct perf_item *item, const char *separator)
{
    char *one = perf_item_text(arena, item);
    char *all = one && *text ? arena_printf(arena, "%s%s%s", *text, **text ? separator : "", one) : NULL;
    *text = all;
}

/* The upper bound of a threshold, which is what check_http shows; 0 for none. */
static double shown_bound(bool given, const struct range *range)
{
    return !given ? NAN : isinf(range->end) ? 0 : range->end;
}

static void add_time(struct arena *arena, char **text, const struct options *o, double elapsed_s)
{
    struct perf_item item = perf_item("time", elapsed_s, "s", 6);
    item.warn = shown_bound(o->has_warn, &o->warn);
    item.crit = shown_bound(o->has_crit, &o->crit);
    item.min = 0;
    item.max = o->timeout_s;
    add(arena, text, &item, " ");
}

static void add_size(struct arena *arena, char **text, const struct options *o,
                     const struct http_answer *answer)
{
    struct perf_item item = perf_item("size", answer ? (double)answer->wire_bytes : 0, "B", 0);
    if (o->size_min > 0) {
        item.warn = o->size_min;
        item.crit = 0;
    }
    item.min = 0;
    add(arena, text, &item, " ");
}

/* A time of -E. */
static void add_phase(struct arena *arena, char **text, const char *label, double value_s, double max_s,
                      const char *separator)
{
    struct perf_item item = perf_item(label, value_s > 0 ? value_s : 0, "s", 6);
    item.max = max_s;
    add(arena, text, &item, separator);
}

static double handshake_s(const struct http_answer *a)
{
    return a->tls_s > 0 ? a->tls_s : a->connected_s;
}

/* check_http's own figures; without TLS there are two spaces where time_ssl would be, as there. */
static void add_extended(struct arena *arena, char **text, const struct options *o, const struct try_facts *t,
                         bool tls)
{
    const struct http_answer *a = &t->answer;
    add_phase(arena, text, "time_connect", a->connected_s + t->ready_s, o->timeout_s, " ");
    if (tls)
        add_phase(arena, text, "time_ssl", a->tls_s - a->connected_s, o->timeout_s, " ");
    add_phase(arena, text, "time_headers", a->requested_s - handshake_s(a), o->timeout_s, tls ? " " : "  ");
    add_phase(arena, text, "time_firstbyte", a->firstbyte_s - a->requested_s, o->timeout_s, " ");
    add_phase(arena, text, "time_transfer", a->total_s - a->requested_s, o->timeout_s, " ");
}

static void add_count(struct arena *arena, char **text, const char *label, double value, double max)
{
    struct perf_item item = perf_item(label, value, "", 0);
    item.min = 0;
    item.max = max;
    add(arena, text, &item, " ");
}

/* What an onion's check knows besides. */
static void add_onion(struct arena *arena, char **text, const struct options *o, const struct report *r,
                      const struct try_facts *t)
{
    const struct observation *seen = &r->seen;
    static const struct http_answer none;
    const struct http_answer *a = t ? &t->answer : &none;
    double max_s = o->timeout_s;
    add_phase(arena, text, "time_socks", t ? t->ready_s : 0, max_s, " ");
    if (seen->target.tls)
        add_phase(arena, text, "time_tls", a->tls_s - a->connected_s, max_s, " ");
    add_phase(arena, text, "time_firstbyte", a->firstbyte_s - a->requested_s, max_s, " ");
    add_phase(arena, text, "time_transfer", a->total_s - a->requested_s, max_s, " ");
    if (o->extended_perfdata) {
        add_phase(arena, text, "time_connect", a->connected_s + (t ? t->ready_s : 0), max_s, " ");
        add_phase(arena, text, "time_headers", a->requested_s - handshake_s(a), max_s, " ");
    }
    add_count(arena, text, "circuits", (double)seen->try_count, o->circuits);
    add_count(arena, text, "circuits_failed", (double)circuits_failed(seen), o->circuits);
    if (t && t->end == TRY_PROXY_NO)
        add_count(arena, text, "socks_code", t->reply, 255);
    if (seen->control.bootstrap_percent >= 0 && seen->control.end == CONTROL_ANSWERED) {
        struct perf_item item = perf_item("bootstrap", seen->control.bootstrap_percent, "%", 0);
        item.min = 0;
        item.max = 100;
        add(arena, text, &item, " ");
    }
}

char *print_perfdata(struct arena *arena, const struct options *o, const struct report *r)
{
    char *text = "";
    const struct try_facts *t = shown_try(&r->seen);
    add_time(arena, &text, o, r->elapsed_s);
    add_size(arena, &text, o, t ? &t->answer : NULL);
    if (r->seen.onion)
        add_onion(arena, &text, o, r, t);
    else if (o->extended_perfdata && t)
        add_extended(arena, &text, o, t, r->seen.target.tls);
    if (r->state_kept) {
        struct perf_item item = perf_item("failing", r->failing_s, "s", 0);
        item.crit = o->patience_s;
        item.min = 0;
        add(arena, &text, &item, " ");
    }
    return text ? text : "";
}

char *print_line(struct arena *arena, const struct verdict *v)
{
    char *line = v->service ? arena_printf(arena, "%s %s%s%s", v->service, state_text(v->state),
                                           v->judged ? ": " : " - ", v->text)
                            : arena_printf(arena, "%s - %s", state_text(v->state), v->text);
    return line ? text_make_safe(line, false) : NULL;
}

static const char *safe_lines(struct arena *arena, const char *text)
{
    char *copy = text ? arena_strdup(arena, text) : NULL;
    return copy ? text_make_safe(copy, true) : NULL;
}

static int print_plugin(struct arena *arena, const struct options *o, const struct report *r, FILE *to)
{
    struct target target = target_of_options(o);
    const char *url = o->link ? target_url(arena, &target) : NULL, *said = safe_lines(arena, r->before);
    char *link = url ? arena_printf(arena, "<A HREF=\"%s\" target=\"_blank\">", url) : NULL;
    bool has_perfdata = r->verdict.has_perfdata;
    struct plugin_result result = {
        .state = r->verdict.state,
        .before = arena_printf(arena, "%s%s", link ? text_make_safe(link, false) : "", said ? said : ""),
        .line = print_line(arena, &r->verdict),
        .perfdata = has_perfdata ? print_perfdata(arena, o, r) : NULL,
        .after = safe_lines(arena, r->after),
    };
    if (!result.line)
        result.line = "UNKNOWN - out of memory";
    return result_print(&result, to) ? STATE_UNKNOWN : (int)result.state;
}

int print_report(struct arena *arena, const struct options *o, const struct report *r, FILE *to)
{
    return o->output == OUTPUT_PROMETHEUS ? prometheus_print(arena, o, r, to) : print_plugin(arena, o, r, to);
}
