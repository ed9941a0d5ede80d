/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version with changes becomes a new version. The changes are first reduced to what they leave behind,
 * record by record; then the old version's other records and these make the new one. */
#include "base/hash.h"
#include "dns/consts.h"
#include "rpz/version.h"

/* What the changes say about one record. */
struct touched {
    const struct policy_record *record; /* of the last change */
    bool must_be_old;                   /* the first change removes it */
    bool in_old;                        /* it was seen in the old version */
    bool present;                       /* after all changes */
};

struct delta {
    const struct policy_zone *old;
    struct pages touched;
    struct set known;
    struct policy_builder *builder;
    size_t soa; /* number + 1 of the last SOA that was added: it takes the place of any other */
};

static struct touched *touched_at(const struct delta *d, size_t number)
{
    return (struct touched *)(void *)d->touched.base + number;
}

static size_t touched_count(const struct delta *d)
{
    return d->touched.used / sizeof(struct touched);
}

/* Names in a CNAME's data are compared as names: a primary may change their case. */
static bool same_data(const struct policy_record *a, const struct policy_record *b)
{
    if (a->type != b->type || a->rdata_length != b->rdata_length)
        return false;
    if (a->type == TYPE_CNAME && rdata_check(TYPE_CNAME, a->rdata, a->rdata_length) &&
        rdata_check(TYPE_CNAME, b->rdata, b->rdata_length))
        return name_equal(a->rdata, b->rdata);
    return memcmp(a->rdata, b->rdata, a->rdata_length) == 0;
}

struct wanted {
    const struct delta *delta;
    const struct policy_record *record;
};

static bool same_record(const void *context, uint32_t number)
{
    const struct wanted *wanted = context;
    const struct policy_record *record = touched_at(wanted->delta, number)->record;
    return same_data(record, wanted->record) && name_equal(record->owner, wanted->record->owner);
}

static uint64_t record_hash(const struct policy_record *record)
{
    uint8_t owner[NAME_MAX_BYTES];
    size_t length = name_copy_lower(owner, record->owner);
    uint64_t hash = hash_bytes(rpz_seed() + record->type, owner, length);
    if (record->type != TYPE_CNAME)
        hash = hash_bytes(hash, record->rdata, record->rdata_length);
    return hash;
}

static struct touched *find_touched(const struct delta *d, const struct policy_record *record, uint64_t hash)
{
    struct wanted wanted = {d, record};
    int64_t number = set_find(&d->known, hash, same_record, &wanted);
    return number < 0 ? NULL : touched_at(d, (size_t)number);
}

static bool is_apex_soa(const struct delta *d, const struct policy_record *record)
{
    return record->type == TYPE_SOA && name_equal(record->owner, d->old->origin);
}

/* The number of what is known about the change's record; made if there is none. */
static int64_t touch(struct delta *d, const struct policy_change *change)
{
    uint64_t hash = record_hash(&change->record);
    struct touched *found = find_touched(d, &change->record, hash);
    if (found)
        return found - touched_at(d, 0);
    struct touched fresh = {&change->record, change->remove, false, change->remove};
    int64_t number = (int64_t)touched_count(d);
    int error = set_add(&d->known, hash, (uint32_t)number);
    if (!error)
        error = pages_append(&d->touched, &fresh, sizeof fresh);
    return error ? error : number;
}

static int take_change(struct delta *d, const struct policy_change *change)
{
    if (!name_is_within(change->record.owner, d->old->origin))
        return 0; /* a version holds no such records */
    int64_t number = touch(d, change);
    if (number < 0)
        return (int)number;
    struct touched *touched = touched_at(d, (size_t)number);
    if (change->remove && !touched->present)
        return ERR_NOT_FOUND;
    touched->present = !change->remove;
    touched->record = &change->record;
    if (change->remove || !is_apex_soa(d, &change->record))
        return 0;
    if (d->soa && d->soa != (size_t)number + 1)
        touched_at(d, d->soa - 1)->present = false;
    d->soa = (size_t)number + 1;
    return 0;
}

/* Each record of the old version: stays, unless a change names it. */
static int take_old(void *context, const struct policy_record *record)
{
    struct delta *d = context;
    struct touched *found = find_touched(d, record, record_hash(record));
    if (found) {
        found->in_old = true;
        return 0;
    }
    if (d->soa && is_apex_soa(d, record))
        return 0;
    int result = policy_builder_add(d->builder, record);
    return result < 0 ? result : 0;
}

static bool all_removed_were_there(const struct delta *d)
{
    for (size_t i = 0; i < touched_count(d); i++)
        if (touched_at(d, i)->must_be_old && !touched_at(d, i)->in_old)
            return false;
    return true;
}

/* What the changes leave behind, in the order of the additions. */
static int take_additions(struct delta *d, const struct policy_change *changes, size_t count)
{
    int result = all_removed_were_there(d) ? 0 : ERR_NOT_FOUND;
    for (size_t i = 0; i < count && result >= 0; i++) {
        const struct policy_record *record = &changes[i].record;
        const struct touched *touched = find_touched(d, record, record_hash(record));
        if (touched && touched->present && touched->record == record)
            result = policy_builder_add(d->builder, record);
    }
    return result < 0 ? result : 0;
}

int policy_zone_apply(const struct policy_zone *old, const struct policy_change *changes, size_t count,
                      struct policy_zone **out)
{
    struct delta delta = {.old = old, .builder = policy_builder_new(old->origin)};
    int error = delta.builder ? 0 : ERR_NOMEM;
    *out = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = take_change(&delta, &changes[i]);
    if (!error)
        error = policy_zone_each(old, take_old, &delta);
    if (!error)
        error = take_additions(&delta, changes, count);
    if (error)
        policy_builder_free(delta.builder);
    else
        error = policy_builder_finish(delta.builder, out);
    set_free(&delta.known);
    pages_free(&delta.touched);
    return error;
}
