/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/owners.h"

struct owner_found owners_find(const struct owners *owners, struct rpz_key *key)
{
    uint32_t fingerprint = rpz_key_fingerprint(key, key->labels);
    const struct leaf *leaf;
    const uint32_t *slot = owners_probe(owners, fingerprint, &leaf);
    if (slot)
        slot = leaf_confirm(leaf, slot, key, key->labels);
    if (!slot)
        return (struct owner_found){0};
    if (slot_is_node(*slot))
        return (struct owner_found){.exists = true};
    return (struct owner_found){true, leaf_at(leaf, *slot), owners_handle(owners, fingerprint, *slot)};
}

static uint64_t hash_of(const uint8_t *packed)
{
    struct rpz_key key;
    uint8_t name[NAME_MAX_BYTES];
    (void)packed_name(packed, name);
    rpz_key_init(&key, name, rpz_tail_none());
    (void)rpz_key_fingerprint(&key, key.labels);
    return key.hash[key.labels];
}

struct owner_found owners_of_hash(const struct owners *owners, uint64_t hash)
{
    uint32_t fingerprint = (uint32_t)(hash >> 32);
    const struct leaf *leaf;
    const uint32_t *slot = owners_probe(owners, fingerprint, &leaf), *only = NULL, *at = slot;
    unsigned like = 0;
    for (; at && *at >> 16 == *slot >> 16 && slot_is_used(*at); at++)
        if (!slot_is_node(*at)) {
            only = at;
            like++;
        }
    for (; like > 1 && slot < at; slot++) /* an accident of fingerprints */
        if (!slot_is_node(*slot) && hash_of(leaf_at(leaf, *slot) + 1) == hash)
            only = slot;
    if (!only)
        return (struct owner_found){0};
    return (struct owner_found){true, leaf_at(leaf, *only), owners_handle(owners, fingerprint, *only)};
}

const struct leaf *owners_next(const struct owners *owners, size_t *place)
{
    if (*place >= owners_places(owners))
        return NULL;
    const struct leaf *leaf = owners_leaf(owners, *place);
    *place += owners_width(owners, leaf);
    return leaf;
}

uint64_t *owners_directory(struct owners *owners, struct heap *heap, unsigned bits)
{
    size_t places = (size_t)1 << bits;
    uint64_t *directory = heap_take(heap, places * (sizeof *directory + sizeof *owners->numbers));
    if (!directory)
        return NULL;
    owners->block = directory;
    owners->directory = directory;
    owners->numbers = (uint32_t *)(void *)(directory + places);
    owners->shift = 32 - bits;
    return directory;
}

/* Its memory, and its entries' hold on data. */
void leaf_end(struct lineage *lineage, const struct leaf *leaf)
{
    for (unsigned i = 0; leaf->extended && i < leaf->places; i++) {
        uint32_t slot = leaf->slots[i];
        const uint8_t *entry = leaf_at(leaf, slot);
        if (!slot_is_used(slot) || slot_is_node(slot) || owner_form(*entry) != OWNER_EXTENDED)
            continue;
        for (enum owner_side side = 0; side < SIDES; side++)
            if (owner_action(*entry, side) && !(entry_reference(entry, side) & OWNER_OPEN))
                data_drop(&lineage->data, entry_reference(entry, side));
    }
    heap_give(&lineage->heap, (void *)leaf);
}

/* Leaves that wait for their end, whose memory has been asked for. */
struct ending {
    struct lineage *lineage;
    size_t count;
    const struct leaf *leaves[32];
};

static void end_leaves(struct ending *e)
{
    for (size_t i = 0; i < e->count; i++)
        heap_ask_beside(e->leaves[i]);
    for (size_t i = 0; i < e->count; i++)
        leaf_end(e->lineage, e->leaves[i]);
    e->count = 0;
}

static void end_soon(struct ending *e, const struct leaf *leaf)
{
    heap_ask(leaf);
    e->leaves[e->count++] = leaf;
    if (e->count == sizeof e->leaves / sizeof *e->leaves)
        end_leaves(e);
}

void owners_end(struct owners *owners, struct lineage *lineage)
{
    size_t places = owners->directory ? owners_places(owners) : 0;
    struct ending ending = {.lineage = lineage};
    for (size_t i = 0; i < places; i++) {
        uint32_t number = owners->numbers[i];
        bool again = i && owners->numbers[i - 1] == number;
        if (number != NUMBER_MAPPED && !again && lineage_drop(lineage, number))
            end_soon(&ending, owners_leaf(owners, i));
    }
    end_leaves(&ending);
    if (owners->block)
        heap_give(&lineage->heap, owners->block);
}
