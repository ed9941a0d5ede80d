/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A report as JSON: the same for the daemon's control socket and for candorctl without a daemon. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text_stream.h"
#include "dns/name.h"
#include "rpz/guard.h"

static void put_text(FILE *out, const char *key, const char *text)
{
    fprintf(out, "\"%s\":\"", key);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    fputc('"', out);
}

static void put_name(FILE *out, const char *key, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    put_text(out, key, name_to_text(name, text));
}

static void put_number(FILE *out, const char *key, uint64_t number)
{
    fprintf(out, "\"%s\":%" PRIu64, key, number);
}

static const char *action_text(enum rpz_action action)
{
    return action == RPZ_NONE ? "none" : rpz_action_text(action);
}

static void put_reasons(FILE *out, const struct guard_report *report)
{
    char sentence[GUARD_TEXT_MAX];
    const char *separator = "";
    fputs("\"reasons\":[", out);
    for (unsigned i = 0; i < GUARD_REASONS; i++) {
        if (!((report->held | report->warned) & 1u << i))
            continue;
        fprintf(out, "%s{", separator);
        put_text(out, "reason", guard_reason_text((enum guard_reason)i));
        fprintf(out, ",\"holds\":%s,", report->held & 1u << i ? "true" : "false");
        put_text(out, "sentence", guard_sentence(report, (enum guard_reason)i, sentence));
        fputc('}', out);
        separator = ",";
    }
    fputs("],", out);
}

static void put_counts(FILE *out, const struct guard_report *report)
{
    const struct {
        const char *key;
        uint64_t value;
    } rules[] = {{"in_force", report->old_rules},
                 {"new", report->rules},
                 {"added", report->added},
                 {"removed", report->removed},
                 {"changed", report->changed}},
      queries[] = {{"seen", report->queries}, {"affected", report->affected}, {"step", report->step}};
    fputs("\"rules\":{", out);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        put_number(out, rules[i].key, rules[i].value);
        fputc(i + 1 < sizeof rules / sizeof *rules ? ',' : '}', out);
    }
    fputs(",\"queries\":{", out);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        put_number(out, queries[i].key, queries[i].value);
        fputc(',', out);
    }
    fprintf(out, "\"enough\":%s},", report->too_few_queries ? "false" : "true");
}

static void put_names(FILE *out, const struct guard_report *report)
{
    fputs("\"names\":[", out);
    for (size_t i = 0; i < report->name_count; i++) {
        const struct guard_name *name = &report->names[i];
        fputs(i ? ",{" : "{", out);
        put_name(out, "name", name->name);
        fputc(',', out);
        put_number(out, "queries", name->queries);
        fputc(',', out);
        put_text(out, "before", action_text(name->before));
        fputc(',', out);
        put_text(out, "after", action_text(name->after));
        fputc('}', out);
    }
    fputs("],", out);
}

static void put_finding(FILE *out, const struct guard_finding *finding)
{
    char rule[GUARD_TEXT_MAX];
    put_text(out, "reason", guard_reason_text(finding->reason));
    fputc(',', out);
    put_text(out, "rule", guard_rule_text(finding, rule));
    fputc(',', out);
    put_text(out, "trigger", rpz_trigger_text(finding->trigger));
    fputc(',', out);
    put_text(out, "action", action_text(finding->action));
    fputc(',', out);
    if (finding->reason == GUARD_PROTECTED) {
        put_name(out, "protected", finding->about);
        fputc(',', out);
    }
    put_number(out, "queries", finding->queries);
}

static void put_report(FILE *out, const struct guard_report *report)
{
    static const char *const verdicts[] = {
        [GUARD_PASSES] = "passes", [GUARD_PASSES_WARNED] = "warns", [GUARD_HELD] = "held"};
    fputc('{', out);
    put_text(out, "verdict", verdicts[report->verdict]);
    fprintf(out, ",\"first_load\":%s,", report->first_load ? "true" : "false");
    if (!report->first_load) {
        put_number(out, "in_force", report->old_serial);
        fputc(',', out);
    }
    put_number(out, "serial", report->serial);
    fputc(',', out);
    put_reasons(out, report);
    put_counts(out, report);
    put_names(out, report);
    fputs("\"findings\":[", out);
    for (size_t i = 0; i < report->finding_count; i++) {
        fputs(i ? ",{" : "{", out);
        put_finding(out, &report->findings[i]);
        fputc('}', out);
    }
    fputs("]}", out);
}

char *guard_report_json(const struct guard_report *report)
{
    struct text_stream text;
    if (text_stream_begin(&text))
        return NULL;
    put_report(text.to, report);
    return text_stream_end(&text);
}
