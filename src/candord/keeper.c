/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "dns/name.h"
#include "store/image.h"

void keeper_init(struct keeper *keeper)
{
    pthread_mutex_init(&keeper->lock, NULL);
    keeper->zones = keeper->forgotten = NULL;
    keeper->weigh = NULL;
    keeper->weigh_context = NULL;
    keeper->config = NULL;
    keeper->helper = NULL;
}

void keeper_set_text(char **to, const char *text)
{
    free(*to);
    *to = text ? strdup(text) : NULL;
}

/* Gives back all but the counters: snapshots that are still read may count in them. */
static void zone_empty(struct kept_zone *zone)
{
    char **const texts[] = {&zone->view_name, &zone->file,         &zone->hold_reason,   &zone->from,
                            &zone->tag,       &zone->last_problem, &zone->store_problem, &zone->text_file};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        keeper_set_text(texts[i], NULL);
    store_unref(zone->store);
    store_image_unref(zone->image);
    zone->store = NULL;
    zone->image = NULL;
    zone_content_unref(zone->latest);
    zone_content_unref(zone->content);
    zone_content_unref(zone->resting);
    zone->latest = zone->content = zone->resting = NULL;
}

static void free_list(struct kept_zone *zone)
{
    while (zone) {
        struct kept_zone *next = zone->next;
        zone_empty(zone);
        free(zone);
        zone = next;
    }
}

void keeper_fini(struct keeper *keeper)
{
    free_list(keeper->zones);
    free_list(keeper->forgotten);
    keeper->zones = keeper->forgotten = NULL;
    pthread_mutex_destroy(&keeper->lock);
}

struct kept_zone *keeper_find_kept(struct keeper *keeper, const char *view_name, const uint8_t *origin)
{
    struct kept_zone *zone = keeper->zones;
    while (zone && (strcmp(zone->view_name, view_name) != 0 || !name_equal(zone->origin, origin)))
        zone = zone->next;
    return zone;
}

struct kept_zone *keeper_find_or_add(struct keeper *keeper, const char *view_name,
                                     const struct zone_config *config)
{
    struct kept_zone *zone = keeper_find_kept(keeper, view_name, config->name);
    if (zone)
        return zone;
    zone = calloc(1, sizeof *zone);
    if (!zone)
        return NULL;
    zone->view_name = strdup(view_name);
    zone->policy = config->is_policy;
    name_copy(zone->origin, config->name);
    if (!zone->view_name) {
        free(zone);
        return NULL;
    }
    pthread_mutex_lock(&keeper->lock);
    zone->next = keeper->zones;
    keeper->zones = zone;
    pthread_mutex_unlock(&keeper->lock);
    return zone;
}

struct kept_zone *keeper_find(struct keeper *keeper, const struct config *config, const char *view_name,
                              const uint8_t *origin)
{
    keeper->config = config;
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count && strcmp(view->name, view_name) == 0; i++)
            if (name_equal(view->zones[i].name, origin))
                return keeper_find_or_add(keeper, view_name, &view->zones[i]);
    }
    return NULL;
}

void keeper_forget(struct keeper *keeper, const struct config *config)
{
    for (struct kept_zone *zone = keeper->zones; zone; zone = zone->next)
        zone->wanted = false;
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; i < config->views[v].zone_count; i++) {
            struct kept_zone *zone =
                keeper_find_kept(keeper, config->views[v].name, config->views[v].zones[i].name);
            if (zone)
                zone->wanted = true;
        }
    pthread_mutex_lock(&keeper->lock);
    for (struct kept_zone **at = &keeper->zones; *at;) {
        struct kept_zone *zone = *at;
        if (zone->wanted) {
            at = &zone->next;
            continue;
        }
        *at = zone->next;
        zone_empty(zone);
        zone->next = keeper->forgotten;
        keeper->forgotten = zone;
    }
    pthread_mutex_unlock(&keeper->lock);
}

void keeper_each(struct keeper *keeper, void (*each)(void *context, const struct kept_zone *zone),
                 void *context)
{
    pthread_mutex_lock(&keeper->lock);
    for (struct kept_zone *zone = keeper->zones; zone; zone = zone->next)
        each(context, zone);
    pthread_mutex_unlock(&keeper->lock);
}

/* --- from other threads --- */

static void look_at(const struct kept_zone *zone, struct zone_look *out)
{
    *out = (struct zone_look){.store = zone->store ? store_ref(zone->store) : NULL,
                              .latest_stamp = zone->latest_stamp,
                              .force_stamp = zone->force_stamp,
                              .latest = zone->latest ? zone_content_ref(zone->latest) : NULL,
                              .content = zone->content ? zone_content_ref(zone->content) : NULL,
                              .hold = zone->hold,
                              .expired = zone->expired,
                              .source = zone->source,
                              .latest_at_s = zone->latest_at_s,
                              .checked_at_s = zone->checked_at_s,
                              .progress = (struct zone_progress *)&zone->progress};
    snprintf(out->from, sizeof out->from, "%s", zone->from ?: "");
    snprintf(out->tag, sizeof out->tag, "%s", zone->tag ?: "");
}

bool keeper_look(struct keeper *keeper, const char *view_name, const uint8_t *origin, struct zone_look *out)
{
    *out = (struct zone_look){0};
    pthread_mutex_lock(&keeper->lock);
    const struct kept_zone *zone = keeper_find_kept(keeper, view_name, origin);
    if (zone)
        look_at(zone, out);
    pthread_mutex_unlock(&keeper->lock);
    return zone;
}

void zone_look_fini(struct zone_look *look)
{
    zone_content_unref(look->latest);
    zone_content_unref(look->content);
    store_unref(look->store);
    *look = (struct zone_look){0};
}

void zone_progress_begin(struct zone_progress *progress, enum zone_doing doing, uint64_t total_bytes)
{
    atomic_store(&progress->records, 0);
    atomic_store(&progress->bytes, 0);
    atomic_store(&progress->total_bytes, total_bytes);
    atomic_store(&progress->began_ms, clock_mono_ms());
    atomic_store(&progress->doing, doing);
}

void zone_progress_end(struct zone_progress *progress)
{
    atomic_store(&progress->doing, DOING_NOTHING);
}
