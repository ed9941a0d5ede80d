/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/zone.h"

#include <stdlib.h>

#include "dns/consts.h"
#include "rpz/walk.h"

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

void policy_zone_clear(struct policy_zone *zone)
{
    owners_end(&zone->owners, zone->lineage);
    skipped_unref(zone->skipped);
    for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
        for (unsigned f = 0; f < FAMILIES; f++)
            prefixes_unref(zone->prefixes[t][f]);
    free((void *)zone->soa_rdata.bytes);
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
        lineage_end_version(zone->lineage, zone);
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

/* --- one owner ----------------------------------------------------------------------------------------- */

struct visit {
    const struct policy_zone *zone;
    int (*each)(void *context, const struct policy_record *record);
    void *context;
    bool *exists;
    uint8_t owner[NAME_MAX_BYTES];
};

static int visit_rules(struct visit *v, const uint8_t *relative)
{
    enum owner_side side = name_is_wildcard(relative) ? SIDE_WILDCARD : SIDE_EXACT;
    const uint8_t *name = side == SIDE_WILDCARD ? relative + 2 : relative;
    struct rpz_key key;
    rpz_key_init(&key, name, rpz_tail_none());
    struct owner_found found = owners_find(&v->zone->owners, &key);
    *v->exists = side == SIDE_EXACT ? found.exists : found.entry && owner_action(*found.entry, side);
    if (!*v->exists && side == SIDE_WILDCARD) { /* it may be a name of its own, with others below it */
        struct rpz_key own;
        rpz_key_init(&own, relative, rpz_tail_none());
        *v->exists = owners_find(&v->zone->owners, &own).exists;
    }
    if (!found.entry)
        return 0;
    struct policy_record record;
    uint32_t within = 0;
    int result = 0;
    while (!result && walk_side(v->zone, found.entry, side, &within, &record)) {
        record.owner = v->owner;
        result = v->each(v->context, &record);
    }
    return result;
}

static int visit_soa(struct visit *v)
{
    struct policy_record record;
    walk_soa(v->zone, &record);
    record.owner = v->owner;
    return v->each(v->context, &record);
}

static int visit_skipped(void *context, const struct skipped_record *skipped)
{
    struct visit *v = context;
    struct policy_record record = {.owner = v->owner,
                                   .type = skipped->stored.type,
                                   .rclass = CLASS_IN,
                                   .ttl_s = skipped->stored.ttl_s,
                                   .rdata = skipped->rdata,
                                   .rdata_length = skipped->stored.length};
    *v->exists = true;
    return v->each(v->context, &record);
}

int policy_zone_at(const struct policy_zone *zone, const uint8_t *owner, bool *exists,
                   int (*each)(void *context, const struct policy_record *record), void *context)
{
    struct visit v = {.zone = zone, .each = each, .context = context, .exists = exists};
    uint8_t relative[NAME_MAX_BYTES];
    size_t length = name_copy_lower(v.owner, owner);
    memcpy(relative, v.owner, length - zone->origin_bytes);
    relative[length - zone->origin_bytes] = 0;
    int result = visit_rules(&v, relative);
    *exists |= !relative[0] || skipped_is_below(zone->skipped, relative);
    if (!result && !relative[0])
        result = visit_soa(&v);
    return result ? result : skipped_each_of(zone->skipped, relative, visit_skipped, &v);
}
