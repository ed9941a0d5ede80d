/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/leaf.h"

enum { LOAD_PERCENT = 85, PLACES_SPARE = 8 };

/* A leaf that grows gets one part in so many more: of a new zone, of a version that is changed. */
enum { LOAD_SHARE = 10, DELTA_SHARE = 16 };

static uint32_t slot_of(uint64_t hash, bool node, uint32_t offset)
{
    return (uint32_t)(hash >> 32) << 16 | (node ? SLOT_NODE : 0) | offset;
}

/* --- finding ------------------------------------------------------------------------------------------- */

/* Is the entry that of the ancestor of `level` labels? May read some bytes behind it (HEAP_SLACK). */
static bool entry_is(const uint8_t *entry, const struct rpz_key *key, unsigned level)
{
    uint8_t packed[PACKED_MAX_BYTES], joined[NAME_MAX_BYTES];
    const uint8_t *name = rpz_key_at(key, level);
    size_t length = (size_t)(key->name + key->length - name);
    if (key->tail->length > 1) {
        if (length + key->tail->length > sizeof joined)
            return false;
        memcpy(joined, name, length);
        memcpy(joined + length, key->tail->bytes, key->tail->length);
        name = joined;
    }
    length = packed_make(packed, name, length + key->tail->length);
    return memcmp(entry + 1, packed, length) == 0;
}

const uint32_t *leaf_confirm(const struct leaf *leaf, const uint32_t *first, const struct rpz_key *key,
                             unsigned level)
{
    const uint32_t *node = NULL;
    uint32_t rest = *first >> 16;
    for (const uint32_t *slot = first; *slot >> 16 == rest && slot_is_used(*slot); slot++) {
        const uint8_t *at = leaf_at(leaf, *slot);
        if (!slot_is_node(*slot) && entry_is(at, key, level))
            return slot;
        if (slot_is_node(*slot) && node_is(at, key->hash[level]))
            node = slot;
    }
    return node;
}

struct leaf_spot leaf_find(const struct leaf *leaf, uint32_t homes, const struct rpz_key *key, unsigned level)
{
    struct leaf_spot spot = {NULL, NULL};
    uint32_t rest = key->hash[level] >> 32 & 0xffff;
    const uint32_t *slot = leaf_probe(leaf, homes, rest);
    for (; slot && *slot >> 16 == rest && slot_is_used(*slot); slot++) {
        const uint8_t *at = leaf_at(leaf, *slot);
        if (!slot_is_node(*slot) && entry_is(at, key, level))
            spot.entry = (uint32_t *)slot;
        if (slot_is_node(*slot) && node_is(at, key->hash[level]))
            spot.node = (uint32_t *)slot;
    }
    return spot;
}

void entry_set_reference(uint8_t *entry, enum owner_side side, uint32_t reference)
{
    size_t behind = side == SIDE_WILDCARD && owner_action(*entry, SIDE_EXACT) ? sizeof reference : 0;
    memcpy(entry_references(entry) + behind, &reference, sizeof reference);
}

/* --- what is in a leaf --------------------------------------------------------------------------------- */

/* Bytes without the head. */
static size_t bytes_of(const struct leaf *leaf, uint32_t slot)
{
    const uint8_t *at = leaf_at(leaf, slot);
    if (slot_is_node(slot))
        return node_bytes(at[6]);
    if (leaf->head && at[-LEAF_HEAD_BYTES])
        return at[-LEAF_HEAD_BYTES];
    size_t bytes = 1 + packed_bytes(at + 1);
    if (owner_form(*at) == OWNER_EXTENDED)
        for (enum owner_side side = 0; side < SIDES; side++)
            bytes += owner_action(*at, side) ? sizeof(uint32_t) : 0;
    return bytes;
}

