/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guard has found, in sentences for logs and operators. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dns/name.h"
#include "rpz/guard.h"

const char *guard_reason_text(enum guard_reason reason)
{
    static const char *const texts[GUARD_REASONS] = {
        [GUARD_AFFECTED] = "affected-queries",
        [GUARD_SUFFIX] = "public-suffix",
        [GUARD_PROTECTED] = "protected",
        [GUARD_WIDE_PREFIX] = "wide-prefix",
        [GUARD_CHANGE] = "change",
        [GUARD_EMPTIED] = "emptied",
    };
    return texts[reason];
}

/* A text that is cut where it is full. */
struct sentence {
    char *out;
    size_t used;
};

static void PRINTF_LIKE(2, 3) say(struct sentence *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(s->out + s->used, GUARD_TEXT_MAX - s->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        s->used += (size_t)length;
    if (s->used >= GUARD_TEXT_MAX)
        s->used = GUARD_TEXT_MAX - 1;
}

/* "12", "0.3": whole numbers where that is enough. */
static const char *percent(uint64_t part, uint64_t whole, char out[32])
{
    double value = whole ? 100.0 * (double)part / (double)whole : 0;
    snprintf(out, 32, value >= 10 || value == 0 ? "%.0f" : "%.1f", value);
    return out;
}

const char *guard_rule_text(const struct guard_finding *finding, char *out)
{
    static const char *const tails[RPZ_TRIGGERS] = {
        [RPZ_CLIENT_IP] = ".rpz-client-ip", [RPZ_IP] = ".rpz-ip", [RPZ_NSIP] = ".rpz-nsip"};
    char prefix[IP_TEXT_MAX];
    if (finding->prefix.address.family != IP_NONE)
        snprintf(out, GUARD_TEXT_MAX, "%s%s", prefix_to_text(&finding->prefix, prefix),
                 tails[finding->trigger]);
    else
        name_to_text_nodot(finding->owner, out);
    return out;
}

/* --- one sentence each --- */

static void say_affected(struct sentence *s, const struct guard_report *report)
{
    char share[32], name[NAME_TEXT_MAX];
    if (report->held_on)
        say(s,
            "follows a version that is held for the queries that it would have changed, and too few (%" PRIu64
            ") have been seen since the start to weigh that anew",
            report->queries);
    else
        say(s, "would change the answer to %s %% of the last hour's queries",
            percent(report->affected, report->queries, share));
    if (report->name_count)
        say(s, "; the largest: %s, %" PRIu64 " queries", name_to_text_nodot(report->names[0].name, name),
            report->names[0].queries);
}

static void say_change(struct sentence *s, const struct guard_report *report)
{
    char share[32];
    uint64_t changes = report->added + report->removed + report->changed;
    say(s,
        "would change %s %% of the %" PRIu64 " rules in force (%" PRIu64 " added, %" PRIu64
        " removed, %" PRIu64 " changed)",
        percent(changes, report->old_rules, share), report->old_rules, report->added, report->removed,
        report->changed);
}

static void say_emptied(struct sentence *s, const struct guard_report *report)
{
    say(s, "would leave the zone without a rule (%" PRIu64 " are in force)", report->old_rules);
}

static void say_finding(struct sentence *s, const struct guard_finding *finding)
{
    char rule[GUARD_TEXT_MAX], name[NAME_TEXT_MAX];
    say(s, " %s (%s", guard_rule_text(finding, rule), rpz_action_text(finding->action));
    if (finding->reason == GUARD_PROTECTED)
        say(s, ", hits %s", name_to_text_nodot(finding->about, name));
    say(s, ")");
}

static void say_rules(struct sentence *s, const struct guard_report *report, enum guard_reason reason)
{
    enum { SHOWN = 5 };
    static const char *const what[GUARD_REASONS] = {
        [GUARD_SUFFIX] = "for the root or a public suffix",
        [GUARD_PROTECTED] = "on a protected name",
        [GUARD_WIDE_PREFIX] = "for a wide block of addresses",
    };
    uint64_t count = report->found[reason];
    unsigned shown = 0;
    say(s, "has %" PRIu64 " new rule%s %s:", count, count == 1 ? "" : "s", what[reason]);
    for (size_t i = 0; i < report->finding_count && shown < SHOWN; i++) {
        if (report->findings[i].reason != reason)
            continue;
        say(s, "%s", shown++ ? "," : "");
        say_finding(s, &report->findings[i]);
    }
    if (count > shown)
        say(s, " and %" PRIu64 " more", count - shown);
}

const char *guard_sentence(const struct guard_report *report, enum guard_reason reason, char *out)
{
    struct sentence s = {out, 0};
    out[0] = 0;
    switch (reason) {
    case GUARD_AFFECTED:
        say_affected(&s, report);
        break;
    case GUARD_CHANGE:
        say_change(&s, report);
        break;
    case GUARD_EMPTIED:
        say_emptied(&s, report);
        break;
    default:
        say_rules(&s, report, reason);
        break;
    }
    return out;
}
