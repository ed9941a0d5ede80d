/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What queries see of the zones that are kept: the table and the policy of a view. */
#include <stdlib.h>
#include <string.h>

#include "candord/delegations.h"
#include "candord/keeper.h"
#include "dns/name.h"
#include "zone/table.h"

bool keeper_is_ours(const struct zone_config *config)
{
    return config->kind == ZONE_PRIMARY || config->kind == ZONE_SECONDARY || config->kind == ZONE_FEED;
}

/* Does the closest forwarding at or above the name leave no other way (forward only)? */
static bool forwarded_only(const struct view_config *view, const uint8_t *name)
{
    const struct forward_zone *forward =
        forward_of_name(view->resolver.forwards, view->resolver.forward_count, name);
    return forward && forward->mode == FORWARD_ONLY;
}

/* BIND leaves out an empty zone where the operator has configured that name, has disabled it, or sends its
 * questions to forwarders only. */
static bool empty_zone_wanted(const struct view_config *view, const uint8_t *origin)
{
    for (size_t i = 0; i < view->zone_count; i++)
        if (name_equal(view->zones[i].name, origin))
            return false;
    for (size_t i = 0; i < view->disabled_empty_count; i++)
        if (name_equal(view->disabled_empty[i], origin))
            return false;
    return !forwarded_only(view, origin);
}

static size_t add_empty_zones(const struct view_config *view, struct zone_table_entry *entries, size_t count)
{
    for (const char *const *text = zone_empty_names; *text; text++) {
        uint8_t origin[NAME_MAX_BYTES];
        if (name_from_text(*text, NULL, origin) < 0)
            continue;
        name_to_lower(origin);
        struct zone_content *content = empty_zone_wanted(view, origin) ? zone_content_empty(origin) : NULL;
        if (content)
            entries[count++] =
                (struct zone_table_entry){.origin = zone_content_origin(content), .content = content};
    }
    return count;
}

static size_t empty_zone_count(void)
{
    size_t n = 0;
    while (zone_empty_names[n])
        n++;
    return n;
}

struct zone_table *keeper_table(struct keeper *keeper, const struct view_config *view)
{
    struct zone_table_entry *entries = calloc(view->zone_count + empty_zone_count() + 1, sizeof *entries);
    size_t count = 0;
    if (!entries)
        return NULL;
    size_t empty = view->empty_zones && view->recursion ? add_empty_zones(view, entries, 0) : 0;
    count = empty;
    for (size_t i = 0; i < view->zone_count; i++) {
        const struct zone_config *config = &view->zones[i];
        if (!keeper_is_ours(config))
            continue;
        struct kept_zone *zone = keeper_find_kept(keeper, view->name, config->name);
        entries[count++] = (struct zone_table_entry){
            .origin = config->name, .content = zone ? zone->content : NULL, .owner = (void *)config};
    }
    struct zone_table *table = zone_table_new(entries, count);
    for (size_t i = 0; i < empty; i++)
        zone_content_unref(entries[i].content);
    free(entries);
    return table;
}

struct policy_set *keeper_policy(struct keeper *keeper, const struct view_config *view)
{
    struct policy_set_zone *zones = calloc(view->policy_zone_count + 1, sizeof *zones);
    if (!zones)
        return NULL;
    for (size_t i = 0; i < view->policy_zone_count; i++) {
        struct kept_zone *kept = keeper_find_kept(keeper, view->name, view->policy_zones[i].origin);
        zones[i].options = view->policy_zones[i];
        zones[i].options.counters = kept ? &kept->counters : NULL;
        zones[i].zone = kept && kept->content ? zone_content_get_policy(kept->content) : NULL;
    }
    struct policy_set *set = policy_set_new(&view->policy, zones, view->policy_zone_count);
    free(zones);
    return set;
}
