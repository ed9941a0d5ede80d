/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version with changes becomes a new version. The changes are first reduced to what they leave behind,
 * record by record. Then each owner that they touch is looked at and cleared, and given first those of its
 * records that no change names and then what the changes leave behind, as if all were loaded anew; other
 * owners stay as they are, most of them in leaves that the versions share. */
#include "base/hash.h"
#include "dns/consts.h"
#include "rpz/together.h"
#include "rpz/walk.h"

/* What the changes say about one record. */
struct touched {
    const struct policy_record *record; /* of the last change */
    bool must_be_old;                   /* the first change removes it */
    bool in_old;                        /* it was seen in the old version */
    bool present;                       /* after all changes */
};

struct touched_owner {
    const uint8_t *name;
    uint64_t hash;
};

enum { NOT_TOUCHED = UINT32_MAX };

struct delta {
    const struct policy_zone *old;
    struct pages touched;
    struct set known;
    struct pages numbers; /* uint32_t of each change: what it touches */
    struct pages owners;  /* those that are touched, the apex only if other than its SOA is */
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
    if (memcmp(a->rdata, b->rdata, a->rdata_length) == 0)
        return true;
    return a->type == TYPE_CNAME && rdata_check(TYPE_CNAME, a->rdata, a->rdata_length) &&
           rdata_check(TYPE_CNAME, b->rdata, b->rdata_length) && name_equal(a->rdata, b->rdata);
}

struct wanted {
    const struct delta *delta;
    const struct policy_record *record;
};

static bool same_record(const void *context, uint32_t number)
{
    const struct wanted *wanted = context;
    const struct policy_record *record = touched_at(wanted->delta, number)->record;
    return same_data(record, wanted->record) &&
           (record->owner == wanted->record->owner || name_equal(record->owner, wanted->record->owner));
}

static uint64_t owner_hash(const uint8_t *owner)
{
    uint8_t lower[NAME_MAX_BYTES];
    size_t length = name_copy_lower(lower, owner);
    return hash_bytes(rpz_seed(), lower, length);
}

