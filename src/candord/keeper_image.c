/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The images of zones: opened at the start, taken, and written anew when they lag. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/keeper_store.h"
#include "dns/name.h"
#include "store/image.h"

enum {
    WORTH_IT = 50000, /* records: building fewer takes milliseconds */
    TRY_AGAIN_MS = 60000,
};

static void put_image(struct keeper *keeper, struct kept_zone *zone, struct store_image *image)
{
    pthread_mutex_lock(&keeper->lock);
    struct store_image *old = zone->image;
    zone->image = image;
    pthread_mutex_unlock(&keeper->lock);
    if (zone->store)
        store_set_image(zone->store, image);
    store_image_unref(old);
}

void keeper_open_image(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone)
{
    const char *path = config->is_policy ? config->store.image_path : NULL;
    zone->image_always = config->store.image_always;
    zone->image_of_file = !config->store.path;
    if (zone->image && (!path || strcmp(path, store_image_path(zone->image)) != 0))
        put_image(keeper, zone, NULL);
    if (zone->image || !path)
        return;
    put_image(keeper, zone, store_image_new(path, zone->origin));
    if (zone->image && !zone->latest)
        store_image_open(zone->image);
}

uint32_t keeper_image_ms(const struct kept_zone *zone)
{
    struct store_image_look look = {.open_ms = 0};
    if (zone->image)
        store_image_look(zone->image, &look);
    return look.open_ms;
}

/* --- a zone without a journal --- */

static void say_taken(const struct kept_zone *zone, uint64_t began_ms)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_INFO, "zone %s/IN: serial %u (%llu records) from %s in %llu ms, in force",
              name_to_text_nodot(zone->origin, name), zone_content_serial(zone->latest),
              (unsigned long long)zone_content_records(zone->latest), store_image_path(zone->image),
              (unsigned long long)(clock_mono_ms() - began_ms));
}

static void take(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone,
                 struct zone_content *content, uint64_t file_mark)
{
    pthread_mutex_lock(&keeper->lock);
    zone->latest = zone_content_ref(content);
    zone->content = zone_content_ref(content);
    zone->policy = true;
    zone->source = ARRIVAL_FILE;
    zone->file_mark = file_mark;
    zone->latest_at_s = zone->checked_at_s = zone->loaded_at_s = clock_wall_s();
    zone->load_ms = keeper_image_ms(zone);
    keeper_set_text(&zone->file, config->file);
    keeper_set_text(&zone->from, config->file);
    pthread_mutex_unlock(&keeper->lock);
}

bool keeper_take_image(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone)
{
    struct store_image_label label = {0};
    uint64_t began_ms = clock_mono_ms() - keeper_image_ms(zone);
    struct zone_content *content = zone->image ? store_image_content(zone->image, &label) : NULL;
    bool fits = content && zone->image_of_file && !zone->latest && !label.stamp &&
                keeper_mark_is_alone(label.mark) &&
                keeper_mark_same(label.mark, keeper_file_mark(config->file));
    if (fits) {
        take(keeper, config, zone, content, label.mark);
        say_taken(zone, began_ms);
    }
    if (content)
        store_image_forget(zone->image, fits);
    return fits;
}

/* --- writing --- */

/* Only what the file says now, and all by itself. */
static void save_of_file(struct keeper *keeper, struct kept_zone *zone)
{
    const struct store_image_label label = {.stamp = 0, .mark = zone->file_mark};
    struct store_image_look look;
    store_image_look(zone->image, &look);
    bool known = look.label.stamp == label.stamp && look.label.mark == label.mark;
    bool failed = look.problem[0] && clock_mono_ms() - look.tried_at_ms < TRY_AGAIN_MS;
    if (known || failed || look.writing || zone->source != ARRIVAL_FILE || zone->content != zone->latest)
        return;
    if (keeper_mark_is_alone(label.mark) && keeper_mark_same(label.mark, keeper_file_mark(zone->file)))
        store_image_write(zone->image, keeper->helper, zone->latest, &label);
}

static void save_of_journal(struct kept_zone *zone, bool last)
{
    struct zone_content *in_force = zone->content ?: zone->resting;
    if (zone->store && in_force && zone->latest_stamp && zone->force_stamp)
        store_save_image(zone->store, zone->latest, zone->latest_stamp, in_force, zone->force_stamp, last);
}

void keeper_save_images(struct keeper *keeper, bool last)
{
    for (struct kept_zone *zone = keeper->zones; zone && keeper->helper; zone = zone->next) {
        bool worth_it = zone->image && zone->latest && zone->policy &&
                        (zone->image_always || zone_content_records(zone->latest) >= WORTH_IT);
        if (worth_it && zone->image_of_file)
            save_of_file(keeper, zone);
        else if (worth_it)
            save_of_journal(zone, last);
    }
}
