/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The versions of a file as they are known in memory: heads and where they stand. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/parts.h"

uint64_t entry_bytes(const struct store_entry *entry)
{
    return STORE_HEAD_BYTES + entry->head.state_bytes + entry->head.body_bytes;
}

/* Entries of the first releases have no mark. */
uint64_t entry_mark(const struct store_entry *entry)
{
    const struct store_head *head = &entry->head;
    const uint64_t parts[] = {head->stamp, head->serial, (uint64_t)head->at_s, head->source};
    return head->mark ? head->mark : hash_bytes(0, parts, sizeof parts) | 1;
}

static const struct store_entry *last(const struct store *store)
{
    return store->count ? &store->entries[store->count - 1] : NULL;
}

int entries_append(struct store *store, const struct store_head *head, uint64_t offset)
{
    if (store->count == store->room) {
        size_t room = store->room ? 2 * store->room : 16;
        struct store_entry *entries = reallocarray(store->entries, room, sizeof *entries);
        if (!entries)
            return ERR_NOMEM;
        store->entries = entries;
        store->room = room;
    }
    store->entries[store->count++] = (struct store_entry){*head, offset};
    store->end = offset + entry_bytes(last(store));
    store->stamp = head->stamp > store->stamp ? head->stamp : store->stamp;
    store->latest = head->side ? store->latest : head->stamp;
    store->whole = head->whole ? head->stamp : store->whole;
    return 0;
}

/* Stamps rise, so that a search by halves finds them. */
const struct store_entry *entries_find(const struct store *store, uint64_t stamp)
{
    size_t low = 0, high = store->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (store->entries[middle].head.stamp < stamp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < store->count && store->entries[low].head.stamp == stamp ? &store->entries[low] : NULL;
}

void entries_cut(struct store *store, size_t first)
{
    if (first < store->count)
        store->end = store->entries[first].offset;
    store->count = first < store->count ? first : store->count;
    store->latest = store->whole = 0;
    for (size_t i = 0; i < store->count; i++) {
        const struct store_head *head = &store->entries[i].head;
        store->latest = head->side ? store->latest : head->stamp;
        store->whole = head->whole ? head->stamp : store->whole;
    }
}

bool entries_lead(const struct store *store, uint64_t ancestor, uint64_t stamp)
{
    const struct store_entry *entry = entries_find(store, stamp);
    while (entry && !entry->head.whole && entry->head.stamp > ancestor)
        entry = entries_find(store, entry->head.parent);
    return entry && entry->head.stamp == ancestor;
}

/* Does the head fit behind the entries before it? */
static bool follows(const struct store *store, const struct store_head *head)
{
    const struct store_entry *before = last(store);
    if (before && head->stamp <= before->head.stamp)
        return false;
    return head->whole || head->parent == store->latest || entries_find(store, head->parent);
}

/* Heads of small entries lie close together and are read many at once; what lies between heads of large ones
 * is not read at all. */
struct window {
    uint8_t bytes[1 << 16];
    uint64_t at;
    size_t length;
};

static int read_head(const struct store *store, uint64_t size, struct window *window, const uint8_t **head)
{
    uint64_t at = store->end;
    if (at < window->at || at + STORE_HEAD_BYTES > window->at + window->length) {
        bool dense = last(store) && entry_bytes(last(store)) < sizeof window->bytes / 4;
        size_t most = dense ? sizeof window->bytes : STORE_HEAD_BYTES;
        window->at = at;
        window->length = size - at < most ? (size_t)(size - at) : most;
        int error = file_read(store->file->fd, window->bytes, window->length, at);
        if (error)
            return error;
    }
    *head = window->bytes + (at - window->at);
    return 0;
}

int entries_read(struct store *store, uint64_t size, bool *damaged)
{
    struct window window;
    int error = 0;
    window.at = window.length = 0;
    store->count = 0;
    store->latest = store->whole = 0;
    store->end = STORE_ENTRIES_AT;
    *damaged = false;
    while (!error && size - store->end >= STORE_HEAD_BYTES) {
        const uint8_t *bytes;
        struct store_head head;
        error = read_head(store, size, &window, &bytes);
        if (error)
            return error;
        *damaged = store_head_read(bytes, &head) != 0 || !follows(store, &head);
        uint64_t rest = *damaged ? 0 : head.state_bytes + head.body_bytes;
        if (*damaged || rest > size - store->end - STORE_HEAD_BYTES)
            break;
        error = entries_append(store, &head, store->end);
    }
    return error;
}

static int fill_path(const struct store *store, uint64_t from, uint64_t stamp, struct store_entry *out,
                     size_t room)
{
    size_t count = 0;
    while (stamp != from && count < room) {
        const struct store_entry *entry = entries_find(store, stamp);
        if (!entry || (from && entry->head.whole))
            return ERR_NOT_FOUND;
        out[room - ++count] = *entry;
        stamp = entry->head.whole ? 0 : entry->head.parent;
    }
    memmove(out, out + room - count, count * sizeof *out);
    return (int)count;
}

int entries_path(const struct store *store, uint64_t from, uint64_t stamp, struct store_entry **out)
{
    size_t room = store->count;
    *out = calloc(room + 1, sizeof **out);
    if (!*out)
        return ERR_NOMEM;
    int count = fill_path(store, from, stamp, *out, room);
    if (count < 0) {
        free(*out);
        *out = NULL;
    }
    return count;
}
