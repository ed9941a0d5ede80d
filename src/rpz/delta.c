/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version with changes becomes a new version. The changes are first reduced to what they leave behind,
 * record by record. Then each owner that they touch is cleared, and given first those of its records that no
 * change names and then what the changes leave behind, as if all were loaded anew; other owners stay as they
 * are, most of them in leaves that the versions share. */
#include "base/hash.h"
#include "dns/consts.h"
#include "rpz/builder.h"

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
    struct pages owners; /* const uint8_t *: those that are touched, the apex only if other than its SOA is */
    struct set known_owners;
    struct pages staying; /* struct staying and what they point to: records of these that no change names */
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

/* --- what the changes come to --------------------------------------------------------------------------- */

struct owner_wanted {
    const struct delta *delta;
    const uint8_t *owner;
};

static const uint8_t *owner_at(const struct delta *d, size_t number)
{
    return ((const uint8_t *const *)(const void *)d->owners.base)[number];
}

static bool same_owner(const void *context, uint32_t number)
{
    const struct owner_wanted *wanted = context;
    return name_equal(owner_at(wanted->delta, number), wanted->owner);
}

static uint64_t owner_hash(const uint8_t *owner)
{
    uint8_t lower[NAME_MAX_BYTES];
    size_t length = name_copy_lower(lower, owner);
    return hash_bytes(rpz_seed(), lower, length);
}

static bool knows_owner(const struct delta *d, const uint8_t *owner, uint64_t hash)
{
    struct owner_wanted wanted = {d, owner};
    return set_find(&d->known_owners, hash, same_owner, &wanted) >= 0;
}

