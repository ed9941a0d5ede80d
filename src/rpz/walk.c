/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/walk.h"

#include "dns/consts.h"

void walk_owner(const struct policy_zone *zone, const uint8_t *relative, enum owner_side side,
                uint8_t out[NAME_MAX_BYTES])
{
    size_t at = 0, length = name_length(relative) - 1;
    if (side == SIDE_WILDCARD) {
        memcpy(out, "\1*", 2);
        at = 2;
    }
    memcpy(out + at, relative, length);
    memcpy(out + at + length, zone->origin, zone->origin_bytes);
}

void walk_entry(const struct policy_zone *zone, const uint8_t *entry, enum owner_side side,
                uint8_t out[NAME_MAX_BYTES])
{
    uint8_t relative[NAME_MAX_BYTES];
    (void)packed_name(entry + 1, relative);
    walk_owner(zone, relative, side, out);
}

static void take_stored(struct stored stored, const uint8_t *rdata, struct policy_record *out)
{
    *out = (struct policy_record){.type = stored.type,
                                  .rclass = CLASS_IN,
                                  .ttl_s = stored.ttl_s,
                                  .rdata = rdata,
                                  .rdata_length = stored.length};
}

bool walk_side(const struct policy_zone *zone, const uint8_t *entry, enum owner_side side, uint32_t *within,
               struct policy_record *out)
{
    enum rpz_action action = owner_action(*entry, side);
    if (!action)
        return false;
    if (owner_form(*entry) == OWNER_EXTENDED) {
        const struct rule_data *data = data_get(&zone->lineage->data, entry_reference(entry, side));
        if (*within >= data->records_bytes)
            return false;
        const uint8_t *at = data->records + *within;
        struct stored stored = stored_at(at);
        take_stored(stored, at + sizeof stored, out);
        *within += (uint32_t)sizeof stored + stored.length;
        return true;
    }
    if ((*within)++)
        return false;
    const uint8_t *target = rpz_action_target(action);
    uint32_t ttl_s = zone->usual_ttls[owner_form(*entry)];
    take_stored((struct stored){ttl_s, TYPE_CNAME, (uint16_t)name_length(target)}, target, out);
    return true;
}

void walk_soa(const struct policy_zone *zone, struct policy_record *out)
{
    const struct rdata *rdata = &zone->soa_rdata;
    take_stored((struct stored){zone->soa.ttl_s, TYPE_SOA, rdata->length}, rdata->bytes, out);
}

static bool next_soa(struct walker *w, struct policy_record *out)
{
    if (w->at.within++)
        return false;
    walk_owner(w->zone, (const uint8_t *)"", SIDE_EXACT, w->owner);
    walk_soa(w->zone, out);
    return true;
}

/* The cursor's place is a leaf's in the directory << 16 | a slot's in the leaf. */
static bool next_rule(struct walker *w, struct policy_record *out)
{
    const struct owners *owners = &w->zone->owners;
    size_t next = (size_t)(w->at.place >> 16), here = next;
    const struct leaf *leaf;
    for (; (leaf = owners_next(owners, &next)); here = next, w->at.place = (uint64_t)next << 16)
        for (unsigned i = w->at.place & 0xffff; i < leaf->places; i++, w->at.side = 0) {
            w->at.place = (uint64_t)here << 16 | i;
            if (!slot_is_used(leaf->slots[i]) || slot_is_node(leaf->slots[i]))
                continue;
            const uint8_t *entry = leaf_at(leaf, leaf->slots[i]);
            for (; w->at.side < SIDES; w->at.side++, w->at.within = 0) {
                if (!walk_side(w->zone, entry, w->at.side, &w->at.within, out))
                    continue;
                walk_entry(w->zone, entry, w->at.side, w->owner);
                return true;
            }
        }
    return false;
}

/* The SOA was first; conflicting records come behind those they conflict with. */
static bool next_other(struct walker *w, struct policy_record *out)
{
    const struct skipped *skipped = w->zone->skipped;
    if (w->at.place >= skipped->records.used)
        return false;
    struct skipped_record record = skipped_at(skipped, w->at.place);
    w->at.place = record.next;
    walk_owner(w->zone, record.owner, SIDE_EXACT, w->owner);
    take_stored(record.stored, record.rdata, out);
    return true;
}

bool walker_next(struct walker *walker, struct policy_record *out)
{
    static bool (*const next[])(struct walker *, struct policy_record *) = {next_soa, next_rule, next_other};
    while (walker->at.part < PART_END) {
        if (next[walker->at.part](walker, out)) {
            out->owner = walker->owner;
            return true;
        }
        walker->at = (struct policy_cursor){.part = (uint8_t)(walker->at.part + 1)};
    }
    return false;
}

int policy_zone_walk(const struct policy_zone *zone, struct policy_cursor *cursor,
                     int (*each)(void *context, const struct policy_record *record), void *context)
{
    struct walker walker = {.zone = zone, .at = *cursor};
    struct policy_record record;
    int result = 0;
    while (!result && walker_next(&walker, &record)) {
        result = each(context, &record);
        if (!result)
            *cursor = walker.at;
    }
    if (!result)
        *cursor = walker.at;
    return result;
}

int policy_zone_each(const struct policy_zone *zone,
                     int (*each)(void *context, const struct policy_record *record), void *context)
{
    struct policy_cursor cursor = {0};
    return policy_zone_walk(zone, &cursor, each, context);
}
