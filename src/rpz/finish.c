/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of building: what was collected becomes a version. */
#include <stdlib.h>

#include "dns/consts.h"
#include "rpz/revise.h"

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

struct closing {
    struct policy_builder *builder;
    struct pages list;
};

static int close_entry(void *context, uint8_t *entry)
{
    struct closing *c = context;
    for (enum owner_side side = 0; side < SIDES; side++) {
        uint32_t open = owner_action(*entry, side) ? entry_reference(entry, side) : 0;
        if (!(open & OWNER_OPEN))
            continue;
        int error = collect_side(c->builder, side_at(c->builder, open & ~OWNER_OPEN)->first, &c->list);
        int64_t number =
            error ? error
                  : data_keep(&c->builder->lineage->data, (const struct data_record *)(void *)c->list.base,
                              c->list.used / sizeof(struct data_record));
        if (number < 0)
            return (int)number;
        entry_set_reference(entry, side, (uint32_t)number);
    }
    return 0;
}

static int settle_data(struct policy_builder *b)
{
    struct closing closing = {b, {0}};
    int error = b->sides.used ? owners_draft_close(&b->owners, close_entry, &closing) : 0;
    pages_free(&closing.list);
    return error;
}

/* --- address rules ------------------------------------------------------------------------------------- */

static void name_of(const void *context, uint64_t owner, uint8_t out[NAME_MAX_BYTES])
{
    const struct policy_zone *zone = context;
    const uint8_t *entry = owners_of_hash(&zone->owners, owner).entry;
    *out = 0;
    if (entry)
        (void)packed_name(entry + 1, out);
}

static int settle_prefixes(const struct policy_builder *b, struct policy_zone *zone, enum rpz_trigger trigger,
                           unsigned family, struct pages *items)
{
    const struct address_note *notes = (const struct address_note *)(const void *)b->addresses.base;
    size_t count = b->addresses.used / sizeof *notes;
    struct prefixes *old = b->old ? b->old->prefixes[trigger][family] : NULL;
    int error = 0;
    items->used = 0;
    for (size_t i = 0; i < count && !error; i++) {
        const struct ip_prefix *prefix = &notes[i].prefix;
        if (notes[i].trigger != trigger || (prefix->address.family == IP_V6) != family)
            continue;
        struct prefix_item item = {.first = prefix_number(&prefix->address),
                                   .owner = notes[i].owner,
                                   .length = prefix->length,
                                   .turn = (uint32_t)i,
                                   .gone = notes[i].gone};
        error = pages_append(items, &item, sizeof item);
    }
    if (error)
        return error;
    if (!items->used) {
        zone->prefixes[trigger][family] = prefixes_ref(old);
        return 0;
    }
    struct prefix_names names = {name_of, zone};
    return prefixes_change(old, family ? IP_V6 : IP_V4, (struct prefix_item *)(void *)items->base,
                           items->used / sizeof(struct prefix_item), &names,
                           &zone->prefixes[trigger][family]);
}

static int settle_addresses(const struct policy_builder *b, struct policy_zone *zone)
{
    static const enum rpz_trigger triggers[] = {RPZ_CLIENT_IP, RPZ_IP, RPZ_NSIP};
    struct pages items = {0};
    int error = 0;
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers && !error; i++)
        for (unsigned family = 0; family < FAMILIES && !error; family++)
            error = settle_prefixes(b, zone, triggers[i], family, &items);
    pages_free(&items);
    return error;
}

/* --- the rest ------------------------------------------------------------------------------------------ */

static struct owner_found top_of(const struct policy_zone *zone, enum rpz_trigger trigger)
{
    struct rpz_key key;
    rpz_key_init(&key, (const uint8_t *)"", rpz_key_tail(trigger));
    return owners_find(&zone->owners, &key);
}

static int settle_skipped(struct policy_builder *b, struct policy_zone *zone)
{
    zone->skipped = b->skipped ? b->skipped : skipped_ref(b->old->skipped);
    int error = b->skipped ? skipped_settle(b->skipped) : 0;
    b->skipped = NULL;
    return error;
}

static int see_ns(void *context, const struct skipped_record *record)
{
    (void)context;
    return record->stored.type == TYPE_NS;
}

void policy_zone_set_soa(struct policy_zone *zone, uint32_t ttl_s, struct rdata rdata)
{
    zone->soa_rdata = rdata;
    zone->soa = (struct rrset){
        .owner = zone->origin, .type = TYPE_SOA, .ttl_s = ttl_s, .count = 1, .rdatas = &zone->soa_rdata};
}

static size_t memory_of(const struct policy_zone *zone)
{
    size_t bytes = sizeof *zone + zone->owners.bytes + heap_cost(zone->owners.block) +
                   zone->lineage->data.bytes + zone->skipped->records.size + zone->skipped->index.size +
                   zone->skipped->above.size;
    for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
        for (unsigned family = 0; family < FAMILIES; family++)
            bytes += zone->prefixes[t][family] ? zone->prefixes[t][family]->pages.size : 0;
    return bytes;
}

void policy_zone_settle(struct policy_zone *zone)
{
    zone->tops[RPZ_QNAME] = top_of(zone, RPZ_QNAME);
    zone->tops[RPZ_NSDNAME] = top_of(zone, RPZ_NSDNAME);
    zone->counts.no_ns = skipped_each_of(zone->skipped, (const uint8_t *)"", see_ns, NULL) != 1;
    zone->counts.memory_bytes = memory_of(zone);
}

static int settle(struct policy_builder *b, struct policy_zone *zone)
{
    zone->origin_bytes = (uint8_t)b->origin_bytes;
    memcpy(zone->origin, b->origin, b->origin_bytes);
    memcpy(zone->usual_ttls, b->usual_ttls, sizeof zone->usual_ttls);
    zone->usual_count = b->usual_count;
    policy_zone_set_soa(zone, b->soa.ttl_s, (struct rdata){b->soa.length, b->soa_rdata});
    b->soa_rdata = NULL;
    int error = settle_skipped(b, zone);
    if (!error)
        error = settle_data(b);
    if (!error)
        error = owners_settle(&b->owners, &zone->owners);
    if (!error)
        error = settle_addresses(b, zone);
    if (error)
        return error;
    zone->counts = b->counts;
    policy_zone_settle(zone);
    return 0;
}

int policy_builder_finish(struct policy_builder *builder, struct policy_zone **out)
{
    struct policy_zone *zone = NULL;
    int error = builder->soa_seen ? 0 : ERR_NOT_FOUND;
    if (builder->revision && !error)
        return revision_finish(builder, out);
    if (!error && !(zone = calloc(1, sizeof *zone)))
        error = ERR_NOMEM;
    if (!error) {
        zone->references = 1;
        zone->lineage = builder->lineage;
        lineage_hold(zone->lineage);
        error = settle(builder, zone);
    }
    policy_builder_free(builder);
    if (error)
        policy_zone_unref(zone);
    *out = error ? NULL : zone;
    return error;
}