static int touch_owner(struct delta *d, const uint8_t *owner)
{
    uint64_t hash = owner_hash(owner);
    if (knows_owner(d, owner, hash))
        return 0;
    int error = set_add(&d->known_owners, hash, (uint32_t)(d->owners.used / sizeof owner));
    return error ? error : pages_append(&d->owners, &owner, sizeof owner);
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
    if (!error && !is_apex_soa(d, &change->record))
        error = touch_owner(d, change->record.owner);
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

/* --- what the old version has at these owners ----------------------------------------------------------- */

/* A record that stays, and behind it a copy of its owner and data. */
struct staying {
    uint32_t ttl_s;
    uint16_t type, owner_length, rdata_length;
};

static int take_staying(struct delta *d, const struct policy_record *record)
{
    struct staying staying = {record->ttl_s, record->type, (uint16_t)name_length(record->owner),
                              record->rdata_length};
    int error = pages_append(&d->staying, &staying, sizeof staying);
    if (!error)
        error = pages_append(&d->staying, record->owner, staying.owner_length);
    return error ? error : pages_append(&d->staying, record->rdata, staying.rdata_length);
}

/* Each record of the old version at an owner that is touched. */
static int take_old(void *context, const struct policy_record *record)
{
    struct delta *d = context;
    struct touched *found = find_touched(d, record, record_hash(record));
    if (found)
        found->in_old = true;
    return found || is_apex_soa(d, record) ? 0 : take_staying(d, record);
}

static int take_old_soa(struct delta *d)
{
    const struct rdata *rdata = &d->old->soa_rdata;
    struct policy_record soa = {d->old->origin,    TYPE_SOA,     CLASS_IN,
                                d->old->soa.ttl_s, rdata->bytes, rdata->length};
    struct touched *found = find_touched(d, &soa, record_hash(&soa));
    if (found)
        found->in_old = true;
    return found || d->soa ? 0 : take_staying(d, &soa);
}

static bool all_removed_were_there(const struct delta *d)
{
    for (size_t i = 0; i < touched_count(d); i++)
        if (touched_at(d, i)->must_be_old && !touched_at(d, i)->in_old)
            return false;
    return true;
}

static int look_at_old(struct delta *d)
{
    int error = take_old_soa(d);
    for (size_t i = 0; i < d->owners.used / sizeof(uint8_t *) && !error; i++) {
        bool exists;
        error = policy_zone_at(d->old, owner_at(d, i), &exists, take_old, d);
    }
    return !error && !all_removed_were_there(d) ? ERR_NOT_FOUND : error;
}

/* --- making the new one --------------------------------------------------------------------------------- */

/* An owner relative to the zone, of a record that the old version skipped. */
static bool is_touched(void *context, const uint8_t *relative)
{
    const struct delta *d = context;
    uint8_t owner[NAME_MAX_BYTES];
    size_t length = name_length(relative) - 1;
    memcpy(owner, relative, length);
    memcpy(owner + length, d->old->origin, d->old->origin_bytes);
    return knows_owner(d, owner, owner_hash(owner));
}

static int see_skipped(void *context, const struct skipped_record *record)
{
    (void)context;
    (void)record;
    return 1;
}

/* Takes away the rule that may stand at an owner. *skipped: so must records that are none. */
static int clear_owner(struct delta *d, const uint8_t *owner, bool *skipped)
{
    /* With this data any owner that can have a rule is one. */
    struct policy_record any = {owner, TYPE_CNAME, CLASS_IN, 0, (const uint8_t *)"", 1};
    struct incoming in = {.record = &any};
    enum rpz_skip skip = incoming_classify(d->builder, &in);
    *skipped |= skipped_each_of(d->old->skipped, in.owner, see_skipped, NULL) == 1;
    return skip ? 0 : builder_clear(d->builder, &in);
}

static int clear_owners(struct delta *d)
{
    bool skipped = false;
    int error = 0;
    for (size_t i = 0; i < d->owners.used / sizeof(uint8_t *) && !error; i++)
        error = clear_owner(d, owner_at(d, i), &skipped);
    return !error && skipped ? builder_open_skipped(d->builder, is_touched, d) : error;
}

static int add_staying(struct delta *d)
{
    int result = 0;
    for (size_t at = 0; at < d->staying.used && result >= 0;) {
        struct staying staying;
        memcpy(&staying, d->staying.base + at, sizeof staying);
        const uint8_t *owner = d->staying.base + at + sizeof staying, *rdata = owner + staying.owner_length;
        struct policy_record record = {owner,         staying.type, CLASS_IN,
                                       staying.ttl_s, rdata,        staying.rdata_length};
        result = policy_builder_add(d->builder, &record);
        at += sizeof staying + staying.owner_length + staying.rdata_length;
    }
    return result < 0 ? result : 0;
}

/* What the changes leave behind, in the order of the additions. */
static int add_additions(struct delta *d, const struct policy_change *changes, size_t count)
{
    int result = 0;
    for (size_t i = 0; i < count && result >= 0; i++) {
        const struct policy_record *record = &changes[i].record;
        const struct touched *touched = find_touched(d, record, record_hash(record));
        if (touched && touched->present && touched->record == record)
            result = policy_builder_add(d->builder, record);
    }
    return result < 0 ? result : 0;
}

static int make(struct delta *d, const struct policy_change *changes, size_t count, struct policy_zone **out)
{
    d->builder = policy_builder_from(d->old);
    if (!d->builder)
        return ERR_NOMEM;
    int error = clear_owners(d);
    if (!error)
        error = add_staying(d);
    if (!error)
        error = add_additions(d, changes, count);
    if (!error)
        return policy_builder_finish(d->builder, out);
    policy_builder_free(d->builder);
    return error;
}

int policy_zone_apply(const struct policy_zone *old, const struct policy_change *changes, size_t count,
                      struct policy_zone **out)
{
    struct delta delta = {.old = old};
    int error = 0;
    *out = NULL;
    for (size_t i = 0; i < count && !error; i++)
        error = take_change(&delta, &changes[i]);
    if (!error)
        error = look_at_old(&delta);
    lineage_lock(old->lineage);
    if (!error)
        error = make(&delta, changes, count, out);
    lineage_unlock(old->lineage);
    set_free(&delta.known);
    set_free(&delta.known_owners);
    pages_free(&delta.touched);
    pages_free(&delta.owners);
    pages_free(&delta.staying);
    return error;
}
