/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of building: what was collected becomes a version. */
#include <stdlib.h>

#include "dns/consts.h"
#include "rpz/builder.h"

/* --- the data of extended entries ---------------------------------------------------------------------- */

static int record_order(const void *left, const void *right)
{
    const struct data_record *a = left, *b = right;
    if (a->stored.type != b->stored.type)
        return a->stored.type - b->stored.type;
    return (a->rdata > b->rdata) - (a->rdata < b->rdata); /* as they came */
}

/* The records of one side in `list`, sorted by type. */
static int collect_side(const struct policy_builder *b, uint32_t first, struct pages *list)
{
    int error = 0;
    list->used = 0;
    for (uint32_t at = first; at && !error; at = raw_at(b, at)->next) {
        const struct raw_record *raw = raw_at(b, at);
        struct data_record record = {raw->stored, raw->rdata};
        error = pages_append(list, &record, sizeof record);
    }
    if (!error && list->used > sizeof(struct data_record))
        qsort(list->base, list->used / sizeof(struct data_record), sizeof(struct data_record), record_order);
    return error;
}

static int keep_extension(struct policy_builder *b, const struct extension *extension, struct pages *list)
{
    uint32_t numbers[SIDES] = {0};
    for (enum owner_side side = 0; side < SIDES; side++) {
        if (!extension->first[side])
            continue;
        int error = collect_side(b, extension->first[side], list);
        int64_t number = error ? error
                               : data_draft_keep(&b->data, (const struct data_record *)(void *)list->base,
                                                 list->used / sizeof(struct data_record));
        if (number < 0)
            return (int)number;
        numbers[side] = (uint32_t)number;
    }
    int64_t reference = data_draft_pair(&b->data, numbers);
    if (reference >= 0)
        owner_set_reference(b->owners.bytes.base + extension->entry, (uint32_t)reference);
    return reference < 0 ? (int)reference : 0;
}

static int settle_data(struct policy_builder *b, struct policy_zone *zone)
{
    struct pages list = {0};
    size_t count = b->extensions.used / sizeof(struct extension);
    int error = 0;
    for (size_t i = 0; i < count && !error; i++)
        error = keep_extension(b, extension_at(b, (uint32_t)i), &list);
    pages_free(&list);
    return error ? error : data_settle(&b->data, &zone->data);
}

/* --- address rules ------------------------------------------------------------------------------------- */

/* An entry that was extended later stands elsewhere now. */
static uint32_t current_entry(const struct policy_builder *b, uint32_t entry)
{
    struct rpz_key key;
    rpz_key_init(&key, b->owners.bytes.base + entry + 1, rpz_tail_none());
    return slot_offset(*owners_draft_find(&b->owners, &key));
}

static int settle_prefixes(const struct policy_builder *b, struct policy_zone *zone, enum rpz_trigger trigger,
                           enum ip_family family, struct pages *items)
{
    const struct address_note *notes = (const struct address_note *)(const void *)b->addresses.base;
    size_t count = b->addresses.used / sizeof *notes;
    int error = 0;
    items->used = 0;
    for (size_t i = 0; i < count && !error; i++) {
        if (notes[i].trigger != trigger || notes[i].prefix.address.family != family)
            continue;
        const uint8_t *name = b->owners.bytes.base + notes[i].entry + 1;
        struct prefix_item item = {notes[i].prefix, current_entry(b, notes[i].entry), name};
        error = pages_append(items, &item, sizeof item);
    }
    return error ? error
                 : prefixes_build(prefixes_of(zone, trigger, family), family,
                                  (struct prefix_item *)(void *)items->base,
                                  items->used / sizeof(struct prefix_item));
}

static int settle_addresses(const struct policy_builder *b, struct policy_zone *zone)
{
    static const enum rpz_trigger triggers[] = {RPZ_CLIENT_IP, RPZ_IP, RPZ_NSIP};
    struct pages items = {0};
    int error = 0;
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers && !error; i++) {
        error = settle_prefixes(b, zone, triggers[i], IP_V4, &items);
        if (!error)
            error = settle_prefixes(b, zone, triggers[i], IP_V6, &items);
    }
    pages_free(&items);
    return error;
}

/* --- the rest ------------------------------------------------------------------------------------------ */

static uint32_t top_of(const struct policy_zone *zone, enum rpz_trigger trigger)
{
    struct rpz_key key;
    rpz_key_init(&key, (const uint8_t *)"", rpz_key_tail(trigger));
    const uint64_t *slot = owners_find(&zone->owners, &key);
    return slot && !slot_is_empty_nonterminal(*slot) ? slot_offset(*slot) : 0;
}

/* The SOA is among the skipped; it is there, or nothing would have been made. */
static void find_soa(struct policy_zone *zone)
{
    size_t at = 0;
    struct skipped_record record = skipped_at(&zone->skipped, at);
    while (record.owner[0] || record.stored.type != TYPE_SOA)
        record = skipped_at(&zone->skipped, record.next);
    zone->soa_rdata = (struct rdata){record.stored.length, record.rdata};
    zone->soa = (struct rrset){.owner = zone->origin,
                               .type = TYPE_SOA,
                               .ttl_s = record.stored.ttl_s,
                               .count = 1,
                               .rdatas = &zone->soa_rdata};
}

static size_t memory_of(const struct policy_zone *zone)
{
    size_t bytes = sizeof *zone + zone->owners.slots.size + zone->owners.bytes.size + zone->data.blob.size +
                   zone->data.pairs.size + zone->data.views.size + zone->skipped.records.size +
                   zone->skipped.index.size + zone->skipped.above.size;
    for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
        bytes += zone->prefixes[t][0].pages.size + zone->prefixes[t][1].pages.size;
    return bytes;
}

static int settle(struct policy_builder *b, struct policy_zone *zone)
{
    zone->references = 1;
    zone->origin_bytes = (uint8_t)b->origin_bytes;
    memcpy(zone->origin, b->origin, b->origin_bytes);
    memcpy(zone->usual_ttls, b->usual_ttls, sizeof zone->usual_ttls);
    int error = settle_data(b, zone);
    if (!error)
        error = settle_addresses(b, zone);
    builder_free_scratch(b);
    zone->skipped = b->skipped;
    b->skipped = (struct skipped){0};
    if (!error)
        error = owners_settle(&b->owners, &zone->owners);
    if (!error)
        error = skipped_settle(&zone->skipped);
    if (error)
        return error;
    for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
        if (t == RPZ_QNAME || t == RPZ_NSDNAME)
            zone->tops[t] = top_of(zone, t);
    find_soa(zone);
    zone->counts = b->counts;
    zone->counts.no_ns = !b->ns_seen;
    zone->counts.memory_bytes = memory_of(zone);
    return 0;
}

int policy_builder_finish(struct policy_builder *builder, struct policy_zone **out)
{
    struct policy_zone *zone = NULL;
    int error = builder->soa_seen ? 0 : ERR_NOT_FOUND;
    if (!error && !(zone = calloc(1, sizeof *zone)))
        error = ERR_NOMEM;
    if (!error)
        error = settle(builder, zone);
    policy_builder_free(builder);
    if (error)
        policy_zone_free(zone);
    *out = error ? NULL : zone;
    return error;
}
