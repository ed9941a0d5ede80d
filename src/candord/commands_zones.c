/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones: what is held, how much of it are rules, and what was skipped and why. */
#include <string.h>

#include "base/clock.h"
#include "candord/commands_parts.h"
#include "dns/name.h"
#include "store/image.h"

static const char *override_key(enum rpz_override override)
{
    static const char *const keys[] = {
        [RPZ_OVERRIDE_GIVEN] = "given",       [RPZ_OVERRIDE_DISABLED] = "disabled",
        [RPZ_OVERRIDE_PASSTHRU] = "passthru", [RPZ_OVERRIDE_DROP] = "drop",
        [RPZ_OVERRIDE_TCP_ONLY] = "tcp-only", [RPZ_OVERRIDE_NXDOMAIN] = "nxdomain",
        [RPZ_OVERRIDE_NODATA] = "nodata",     [RPZ_OVERRIDE_CNAME] = "cname"};
    return keys[override];
}

static json_t *count_rules(const struct policy_zone_counts *counts)
{
    json_t *rules = json_object();
    for (int i = 0; i < RPZ_TRIGGERS; i++)
        json_object_set_new(rules, trigger_key((enum rpz_trigger)i),
                            json_integer((json_int_t)counts->rules[i]));
    return rules;
}

/* Only what there is; the apex's own SOA and NS are no mistake. */
static json_t *count_skipped(const struct policy_zone_counts *counts)
{
    json_t *skipped = json_object();
    for (int i = RPZ_SKIP_APEX_DATA; i < RPZ_SKIPS; i++)
        if (counts->skipped[i])
            json_object_set_new(skipped, rpz_skip_text((enum rpz_skip)i),
                                json_integer((json_int_t)counts->skipped[i]));
    return skipped;
}

/* trigger -> action -> how often. */
static json_t *count_hits(const struct policy_counters *counters)
{
    json_t *hits = json_object();
    for (int t = 0; t < RPZ_TRIGGERS; t++) {
        json_t *by_action = json_object();
        for (int a = 0; a < RPZ_ACTIONS; a++) {
            uint64_t count = atomic_load_explicit(&counters->hits[t][a], memory_order_relaxed);
            if (count)
                json_object_set_new(by_action, action_key((enum rpz_action)a),
                                    json_integer((json_int_t)count));
        }
        if (json_object_size(by_action))
            json_object_set(hits, trigger_key((enum rpz_trigger)t), by_action);
        json_decref(by_action);
    }
    return hits;
}

static void add_policy(json_t *to, const struct kept_zone *zone, const struct view_config *view)
{
    struct policy_zone_counts counts;
    policy_zone_count(zone_content_get_policy(zone->content), &counts);
    json_object_set_new(to, "rules", count_rules(&counts));
    json_object_set_new(to, "skipped", count_skipped(&counts));
    json_object_set_new(to, "noncanonical", json_integer((json_int_t)counts.noncanonical));
    json_object_set_new(to, "hits", count_hits(&zone->counters));
    json_object_set_new(
        to, "disabled_hits",
        json_integer((json_int_t)atomic_load_explicit(&zone->counters.disabled_hits, memory_order_relaxed)));
    for (size_t i = 0; view && i < view->policy_zone_count; i++) {
        if (!name_equal(view->policy_zones[i].origin, zone->origin))
            continue;
        json_object_set_new(to, "order", json_integer((json_int_t)i + 1));
        json_object_set_new(to, "override", json_string(override_key(view->policy_zones[i].override)));
    }
}

static void add_content(json_t *to, const struct zone_content *content)
{
    json_object_set_new(to, "serial", json_integer((json_int_t)zone_content_serial(content)));
    json_object_set_new(to, "records", json_integer((json_int_t)zone_content_records(content)));
    json_object_set_new(to, "bytes", json_integer((json_int_t)zone_content_bytes(content)));
    json_object_set_new(to, "soa", json_soa(zone_content_soa(content)));
}

static const char *state_of(const struct kept_zone *zone)
{
    if (atomic_load(&zone->progress.doing) != DOING_NOTHING)
        return "loading";
    if (zone->expired)
        return "expired";
    if (zone->last_problem)
        return "failed"; /* with content: the last good version is in force */
    return zone->content ? "loaded" : "empty";
}

