/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Old versions become one: a new file, whose base is the version from which on all are kept, takes the place
 * of the old one. Long work happens without the lock, so that versions go on being added. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/parts.h"

enum {
    LEAST_BYTES = 1 << 18, /* of steps; below that nothing is gained */
    LEAST_STEPS = 3,       /* kept however large they are: an operator may want to go back */
    LAST_ROUND_BYTES = 1 << 20,
};

/* --- what to keep --- */

static uint64_t limit_of(const struct store *store)
{
    uint64_t limit = store->max_bytes;
    for (size_t i = store->count; i > 0 && !limit; i--)
        if (store->entries[i - 1].head.whole)
            limit = entry_bytes(&store->entries[i - 1]);
    return limit < LEAST_BYTES ? LEAST_BYTES : limit;
}

static uint64_t steps_bytes(const struct store *store)
{
    return store->count ? store->end - store->entries[0].offset - entry_bytes(&store->entries[0]) : 0;
}

static bool leads_on(const struct store *store, size_t root, uint64_t stamp)
{
    while (stamp > store->entries[root].head.stamp) {
        const struct store_entry *entry = entries_find(store, stamp);
        if (!entry || !entry->head.parent)
            return false;
        stamp = entry->head.parent;
    }
    return stamp == store->entries[root].head.stamp;
}

/* The first version that stays: half of the limit lies behind it, and what acts is not older. */
static size_t choose_root(const struct store *store)
{
    uint64_t half = limit_of(store) / 2;
    const struct store_entry *acts = entries_find(store, store->state.in_force);
    size_t root = store->count > LEAST_STEPS ? store->count - 1 - LEAST_STEPS : 0;
    while (root > 0 &&
           (store->entries[root].head.side || (acts && !leads_on(store, root, acts->head.stamp)) ||
            store->end - store->entries[root - 1].offset <= half))
        root--;
    return root;
}

size_t store_root(const struct store *store)
{
    return choose_root(store);
}

/* The work is worth it when what goes is as much as may be there. */
bool store_is_fat(const struct store *store)
{
    uint64_t limit = limit_of(store);
    return steps_bytes(store) > limit &&
           store->entries[choose_root(store)].offset - store->entries[0].offset > limit / 2;
}

/* --- the new file --- */

struct compaction {
    struct store *store;
    struct store_reading reading;
    struct store_file *file;
    struct store_head root;
    uint8_t state[STORE_SLOT_BYTES];
    uint64_t from, at; /* how far the old file has been copied, and to where */
};

static uint64_t root_body_at(const struct store_entry *old)
{
    return STORE_ENTRIES_AT + STORE_HEAD_BYTES + old->head.state_bytes;
}

/* Its body is there. */
static int write_root(struct compaction *c, const struct store_entry *old, const struct store_body *body)
{
    uint8_t bytes[STORE_HEAD_BYTES];
    int error =
        file_read(c->reading.file->fd, c->state, old->head.state_bytes, old->offset + STORE_HEAD_BYTES);
    c->root = old->head;
    c->root.whole = true;
    c->root.parent = 0;
    c->root.added = body->added;
    c->root.removed = 0;
    c->root.body_bytes = body->length;
    c->root.rest_hash = store_hash(c->root.stamp ^ body->hash, c->state, c->root.state_bytes);
    store_head_write(&c->root, bytes);
    if (!error)
        error = file_write(c->file->fd, bytes, sizeof bytes, STORE_ENTRIES_AT);
    if (!error)
        error = file_write(c->file->fd, c->state, c->root.state_bytes, STORE_ENTRIES_AT + STORE_HEAD_BYTES);
    c->at = root_body_at(old) + body->length;
    c->from = old->offset + entry_bytes(old);
    return error;
}

static int copy_to(struct compaction *c, uint64_t end)
{
    uint64_t length = c->from < end ? end - c->from : 0;
    int error = file_copy(c->reading.file->fd, c->from, c->file->fd, c->at, length);
    c->from += length;
    c->at += length;
    return error;
}

