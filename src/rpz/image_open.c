/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image as a version. Every length and every bound is checked, and the checksum runs just ahead of the
 * leaves, so that memory is read once; nothing is believed of a leaf's slots, while what its names are, and
 * which data they name, only the checksum guards. */
#include <stdlib.h>

#include "dns/consts.h"
#include "rpz/image_parts.h"

struct opening {
    struct policy_image_memory memory;
    struct image_header header;
    uint64_t offsets[IMAGE_PARTS];
    struct policy_zone *zone;
    struct image_sum sum;
    uint64_t summed; /* bytes, from the beginning */
};

static const uint8_t *part(const struct opening *o, unsigned which)
{
    return (const uint8_t *)o->memory.bytes + o->offsets[which];
}

static void place_parts(struct opening *o)
{
    uint64_t at = image_rounded(sizeof o->header, IMAGE_BLOCK);
    for (unsigned i = 0; i < IMAGE_PARTS; i++) {
        o->offsets[i] = at;
        at = image_rounded(at + o->header.lengths[i], IMAGE_BLOCK);
    }
}

/* --- leaves, and the checksum of all ------------------------------------------------------------------- */

/* Takes at least the bytes in front of `to` into the checksum. */
static void sum_up_to(struct opening *o, uint64_t to)
{
    enum { AHEAD_BYTES = 32 << 10 };
    uint64_t end = o->header.length - sizeof(uint64_t);
    if (to <= o->summed)
        return;
    to = to + AHEAD_BYTES < end ? image_rounded(to + AHEAD_BYTES, IMAGE_BLOCK) : end;
    to = to < end ? to : end;
    image_sum_add(&o->sum, (const uint8_t *)o->memory.bytes + o->summed, (size_t)(to - o->summed));
    o->summed = to;
}

static bool sum_is_right(struct opening *o)
{
    uint64_t said;
    sum_up_to(o, o->header.length - sizeof said);
    memcpy(&said, (const uint8_t *)o->memory.bytes + o->summed, sizeof said);
    return said == image_sum_end(&o->sum);
}

/* Four slots at once; as signed numbers, which are what machines compare. */
typedef int32_t slots_t __attribute__((vector_size(16)));
enum { AT_ONCE = sizeof(slots_t) / sizeof(int32_t) };

/* What is seen of slots: minus how many are free, and what is wrong with them. */
struct slots_seen {
    slots_t free, wrong;
};

static inline void see_slots(struct slots_seen *seen, const uint32_t *at, slots_t first, slots_t used)
{
    slots_t slots;
    memcpy(&slots, at, sizeof slots);
    slots_t offset = slots & 0x7fff, is_node = -(slots >> 15 & 1);
    slots_t end = offset + 1 + (is_node & (NODE_BYTES - 1)), is_free = slots == (int32_t)SLOT_FREE;
    seen->wrong |= ~is_free & ((offset < first) | (end > used));
    seen->free += is_free;
}

static int32_t sum_of(slots_t numbers)
{
    return numbers[0] + numbers[1] + numbers[2] + numbers[3];
}

/* Slots lead to bytes of the leaf, and a search along them ends. */
static bool are_slots(const struct leaf *leaf)
{
    unsigned places = leaf->places, whole = places & ~(AT_ONCE - 1u);
    uint32_t rest[AT_ONCE] = {SLOT_FREE, SLOT_FREE, SLOT_FREE, SLOT_FREE};
    slots_t first = (int32_t)(sizeof *leaf + places * sizeof *leaf->slots) - (slots_t){0};
    slots_t used = leaf->used - (slots_t){0};
    struct slots_seen seen = {0};
    for (unsigned i = 0; i < whole; i += AT_ONCE)
        see_slots(&seen, leaf->slots + i, first, used);
    for (unsigned i = whole; i < places; i++)
        rest[i - whole] = leaf->slots[i];
    see_slots(&seen, rest, first, used);
    unsigned count = whole + AT_ONCE - (unsigned)-sum_of(seen.free);
    return !sum_of(seen.wrong & 1) && leaf->slots[places - 1] == SLOT_FREE && count == leaf->count &&
           count <= LEAF_ITEMS_MAX;
}

/* A leaf in `left` bytes, for this place of a directory of so many bits. */
static bool is_leaf(const struct leaf *leaf, uint64_t left, unsigned bits, size_t place)
{
    if (left < sizeof *leaf || leaf->room > left || leaf->used > LEAF_BYTES_MAX || !leaf->places)
        return false;
    size_t first = sizeof *leaf + leaf->places * sizeof *leaf->slots;
    if (leaf->used < first || leaf->room != image_rounded(leaf->used, IMAGE_LEAF_ALIGN) || leaf->head ||
        leaf->depth > bits || 0xffffu * leaf->homes >> 16 >= leaf->places)
        return false;
    size_t width = (size_t)1 << (bits - leaf->depth);
    return place % width == 0 && leaf->prefix == place << (LEAF_DEPTH_MAX - bits) && are_slots(leaf);
}

static int open_leaves(struct opening *o)
{
    unsigned bits = o->header.bits;
    struct owners owners = {.bytes = o->header.lengths[PART_LEAVES]};
    uint64_t at = o->offsets[PART_LEAVES], end = at + o->header.lengths[PART_LEAVES];
    uint64_t *directory =
        bits <= LEAF_DEPTH_MAX ? owners_directory(&owners, &o->zone->lineage->heap, bits) : NULL;
    if (!directory)
        return bits <= LEAF_DEPTH_MAX ? ERR_NOMEM : ERR_MALFORMED;
    size_t places = (size_t)1 << bits, place = 0;
    while (place < places) {
        const struct leaf *leaf = (const void *)((const uint8_t *)o->memory.bytes + at);
        sum_up_to(o, at + LEAF_BYTES_MAX);
        if (!is_leaf(leaf, end - at, bits, place))
            return ERR_MALFORMED;
        for (size_t width = (size_t)1 << (bits - leaf->depth); width; width--, place++) {
            directory[place] = directory_entry(leaf);
            owners.numbers[place] = NUMBER_MAPPED;
        }
        at += leaf->room;
    }
    if (at != end)
        return ERR_MALFORMED;
    o->zone->owners = owners;
    return 0;
}

