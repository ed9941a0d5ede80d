/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A master file becomes a zone's content. */
#include "zone/load.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "zone/changes.h"

enum {
    REPORTS_MAX = 100, /* per file; the rest is only counted */
    MESSAGE_MAX = NAME_TEXT_MAX + 300,
};

/* One file being loaded. */
struct loading {
    const struct zone_load_options *options;
    const char *path;
    struct zone_draft *draft;
    uint64_t records, reports;
    unsigned errors;
};

/* --- saying what is wrong --- */

static void say(struct loading *l, const char *file, uint64_t line, bool error, const char *format, ...)
    PRINTF_LIKE(5, 6);

static void say(struct loading *l, const char *file, uint64_t line, bool error, const char *format, ...)
{
    l->errors += error;
    if (++l->reports > REPORTS_MAX || !l->options->report)
        return;
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    l->options->report(l->options->context, file, line, error, message);
}

static void say_how_many_more(struct loading *l)
{
    if (l->reports <= REPORTS_MAX || !l->options->report)
        return;
    char message[80];
    snprintf(message, sizeof message, "%llu more problems like these",
             (unsigned long long)(l->reports - REPORTS_MAX));
    l->options->report(l->options->context, l->path, 0, l->errors != 0, message);
}

static void on_problem(void *context, const struct zonefile_problem *problem)
{
    struct loading *l = context;
    /* A policy zone steps over what it cannot read; a plain zone with a hole would answer wrongly. */
    bool error = problem->fatal || !l->options->policy;
    if (problem->owner_text)
        say(l, problem->file, problem->line, error, "%s: %s", problem->owner_text, problem->message);
    else
        say(l, problem->file, problem->line, error, "%s", problem->message);
}

static void on_progress(void *context, uint64_t bytes)
{
    struct loading *l = context;
    if (l->options->progress_bytes)
        atomic_store_explicit(l->options->progress_bytes, bytes, memory_order_relaxed);
}

/* --- records --- */

static void count_records(struct loading *l, size_t count)
{
    l->records += count;
    if (l->options->progress_records)
        atomic_store_explicit(l->options->progress_records, l->records, memory_order_relaxed);
}

/* As BIND: what lies outside is passed over, anything else makes a plain zone unusable. */
static bool is_error(const struct loading *l, const struct zonefile_record *record)
{
    return !l->options->policy && name_is_within(record->owner, l->options->origin);
}

/* `result` is what the draft said of it, and `why`. */
static int see_result(struct loading *l, const struct zonefile_record *record, int result, const char *why)
{
    char owner[NAME_TEXT_MAX];
    if (result > 0 && result != RPZ_SKIP_APEX_SOA_NS)
        why = rpz_skip_text((enum rpz_skip)result);
    else if (result != ERR_INVALID)
        return result < 0 ? result : 0;
    bool policy = l->options->policy, error = is_error(l, record);
    say(l, record->file, record->line, error, "%s %s%s: %s%s", name_to_text(record->owner, owner),
        type_to_text(record->type), policy ? " is no rule and is skipped" : "", why,
        policy || error ? "" : ", left out");
    return 0;
}

static int on_records(void *context, const struct zonefile_record *records, size_t count)
{
    struct loading *l = context;
    struct policy_record given[ZONEFILE_TOGETHER] = {0};
    struct zone_draft_answer answers[ZONEFILE_TOGETHER];
    int result = 0;
    for (size_t i = 0; i < count; i++)
        given[i] = (struct policy_record){.owner = records[i].owner,
                                          .type = records[i].type,
                                          .rclass = records[i].rclass,
                                          .ttl_s = records[i].ttl_s,
                                          .rdata = records[i].rdata,
                                          .rdata_length = records[i].rdata_length};
    count_records(l, count);
    zone_draft_add_all(l->draft, given, count, answers);
    for (size_t i = 0; i < count && !result; i++)
        if (answers[i].result)
            result = see_result(l, &records[i], answers[i].result, answers[i].why);
    return result;
}

/* --- the end --- */

/* What is worth knowing about a policy zone as a whole. */
static void say_oddities(struct loading *l, const struct policy_zone *zone)
{
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    if (counts.no_ns)
        say(l, l->path, 0, false, "no NS at the zone's own name; BIND would refuse it");
    if (counts.noncanonical)
        say(l, l->path, 0, false,
            "%llu IPv6 rules are not written in the canonical form; BIND would skip them",
            (unsigned long long)counts.noncanonical);
}

static int finish(struct loading *l, struct zone_content **out)
{
    const char *why = NULL;
    struct zone_content *content = NULL;
    struct zone_draft *draft = l->draft;
    l->draft = NULL;
    int error = zone_draft_finish(draft, &content, &why);
    if (error)
        say(l, l->path, 0, true, "%s", why ? why : err_text(error));
    else if (l->options->policy)
        say_oddities(l, zone_content_get_policy(content));
    else if (l->errors)
        error = ERR_MALFORMED;
    if (error)
        zone_content_unref(content);
    else
        *out = content;
    return error;
}

static char *full_path(const struct zone_load_options *options)
{
    char *path = NULL;
    if (options->file[0] == '/' || !options->directory)
        return strdup(options->file);
    return asprintf(&path, "%s/%s", options->directory, options->file) < 0 ? NULL : path;
}

int zone_load(const struct zone_load_options *options, struct zone_content **out)
{
    char *path = full_path(options);
    struct loading l = {.options = options, .path = path};
    l.draft = zone_draft_revise(options->origin, options->policy, options->old);
    int error = path && l.draft ? 0 : ERR_NOMEM;
    if (!error) {
        const struct zonefile_options reading = {.origin = options->origin,
                                                 .base_dir = options->directory,
                                                 .records = on_records,
                                                 .problem = on_problem,
                                                 .progress = on_progress,
                                                 .includes = options->includes,
                                                 .context = &l};
        error = zonefile_read(path, &reading);
    }
    if (error == ERR_NOMEM)
        say(&l, path ? path : options->file, 0, true, "%s", err_text(error));
    if (!error)
        error = finish(&l, out);
    say_how_many_more(&l);
    zone_draft_free(l.draft);
    free(path);
    return error;
}
