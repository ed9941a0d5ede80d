/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an image of a policy zone whose checksums are right: it is opened or refused, and what was
 * opened can be searched by address. Where its entries are sound as well, which only the checksum guards, it
 * can do all that a zone can. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

#include "rpz/image_parts.h"

enum { PAGE = 4096, LENGTH_MAX = 1 << 20 };

static const uint8_t *const origin = (const uint8_t *)"\3rpz\4test";
static const uint64_t seed = 0x1234567890abcdef;

/* --- a whole image ------------------------------------------------------------------------------------- */

static uint64_t sum_of(const uint8_t *bytes, size_t length)
{
    struct image_sum sum;
    image_sum_init(&sum);
    image_sum_add(&sum, bytes, length);
    return image_sum_end(&sum);
}

/* Makes right what is looked at before anything else. */
static void mend(uint8_t *bytes, size_t length)
{
    struct image_header header;
    memcpy(&header, bytes, sizeof header);
    memcpy(header.magic, IMAGE_MAGIC, sizeof header.magic);
    header.form = IMAGE_FORM;
    header.byte_order = IMAGE_BYTE_ORDER;
    header.program = image_program();
    header.seed = seed;
    header.length = length;
    header.origin_bytes = (uint8_t)name_copy(header.origin, origin);
    header.sum = image_header_sum(&header);
    memcpy(bytes, &header, sizeof header);
    uint64_t sum = sum_of(bytes, length - sizeof sum);
    memcpy(bytes + length - sizeof sum, &sum, sizeof sum);
}

struct mapping {
    uint8_t *base;
    size_t length;
};

static void unmap(void *context)
{
    struct mapping *mapping = context;
    munmap(mapping->base, mapping->length);
    mapping->base = NULL;
}

