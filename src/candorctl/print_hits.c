/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hits for people. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"
#include "candorctl/verbs.h"

/* The owner without the zone, which has a column of its own. */
static void without_zone(const char *owner, const char *zone, char *out, size_t size)
{
    size_t length = strlen(owner), tail = strlen(zone);
    if (length > tail + 1 && !strcmp(owner + length - tail, zone))
        length -= tail + 1;
    snprintf(out, size, "%.*s", (int)length, owner);
}

static void add_rule(struct table *table, const json_t *rule)
{
    char hits[HUMAN_MAX], owner[1024];
    without_zone(member_text(rule, "owner"), member_text(rule, "zone"), owner, sizeof owner);
    const char *view = member_text(rule, "view");
    table_row(table,
              (const char *const[]){human_count(member_int(rule, "hits"), hits), member_text(rule, "zone"),
                                    strcmp(view, "_default") ? view : NULL, owner});
}

void print_hits(const json_t *result)
{
    char text[HUMAN_MAX];
    struct table table;
    size_t i;
    json_t *rule;
    if (!member_int(result, "rules_seen")) {
        puts("no rule has acted in the last hour");
        return;
    }
    table_begin(&table, ">HITS", "ZONE", "VIEW", "RULE", NULL);
    json_array_foreach(json_object_get(result, "rules"), i, rule) add_rule(&table, rule);
    table_print(&table, stdout);
    printf("%s hits of ", human_count(member_int(result, "hits"), text));
    printf("%s rules", human_count(member_int(result, "rules_seen"), text));
    printf(" since %s", human_time(member_int(result, "since"), time(NULL), text));
    if (member_int(result, "overcount"))
        printf("; a count may be up to %s too high", human_count(member_int(result, "overcount"), text));
    puts("");
}
