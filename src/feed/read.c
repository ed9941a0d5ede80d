/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list becomes a policy zone: the lines are read, judged as a whole, and written as records. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "feed/formats.h"
#include "zone/changes.h"

enum { RULE_TTL_S = 300, EXPIRE_S = 604800 };

/* The zone being written. */
struct writing {
    const struct feed_options *options;
    struct feed_report *report;
    struct zone_draft *draft;
    uint8_t cname[255]; /* target of the CNAME that a blocked name gets; used when there is one */
    uint16_t cname_length;
    uint64_t too_long;
};

void report_skip(struct feed_report *report, enum feed_skip skip, uint64_t line)
{
    if (!report->skipped[skip]++)
        report->first_line[skip] = line;
}

/* --- records --- */

/* An enum rpz_skip, ERR_INVALID (no place in the zone) or ERR_NOMEM. */
static int put_record(struct writing *w, const struct policy_record *record)
{
    const char *why;
    uint64_t hash = hash_bytes(record->type, record->owner, name_length(record->owner));
    int kind = zone_draft_add(w->draft, record, &why);
    if (kind < 0)
        return kind;
    w->report->records++;
    w->report->fingerprint += hash_bytes(hash, record->rdata, record->rdata_length);
    if (w->options->progress_records)
        atomic_store_explicit(w->options->progress_records, w->report->records, memory_order_relaxed);
    return kind;
}

static int put(struct writing *w, const uint8_t *owner, uint16_t type, const void *rdata, size_t length)
{
    struct policy_record record = {.owner = owner,
                                   .type = type,
                                   .rclass = CLASS_IN,
                                   .ttl_s = RULE_TTL_S,
                                   .rdata = rdata,
                                   .rdata_length = (uint16_t)length};
    int kind = put_record(w, &record);
    return kind == ERR_INVALID || kind > 0 ? 0 : kind;
}

static int put_addresses(struct writing *w, const uint8_t *owner)
{
    int error = 0;
    for (size_t i = 0; i < 2 && !error; i++) {
        const struct ip_address *address = &w->options->action.addresses[i];
        if (address->family != IP_NONE)
            error = put(w, owner, address->family == IP_V4 ? TYPE_A : TYPE_AAAA, address->bytes,
                        ip_bits(address->family) / 8);
    }
    return error;
}

/* rules_each_fn: a rule as records. */
static int put_rule(void *context, const uint8_t *name, bool wildcard, bool allow)
{
    static const uint8_t passthru[] = "\14rpz-passthru";
    struct writing *w = context;
    uint8_t owner[NAME_MAX_BYTES], starred[NAME_MAX_BYTES + 2] = "\1*";
    if (wildcard)
        name_copy(starred + 2, name);
    if (name_join(wildcard ? starred : name, w->options->origin, owner) < 0) {
        w->too_long++;
        return 0;
    }
    if (allow)
        return put(w, owner, TYPE_CNAME, passthru, sizeof passthru);
    return w->cname_length ? put(w, owner, TYPE_CNAME, w->cname, w->cname_length) : put_addresses(w, owner);
}

/* --- the apex --- */

static void host_to_name(const char *host, uint8_t out[NAME_MAX_BYTES])
{
    if (!host || name_from_text(host, NULL, out) < 0)
        name_copy(out, (const uint8_t *)"\7invalid");
}

/* Who is responsible stands in the SOA: the host that the list comes from. */
static size_t make_soa(const struct feed_options *options, uint8_t out[3 * NAME_MAX_BYTES])
{
    uint8_t host[NAME_MAX_BYTES], mailbox[NAME_MAX_BYTES];
    struct writer w = writer_of(out, 3 * NAME_MAX_BYTES);
    host_to_name(options->host, host);
    if (name_join((const uint8_t *)"\12hostmaster", host, mailbox) < 0)
        name_copy(mailbox, host);
    write_bytes(&w, host, name_length(host));
    write_bytes(&w, mailbox, name_length(mailbox));
    write_u32(&w, options->serial);
    write_u32(&w, options->refresh_s);
    write_u32(&w, options->retry_s);
    write_u32(&w, EXPIRE_S);
    write_u32(&w, RULE_TTL_S);
    return writer_used(&w);
}

static int put_apex(struct writing *w)
{
    static const uint8_t nobody[] = "\11localhost";
    uint8_t soa[3 * NAME_MAX_BYTES];
    int error = put(w, w->options->origin, TYPE_SOA, soa, make_soa(w->options, soa));
    if (!error)
        error = put(w, w->options->origin, TYPE_NS, nobody, sizeof nobody);
    w->report->fingerprint = 0; /* the rules' only */
    return error;
}

/* --- the lines --- */

bool skip_is_foreseen(enum feed_skip skip)
{
    static const bool foreseen[FEED_SKIPS] = {
        [FEED_KEPT] = true,          [FEED_SKIP_LOCAL] = true,   [FEED_SKIP_ELSEWHERE] = true,
        [FEED_SKIP_COSMETIC] = true, [FEED_SKIP_PATTERN] = true, [FEED_SKIP_MODIFIER] = true,
    };
    return foreseen[skip];
}

