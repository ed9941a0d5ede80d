// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/prometheus.h"

#include "base/clock.h"
#include "check_http_onion/print.h"

#include <string.h>

/* A label's value: backslash, quote and newline are escaped. */
static char *label_value(struct arena *arena, const char *text)
{
    char *out = arena_alloc(arena, strlen(text) * 2 + 1), *to = out;
    for (; out && *text; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n')
            *to++ = '\\';
        *to++ = *text == '\n' ? 'n' : *text;
    }
    if (out)
        *to = 0;
    return out;
}

/* check_http's line ends with a space before its performance data. */
static char *trimmed(char *line)
{
    for (size_t length = line ? strlen(line) : 0; length && line[length - 1] == ' ';)
        line[--length] = 0;
    return line;
}

struct metric {
    const char *name, *help;
    double value;
    bool known;
};

static void print_metric(FILE *to, const struct metric *m, const char *target)
{
    if (!m->known)
        return;
    fprintf(to, "# HELP check_http_onion_%s %s\n# TYPE check_http_onion_%s gauge\n", m->name, m->help,
            m->name);
    fprintf(to, "check_http_onion_%s{target=\"%s\"} %.10g\n", m->name, target, m->value);
}

int prometheus_print(struct arena *arena, const struct options *o, const struct report *r, FILE *to)
{
    struct target first = target_of_options(o);
    const char *url = target_url(arena, &first), *line = trimmed(print_line(arena, &r->verdict));
    const char *target = url ? label_value(arena, url) : NULL, *text = line ? label_value(arena, line) : NULL;
    const struct try_facts *t = shown_try(&r->seen);
    bool onion = r->seen.onion, answered = r->seen.chosen >= 0;
    if (!target || !text)
        return STATE_UNKNOWN;
    const struct metric metrics[] = {
        {"up", "1 when a whole answer came", answered, true},
        {"state", "0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN", r->verdict.state, true},
        {"duration_seconds", "time of the whole check", r->elapsed_s, true},
        {"size_bytes", "the answer as on the wire", answered ? (double)t->answer.wire_bytes : 0, answered},
        {"socks_seconds", "until Tor had made the connection", t ? t->ready_s : 0,
         onion && t && t->ready_s > 0},
        {"first_byte_seconds", "from the request to the first byte",
         answered ? t->answer.firstbyte_s - t->answer.requested_s : 0, answered},
        {"circuits", "circuits used", (double)r->seen.try_count, onion},
        {"circuits_failed", "circuits that failed", (double)circuits_failed(&r->seen), onion},
        {"socks_code", "reply of the SOCKS proxy", t ? t->reply : 0, onion && t && t->end == TRY_PROXY_NO},
        {"bootstrap_ratio", "how far this tor has bootstrapped", r->seen.control.bootstrap_percent / 100.0,
         r->seen.control.end == CONTROL_ANSWERED && r->seen.control.bootstrap_percent >= 0},
        {"failing_seconds", "how long the service has been failing", r->failing_s, r->state_kept},
        {"checked_timestamp_seconds", "when this was", (double)clock_wall_s(), true},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        print_metric(to, &metrics[i], target);
    fprintf(to, "# HELP check_http_onion_info the result in words\n# TYPE check_http_onion_info gauge\n");
    fprintf(to, "check_http_onion_info{target=\"%s\",state=\"%s\",text=\"%s\"} 1\n", target,
            state_text(r->verdict.state), text);
    return fflush(to) || ferror(to) ? STATE_UNKNOWN : (int)r->verdict.state;
}
