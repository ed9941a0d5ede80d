/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/zone.h"

#include <stdlib.h>

#include "dns/consts.h"
#include "rpz/version.h"

const uint8_t *rpz_action_target(enum rpz_action action)
{
    static const char *const targets[RPZ_ACTIONS] = {
        [RPZ_NXDOMAIN] = "",
        [RPZ_NODATA] = "\1*",
        [RPZ_PASSTHRU] = "\14rpz-passthru",
        [RPZ_DROP] = "\10rpz-drop",
        [RPZ_TCP_ONLY] = "\14rpz-tcp-only",
    };
    return (const uint8_t *)targets[action];
}

/* --- life ---------------------------------------------------------------------------------------------- */

void policy_zone_free(struct policy_zone *zone)
{
    if (!zone)
        return;
    owners_free(&zone->owners);
    data_free(&zone->data);
    skipped_free(&zone->skipped);
    for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
        for (unsigned f = 0; f < FAMILIES; f++)
            prefixes_free(&zone->prefixes[t][f]);
    free(zone);
}

struct policy_zone *policy_zone_ref(struct policy_zone *zone)
{
    atomic_fetch_add_explicit(&zone->references, 1, memory_order_relaxed);
    return zone;
}

void policy_zone_unref(struct policy_zone *zone)
{
    if (zone && atomic_fetch_sub_explicit(&zone->references, 1, memory_order_acq_rel) == 1)
        policy_zone_free(zone);
}

/* --- asking -------------------------------------------------------------------------------------------- */

const uint8_t *policy_zone_origin(const struct policy_zone *zone)
{
    return zone->origin;
}

uint32_t policy_zone_serial(const struct policy_zone *zone)
{
    return soa_serial(zone->soa_rdata.bytes);
}

const struct rrset *policy_zone_soa(const struct policy_zone *zone)
{
    return &zone->soa;
}

void policy_zone_count(const struct policy_zone *zone, struct policy_zone_counts *out)
{
    *out = zone->counts;
}

bool policy_zone_has(const struct policy_zone *zone, enum rpz_trigger trigger)
{
    return zone->counts.rules[trigger] > 0;
}

/* --- enumeration --------------------------------------------------------------------------------------- */

struct visit {
    const struct policy_zone *zone;
    int (*each)(void *context, const struct policy_record *record);
    void *context;
    uint8_t owner[NAME_MAX_BYTES];
};

static void set_owner(struct visit *v, const uint8_t *relative, enum owner_side side)
{
    size_t at = 0, length = name_length(relative) - 1;
    if (side == SIDE_WILDCARD) {
        memcpy(v->owner, "\1*", 2);
        at = 2;
    }
    memcpy(v->owner + at, relative, length);
    memcpy(v->owner + at + length, v->zone->origin, v->zone->origin_bytes);
}

static int visit_record(struct visit *v, const struct stored *stored, const uint8_t *rdata)
{
    struct policy_record record = {v->owner, stored->type, CLASS_IN, stored->ttl_s, rdata, stored->length};
    return v->each(v->context, &record);
}

static int visit_data(struct visit *v, const struct rule_data *data)
{
    const uint8_t *at = data->records, *end = at + data->records_bytes;
    int result = 0;
    while (at < end && !result) {
        struct stored stored = stored_at(at);
        result = visit_record(v, &stored, at + sizeof stored);
        at += sizeof stored + stored.length;
    }
    return result;
}

/* The records of one side of an entry. */
static int visit_side(struct visit *v, const uint8_t *entry, enum owner_side side)
{
    if (!owner_action(*entry, side))
        return 0;
    set_owner(v, entry + 1, side);
    if (owner_form(*entry) == OWNER_EXTENDED)
        return visit_data(v, data_get(&v->zone->data, owner_reference(entry), side));
    const uint8_t *target = rpz_action_target(owner_action(*entry, side));
    struct stored stored = {v->zone->usual_ttls[owner_form(*entry)], TYPE_CNAME,
                            (uint16_t)name_length(target)};
    return visit_record(v, &stored, target);
}