/* Whole blocks and the checksum; behind them is a page that cannot be read. */
static size_t map(struct mapping *mapping, const uint8_t *data, size_t size)
{
    size_t length = (size - sizeof(uint64_t)) / IMAGE_BLOCK * IMAGE_BLOCK + sizeof(uint64_t);
    size_t inner = (length + PAGE - 1) / PAGE * PAGE;
    mapping->length = inner + PAGE;
    mapping->base = mmap(NULL, mapping->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(mapping->base != MAP_FAILED);
    memcpy(mapping->base, data, length);
    mend(mapping->base, length);
    must(mprotect(mapping->base, mapping->length, PROT_READ) == 0);
    must(mprotect(mapping->base + inner, PAGE, PROT_NONE) == 0);
    return length;
}

/* --- what only the checksum guards ---------------------------------------------------------------------- */

/* Is it a name in lower case, packed as it is always packed? */
static bool is_packed(const struct policy_zone *zone, const uint8_t *packed, size_t left,
                      uint8_t name[NAME_MAX_BYTES])
{
    uint8_t lower[NAME_MAX_BYTES], again[PACKED_MAX_BYTES];
    size_t bytes = packed_bytes(packed);
    if (bytes > left || bytes > PACKED_MAX_BYTES)
        return false;
    size_t length = packed_name(packed, name);
    if (name_check(name, length) < 0 || length + 2 + zone->origin_bytes - 1 > NAME_MAX_BYTES)
        return false;
    return name_copy_lower(lower, name) == length && memcmp(lower, name, length) == 0 &&
           packed_make(again, name, length) == bytes && memcmp(again, packed, bytes) == 0;
}

static bool is_side(const struct policy_zone *zone, const uint8_t *entry, enum owner_side side)
{
    enum rpz_action action = owner_action(*entry, side);
    if (action == RPZ_NONE)
        return true;
    if (owner_form(*entry) == OWNER_EXTENDED)
        return action < RPZ_ACTIONS && entry_reference(entry, side) < zone->lineage->data.count;
    return action < RPZ_LOCAL_DATA && owner_form(*entry) < zone->usual_count;
}

static bool is_entry(const struct policy_zone *zone, const struct leaf *leaf, uint32_t slot)
{
    const uint8_t *entry = leaf_at(leaf, slot);
    size_t left = leaf->used - slot_offset(slot);
    uint8_t name[NAME_MAX_BYTES];
    if (!is_packed(zone, entry + 1, left - 1, name))
        return false;
    size_t references = 0;
    if (owner_form(*entry) == OWNER_EXTENDED)
        for (enum owner_side side = 0; side < SIDES; side++)
            references += owner_action(*entry, side) ? sizeof(uint32_t) : 0;
    struct rpz_key key;
    rpz_key_init(&key, name, rpz_tail_none());
    return 1 + packed_bytes(entry + 1) + references <= left && *entry & 0x3f &&
           is_side(zone, entry, SIDE_EXACT) && is_side(zone, entry, SIDE_WILDCARD) &&
           owners_find(&zone->owners, &key).entry == entry; /* found by its hash, and once */
}

static bool are_entries(const struct policy_zone *zone)
{
    const struct leaf *leaf;
    bool sound = true;
    for (size_t place = 0; sound && (leaf = owners_next(&zone->owners, &place));) {
        unsigned extended = 0;
        for (unsigned i = 0; sound && i < leaf->places; i++) {
            uint32_t slot = leaf->slots[i];
            if (!slot_is_used(slot) || slot_is_node(slot))
                continue;
            sound = is_entry(zone, leaf, slot);
            extended += owner_form(*leaf_at(leaf, slot)) == OWNER_EXTENDED;
        }
        sound &= extended == leaf->extended;
    }
    return sound;
}

/* --- using it ------------------------------------------------------------------------------------------- */

static void match_addresses(const struct policy_zone *zone)
{
    static const enum rpz_trigger triggers[] = {RPZ_CLIENT_IP, RPZ_IP, RPZ_NSIP};
    for (unsigned i = 0; i < 3 * 64; i++) {
        struct ip_address address = {i & 1 ? IP_V4 : IP_V6, {0}};
        memset(address.bytes, (int)(i * 37), sizeof address.bytes);
        (void)prefixes_find(zone->prefixes[triggers[i % 3]][i & 1 ? 0 : 1], &address, 128 - i % 128);
    }
}

static int add_record(void *context, const struct policy_record *record)
{
    uint64_t *sum = context;
    must(name_length(record->owner) <= NAME_MAX_BYTES);
    for (unsigned i = 0; i < record->rdata_length; i++)
        *sum += record->rdata[i];
    return 0;
}

static int discard(void *context, const void *bytes, size_t length)
{
    *(uint64_t *)context += length + *(const uint8_t *)bytes;
    return 0;
}

static int see_change(void *context, const struct policy_change *change)
{
    return add_record(context, &change->record);
}

/* A delta that touches what there is, and what was not there. */
static void change(const struct policy_zone *zone)
{
    static const uint8_t soa[22] = {0}, *const owners[] = {(const uint8_t *)"\1a\3rpz\4test",
                                                           (const uint8_t *)"\1*\1a\1b\3rpz\4test",
                                                           (const uint8_t *)"\4data\3rpz\4test",
                                                           (const uint8_t *)"\2"
                                                                            "24\1"
                                                                            "0\1"
                                                                            "2\1"
                                                                            "0\3"
                                                                            "192\6rpz-ip\3rpz\4test"};
    struct policy_change changes[5] = {{false, {origin, 6, 1, 60, soa, sizeof soa}}};
    struct policy_zone *made = NULL;
    uint64_t sum = 0;
    for (unsigned i = 0; i < 4; i++)
        changes[i + 1] = (struct policy_change){false, {owners[i], 5, 1, 60 + i, (const uint8_t *)"", 1}};
    if (policy_zone_apply(zone, changes, 5, &made) < 0)
        return;
    must(policy_zone_each(made, add_record, &sum) == 0);
    must(policy_zone_diff(zone, made, see_change, &sum) == 0);
    policy_zone_unref(made);
}

static void use(const struct policy_zone *zone)
{
    uint64_t sum = 0;
    match_addresses(zone);
    if (!are_entries(zone))
        return;
    must(policy_zone_each(zone, add_record, &sum) == 0);
    change(zone);
    static const uint8_t label[POLICY_IMAGE_LABEL_BYTES];
    must(policy_image_write(zone, label, discard, &sum) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping mapping;
    struct policy_zone *zone;
    must(rpz_seed_adopt(seed) == 0);
    if (size < sizeof(struct image_header) + IMAGE_BLOCK || size > LENGTH_MAX)
        return 0;
    size_t length = map(&mapping, data, size);
    struct policy_image_memory memory = {mapping.base, length, unmap, &mapping};
    int error = policy_image_open(&memory, origin, &zone);
    must(error == 0 || error == ERR_MALFORMED);
    if (error) {
        must(mapping.base != NULL);
        unmap(&mapping);
        return 0;
    }
    use(zone);
    policy_zone_unref(zone);
    must(mapping.base == NULL);
    return 0;
}
