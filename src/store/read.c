/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept, and reading it while others write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/parts.h"

/* --- at the start --- */

/* A version and its way; what turns out to be damaged on it is cut off. ERR_AGAIN: something was. */
static int build_or_cut(struct store *store, const struct zone_content *base, uint64_t from, uint64_t stamp,
                        struct zone_content **out)
{
    struct store_entry *path = NULL;
    struct store_reading reading;
    size_t bad = 0;
    int count = entries_path(store, from, stamp, &path);
    if (count < 0)
        return count;
    reading_begin(store, &reading);
    int error = reading_build(&reading, base, path, (size_t)count, out, &bad);
    reading_end(&reading);
    if (error == ERR_MALFORMED) {
        size_t number = (size_t)(entries_find(store, path[bad].head.stamp) - store->entries);
        int cut = store_cut(store, number, true, "damaged");
        error = cut ? cut : ERR_AGAIN;
    }
    free(path);
    return error;
}

/* Is `ancestor` on the way to `stamp`? */
static bool leads_to(const struct store *store, uint64_t ancestor, uint64_t stamp)
{
    const struct store_entry *entry = entries_find(store, stamp);
    while (entry && !entry->head.whole && entry->head.stamp != ancestor)
        entry = entries_find(store, entry->head.parent);
    return entry && entry->head.stamp == ancestor;
}

static int load_both(struct store *store, struct zone_content **latest, struct zone_content **in_force)
{
    uint64_t acts = store->state.in_force;
    *latest = *in_force = NULL;
    if (!store->latest)
        return 0;
    if (!entries_find(store, acts)) /* cut off: what is left acts */
        acts = store->state.in_force = store->latest;
    int error = build_or_cut(store, NULL, 0, acts, in_force);
    if (error)
        return error;
    if (acts == store->latest)
        *latest = zone_content_ref(*in_force);
    else if (leads_to(store, acts, store->latest))
        error = build_or_cut(store, *in_force, acts, store->latest, latest);
    else
        error = build_or_cut(store, NULL, 0, store->latest, latest);
    if (error) {
        zone_content_unref(*in_force);
        *in_force = NULL;
    }
    return error;
}

int store_load(struct store *store, struct zone_content **latest, struct zone_content **in_force,
               struct store_state *state)
{
    int error;
    pthread_mutex_lock(&store->lock);
    do
        error = load_both(store, latest, in_force);
    while (error == ERR_AGAIN); /* each time there is less */
    *state = store->state;
    pthread_mutex_unlock(&store->lock);
    return error;
}

/* --- later --- */

uint64_t store_find(struct store *store, uint32_t serial)
{
    uint64_t stamp = 0;
    pthread_mutex_lock(&store->lock);
    for (size_t i = store->count; i > 0 && !stamp; i--)
        if (!store->entries[i - 1].head.side && store->entries[i - 1].head.serial == serial)
            stamp = store->entries[i - 1].head.stamp;
    pthread_mutex_unlock(&store->lock);
    return stamp;
}

uint64_t store_latest(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t latest = store->latest;
    pthread_mutex_unlock(&store->lock);
    return latest;
}

uint64_t store_bytes(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t bytes = store->file ? store->end : 0;
    pthread_mutex_unlock(&store->lock);
    return bytes;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

static void describe(const struct store_entry *entry, struct store_version *out)
{
    *out = (struct store_version){.stamp = entry->head.stamp,
                                  .whole = entry->head.whole,
                                  .side = entry->head.side,
                                  .source = entry->head.source,
                                  .serial_from = entry->head.serial_from,
                                  .serial = entry->head.serial,
                                  .at_s = entry->head.at_s,
                                  .added = entry->head.added,
                                  .removed = entry->head.removed,
                                  .bytes = entry_bytes(entry)};
}

/* Whom a version came from stands in the state beside it. */
static void describe_from(const struct store_file *file, const struct store_entry *entry,
                          struct store_version *out)
{
    uint8_t bytes[STORE_SLOT_BYTES];
    struct store_state state;
    if (file_read(file->fd, bytes, entry->head.state_bytes, entry->offset + STORE_HEAD_BYTES) == 0 &&
        store_state_read(bytes, entry->head.state_bytes, &state) == 0)
        snprintf(out->from, sizeof out->from, "%s", state.from);
}

int store_list(struct store *store, struct store_version **out)
{
    struct store_reading reading;
    pthread_mutex_lock(&store->lock);
    size_t count = store->count;
    struct store_entry *entries = calloc(count + 1, sizeof *entries);
    *out = calloc(count + 1, sizeof **out);
    if (entries && count)
        memcpy(entries, store->entries, count * sizeof *entries);
    reading_begin(store, &reading);
    pthread_mutex_unlock(&store->lock);
    for (size_t i = 0; entries && *out && i < count; i++) {
        describe(&entries[i], &(*out)[i]);
        describe_from(reading.file, &entries[i], &(*out)[i]);
    }
    bool complete = entries && *out;
    free(entries);
    reading_end(&reading);
    if (!complete) {
        free(*out);
        *out = NULL;
    }
    return complete ? (int)count : ERR_NOMEM;
}

int store_build(struct store *store, uint64_t stamp, struct zone_content **out)
{
    struct store_reading reading;
    struct store_entry *path = NULL;
    size_t bad;
    *out = NULL;
    pthread_mutex_lock(&store->lock);
    int count = stamp ? entries_path(store, 0, stamp, &path) : ERR_NOT_FOUND;
    reading_begin(store, &reading);
    pthread_mutex_unlock(&store->lock);
    int error = count > 0 ? reading_build(&reading, NULL, path, (size_t)count, out, &bad)
                : count   ? count
                          : ERR_NOT_FOUND;
    reading_end(&reading);
    free(path);
    return error;
}

static int give_step(const struct store_reading *reading, const struct store_entry *entry,
                     int (*each)(void *context, const struct store_version *version,
                                 const struct zone_changes *changes),
                     void *context)
{
    struct store_version version;
    struct zone_changes *changes = zone_changes_new();
    int result = changes ? reading_changes(reading, entry, changes) : ERR_NOMEM;
    describe(entry, &version);
    if (!result)
        result = each(context, &version, changes);
    zone_changes_free(changes);
    return result;
}

int store_each_step(struct store *store, uint32_t from_serial, uint32_t to_serial,
                    int (*each)(void *context, const struct store_version *version,
                                const struct zone_changes *changes),
                    void *context)
{
    struct store_reading reading;
    struct store_entry *path = NULL;
    uint64_t from = store_find(store, from_serial), to = store_find(store, to_serial);
    if (!from || !to)
        return ERR_NOT_FOUND;
    pthread_mutex_lock(&store->lock);
    int count = from < to ? entries_path(store, from, to, &path) : from == to ? 0 : ERR_NOT_FOUND;
    reading_begin(store, &reading);
    pthread_mutex_unlock(&store->lock);
    int result = count < 0 ? count : 0;
    for (int i = 0; i < count && !result; i++)
        result = give_step(&reading, &path[i], each, context);
    reading_end(&reading);
    free(path);
    return result;
}