/* The first 16 bits of a name's hash: which leaf it belongs to. */
static uint16_t high_of(const struct leaf *leaf, uint32_t slot)
{
    const uint8_t *at = leaf_at(leaf, slot);
    uint16_t high;
    if (slot_is_node(slot)) {
        memcpy(&high, at + 4, sizeof high);
    } else if (leaf->head) {
        memcpy(&high, at - sizeof high, sizeof high);
    } else {
        struct rpz_key key;
        uint8_t name[NAME_MAX_BYTES];
        (void)packed_name(at + 1, name);
        rpz_key_init(&key, name, rpz_tail_none());
        high = (uint16_t)(rpz_key_fingerprint(&key, key.labels) >> 16);
    }
    return high;
}

struct item {
    uint32_t slot;
    uint16_t bytes;
};

struct items {
    size_t count, bytes, entries;
    struct item list[LEAF_ITEMS_MAX];
};

static void add_item(struct items *items, uint32_t slot, size_t bytes)
{
    items->list[items->count++] = (struct item){slot, (uint16_t)bytes};
    items->bytes += bytes;
    items->entries += !slot_is_node(slot);
}

static void no_items(struct items *items)
{
    items->count = items->bytes = items->entries = 0;
}

/* The slots in order. */
static void list_items(const struct leaf *leaf, struct items *out)
{
    no_items(out);
    for (unsigned i = 0; i < leaf->places; i++)
        if (slot_is_used(leaf->slots[i]))
            add_item(out, leaf->slots[i], bytes_of(leaf, leaf->slots[i]));
}

/* The same, in two lists by a bit of their hashes. */
static void list_halves(const struct leaf *leaf, unsigned bit, struct items out[2])
{
    no_items(&out[0]);
    no_items(&out[1]);
    for (unsigned i = 0; i < leaf->places; i++) {
        uint32_t slot = leaf->slots[i];
        if (!slot_is_used(slot))
            continue;
        size_t bytes = bytes_of(leaf, slot);
        add_item(&out[high_of(leaf, slot) >> bit & 1], slot, bytes);
    }
}

/* --- writing ------------------------------------------------------------------------------------------- */

/* How many places slots in this order take, the free one at the end among them. */
static unsigned places_for(const struct items *items, unsigned homes)
{
    unsigned next = 0;
    for (size_t i = 0; i < items->count; i++) {
        unsigned home = (items->list[i].slot >> 16) * homes >> 16;
        next = (home > next ? home : next) + 1;
    }
    return (next > homes ? next : homes) + 1;
}

/* The slots of items, whose bytes are where they say. */
static void place_slots(struct leaf *to, const struct items *items)
{
    unsigned next = 0;
    for (unsigned i = 0; i < to->places; i++)
        to->slots[i] = SLOT_FREE;
    for (size_t i = 0; i < items->count; i++) {
        uint32_t slot = items->list[i].slot;
        unsigned home = (slot >> 16) * to->homes >> 16;
        next = home > next ? home : next;
        to->slots[next++] = slot;
    }
    to->count = (uint16_t)items->count;
}

/* Copies the bytes of items, in their order. */
static void copy_items(struct leaf *to, const struct leaf *from, struct items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        struct item *item = &items->list[i];
        bool node = slot_is_node(item->slot);
        const uint8_t *at = leaf_at(from, item->slot);
        size_t head = node ? 0u : to->head, bytes = head + item->bytes;
        item->slot = (item->slot & (0xffff0000u | SLOT_NODE)) | (uint32_t)(to->used + head);
        memcpy((uint8_t *)to + to->used, at - head, bytes);
        to->used = (uint16_t)(to->used + bytes);
        to->extended += !node && owner_form(*at) == OWNER_EXTENDED;
    }
    place_slots(to, items);
}

struct wish {
    size_t names, bytes; /* room for so many more */
    uint8_t head;
};

/* A leaf that has room for the items, but not them. */
static struct leaf *make_leaf(struct heap *heap, const struct leaf *from, const struct items *items,
                              struct wish wish)
{
    unsigned homes = (unsigned)(items->count + wish.names) * 100 / LOAD_PERCENT + 1;
    unsigned places = places_for(items, homes) + (wish.names ? PLACES_SPARE : 0);
    size_t bytes = sizeof(struct leaf) + places * sizeof(uint32_t) + items->bytes +
                   items->entries * wish.head + wish.bytes;
    struct leaf *to = bytes <= LEAF_BYTES_MAX ? heap_take(heap, bytes) : NULL;
    if (!to)
        return NULL;
    *to = (struct leaf){.prefix = from->prefix,
                        .depth = from->depth,
                        .head = wish.head,
                        .homes = (uint16_t)homes,
                        .places = (uint16_t)places,
                        .used = (uint16_t)(sizeof *to + places * sizeof(uint32_t))};
    size_t room = heap_room(to);
    to->room = (uint16_t)(room < LEAF_BYTES_MAX ? room : LEAF_BYTES_MAX);
    return to;
}