static int visit_skipped(void *context, const struct skipped_record *record)
{
    struct visit *v = context;
    set_owner(v, record->owner, SIDE_EXACT);
    return visit_record(v, &record->stored, record->rdata);
}

static int visit_rules(struct visit *v)
{
    const struct owners *owners = &v->zone->owners;
    const uint64_t *slots = (const uint64_t *)(const void *)owners->slots.base;
    size_t places = owners->slots.used / sizeof *slots;
    int result = 0;
    for (size_t i = 0; i < places && !result; i++) {
        if (!(uint32_t)slots[i] || slot_is_empty_nonterminal(slots[i]))
            continue;
        const uint8_t *entry = owners->bytes.base + slot_offset(slots[i]);
        result = visit_side(v, entry, SIDE_EXACT);
        if (!result)
            result = visit_side(v, entry, SIDE_WILDCARD);
    }
    return result;
}

/* The SOA was visited first; conflicting records come behind those they conflict with. */
static int visit_others(struct visit *v)
{
    const struct skipped *skipped = &v->zone->skipped;
    int result = 0;
    for (size_t at = 0; at < skipped->records.used && !result;) {
        struct skipped_record record = skipped_at(skipped, at);
        if (record.rdata != v->zone->soa_rdata.bytes)
            result = visit_skipped(v, &record);
        at = record.next;
    }
    return result;
}

int policy_zone_each(const struct policy_zone *zone,
                     int (*each)(void *context, const struct policy_record *record), void *context)
{
    struct visit v = {.zone = zone, .each = each, .context = context};
    struct stored soa = {zone->soa.ttl_s, TYPE_SOA, zone->soa_rdata.length};
    set_owner(&v, (const uint8_t *)"", SIDE_EXACT);
    int result = visit_record(&v, &soa, zone->soa_rdata.bytes);
    if (!result)
        result = visit_rules(&v);
    return result ? result : visit_others(&v);
}

/* --- one owner ----------------------------------------------------------------------------------------- */

static int visit_owner_rules(struct visit *v, const uint8_t *relative, bool *exists)
{
    enum owner_side side = name_is_wildcard(relative) ? SIDE_WILDCARD : SIDE_EXACT;
    const uint8_t *name = side == SIDE_WILDCARD ? relative + 2 : relative;
    struct rpz_key key;
    rpz_key_init(&key, relative, rpz_tail_none());
    *exists = owners_find(&v->zone->owners, &key) != NULL;
    rpz_key_init(&key, name, rpz_tail_none());
    const uint64_t *slot = owners_find(&v->zone->owners, &key);
    if (!slot || slot_is_empty_nonterminal(*slot))
        return 0;
    const uint8_t *entry = v->zone->owners.bytes.base + slot_offset(*slot);
    *exists |= owner_action(*entry, side) != RPZ_NONE;
    return visit_side(v, entry, side);
}

struct counted_visit {
    struct visit *visit;
    bool *exists;
};

static int visit_skipped_of_owner(void *context, const struct skipped_record *record)
{
    struct counted_visit *counted = context;
    *counted->exists = true;
    return visit_skipped(counted->visit, record);
}

int policy_zone_at(const struct policy_zone *zone, const uint8_t *owner, bool *exists,
                   int (*each)(void *context, const struct policy_record *record), void *context)
{
    struct visit v = {.zone = zone, .each = each, .context = context};
    uint8_t relative[NAME_MAX_BYTES];
    size_t length = name_copy_lower(relative, owner);
    relative[length - zone->origin_bytes] = 0;
    int result = visit_owner_rules(&v, relative, exists);
    *exists |= skipped_is_below(&zone->skipped, relative);
    struct counted_visit counted = {&v, exists};
    return result ? result : skipped_each_of(&zone->skipped, relative, visit_skipped_of_owner, &counted);
}
