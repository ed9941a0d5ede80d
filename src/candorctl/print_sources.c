/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones: a line for each feed, and what was skipped of its list; catalogs and whose member a zone is. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"

static void print_next(const json_t *feed)
{
    char in[HUMAN_MAX];
    int64_t wait_s = member_int(feed, "next_at") - (int64_t)time(NULL);
    if (strcmp(member_text(feed, "state"), "fetching") == 0)
        printf(", fetching now\n");
    else
        printf(", next in %s\n", human_duration(wait_s > 0 ? wait_s : 0, in));
}

static void print_feed(const json_t *zone)
{
    const json_t *feed = json_object_get(zone, "feed");
    const char *name = member_text(zone, "name"), *reason;
    char when[HUMAN_MAX];
    json_t *count;
    if (!feed)
        return;
    printf("%s: %s from %s, last good %s", name, member_text(feed, "format"), member_text(feed, "url"),
           human_time(member_int(feed, "succeeded_at"), (int64_t)time(NULL), when));
    if (member_int(feed, "http_status"))
        printf(", HTTP %d", (int)member_int(feed, "http_status"));
    if (*member_text(feed, "etag"))
        printf(", ETag %s", member_text(feed, "etag"));
    print_next(feed);
    if (*member_text(feed, "problem"))
        printf("%s: FAILED %d time%s: %s\n", name, (int)member_int(feed, "failures"),
               member_int(feed, "failures") == 1 ? "" : "s", member_text(feed, "problem"));
    json_object_foreach(json_object_get(feed, "skipped"), reason, count)
        printf("%s: %" JSON_INTEGER_FORMAT " of the list's entries skipped: %s\n", name,
               json_integer_value(count), reason);
}

void print_source(const json_t *zone)
{
    const char *name = member_text(zone, "name");
    print_feed(zone);
    if (*member_text(zone, "catalog"))
        printf("%s: a member of the catalog %s\n", name, member_text(zone, "catalog"));
    if (json_object_get(zone, "members"))
        printf("%s: a catalog of %d zones\n", name, (int)member_int(zone, "members"));
    if (*member_text(zone, "catalog_problem"))
        printf("%s: NOT FOLLOWED: %s; its zones stay as they are\n", name,
               member_text(zone, "catalog_problem"));
}
