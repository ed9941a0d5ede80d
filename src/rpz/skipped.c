/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/skipped.h"

#include <stdlib.h>

#include "base/hash.h"
#include "rpz/key.h"

static uint64_t owner_hash(const uint8_t *owner)
{
    return hash_bytes(rpz_seed(), owner, name_length(owner));
}

struct wanted {
    const struct skipped *skipped;
    const uint8_t *owner;
    const struct stored *stored;
    const uint8_t *rdata;
};

static bool same_record(const void *context, uint32_t offset)
{
    const struct wanted *wanted = context;
    struct skipped_record record = skipped_at(wanted->skipped, offset);
    return record.stored.type == wanted->stored->type && record.stored.length == wanted->stored->length &&
           memcmp(record.rdata, wanted->rdata, record.stored.length) == 0 &&
           name_equal(record.owner, wanted->owner);
}

int skipped_add(struct skipped *skipped, struct set *known, const uint8_t *owner, const struct stored *stored,
                const uint8_t *rdata)
{
    struct wanted wanted = {skipped, owner, stored, rdata};
    uint64_t hash = hash_bytes(owner_hash(owner) + stored->type, rdata, stored->length);
    if (set_find(known, hash, same_record, &wanted) >= 0)
        return 0;
    struct pages *to = &skipped->records;
    size_t offset = to->used, bytes = name_length(owner) + sizeof *stored + stored->length;
    if (offset + bytes > UINT32_MAX)
        return ERR_LIMIT;
    int error = pages_reserve(to, bytes);
    if (!error)
        error = set_add(known, hash, (uint32_t)offset);
    if (error)
        return error;
    uint8_t *at = to->base + offset + name_copy(to->base + offset, owner);
    memcpy(at, stored, sizeof *stored);
    memcpy(at + sizeof *stored, rdata, stored->length);
    to->used += bytes;
    return 1;
}

static int index_order(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static int add_above(struct skipped *skipped, const uint8_t *owner)
{
    int error = 0;
    while (!error && owner[0] && owner[1 + owner[0]]) {
        owner += 1 + owner[0];
        uint64_t hash = owner_hash(owner);
        error = pages_append(&skipped->above, &hash, sizeof hash);
    }
    return error;
}

/* In order, each once. */
static void sort_index(struct pages *index)
{
    uint64_t *slots = (uint64_t *)(void *)index->base;
    size_t count = index->used / sizeof *slots, kept = 0;
    if (count)
        qsort(slots, count, sizeof *slots, index_order);
    for (size_t i = 0; i < count; i++)
        if (!i || slots[i] != slots[kept - 1])
            slots[kept++] = slots[i];
    index->used = kept * sizeof *slots;
    pages_trim(index);
}

int skipped_settle(struct skipped *skipped)
{
    int error = 0;
    if (skipped->index.used)
        return 0;
    for (size_t at = 0; at < skipped->records.used && !error;) {
        struct skipped_record record = skipped_at(skipped, at);
        uint64_t slot = (owner_hash(record.owner) & ~(uint64_t)UINT32_MAX) | at;
        error = pages_append(&skipped->index, &slot, sizeof slot);
        if (!error)
            error = add_above(skipped, record.owner);
        at = record.next;
    }
    if (error)
        return error;
    pages_trim(&skipped->records);
    sort_index(&skipped->index);
    sort_index(&skipped->above);
    return 0;
}

/* Where the record at `at` ends; 0: there is none. */
static size_t record_end(const struct skipped_parts *parts, size_t at, size_t name_most)
{
    struct stored stored;
    size_t all = parts->records_bytes;
    int owner = at < all ? name_check(parts->records + at, all - at) : ERR_MALFORMED;
    if (owner < 0 || (size_t)owner > name_most || all - at - (size_t)owner < sizeof stored)
        return 0;
    size_t rdata = at + (size_t)owner + sizeof stored;
    stored = stored_at(parts->records + rdata - sizeof stored);
    return stored.length <= all - rdata ? rdata + stored.length : 0;
}

static bool are_sound(const struct skipped_parts *parts, size_t name_most)
{
    uint64_t slot;
    bool sound = parts->records_bytes <= UINT32_MAX && parts->index_bytes % sizeof slot == 0 &&
                 parts->above_bytes % sizeof slot == 0;
    for (size_t at = 0; sound && at < parts->records_bytes;) {
        size_t next = record_end(parts, at, name_most);
        sound = next;
        at = next;
    }
    for (size_t at = 0; sound && at < parts->index_bytes; at += sizeof slot) {
        memcpy(&slot, parts->index + at, sizeof slot);
        sound = record_end(parts, (uint32_t)slot, name_most);
    }
    return sound;
}

int skipped_restore(const struct skipped_parts *parts, size_t name_most, struct skipped **out)
{
    *out = NULL;
    if (!are_sound(parts, name_most))
        return ERR_MALFORMED;
    struct skipped *skipped = skipped_new();
    int error = skipped ? pages_append(&skipped->records, parts->records, parts->records_bytes) : ERR_NOMEM;
    if (!error)
        error = pages_append(&skipped->index, parts->index, parts->index_bytes);
    if (!error)
        error = pages_append(&skipped->above, parts->above, parts->above_bytes);
    if (error)
        skipped_unref(skipped);
    else
        *out = skipped;
    return error;
}

/* The first place in the index with this hash or a later one. */
static size_t index_place(const uint64_t *slots, size_t count, uint64_t wanted)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slots[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int skipped_each_of(const struct skipped *skipped, const uint8_t *owner,
                    int (*each)(void *context, const struct skipped_record *record), void *context)
{
    const uint64_t *slots = (const uint64_t *)(const void *)skipped->index.base;
    size_t count = skipped->index.used / sizeof *slots;
    uint64_t wanted = owner_hash(owner) & ~(uint64_t)UINT32_MAX;
    int result = 0;
    for (size_t i = index_place(slots, count, wanted); i < count && !result; i++) {
        if (slots[i] >> 32 != wanted >> 32)
            break;
        struct skipped_record record = skipped_at(skipped, (uint32_t)slots[i]);
        if (name_equal(record.owner, owner))
            result = each(context, &record);
    }
    return result;
}

bool skipped_is_below(const struct skipped *skipped, const uint8_t *name)
{
    const uint64_t *slots = (const uint64_t *)(const void *)skipped->above.base;
    size_t count = skipped->above.used / sizeof *slots;
    uint64_t wanted = owner_hash(name);
    size_t place = index_place(slots, count, wanted);
    return place < count && slots[place] == wanted;
}

struct skipped *skipped_new(void)
{
    struct skipped *skipped = calloc(1, sizeof *skipped);
    if (skipped)
        skipped->references = 1;
    return skipped;
}

struct skipped *skipped_ref(struct skipped *skipped)
{
    atomic_fetch_add_explicit(&skipped->references, 1, memory_order_relaxed);
    return skipped;
}

void skipped_unref(struct skipped *skipped)
{
    if (!skipped || atomic_fetch_sub_explicit(&skipped->references, 1, memory_order_acq_rel) != 1)
        return;
    pages_free(&skipped->above);
    pages_free(&skipped->records);
    pages_free(&skipped->index);
    free(skipped);
}