static int read_lines(struct reading *reading, const void *bytes, size_t length)
{
    static read_line_fn *const readers[FEED_FORMATS] = {[FEED_FORMAT_DOMAINS] = domains_line,
                                                        [FEED_FORMAT_HOSTS] = hosts_line,
                                                        [FEED_FORMAT_ADBLOCK] = adblock_line};
    read_line_fn *read_line = readers[reading->options->format];
    struct lines lines = lines_of(bytes, length);
    struct feed_report *report = reading->report;
    struct span text;
    int error = 0;
    while (!error && lines_next(&lines, &text)) {
        struct line line = {LINE_EMPTY, FEED_KEPT};
        if (span_length(text) > LINE_MAX_BYTES)
            line = (struct line){LINE_ENTRY, FEED_SKIP_LINE_TOO_LONG};
        else if (memchr(text.at, 0, span_length(text)))
            line = (struct line){LINE_ENTRY, FEED_SKIP_NUL};
        else if (text.at < text.end)
            error = read_line(reading, text, &line);
        report->entries += line.kind == LINE_ENTRY;
        report->names += line.kind == LINE_ENTRY && line.skip == FEED_KEPT;
        if (line.skip != FEED_KEPT)
            report_skip(report, line.skip, lines.number);
    }
    report->lines = lines.number;
    return error;
}

/* The reason that is no part of the format and came most often. */
static enum feed_skip worst_skip(const struct feed_report *report)
{
    enum feed_skip worst = FEED_KEPT;
    for (int i = 1; i < FEED_SKIPS; i++)
        if (!skip_is_foreseen((enum feed_skip)i) && report->skipped[i] > report->skipped[worst])
            worst = (enum feed_skip)i;
    return worst;
}

/* A page of text, an error message, a list of another form: most of its lines fit badly. */
static int judge(const struct feed_options *options, struct feed_report *report)
{
    uint64_t bad = 0;
    for (int i = 1; i < FEED_SKIPS; i++)
        bad += skip_is_foreseen((enum feed_skip)i) ? 0 : report->skipped[i];
    bool hardly = 2 * bad > report->entries || (report->entries && !report->names);
    if (!hardly)
        return 0;
    enum feed_skip worst = worst_skip(report);
    int used = snprintf(report->problem, sizeof report->problem,
                        "this is no list of format %s: %llu of %llu entries are rules",
                        feed_format_text(options->format), (unsigned long long)report->names,
                        (unsigned long long)report->entries);
    if (worst != FEED_KEPT)
        snprintf(report->problem + used, sizeof report->problem - (size_t)used, " (line %llu: %s)",
                 (unsigned long long)report->first_line[worst], feed_skip_text(worst));
    return ERR_MALFORMED;
}

static int write_list(struct writing *w, const void *bytes, size_t length)
{
    struct reading reading = {.options = w->options, .report = w->report};
    int error = rules_init(&reading.rules);
    if (!error)
        error = read_lines(&reading, bytes, length);
    if (!error)
        error = judge(w->options, w->report);
    if (!error)
        error = put_apex(w);
    if (!error)
        error = rules_each(&reading.rules, put_rule, w);
    if (w->too_long)
        w->report->skipped[FEED_SKIP_TOO_LONG] += w->too_long;
    rules_fini(&reading.rules);
    return error;
}

static int put_given(void *context, const struct policy_record *record)
{
    return put_record(context, record);
}

static int write_rpz(struct writing *w, const void *bytes, size_t length)
{
    return rpz_read(bytes, length, w->options, w->report, put_given, w);
}

/* --- the whole --- */

static void set_target(struct writing *w)
{
    static const struct {
        enum rpz_action action;
        const char *target;
    } targets[] = {
        {RPZ_NXDOMAIN, ""},
        {RPZ_NODATA, "\1*"},
        {RPZ_PASSTHRU, "\14rpz-passthru"},
        {RPZ_DROP, "\10rpz-drop"},
        {RPZ_TCP_ONLY, "\14rpz-tcp-only"},
    };
    const uint8_t *target = w->options->action.cname;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (w->options->action.action == targets[i].action)
            target = (const uint8_t *)targets[i].target;
    if (target)
        w->cname_length = (uint16_t)name_copy(w->cname, target);
}

/* A zone without its SOA is told as such: that says more than how many lines fit. */
static int finish(struct writing *w, struct zone_content **out)
{
    const char *why = NULL;
    struct zone_content *content = NULL;
    int error = zone_draft_finish(w->draft, &content, &why);
    if (error == ERR_NOT_FOUND) {
        snprintf(w->report->problem, sizeof w->report->problem, "%s", why ? why : err_text(error));
        error = ERR_MALFORMED;
    }
    if (!error && w->options->format == FEED_FORMAT_RPZ)
        error = judge(w->options, w->report);
    if (error)
        zone_content_unref(content);
    else
        *out = content;
    return error;
}

int feed_read(const void *bytes, size_t length, const struct feed_options *options, struct zone_content **out,
              struct feed_report *report)
{
    *report = (struct feed_report){0};
    struct writing w = {.options = options, .report = report};
    const char *page = page_kind(bytes, length);
    if (page) {
        snprintf(report->problem, sizeof report->problem, "this is %s, not a list", page);
        return ERR_MALFORMED;
    }
    set_target(&w);
    w.draft = zone_draft_revise(options->origin, true, options->old);
    if (!w.draft)
        return ERR_NOMEM;
    int error =
        options->format == FEED_FORMAT_RPZ ? write_rpz(&w, bytes, length) : write_list(&w, bytes, length);
    if (error) {
        zone_draft_free(w.draft);
        return error;
    }
    return finish(&w, out);
}
