/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history, diff, rollback and sync for people; what is under way, and what is kept. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"
#include "candorctl/verbs.h"

static const char *standing(const json_t *version)
{
    if (member_flag(version, "in_force"))
        return member_flag(version, "latest") ? "in force" : "in force, not the latest";
    return member_flag(version, "latest") ? "latest, not in force" : "";
}

static void add_version(struct table *table, const json_t *version, int64_t now)
{
    char serial[32], when[HUMAN_MAX], added[HUMAN_MAX], removed[HUMAN_MAX], bytes[HUMAN_MAX];
    snprintf(serial, sizeof serial, "%" PRId64, member_int(version, "serial"));
    table_row(table, (const char *const[]){serial, human_time(member_int(version, "at"), now, when),
                                           human_count(member_int(version, "added"), added),
                                           human_count(member_int(version, "removed"), removed),
                                           human_bytes(member_int(version, "bytes"), bytes),
                                           member_text(version, "source"), member_text(version, "from"),
                                           standing(version)});
}

void print_history(const json_t *result)
{
    struct table table;
    json_t *version;
    size_t i;
    int64_t now = time(NULL);
    table_begin(&table, ">SERIAL", "TIME", ">ADDED", ">REMOVED", ">SIZE", "SOURCE", "FROM", "", NULL);
    json_array_foreach(json_object_get(result, "versions"), i, version) add_version(&table, version, now);
    table_print(&table, stdout);
}

void print_diff(const json_t *result)
{
    json_t *record;
    size_t i;
    json_array_foreach(json_object_get(result, "records"), i, record)
        printf("%c %s\n", member_flag(record, "added") ? '+' : '-', member_text(record, "record"));
    if (member_int(result, "more"))
        printf("and %" PRId64 " more\n", member_int(result, "more"));
    printf("%" PRId64 " added, %" PRId64 " removed\n", member_int(result, "added"),
           member_int(result, "removed"));
}

void print_rollback(const json_t *result)
{
    printf("%s (view %s): serial %" PRId64 " is in force until `candorctl release %s`; the latest is %" PRId64
           "\n",
           member_text(result, "name"), member_text(result, "view"), member_int(result, "in_force"),
           member_text(result, "name"), member_int(result, "latest"));
}

void print_sync(const json_t *result)
{
    printf("%s (view %s): serial %" PRId64 " is in %s\n", member_text(result, "name"),
           member_text(result, "view"), member_int(result, "serial"), member_text(result, "file"));
}

/* --- what is under way --- */

static void print_work(const json_t *work, const char *name)
{
    char records[HUMAN_MAX], bytes[HUMAN_MAX], rate[HUMAN_MAX];
    int64_t total = member_int(work, "total_bytes"), done = member_int(work, "bytes"),
            for_ms = member_int(work, "for_ms");
    printf("%s %s: %s records, %s", member_text(work, "doing"), name,
           human_count(member_int(work, "records"), records), human_bytes(done, bytes));
    if (total > 0 && done <= total)
        printf(" (%" PRId64 " %%)", 100 * done / total);
    if (for_ms > 0)
        printf(", %s/s", human_bytes(done * 1000 / for_ms, rate));
}

/* On a terminal one line is drawn anew; elsewhere each is a line. */
void print_reload_progress(const json_t *progress)
{
    bool terminal = isatty(STDOUT_FILENO);
    json_t *work;
    size_t i;
    json_array_foreach(json_object_get(progress, "loading"), i, work)
    {
        if (terminal)
            fputs(i ? "; " : "\r\033[K", stdout);
        print_work(work, member_text(work, "name"));
        if (!terminal)
            putchar('\n');
    }
    if (terminal && !i)
        fputs("\r\033[K", stdout);
    fflush(stdout);
}

void print_kept(const json_t *zone)
{
    const json_t *work = json_object_get(zone, "progress");
    const char *problem = member_text(json_object_get(zone, "storage"), "problem");
    if (json_is_object(work)) {
        print_work(work, member_text(zone, "name"));
        putchar('\n');
    }
    if (*problem)
        printf("%s: not kept: %s\n", member_text(zone, "name"), problem);
    problem = member_text(json_object_get(zone, "image"), "problem");
    if (*problem)
        printf("%s: no image: %s\n", member_text(zone, "name"), problem);
}
