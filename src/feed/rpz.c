/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy zone as a zone file. It comes from a stranger: it includes no files of ours, and $GENERATE makes
 * no more records than the body has bytes. */
#include <stdio.h>

#include "dns/zonefile.h"
#include "feed/formats.h"

struct rpz_reading {
    struct feed_report *report;
    int (*each)(void *context, const struct policy_record *record);
    void *context;
    uint64_t records, records_max;
    char fatal[sizeof((struct feed_report *)NULL)->problem];
};

static int on_record(void *context, const struct zonefile_record *from)
{
    struct rpz_reading *r = context;
    const struct policy_record record = {.owner = from->owner,
                                         .type = from->type,
                                         .rclass = from->rclass,
                                         .ttl_s = from->ttl_s,
                                         .rdata = from->rdata,
                                         .rdata_length = from->rdata_length};
    if (++r->records > r->records_max) {
        snprintf(r->fatal, sizeof r->fatal, "$GENERATE makes more records than the list has bytes");
        return ERR_LIMIT;
    }
    r->report->entries++;
    int kind = r->each(r->context, &record);
    if (kind == RPZ_KEPT || kind == RPZ_SKIP_APEX_SOA_NS)
        r->report->names++;
    else if (kind > 0 || kind == ERR_INVALID)
        report_skip(r->report, FEED_SKIP_NO_RULE, from->line);
    return kind < 0 && kind != ERR_INVALID ? kind : 0;
}

static void on_problem(void *context, const struct zonefile_problem *problem)
{
    struct rpz_reading *r = context;
    r->report->entries++;
    report_skip(r->report, FEED_SKIP_RECORD, problem->line);
    if (problem->fatal && !r->fatal[0])
        snprintf(r->fatal, sizeof r->fatal, "line %llu: %s", (unsigned long long)problem->line,
                 problem->message);
}

int rpz_read(const void *bytes, size_t length, const struct feed_options *options, struct feed_report *report,
             int (*each)(void *context, const struct policy_record *record), void *context)
{
    struct rpz_reading r = {.report = report, .each = each, .context = context, .records_max = length};
    struct lines text = lines_of(bytes, length);
    const struct zonefile_options reading = {.origin = options->origin,
                                             .no_includes = true,
                                             .record = on_record,
                                             .problem = on_problem,
                                             .context = &r};
    int error = zonefile_read_text(text.at, (size_t)(text.end - text.at), "list", &reading);
    if (r.fatal[0]) {
        snprintf(report->problem, sizeof report->problem, "%s", r.fatal);
        error = ERR_MALFORMED;
    }
    return error;
}
