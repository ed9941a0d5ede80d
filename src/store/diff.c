/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leads from one version to another: the records of the old one are put into a table, those of the new
 * one take theirs out again. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/random.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "store/store.h"

struct seen {
    uint64_t hash;
    const uint8_t *owner; /* in the arena; owner, then data. NULL: free */
    uint32_t ttl_s;
    uint16_t type, rclass, rdata_length;
    bool taken; /* the new version has it, too */
};

struct diff {
    struct arena arena;
    struct seen *slots;
    size_t mask;
    uint64_t seed;
    const struct zone_content *old, *new;
    struct zone_changes *changes;
    struct zone_changes *additions; /* of plain zones, until the removals are known */
    bool same, adding;
};

static uint64_t hash_of(const struct diff *d, const struct policy_record *record)
{
    uint64_t hash = hash_bytes(d->seed + record->type, record->owner, name_length(record->owner));
    return hash_bytes(hash + record->ttl_s, record->rdata, record->rdata_length);
}

static bool equal(const struct seen *seen, const struct policy_record *record)
{
    size_t owner = name_length(record->owner);
    return seen->type == record->type && seen->rclass == record->rclass && seen->ttl_s == record->ttl_s &&
           seen->rdata_length == record->rdata_length && memcmp(seen->owner, record->owner, owner) == 0 &&
           memcmp(seen->owner + owner, record->rdata, record->rdata_length) == 0;
}

static bool is_apex_soa(const struct diff *d, const struct policy_record *record)
{
    return record->type == TYPE_SOA && name_equal(record->owner, zone_content_origin(d->old));
}

static int take_old(void *context, const struct policy_record *record)
{
    struct diff *d = context;
    size_t owner = name_length(record->owner);
    if (is_apex_soa(d, record))
        return 0;
    uint8_t *bytes = arena_alloc(&d->arena, owner + record->rdata_length);
    if (!bytes)
        return ERR_NOMEM;
    memcpy(bytes, record->owner, owner);
    memcpy(bytes + owner, record->rdata, record->rdata_length);
    uint64_t hash = hash_of(d, record);
    size_t at = hash & d->mask;
    while (d->slots[at].owner)
        at = (at + 1) & d->mask;
    d->slots[at] = (struct seen){.hash = hash,
                                 .owner = bytes,
                                 .ttl_s = record->ttl_s,
                                 .type = record->type,
                                 .rclass = record->rclass,
                                 .rdata_length = record->rdata_length};
    return 0;
}

static int take_new(void *context, const struct policy_record *record)
{
    struct diff *d = context;
    uint64_t hash = hash_of(d, record);
    if (is_apex_soa(d, record))
        return 0;
    for (size_t at = hash & d->mask; d->slots[at].owner; at = (at + 1) & d->mask)
        if (d->slots[at].hash == hash && !d->slots[at].taken && equal(&d->slots[at], record)) {
            d->slots[at].taken = true;
            return 0;
        }
    d->same = false;
    return zone_changes_add(d->additions, false, record);
}

static int add_soa(struct diff *d, const struct zone_content *content, bool remove)
{
    const struct rrset *soa = zone_content_soa(content);
    struct policy_record record = {.owner = zone_content_origin(content),
                                   .type = TYPE_SOA,
                                   .rclass = CLASS_IN,
                                   .ttl_s = soa->ttl_s,
                                   .rdata = soa->rdatas[0].bytes,
                                   .rdata_length = soa->rdatas[0].length};
    return zone_changes_add(d->changes, remove, &record);
}

static int add_removals(struct diff *d)
{
    int error = 0;
    for (size_t i = 0; i <= d->mask && !error; i++) {
        const struct seen *seen = &d->slots[i];
        if (!seen->owner || seen->taken)
            continue;
        struct policy_record record = {
            seen->owner,       seen->type, seen->rclass, seen->ttl_s, seen->owner + name_length(seen->owner),
            seen->rdata_length};
        d->same = false;
        error = zone_changes_add(d->changes, true, &record);
    }
    return error;
}

static bool same_soa(const struct diff *d)
{
    const struct rrset *a = zone_content_soa(d->old), *b = zone_content_soa(d->new);
    return a->ttl_s == b->ttl_s && a->rdatas[0].length == b->rdatas[0].length &&
           memcmp(a->rdatas[0].bytes, b->rdatas[0].bytes, a->rdatas[0].length) == 0;
}

static int add_additions(struct diff *d)
{
    const struct policy_change *list = zone_changes_get(d->additions);
    int error = 0;
    for (size_t i = 0; i < zone_changes_count(d->additions) && !error; i++)
        error = zone_changes_add(d->changes, false, &list[i].record);
    return error;
}

static int compare(struct diff *d)
{
    size_t size = 16;
    while (size < 2 * zone_content_records(d->old))
        size *= 2;
    d->mask = size - 1;
    d->seed = random_u64();
    d->same = same_soa(d);
    d->slots = calloc(size, sizeof *d->slots);
    d->changes = zone_changes_new();
    d->additions = zone_changes_new();
    int error = d->slots && d->changes && d->additions ? 0 : ERR_NOMEM;
    if (!error)
        error = zone_content_each(d->old, take_old, d);
    if (!error)
        error = zone_content_each(d->new, take_new, d);
    if (!error)
        error = add_soa(d, d->old, true);
    if (!error)
        error = add_removals(d);
    if (!error)
        error = add_soa(d, d->new, false);
    return error ? error : add_additions(d);
}

/* The new SOA stands before what comes. */
static int turn_to_additions(struct diff *d)
{
    int error = d->adding ? 0 : add_soa(d, d->new, false);
    d->adding = true;
    return error;
}

/* --- policy zones share what they have in common: only what differs is looked at --- */

/* The removals come first. */
static int take_change(void *context, const struct policy_change *change)
{
    struct diff *d = context;
    if (is_apex_soa(d, &change->record))
        return 0;
    d->same = false;
    int error = change->remove ? 0 : turn_to_additions(d);
    return error ? error : zone_changes_add(d->changes, change->remove, &change->record);
}

static int compare_policy(struct diff *d, const struct policy_zone *old, const struct policy_zone *new)
{
    d->same = same_soa(d);
    d->changes = zone_changes_new();
    int error = d->changes ? add_soa(d, d->old, true) : ERR_NOMEM;
    if (!error)
        error = policy_zone_diff(old, new, take_change, d);
    return error ? error : turn_to_additions(d);
}

int store_diff(const struct zone_content *old, const struct zone_content *new, struct zone_changes **out,
               bool *same)
{
    struct diff d = {.old = old, .new = new};
    arena_init(&d.arena, 1 << 16);
    const struct policy_zone *before = zone_content_get_policy(old), *after = zone_content_get_policy(new);
    int error = before && after ? compare_policy(&d, before, after) : compare(&d);
    arena_fini(&d.arena);
    free(d.slots);
    zone_changes_free(d.additions);
    *same = !error && d.same;
    *out = error ? NULL : d.changes;
    if (error)
        zone_changes_free(d.changes);
    return error;
}
