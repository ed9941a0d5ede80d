/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading what is kept, while others write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/parts.h"

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
