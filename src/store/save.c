/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which version of a store is to be an image, and when. */
#include "base/clock.h"
#include "store/parts.h"

enum {
    STEPS_EVERY_MS = 60000,  /* steps behind an image are no hurry */
    FAILED_EVERY_MS = 60000, /* neither is a disk that cannot be written to */
    STEPS_SHARE = 8,         /* a part of the image that steps may reach */
    LAST_BYTES = 1 << 16,    /* of steps that a start applies in milliseconds */
};

/* The one of the two that leads to the other: a start makes both of it. NULL: neither does, and what lies
 * there is the best that there can be. */
static const struct store_entry *choose(const struct store *store, uint64_t latest_stamp,
                                        uint64_t force_stamp)
{
    const struct store_entry *acts = entries_find(store, force_stamp);
    bool aside = acts && acts->head.side;
    if (aside && acts->head.parent != latest_stamp)
        return NULL;
    return aside ? entries_find(store, latest_stamp) : acts;
}

/* Do only steps lie between the two? Those behind the last whole version hang together. */
static bool is_chained(const struct store *store, uint64_t from, uint64_t to)
{
    return from >= store->whole && from <= to ? true : entries_lead(store, from, to);
}

static bool is_of_use(const struct store *store, const struct store_image_label *label,
                      const struct store_entry *chosen)
{
    const struct store_entry *saved = label->mark ? entries_find(store, label->stamp) : NULL;
    return saved && entry_mark(saved) == label->mark && !saved->head.side &&
           is_chained(store, label->stamp, chosen->head.stamp);
}

/* A compaction that is under way may leave the image's version behind. */
static bool is_going(const struct store *store, uint64_t stamp)
{
    return store->compacting && stamp < store->entries[store_root(store)].head.stamp;
}

static bool lags(const struct store *store, const struct store_image_look *image,
                 const struct store_entry *chosen, bool last)
{
    const struct store_entry *saved = entries_find(store, image->label.stamp);
    uint64_t steps = chosen->offset + entry_bytes(chosen) - saved->offset - entry_bytes(saved);
    uint64_t most = image->bytes / STEPS_SHARE;
    bool waits = !last && image->tried_at_ms && clock_mono_ms() - image->tried_at_ms < STEPS_EVERY_MS;
    return is_going(store, saved->head.stamp) ||
           (steps > (last && most > LAST_BYTES ? LAST_BYTES : most) && !waits);
}

/* The version to be written, or NULL. */
static const struct store_entry *due(const struct store *store, uint64_t latest_stamp, uint64_t force_stamp,
                                     bool last)
{
    struct store_image_look image;
    const struct store_entry *chosen = choose(store, latest_stamp, force_stamp);
    store_image_look(store->image, &image);
    bool failed = image.problem[0] && clock_mono_ms() - image.tried_at_ms < FAILED_EVERY_MS;
    if (!chosen || image.writing || failed)
        return NULL;
    return !is_of_use(store, &image.label, chosen) || lags(store, &image, chosen, last) ? chosen : NULL;
}

void store_save_image(struct store *store, struct zone_content *latest, uint64_t latest_stamp,
                      struct zone_content *in_force, uint64_t force_stamp, bool last)
{
    struct store_image_label label = {0};
    if (!store->image || !store->helper)
        return;
    pthread_mutex_lock(&store->lock);
    const struct store_entry *chosen = due(store, latest_stamp, force_stamp, last);
    if (chosen)
        label = (struct store_image_label){chosen->head.stamp, entry_mark(chosen)};
    pthread_mutex_unlock(&store->lock);
    if (label.mark)
        store_image_write(store->image, store->helper, label.stamp == force_stamp ? in_force : latest,
                          &label);
}
