/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The start: what is kept becomes versions again, of an image and the steps behind it where there is one. */
#include <stdlib.h>

#include "base/log.h"
#include "dns/name.h"
#include "store/parts.h"

/* A version that there is already; content NULL: there is not. */
struct known {
    uint64_t stamp;
    struct zone_content *content; /* borrowed */
};

/* The image, when it is a version of this store. */
static struct known known_image(const struct store *store)
{
    struct store_image_label label;
    struct zone_content *content =
        store->image && store->policy ? store_image_content(store->image, &label) : NULL;
    const struct store_entry *entry = content ? entries_find(store, label.stamp) : NULL;
    if (!entry || entry_mark(entry) != label.mark)
        return (struct known){0};
    return (struct known){label.stamp, content};
}

static bool leads(const struct store *store, const struct known *known, uint64_t stamp)
{
    return known->content && entries_lead(store, known->stamp, stamp);
}

/* What does not fit behind an image is no reason to cut the journal: it is built without the image first. */
static void doubt_image(const struct store *store, struct known *image)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_WARN,
              "zone %s/IN: %s is not used: the steps behind it are damaged or do not fit",
              name_to_text_nodot(store->origin, name), store_image_path(store->image));
    image->content = NULL;
}

static int cut(struct store *store, uint64_t stamp)
{
    size_t number = (size_t)(entries_find(store, stamp) - store->entries);
    int error = store_cut(store, number, true, "damaged");
    return error ? error : ERR_AGAIN;
}

/* A version from the image, from `other`, or from its records: from what is nearest on its way. What turns
 * out to be damaged is cut off. ERR_AGAIN: something was. */
static int build(struct store *store, struct known *image, const struct known *other, uint64_t stamp,
                 struct zone_content **out)
{
    const struct known *base = leads(store, other, stamp) ? other : NULL;
    struct store_entry *path = NULL;
    struct store_reading reading;
    size_t bad = 0;
    if (leads(store, image, stamp) && (!base || image->stamp > base->stamp))
        base = image;
    int count = entries_path(store, base ? base->stamp : 0, stamp, &path);
    if (count < 0)
        return count;
    reading_begin(store, &reading);
    int error = reading_build(&reading, base ? base->content : NULL, path, (size_t)count, out, &bad);
    reading_end(&reading);
    if (error == ERR_MALFORMED && image->content) {
        doubt_image(store, image);
        error = ERR_AGAIN;
    } else if (error == ERR_MALFORMED) {
        error = cut(store, path[bad].head.stamp);
    }
    free(path);
    return error;
}

/* The earlier one first: the later one may be made of it. */
static int load_both(struct store *store, struct known *image, struct zone_content **latest,
                     struct zone_content **in_force)
{
    uint64_t acts = store->state.in_force, first = 0;
    *latest = *in_force = NULL;
    if (!store->latest)
        return 0;
    if (!entries_find(store, acts)) /* cut off: what is left acts */
        acts = store->state.in_force = store->latest;
    bool latest_first = entries_lead(store, store->latest, acts);
    first = latest_first ? store->latest : acts;
    struct zone_content **to_first = latest_first ? latest : in_force;
    struct zone_content **to_second = latest_first ? in_force : latest;
    int error = build(store, image, &(struct known){0}, first, to_first);
    if (!error)
        error = build(store, image, &(struct known){first, *to_first}, latest_first ? acts : store->latest,
                      to_second);
    if (error) {
        zone_content_unref(*to_first);
        *latest = *in_force = NULL;
    }
    return error;
}

int store_load(struct store *store, struct zone_content **latest, struct zone_content **in_force,
               struct store_state *state)
{
    int error;
    pthread_mutex_lock(&store->lock);
    struct known image = known_image(store);
    do
        error = load_both(store, &image, latest, in_force);
    while (error == ERR_AGAIN); /* each time there is less */
    bool used = !error && *in_force && leads(store, &image, store->state.in_force);
    *state = store->state;
    pthread_mutex_unlock(&store->lock);
    if (store->image)
        store_image_forget(store->image, used);
    return error;
}
