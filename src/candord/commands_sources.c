/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones: what is known of where they come from: feeds, and catalogs and their members. */
#include <string.h>

#include "candord/commands_parts.h"
#include "candord/feeds.h"
#include "dns/name.h"

static json_t *count_skipped(const struct feed_look *look)
{
    json_t *skipped = json_object();
    for (int i = FEED_KEPT + 1; i < FEED_SKIPS; i++)
        if (look->skipped[i])
            json_object_set_new(skipped, feed_skip_text((enum feed_skip)i),
                                json_integer((json_int_t)look->skipped[i]));
    return skipped;
}

static json_t *describe(const struct feed_look *look)
{
    return json_pack(
        "{s:o, s:s, s:s, s:i, s:o, s:o, s:I, s:I, s:I, s:i, s:I, s:I, s:o}", "url", json_text(look->url),
        "format", feed_format_text(look->format), "state", look->busy ? "fetching" : "waiting", "http_status",
        (int)look->status, "etag", json_text(look->etag), "problem",
        look->problem[0] ? json_text(look->problem) : json_null(), "tried_at", (json_int_t)look->tried_at_s,
        "succeeded_at", (json_int_t)look->succeeded_at_s, "next_at", (json_int_t)look->next_at_s, "failures",
        (int)look->failures, "entries", (json_int_t)look->entries, "names", (json_int_t)look->names,
        "skipped", count_skipped(look));
}

/* The zone's object in the answer, or NULL. */
static json_t *find_zone(json_t *zones, const char *view_name, const uint8_t *origin)
{
    char name[NAME_TEXT_MAX];
    json_t *entry;
    size_t i;
    name_to_text(origin, name);
    json_array_foreach(zones, i, entry)
    {
        const char *other = json_string_value(json_object_get(entry, "name"));
        const char *view = json_string_value(json_object_get(entry, "view"));
        if (other && view && strcmp(other, name) == 0 && strcmp(view, view_name) == 0)
            return entry;
    }
    return NULL;
}

static void add_source(struct daemon *daemon, const struct view_config *view, const struct zone_config *zone,
                       json_t *zones)
{
    struct feed_look look;
    json_t *entry = zone->feed || zone->catalog ? find_zone(zones, view->name, zone->name) : NULL;
    if (entry && zone->feed && feeds_look(daemon->feeds, view->name, zone->name, &look))
        json_object_set_new(entry, "feed", describe(&look));
    if (entry && zone->catalog)
        json_object_set_new(entry, "catalog", json_name(zone->catalog));
}

/* A zone that is a catalog says how many members it brings, and why it is not followed. */
static void add_catalog(struct daemon *daemon, const struct view_config *view,
                        const struct catalog_config *catalog, json_t *zones)
{
    char problem[512];
    size_t members = 0;
    json_t *entry = find_zone(zones, view->name, catalog->origin);
    if (!entry)
        return;
    for (size_t i = 0; i < view->zone_count; i++)
        members += view->zones[i].catalog && name_equal(view->zones[i].catalog, catalog->origin);
    catalogs_problem(daemon->catalogs, view->name, catalog->origin, problem, sizeof problem);
    json_object_set_new(entry, "members", json_integer((json_int_t)members));
    if (problem[0])
        json_object_set_new(entry, "catalog_problem", json_text(problem));
}

void commands_add_sources(struct daemon *daemon, const struct config *config, json_t *zones)
{
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count; i++)
            add_source(daemon, view, &view->zones[i], zones);
        for (size_t i = 0; i < view->catalog_count; i++)
            add_catalog(daemon, view, &view->catalogs[i], zones);
    }
}