static struct leaf *write_leaf(struct heap *heap, const struct leaf *from, struct items *items,
                               struct wish wish)
{
    struct leaf *to = make_leaf(heap, from, items, wish);
    if (to)
        copy_items(to, from, items);
    return to;
}

/* The same of all that is in a leaf of which nothing is idle: its bytes are copied at once. */
static struct leaf *write_whole(struct heap *heap, const struct leaf *from, struct wish wish)
{
    size_t first = sizeof *from + from->places * sizeof(uint32_t), bytes = from->used - first;
    struct items items;
    no_items(&items);
    for (unsigned i = 0; i < from->places; i++)
        if (slot_is_used(from->slots[i]))
            add_item(&items, from->slots[i], 0);
    items.bytes = bytes - items.entries * from->head;
    struct leaf *to = make_leaf(heap, from, &items, wish);
    if (!to)
        return NULL;
    for (size_t i = 0; i < items.count; i++)
        items.list[i].slot += to->used - (uint32_t)first;
    memcpy((uint8_t *)to + to->used, (const uint8_t *)from + first, bytes);
    to->used = (uint16_t)(to->used + bytes);
    to->extended = from->extended;
    place_slots(to, &items);
    return to;
}

struct leaf *leaf_new(struct heap *heap, uint16_t prefix, uint8_t depth, uint8_t head)
{
    struct items none;
    no_items(&none);
    struct leaf from = {.prefix = prefix, .depth = depth};
    return write_leaf(heap, &from, &none, (struct wish){4, 64, head});
}

struct leaf *leaf_copy(struct heap *heap, const struct leaf *leaf)
{
    enum { MORE = 64 };
    size_t bytes = leaf->used + (size_t)MORE;
    struct leaf *copy = heap_take(heap, bytes < LEAF_BYTES_MAX ? bytes : LEAF_BYTES_MAX);
    if (!copy)
        return NULL;
    memcpy(copy, leaf, leaf->used);
    size_t room = heap_room(copy);
    copy->room = (uint16_t)(room < LEAF_BYTES_MAX ? room : LEAF_BYTES_MAX);
    return copy;
}

struct leaf *leaf_pack(struct heap *heap, const struct leaf *leaf)
{
    if (!leaf->idle && !leaf->head)
        return write_whole(heap, leaf, (struct wish){0});
    struct items items;
    list_items(leaf, &items);
    return write_leaf(heap, leaf, &items, (struct wish){0});
}

/* Some more while loading, as it costs little to grow again; a delta seldom adds much to one leaf, and any
 * name has room. What is to be split soon, since its names were all on one side, gets little: it could not be
 * split any more if it grew each time. */
static struct wish wish_of(const struct leaf *leaf, size_t names, size_t bytes)
{
    enum { LITTLE_BYTES = 32, SLOT_SHARE = 8 };
    bool large = names > LEAF_NAMES_WISH || bytes > LEAF_BYTES_WISH;
    if (large && (leaf->depth < LEAF_DEPTH_MAX || bytes > LEAF_BYTES_MAX / 2))
        return (struct wish){2, OWNER_BYTES_MAX + LEAF_HEAD_BYTES, leaf->head};
    if (!leaf->head)
        return (struct wish){2 + names / DELTA_SHARE, OWNER_BYTES_MAX + bytes / DELTA_SHARE, 0};
    return (struct wish){2 + names / LOAD_SHARE + names / SLOT_SHARE, LITTLE_BYTES + bytes / LOAD_SHARE,
                         leaf->head};
}