/* --- the rest ------------------------------------------------------------------------------------------ */

static int open_data(const struct opening *o)
{
    const uint8_t *lengths = part(o, PART_LENGTHS), *records = part(o, PART_RECORDS);
    uint64_t left = o->header.lengths[PART_RECORDS];
    size_t bytes = o->header.lengths[PART_LENGTHS];
    int error = bytes % sizeof(uint32_t) ? ERR_MALFORMED : 0;
    for (size_t at = 0; at < bytes && !error; at += sizeof(uint32_t)) {
        uint32_t length;
        memcpy(&length, lengths + at, sizeof length);
        error = length <= left ? data_map(&o->zone->lineage->data, records, length) : ERR_MALFORMED;
        records += length;
        left -= length;
    }
    return !error && left ? ERR_MALFORMED : error;
}

static int open_skipped(const struct opening *o)
{
    const uint64_t *lengths = o->header.lengths;
    struct skipped_parts parts = {part(o, PART_SKIPPED),       part(o, PART_SKIPPED_INDEX),
                                  part(o, PART_SKIPPED_ABOVE), lengths[PART_SKIPPED],
                                  lengths[PART_SKIPPED_INDEX], lengths[PART_SKIPPED_ABOVE]};
    return skipped_restore(&parts, NAME_MAX_BYTES + 1u - o->header.origin_bytes, &o->zone->skipped);
}

static int open_prefixes(const struct opening *o)
{
    int error = 0;
    for (unsigned i = 0; i < RPZ_TRIGGERS * FAMILIES && !error; i++) {
        unsigned trigger = i / FAMILIES, family = i % FAMILIES;
        if (o->header.lengths[PART_PREFIXES + i])
            error = prefixes_restore(
                family ? IP_V6 : IP_V4, part(o, PART_PREFIXES + i), o->header.lengths[PART_PREFIXES + i],
                o->header.prefixes[trigger][family].stretches, o->header.prefixes[trigger][family].rules,
                &o->zone->prefixes[trigger][family]);
    }
    return error;
}

static int open_soa(const struct opening *o)
{
    struct policy_zone *zone = o->zone;
    size_t length = o->header.lengths[PART_SOA];
    if (length > UINT16_MAX || !rdata_check(TYPE_SOA, part(o, PART_SOA), length))
        return ERR_MALFORMED;
    uint8_t *rdata = malloc(length);
    if (!rdata)
        return ERR_NOMEM;
    memcpy(rdata, part(o, PART_SOA), length);
    policy_zone_set_soa(zone, o->header.soa_ttl_s, (struct rdata){(uint16_t)length, rdata});
    return 0;
}

static int open_scalars(const struct opening *o)
{
    const struct image_header *header = &o->header;
    struct policy_zone *zone = o->zone;
    zone->origin_bytes = header->origin_bytes;
    memcpy(zone->origin, header->origin, header->origin_bytes);
    memcpy(zone->usual_ttls, header->usual_ttls, sizeof zone->usual_ttls);
    zone->usual_count = header->usual_count;
    zone->counts = (struct policy_zone_counts){.records = header->counts.records,
                                               .noncanonical = header->counts.noncanonical};
    memcpy(zone->counts.rules, header->counts.rules, sizeof zone->counts.rules);
    memcpy(zone->counts.skipped, header->counts.skipped, sizeof zone->counts.skipped);
    return zone->usual_count <= OWNER_USUAL_TTLS ? 0 : ERR_MALFORMED;
}

/* The seed is taken only after the checksum was found right, and hashes nothing before. */
static int open_all(struct opening *o)
{
    int error = open_scalars(o);
    if (!error)
        error = open_leaves(o);
    if (!error && !sum_is_right(o))
        error = ERR_MALFORMED;
    if (!error)
        error = rpz_seed_adopt(o->header.seed);
    if (!error)
        error = open_soa(o);
    if (!error)
        error = open_data(o);
    if (!error)
        error = open_skipped(o);
    if (!error)
        error = open_prefixes(o);
    if (!error)
        policy_zone_settle(o->zone);
    return error;
}

static struct policy_zone *new_zone(void)
{
    struct policy_zone *zone = calloc(1, sizeof *zone);
    if (zone) {
        zone->references = 1;
        zone->lineage = lineage_new();
    }
    if (zone && !zone->lineage) {
        free(zone);
        zone = NULL;
    }
    return zone;
}

int policy_image_open(const struct policy_image_memory *memory, const uint8_t *origin,
                      struct policy_zone **out)
{
    struct opening opening = {.memory = *memory};
    *out = NULL;
    int error = image_check_header(memory->bytes, memory->length, origin, &opening.header);
    if (!error)
        error = rpz_seed_check(opening.header.seed);
    if (error)
        return error;
    opening.zone = new_zone();
    if (!opening.zone)
        return ERR_NOMEM;
    place_parts(&opening);
    image_sum_init(&opening.sum);
    error = open_all(&opening);
    if (error) {
        policy_zone_unref(opening.zone);
        return error;
    }
    opening.zone->lineage->image = *memory;
    *out = opening.zone;
    return 0;
}