/* Heads of the file that is to be the store's. */
static int new_entries(struct store *store, size_t root, const struct compaction *c)
{
    struct store_entry *entries = calloc(store->count - root + 1, sizeof *entries);
    uint64_t at = STORE_ENTRIES_AT;
    size_t count = 0;
    if (!entries)
        return ERR_NOMEM;
    for (size_t i = root; i < store->count; i++) {
        entries[count] = (struct store_entry){i == root ? c->root : store->entries[i].head, at};
        at += entry_bytes(&entries[count++]);
    }
    free(store->entries);
    store->entries = entries;
    store->count = count;
    store->room = count;
    store->end = at;
    store->whole = store->whole > c->root.stamp ? store->whole : c->root.stamp;
    return 0;
}

/* Under the lock: the last of it, the state, the name. */
static int take_place(struct compaction *c)
{
    struct store *store = c->store;
    const struct store_entry *root = entries_find(store, c->root.stamp);
    uint8_t slot[STORE_SLOT_BYTES];
    if (!root || store->file != c->reading.file)
        return ERR_AGAIN; /* cut meanwhile */
    int error = copy_to(c, store->end);
    store_slot_write(&store->state, slot);
    for (unsigned i = 0; i < STORE_SLOTS && !error; i++)
        error =
            file_write(c->file->fd, slot, sizeof slot, STORE_HEADER_BYTES + (uint64_t)i * STORE_SLOT_BYTES);
    if (!error)
        error = file_put(store);
    if (!error)
        error = new_entries(store, (size_t)(root - store->entries), c);
    if (error)
        return error;
    file_unref(store->file);
    store->file = file_ref(c->file);
    if (store->helper)
        helper_dirty(store->helper, store);
    return 0;
}

/* Copies until what is left is short enough to be copied under the lock. */
static int copy_rest(struct compaction *c)
{
    int error = 0;
    uint64_t end;
    do {
        pthread_mutex_lock(&c->store->lock);
        end = c->store->end;
        pthread_mutex_unlock(&c->store->lock);
        uint64_t left = end - c->from;
        error = copy_to(c, end);
        if (!error && fdatasync(c->file->fd))
            error = err_from_errno(errno);
        if (left <= LAST_ROUND_BYTES)
            break;
    } while (!error);
    return error;
}

static int rewrite(struct compaction *c, const struct store_entry *path, size_t count)
{
    struct zone_content *content = NULL;
    size_t bad;
    int error = reading_build(&c->reading, NULL, path, count, &content, &bad);
    struct store_body *body = NULL;
    if (!error)
        error = file_make(c->store, &c->file);
    if (!error) {
        body = store_body_write(content, c->file->fd, root_body_at(&path[count - 1]));
        error = body ? body->error : ERR_NOMEM;
    }
    zone_content_unref(content);
    if (!error)
        error = write_root(c, &path[count - 1], body);
    store_body_free(body);
    return error ? error : copy_rest(c);
}

int store_compact(struct store *store)
{
    struct compaction c = {.store = store};
    struct store_entry *path = NULL;
    pthread_mutex_lock(&store->lock);
    size_t root = store->count ? choose_root(store) : 0;
    int count = root ? entries_path(store, 0, store->entries[root].head.stamp, &path) : 0;
    reading_begin(store, &c.reading);
    pthread_mutex_unlock(&store->lock);
    int error = count < 0 ? count : count ? rewrite(&c, path, (size_t)count) : 0;
    pthread_mutex_lock(&store->lock);
    if (!error && count)
        error = take_place(&c);
    if (error && c.file)
        file_drop(store);
    store->compacting = false;
    pthread_mutex_unlock(&store->lock);
    reading_end(&c.reading);
    file_unref(c.file);
    free(path);
    return error;
}