/* What there was was too little, so there is more than that. */
static struct wish wish_of_grown(const struct leaf *leaf, size_t names, size_t bytes)
{
    struct wish wish = wish_of(leaf, names, bytes);
    wish.bytes += (size_t)(leaf->room - leaf->used);
    return wish;
}

struct leaf *leaf_grow(struct heap *heap, const struct leaf *leaf)
{
    if (!leaf->idle)
        return write_whole(heap, leaf, wish_of_grown(leaf, leaf->count, leaf->used));
    struct items items;
    list_items(leaf, &items);
    return write_leaf(heap, leaf, &items, wish_of_grown(leaf, items.count, items.bytes));
}

bool leaf_split(struct heap *heap, const struct leaf *leaf, struct leaf *halves[2])
{
    struct items items[2];
    unsigned depth = leaf->depth + 1u;
    list_halves(leaf, LEAF_DEPTH_MAX - depth, items);
    for (unsigned bit = 0; bit < 2; bit++) {
        struct wish wish = wish_of(leaf, items[bit].count, items[bit].bytes);
        halves[bit] = write_leaf(heap, leaf, &items[bit], wish);
        if (!halves[bit]) {
            if (bit)
                heap_give(heap, halves[0]);
            return false;
        }
        halves[bit]->depth = (uint8_t)depth;
        halves[bit]->prefix = (uint16_t)(leaf->prefix | bit << (LEAF_DEPTH_MAX - depth));
    }
    return true;
}

bool leaf_add(struct leaf *leaf, uint64_t hash, bool node, const uint8_t *bytes, size_t length)
{
    size_t head = node ? 0 : leaf->head;
    uint32_t rest = hash >> 32 & 0xffff;
    uint32_t *slot = leaf->slots + (rest * leaf->homes >> 16);
    while (*slot >> 16 < rest)
        slot++;
    uint32_t *end = slot;
    while (slot_is_used(*end))
        end++;
    if (end == leaf->slots + leaf->places - 1 || leaf->used + length + head > leaf->room)
        return false;
    memmove(slot + 1, slot, (size_t)(end - slot) * sizeof *slot);
    uint8_t *at = (uint8_t *)leaf + leaf->used + head;
    uint16_t high = (uint16_t)(hash >> 48);
    *slot = slot_of(hash, node, (uint32_t)(leaf->used + head));
    memcpy(at, bytes, length);
    if (head) {
        at[-LEAF_HEAD_BYTES] = length <= UINT8_MAX ? (uint8_t)length : 0;
        memcpy(at - sizeof high, &high, sizeof high);
    }
    leaf->used = (uint16_t)(leaf->used + length + head);
    leaf->count++;
    leaf->extended += !node && owner_form(*bytes) == OWNER_EXTENDED;
    return true;
}

/* What is behind some bytes moves up to their place. */
static void close_gap(struct leaf *leaf, uint32_t offset, size_t bytes)
{
    uint8_t *at = leaf_at(leaf, offset);
    memmove(at, at + bytes, leaf->used - offset - bytes);
    leaf->used = (uint16_t)(leaf->used - bytes);
    for (unsigned i = 0; i < leaf->places; i++)
        leaf->slots[i] -= slot_offset(leaf->slots[i]) > offset ? (uint32_t)bytes : 0;
}

void leaf_remove(struct leaf *leaf, uint32_t *slot)
{
    bool node = slot_is_node(*slot);
    uint32_t offset = slot_offset(*slot);
    size_t bytes = bytes_of(leaf, *slot) + (node ? 0u : leaf->head);
    leaf->extended -= !node && owner_form(*leaf_at(leaf, *slot)) == OWNER_EXTENDED;
    leaf->count--;
    for (; slot_is_used(slot[1]); slot++) {
        uint32_t *home = leaf->slots + ((slot[1] >> 16) * leaf->homes >> 16);
        if (home > slot)
            break;
        slot[0] = slot[1];
    }
    *slot = SLOT_FREE;
    if (leaf->head) /* one of many while loading: packed at the end */
        leaf->idle = (uint16_t)(leaf->idle + bytes);
    else
        close_gap(leaf, offset, bytes);
}
