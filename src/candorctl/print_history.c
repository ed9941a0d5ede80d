/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history, diff and rollback for people. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

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