json_t *json_work(const struct kept_zone *zone)
{
    static const char *const keys[] = {[DOING_NOTHING] = "nothing",
                                       [DOING_LOAD] = "load",
                                       [DOING_TRANSFER] = "transfer",
                                       [DOING_FETCH] = "fetch",
                                       [DOING_START] = "start"};
    const struct zone_progress *progress = &zone->progress;
    int doing = atomic_load(&progress->doing);
    if (doing == DOING_NOTHING)
        return json_null();
    return json_pack("{s:s, s:I, s:I, s:I, s:I}", "doing", keys[doing], "records",
                     (json_int_t)atomic_load(&progress->records), "bytes",
                     (json_int_t)atomic_load(&progress->bytes), "total_bytes",
                     (json_int_t)atomic_load(&progress->total_bytes), "for_ms",
                     (json_int_t)(clock_mono_ms() - atomic_load(&progress->began_ms)));
}

/* What is kept on disk; null: nothing is meant to be. */
static json_t *storage_of(const struct kept_zone *zone)
{
    if (!zone->store && !zone->store_problem)
        return json_null();
    return json_pack("{s:o, s:I, s:o}", "file", json_text(zone->store ? store_path(zone->store) : NULL),
                     "bytes", (json_int_t)(zone->store ? store_bytes(zone->store) : 0), "problem",
                     json_text(zone->store_problem));
}

/* What a start is quick from; null: nothing is meant to be. */
static json_t *image_of(const struct kept_zone *zone)
{
    struct store_image_look look;
    if (!zone->image)
        return json_null();
    store_image_look(zone->image, &look);
    return json_pack("{s:o, s:I, s:b, s:o}", "file", json_text(store_image_path(zone->image)), "bytes",
                     (json_int_t)(look.label.mark ? look.bytes : 0), "used", look.used, "problem",
                     json_text(look.problem[0] ? look.problem : NULL));
}

struct zone_list {
    const struct config *config;
    json_t *zones;
    const uint8_t *only; /* NULL: all */
};

static void add_zone(void *context, const struct kept_zone *zone)
{
    struct zone_list *list = context;
    if (list->only && !name_equal(list->only, zone->origin))
        return;
    json_t *made =
        json_pack("{s:o, s:o, s:b, s:s, s:o, s:I, s:I, s:o}", "name", json_name(zone->origin), "view",
                  json_text(zone->view_name), "policy", zone->policy, "state", state_of(zone), "file",
                  json_text(zone->file), "loaded_at", (json_int_t)zone->loaded_at_s, "load_ms",
                  (json_int_t)zone->load_ms, "problem", json_text(zone->last_problem));
    json_object_set_new(made, "hold", json_hold(zone));
    json_object_set_new(made, "progress", json_work(zone));
    json_object_set_new(made, "storage", storage_of(zone));
    json_object_set_new(made, "image", image_of(zone));
    if (zone->content)
        add_content(made, zone->content);
    if (zone->content && zone_content_get_policy(zone->content))
        add_policy(made, zone, config_view(list->config, zone->view_name));
    json_array_insert_new(list->zones, 0, made); /* the keeper's list begins with the last one */
}

int command_zones(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    uint8_t only[255];
    bool named = json_object_get(request, "zone");
    if (named && !request_name(request, "zone", reply, only))
        return 0;
    struct snapshot *snapshot = daemon_snapshot(daemon);
    struct zone_list list = {.config = snapshot->config, .zones = json_array(), .only = named ? only : NULL};
    keeper_each(&daemon->keeper, add_zone, &list);
    commands_add_sources(daemon, snapshot->config, list.zones); /* not under the keeper's lock */
    commands_add_secondaries(daemon, list.zones);
    snapshot_unref(snapshot);
    if (named && !json_array_size(list.zones)) {
        json_decref(list.zones);
        control_fail(reply, "there is no zone \"%s\"", control_string(request, "zone"));
    } else {
        control_end(reply, json_pack("{s:o}", "zones", list.zones));
    }
    return 0;
}
