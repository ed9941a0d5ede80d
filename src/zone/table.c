/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding the zone that holds a name. Every query asks, and for almost every one the answer is "none": a
 * filter on the last label says so before any whole name is hashed, and only depths at which some zone lies
 * are tried. */
#include "zone/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "dns/name.h"

enum { DEPTHS = NAME_MAX_LABELS + 1, FILTER_BITS = 256 };

struct zone_table {
    _Atomic unsigned references;
    struct arena arena; /* origins */
    uint64_t seed;
    struct zone_table_entry *entries;
    size_t count;
    uint32_t *slots; /* entry number + 1; 0: free */
    size_t slot_mask;
    bool has_root;
    unsigned deepest;
    bool depths[DEPTHS];               /* some origin has this many labels */
    uint64_t filter[FILTER_BITS / 64]; /* last labels of the origins, hashed */
};

static unsigned filter_bit(const struct zone_table *table, const uint8_t *last_label)
{
    return (unsigned)(hash_bytes(table->seed, last_label, 1u + last_label[0]) % FILTER_BITS);
}

static uint32_t *find_slot(const struct zone_table *table, const uint8_t *name, size_t length)
{
    size_t at = name_hash_lower(table->seed, name, length) & table->slot_mask;
    while (table->slots[at] && !name_equal(table->entries[table->slots[at] - 1].origin, name))
        at = (at + 1) & table->slot_mask;
    return &table->slots[at];
}

static void note_depth(struct zone_table *table, const uint8_t *origin)
{
    unsigned labels = name_labels(origin);
    table->depths[labels] = true;
    if (labels > table->deepest)
        table->deepest = labels;
    if (!labels) {
        table->has_root = true;
        return;
    }
    unsigned bit = filter_bit(table, name_skip(origin, labels - 1));
    table->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* Puts one entry in; one of the same origin is replaced. */
static int insert(struct zone_table *table, const struct zone_table_entry *from)
{
    size_t length = name_length(from->origin);
    uint32_t *slot = find_slot(table, from->origin, length);
    if (!*slot) {
        const uint8_t *origin = arena_copy(&table->arena, from->origin, length);
        if (!origin)
            return ERR_NOMEM;
        table->entries[table->count] = (struct zone_table_entry){.origin = origin};
        *slot = (uint32_t)++table->count;
        note_depth(table, origin);
    }
    struct zone_table_entry *entry = &table->entries[*slot - 1];
    zone_content_unref(entry->content);
    entry->content = from->content ? zone_content_ref(from->content) : NULL;
    entry->owner = from->owner;
    return 0;
}

struct zone_table *zone_table_new(const struct zone_table_entry *entries, size_t count)
{
    struct zone_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    arena_init(&table->arena, 0);
    table->references = 1;
    table->seed = random_u64();
    table->slot_mask = slots - 1;
    table->entries = calloc(count ? count : 1, sizeof *table->entries);
    table->slots = calloc(slots, sizeof *table->slots);
    int error = table->entries && table->slots ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < count && !error; i++)
        error = insert(table, &entries[i]);
    if (error) {
        zone_table_unref(table);
        return NULL;
    }
    return table;
}

struct zone_table *zone_table_ref(struct zone_table *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

void zone_table_unref(struct zone_table *table)
{
    if (!table || atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < table->count; i++)
        zone_content_unref(table->entries[i].content);
    arena_fini(&table->arena);
    free(table->entries);
    free(table->slots);
    free(table);
}

static bool may_hold(const struct zone_table *table, const uint8_t *last_label)
{
    unsigned bit = filter_bit(table, last_label);
    return table->filter[bit / 64] >> (bit % 64) & 1;
}

const struct zone_table_entry *zone_table_find(const struct zone_table *table, const uint8_t *name,
                                               bool parent_side)
{
    const uint8_t *labels[NAME_MAX_LABELS];
    unsigned count = name_split(name, labels);
    unsigned skip = parent_side && count ? 1 : 0;
    if (!table->has_root && (count == skip || !may_hold(table, labels[count - 1])))
        return NULL;
    const uint8_t *end = name + name_length(name);
    for (; skip <= count; skip++) {
        unsigned depth = count - skip;
        if (depth > table->deepest || !table->depths[depth])
            continue;
        const uint8_t *at = depth ? labels[skip] : end - 1;
        uint32_t slot = *find_slot(table, at, (size_t)(end - at));
        if (slot)
            return &table->entries[slot - 1];
    }
    return NULL;
}

size_t zone_table_count(const struct zone_table *table)
{
    return table->count;
}

const struct zone_table_entry *zone_table_get(const struct zone_table *table, size_t index)
{
    return &table->entries[index];
}
