/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A leaf of the index: about a hundred names whose hashes begin alike, in one block of memory, so that a new
 * version copies this much for a name that changes. Inside rpz/ only.
 *
 * A name is there in up to two ways, each with a slot of its own: as an entry, if it has rules, and as a
 * node, if names stand directly below it. An empty non-terminal is a node without an entry.
 *
 * Bytes of an entry: one of flags; the owner relative to the zone, lower case, packed (packed.h); and, where
 * the flags say OWNER_EXTENDED, four for each side in use that name its data (data.h). `x` and `*.x`
 * are the two sides of one entry. Bytes of a node: 48 bits of the name's hash, which together with the slot's
 * make it whole, and how many names stand directly below: a byte, or NODE_MANY and four.
 *
 * A slot is 16 bits of the hash (those behind the ones by which the leaf was found, even in the largest
 * zone), a bit for nodes, and the offset of the bytes in the leaf. Slots stand in the order of their hashes,
 * as near behind the place that the hash gives as there is room, so a miss ends as early as a hit; the last
 * one is always free. */
#ifndef RPZ_LEAF_H
#define RPZ_LEAF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "rpz/heap.h"
#include "rpz/key.h"
#include "rpz/packed.h"
#include "rpz/rule.h"

enum owner_side { SIDE_EXACT, SIDE_WILDCARD, SIDES };

enum {
    OWNER_EXTENDED = 3, /* the form of an entry whose records are kept in full; 0 … 2: which usual TTL */
    OWNER_USUAL_TTLS = 3,
    OWNER_BYTES_MAX = 1 + PACKED_MAX_BYTES + 4 * SIDES,
};

static inline uint8_t owner_flags(enum rpz_action exact, enum rpz_action wildcard, unsigned form)
{
    return (uint8_t)(exact | wildcard << 3 | form << 6);
}

static inline enum rpz_action owner_action(uint8_t flags, enum owner_side side)
{
    return (enum rpz_action)(flags >> (3 * side) & 7);
}

static inline unsigned owner_form(uint8_t flags)
{
    return flags >> 6;
}

enum {
    LEAF_BYTES_MAX = 32767,
    LEAF_DEPTH_MAX = 16,   /* bits of the hash that lead to a leaf */
    LEAF_NAMES_WISH = 160, /* more are split in two, while they can be */
    LEAF_BYTES_WISH = 8000,
    LEAF_ITEMS_MAX = LEAF_BYTES_MAX / 7, /* a slot, flags, three characters */
    NODE_BYTES = 7,
    NODE_BYTES_MAX = NODE_BYTES + 4,
    NODE_MANY = 255,
    /* How long the entry is (0: longer than a byte can say), the first 16 bits of its hash. */
    LEAF_HEAD_BYTES = 3,
};
#define SLOT_FREE 0xffff0000u
#define SLOT_NODE 0x8000u

struct leaf {
    uint16_t prefix; /* the first bits of the hashes, upper bits first */
    uint8_t depth;   /* how many of them count */
    uint8_t head;    /* bytes in front of each entry: LEAF_HEAD_BYTES while loading, else none */
    uint16_t homes;  /* the place of a slot is its hash * homes >> 16 */
    uint16_t places;
    uint16_t count;      /* slots in use */
    uint16_t extended;   /* extended entries */
    uint16_t used, room; /* bytes of the leaf, from its beginning */
    uint16_t idle;       /* of `used`: what was removed or replaced while loading */
    uint32_t slots[];
};

static inline uint32_t slot_offset(uint32_t slot)
{
    return slot & 0x7fff;
}

static inline bool slot_is_used(uint32_t slot)
{
    return slot & 0x7fff;
}

static inline bool slot_is_node(uint32_t slot)
{
    return slot & SLOT_NODE;
}

static inline uint8_t *leaf_at(const struct leaf *leaf, uint32_t slot)
{
    return (uint8_t *)leaf + slot_offset(slot);
}

static inline uint64_t node_hash(uint64_t hash)
{
    return (hash >> 48) << 32 | (uint32_t)hash;
}

static inline bool node_is(const uint8_t *node, uint64_t hash)
{
    uint64_t stored = 0;
    memcpy(&stored, node, 6);
    return stored == node_hash(hash);
}

static inline uint32_t node_children(const uint8_t *node)
{
    uint32_t children = node[6];
    if (children == NODE_MANY)
        memcpy(&children, node + NODE_BYTES, sizeof children);
    return children;
}

static inline size_t node_bytes(uint32_t children)
{
    return children < NODE_MANY ? NODE_BYTES : NODE_BYTES_MAX;
}

/* The first slot with these 16 bits, or NULL. Others with the same ones follow it. */
static inline const uint32_t *leaf_probe(const struct leaf *leaf, uint32_t homes, uint32_t rest)
{
    const uint32_t *slot = leaf->slots + (rest * homes >> 16);
    while (*slot >> 16 < rest)
        slot++;
    return *slot >> 16 == rest && slot_is_used(*slot) ? slot : NULL;
}

/* The slot of exactly this ancestor of the key, its entry before its node, or NULL; `first` is what
 * leaf_probe() gave. */
const uint32_t *leaf_confirm(const struct leaf *leaf, const uint32_t *first, const struct rpz_key *key,
                             unsigned level);

/* Both, of the key's ancestor of `level` labels; NULL: it has none. */
struct leaf_spot {
    uint32_t *entry, *node;
};
struct leaf_spot leaf_find(const struct leaf *leaf, uint32_t homes, const struct rpz_key *key,
                           unsigned level);

/* The names of the data behind an extended entry, one for each side in use. */
static inline uint8_t *entry_references(const uint8_t *entry)
{
    return (uint8_t *)entry + 1 + packed_bytes(entry + 1);
}

static inline uint32_t entry_reference(const uint8_t *entry, enum owner_side side)
{
    uint32_t reference;
    size_t behind = side == SIDE_WILDCARD && owner_action(*entry, SIDE_EXACT) ? sizeof reference : 0;
    memcpy(&reference, entry_references(entry) + behind, sizeof reference);
    return reference;
}

void entry_set_reference(uint8_t *entry, enum owner_side side, uint32_t reference);

/* --- changing; the leaf is not part of a version yet --- */

/* A new leaf for these bits. NULL: memory is out. */
struct leaf *leaf_new(struct heap *heap, uint16_t prefix, uint8_t depth, uint8_t head);

/* A copy, byte for byte, with room for some more. */
struct leaf *leaf_copy(struct heap *heap, const struct leaf *leaf);

/* A copy with nothing idle, without heads, and with room for nothing more. */
struct leaf *leaf_pack(struct heap *heap, const struct leaf *leaf);

/* A copy with much more room; NULL also if a leaf cannot have that much. */
struct leaf *leaf_grow(struct heap *heap, const struct leaf *leaf);

/* Two leaves, of one bit more. False: memory is out. */
bool leaf_split(struct heap *heap, const struct leaf *leaf, struct leaf *halves[2]);

/* Adds a slot and its bytes. False: there is no room, and nothing was changed. */
bool leaf_add(struct leaf *leaf, uint64_t hash, bool node, const uint8_t *bytes, size_t length);

/* Takes a slot away. While loading its bytes become idle; else those behind move up to their place. */
void leaf_remove(struct leaf *leaf, uint32_t *slot);

#endif
