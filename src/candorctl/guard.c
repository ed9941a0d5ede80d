/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candorctl/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"

/* --- held, release, reject --- */

static const char *hold_text(const char *by)
{
    return !strcmp(by, "rollback")   ? "rolled back"
           : !strcmp(by, "rejected") ? "rejected by the operator"
                                     : "held by the guard";
}

static void print_hold(const json_t *zone)
{
    const json_t *hold = json_object_get(zone, "hold");
    char when[HUMAN_MAX];
    printf("%s (view %s): serial %" PRId64 " is %s", member_text(zone, "name"), member_text(zone, "view"),
           member_int(hold, "serial"), hold_text(member_text(hold, "by")));
    if (json_is_integer(json_object_get(zone, "in_force")))
        printf("; serial %" PRId64 " is in force", member_int(zone, "in_force"));
    printf("\n  came   %s from %s\n", human_time(member_int(hold, "since"), time(NULL), when),
           member_text(hold, "from"));
    if (*member_text(hold, "reason"))
        printf("  why    %s\n", member_text(hold, "reason"));
}

void print_held(const json_t *result)
{
    size_t i;
    json_t *zone, *zones = json_object_get(result, "zones");
    if (!json_array_size(zones))
        puts("nothing is held");
    json_array_foreach(zones, i, zone) print_hold(zone);
    if (json_array_size(zones))
        puts("candorctl simulate ZONE weighs it again, release ZONE puts it in force, reject ZONE says no to "
             "it");
}

static void print_decided(const json_t *result, const char *what)
{
    size_t i;
    json_t *zone;
    json_array_foreach(json_object_get(result, "zones"), i, zone)
        printf("%s (view %s): serial %" PRId64 " %s\n", member_text(zone, "name"), member_text(zone, "view"),
               member_int(zone, "serial"), what);
}

void print_released(const json_t *result)
{
    print_decided(result, "is in force");
}

void print_rejected(const json_t *result)
{
    print_decided(result, "is rejected; the next version is weighed again");
}

/* --- a report --- */

static void print_reasons(const json_t *report)
{
    size_t i;
    json_t *reason;
    json_array_foreach(json_object_get(report, "reasons"), i, reason)
        printf("  %-5s  it %s [%s]\n", member_flag(reason, "holds") ? "HOLD" : "warn",
               member_text(reason, "sentence"), member_text(reason, "reason"));
}

static void print_rules(const json_t *report)
{
    const json_t *rules = json_object_get(report, "rules");
    char before[HUMAN_MAX], after[HUMAN_MAX], added[HUMAN_MAX], removed[HUMAN_MAX], changed[HUMAN_MAX];
    printf("  rules  %s, %s before; %s added, %s removed, %s changed\n",
           human_count(member_int(rules, "new"), after), human_count(member_int(rules, "in_force"), before),
           human_count(member_int(rules, "added"), added), human_count(member_int(rules, "removed"), removed),
           human_count(member_int(rules, "changed"), changed));
}

static void print_queries(const json_t *report)
{
    const json_t *queries = json_object_get(report, "queries");
    int64_t seen = member_int(queries, "seen"), affected = member_int(queries, "affected");
    char seen_text[HUMAN_MAX], affected_text[HUMAN_MAX];
    if (!seen) {
        puts("  asked  nothing is known of what clients ask");
        return;
    }
    printf("  asked  %s of the last hour's %s queries would be answered differently (%.2g %%)%s\n",
           human_count(affected, affected_text), human_count(seen, seen_text),
           100.0 * (double)affected / (double)seen,
           member_flag(queries, "enough") ? "" : "; too few to hold a version for it");
}

static void print_names(const json_t *report)
{
    struct table table;
    size_t i;
    json_t *name, *names = json_object_get(report, "names");
    if (!json_array_size(names))
        return;
    table_begin(&table, "  NAME", ">QUERIES", "BEFORE", "AFTER", NULL);
    json_array_foreach(names, i, name)
    {
        char count[HUMAN_MAX], indented[1100];
        snprintf(indented, sizeof indented, "  %s", member_text(name, "name"));
        table_row(&table, (const char *const[]){indented, human_count(member_int(name, "queries"), count),
                                                member_text(name, "before"), member_text(name, "after")});
    }
    table_print(&table, stdout);
}

void print_guard_report(const json_t *report)
{
    const char *verdict = member_text(report, "verdict");
    printf("%s: serial %" PRId64 " ", member_text(report, "name"), member_int(report, "serial"));
    if (member_flag(report, "first_load"))
        printf("as a first version would go into force%s\n",
               !strcmp(verdict, "warns") ? ", with a warning; a later one like it would be held" : "");
    else
        printf("after serial %" PRId64 " would %s%s\n", member_int(report, "in_force"),
               !strcmp(verdict, "held") ? "be HELD" : "go into force",
               !strcmp(verdict, "warns") ? ", with a warning" : "");
    if (json_is_false(json_object_get(report, "guarded")))
        puts("  note   the zone is not guarded here: it goes into force whatever is found");
    print_reasons(report);
    print_rules(report);
    print_queries(report);
    print_names(report);
}
