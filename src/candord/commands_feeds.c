/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones: what is known of the feeds among them. */
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

static void add_feed(struct daemon *daemon, const char *view_name, const struct zone_config *zone,
                     json_t *zones)
{
    struct feed_look look;
    char name[NAME_TEXT_MAX];
    json_t *entry;
    size_t i;
    name_to_text(zone->name, name);
    json_array_foreach(zones, i, entry)
    {
        const char *other = json_string_value(json_object_get(entry, "name"));
        const char *view = json_string_value(json_object_get(entry, "view"));
        if (other && view && strcmp(other, name) == 0 && strcmp(view, view_name) == 0 &&
            feeds_look(daemon->feeds, view_name, zone->name, &look))
            json_object_set_new(entry, "feed", describe(&look));
    }
}

void commands_add_feeds(struct daemon *daemon, const struct config *config, json_t *zones)
{
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; i < config->views[v].zone_count; i++)
            if (config->views[v].zones[i].kind == ZONE_FEED)
                add_feed(daemon, config->views[v].name, &config->views[v].zones[i], zones);
}