/* `owner` is the hash of its owner. */
static uint64_t record_hash(uint64_t owner, const struct policy_record *record)
{
    bool by_data = record->type != TYPE_CNAME;
    return hash_bytes(owner + record->type, record->rdata, by_data ? record->rdata_length : 0);
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

static const struct touched_owner *owner_at(const struct delta *d, size_t number)
{
    return (const struct touched_owner *)(const void *)d->owners.base + number;
}

static size_t owner_count(const struct delta *d)
{
    return d->owners.used / sizeof(struct touched_owner);
}

static bool same_owner(const void *context, uint32_t number)
{
    const struct owner_wanted *wanted = context;
    return name_equal(owner_at(wanted->delta, number)->name, wanted->owner);
}

static bool knows_owner(const struct delta *d, const uint8_t *owner, uint64_t hash)
{
    struct owner_wanted wanted = {d, owner};
    return set_find(&d->known_owners, hash, same_owner, &wanted) >= 0;
}

static int touch_owner(struct delta *d, struct touched_owner owner)
{
    if (knows_owner(d, owner.name, owner.hash))
        return 0;
    int error = set_add(&d->known_owners, owner.hash, (uint32_t)owner_count(d));
    return error ? error : pages_append(&d->owners, &owner, sizeof owner);
}

/* The number of what is known about the change's record; made if there is none. */
static int64_t touch(struct delta *d, const struct policy_change *change)
{
    struct touched_owner owner = {change->record.owner, owner_hash(change->record.owner)};
    uint64_t hash = record_hash(owner.hash, &change->record);
    struct touched *found = find_touched(d, &change->record, hash);
    if (found)
        return found - touched_at(d, 0);
    struct touched fresh = {&change->record, change->remove, false, change->remove};
    int64_t number = (int64_t)touched_count(d);
    int error = set_add(&d->known, hash, (uint32_t)number);
    if (!error)
        error = pages_append(&d->touched, &fresh, sizeof fresh);
    if (!error && !is_apex_soa(d, &change->record))
        error = touch_owner(d, owner);
    return error ? error : number;
}

/* The number of what it touches; NOT_TOUCHED: nothing. */
static int64_t take_change(struct delta *d, const struct policy_change *change)
{
    if (!name_is_within(change->record.owner, d->old->origin))
        return NOT_TOUCHED; /* a version holds no such records */
    int64_t number = touch(d, change);
    if (number < 0)
        return number;
    struct touched *touched = touched_at(d, (size_t)number);
    if (change->remove && !touched->present)
        return ERR_NOT_FOUND;
    touched->present = !change->remove;
    touched->record = &change->record;
    if (change->remove || !is_apex_soa(d, &change->record))
        return number;
    if (d->soa && d->soa != (size_t)number + 1)
        touched_at(d, d->soa - 1)->present = false;
    d->soa = (size_t)number + 1;
    return number;
}

static int take_changes(struct delta *d, const struct policy_change *changes, size_t count)
{
    int error = pages_reserve(&d->numbers, count * sizeof(uint32_t));
    for (size_t i = 0; i < count && !error; i++) {
        int64_t number = take_change(d, &changes[i]);
        *pages_u32(&d->numbers, i) = (uint32_t)number;
        error = number < 0 ? (int)number : 0;
    }
    return error;
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

/* A record of the old version at an owner that is touched. */
static int take_old(struct delta *d, uint64_t owner, const struct policy_record *record)
{
    struct touched *found = find_touched(d, record, record_hash(owner, record));
    if (found)
        found->in_old = true;
    return found ? 0 : take_staying(d, record);
}

static int take_old_soa(struct delta *d)
{
    const struct rdata *rdata = &d->old->soa_rdata;
    struct policy_record soa = {d->old->origin,    TYPE_SOA,     CLASS_IN,
                                d->old->soa.ttl_s, rdata->bytes, rdata->length};
    struct touched *found = find_touched(d, &soa, record_hash(owner_hash(soa.owner), &soa));
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

/* Those of one side of an entry. */
static int take_old_side(struct delta *d, const struct touched_owner *owner, const uint8_t *entry,
                         enum owner_side side)
{
    struct policy_record record;
    uint32_t within = 0;
    int error = 0;
    while (!error && walk_side(d->old, entry, side, &within, &record)) {
        record.owner = owner->name;
        error = take_old(d, owner->hash, &record);
    }
    return error;
}

struct skipped_look {
    struct delta *delta;
    const struct touched_owner *owner;
    bool any;
};

static int take_old_skipped(void *context, const struct skipped_record *skipped)
{
    struct skipped_look *look = context;
    const struct policy_record record = {.owner = look->owner->name,
                                         .type = skipped->stored.type,
                                         .rclass = CLASS_IN,
                                         .ttl_s = skipped->stored.ttl_s,
                                         .rdata = skipped->rdata,
                                         .rdata_length = skipped->stored.length};
    look->any = true;
    return take_old(look->delta, look->owner->hash, &record);
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

/* Looks at the rule that may stand at an owner, and takes it away. */
static int clear_rule(struct delta *d, const struct touched_owner *touched, const struct incoming *in,
                      struct open_owner *owner)
{
    int error = owner->key == in->key ? 0 : builder_close_owner(d->builder, owner);
    if (error)
        return error;
    if (!owner->key)
        builder_open_owner(d->builder, in->key, owner);
    const uint8_t *entry = builder_entry(d->builder, owner);
    if (entry)
        error = take_old_side(d, touched, entry, in->side);
    return error ? error : builder_take_from(d->builder, owner, in);
}

/* The owners from `first` on, as many as come together. *skipped: some have records that are no rules. */
static int clear_some(struct delta *d, size_t first, size_t count, bool *skipped)
{
    struct together t;
    struct policy_record any[POLICY_TOGETHER];
    struct open_owner open = {.key = NULL};
    int error = 0;
    /* With this data any owner that can have a rule is one. */
    for (size_t i = 0; i < count; i++)
        any[i] = (struct policy_record){owner_at(d, first + i)->name, TYPE_CNAME, CLASS_IN, 0,
                                        (const uint8_t *)"",          1};
    together_begin(&t, d->builder, any, count);
    for (size_t i = 0; i < count && !error; i++) {
        const struct touched_owner *owner = owner_at(d, first + i);
        struct skipped_look look = {d, owner, false};
        if (!t.skip[i])
            error = clear_rule(d, owner, &t.in[i], &open);
        if (!error)
            error = skipped_each_of(d->old->skipped, t.in[i].owner, take_old_skipped, &look);
        *skipped |= look.any;
    }
    return error ? error : builder_close_owner(d->builder, &open);
}

static int clear_owners(struct delta *d)
{
    size_t count = owner_count(d), some;
    bool skipped = false;
    int error = take_old_soa(d);
    for (size_t i = 0; i < count && !error; i += some) {
        some = count - i < POLICY_TOGETHER ? count - i : POLICY_TOGETHER;
        error = clear_some(d, i, some, &skipped);
    }
    if (!error && !all_removed_were_there(d))
        error = ERR_NOT_FOUND;
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

static int add_some(struct delta *d, const struct policy_record *records, size_t count)
{
    int results[POLICY_TOGETHER];
    policy_builder_add_all(d->builder, records, count, results);
    return count && results[count - 1] < 0 ? results[count - 1] : 0;
}

/* What the changes leave behind, in the order of the additions. */
static int add_additions(struct delta *d, const struct policy_change *changes, size_t count)
{
    struct policy_record some[POLICY_TOGETHER];
    size_t used = 0;
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        uint32_t number = *pages_u32(&d->numbers, i);
        const struct touched *touched = number == NOT_TOUCHED ? NULL : touched_at(d, number);
        if (!touched || !touched->present || touched->record != &changes[i].record)
            continue;
        some[used++] = changes[i].record;
        if (used == POLICY_TOGETHER) {
            error = add_some(d, some, used);
            used = 0;
        }
    }
    return error ? error : add_some(d, some, used);
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
    *out = NULL;
    int error = take_changes(&delta, changes, count);
    lineage_lock(old->lineage);
    if (!error)
        error = make(&delta, changes, count, out);
    lineage_unlock(old->lineage);
    set_free(&delta.known);
    set_free(&delta.known_owners);
    pages_free(&delta.touched);
    pages_free(&delta.numbers);
    pages_free(&delta.owners);
    pages_free(&delta.staying);
    return error;
}
