/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/revise.h"

#include <stdlib.h>

#include "base/hash.h"
#include "dns/consts.h"

static struct policy_builder *new_builder(const uint8_t *origin, struct lineage *lineage)
{
    struct policy_builder *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->origin_bytes = name_copy_lower(b->origin, origin);
    b->origin_labels = name_labels(origin);
    b->lineage = lineage;
    return b;
}

struct policy_builder *policy_builder_new(const uint8_t *origin)
{
    struct lineage *lineage = lineage_new();
    struct policy_builder *b = lineage ? new_builder(origin, lineage) : NULL;
    if (!b) {
        lineage_release(lineage);
        return NULL;
    }
    if (pages_append(&b->records, "\0\0\0", 4) || !(b->skipped = skipped_new()) ||
        owners_draft_new(&b->owners, b->lineage)) {
        policy_builder_free(b);
        return NULL;
    }
    return b;
}

struct policy_builder *policy_builder_from(const struct policy_zone *old)
{
    struct policy_builder *b = new_builder(old->origin, old->lineage);
    if (!b)
        return NULL;
    lineage_hold(b->lineage);
    b->old = old;
    memcpy(b->usual_ttls, old->usual_ttls, sizeof b->usual_ttls);
    b->usual_count = old->usual_count;
    b->counts = old->counts;
    b->counts.records--;
    if (pages_append(&b->records, "\0\0\0", 4) || owners_draft_from(&b->owners, b->lineage, &old->owners)) {
        policy_builder_free(b);
        return NULL;
    }
    return b;
}

void builder_free_scratch(struct policy_builder *b)
{
    pages_free(&b->records);
    pages_free(&b->sides);
    pages_free(&b->addresses);
    set_free(&b->known_records);
    set_free(&b->known_skipped);
}

void policy_builder_free(struct policy_builder *builder)
{
    if (!builder)
        return;
    revision_end(builder);
    builder_free_scratch(builder);
    owners_draft_free(&builder->owners);
    skipped_unref(builder->skipped);
    free(builder->soa_rdata);
    lineage_release(builder->lineage);
    free(builder);
}

/* --- the records of open sides ------------------------------------------------------------------------- */

struct raw_wanted {
    const struct policy_builder *builder;
    uint32_t side;
    struct stored stored;
    const uint8_t *rdata;
};

static bool same_raw(const void *context, uint32_t offset)
{
    const struct raw_wanted *wanted = context;
    const struct raw_record *raw = raw_at(wanted->builder, offset);
    return raw->side == wanted->side && raw->stored.type == wanted->stored.type &&
           raw->stored.length == wanted->stored.length &&
           memcmp(raw->rdata, wanted->rdata, raw->stored.length) == 0;
}

static uint64_t raw_hash(const struct raw_wanted *wanted)
{
    uint64_t hash = hash_bytes(rpz_seed() ^ wanted->side, &wanted->stored.type, sizeof wanted->stored.type);
    return hash_bytes(hash, wanted->rdata, wanted->stored.length);
}

/* Appends to the side's list; an identical record is not added again. */
static int add_raw(struct policy_builder *b, uint32_t reference, struct stored stored, const uint8_t *rdata)
{
    struct raw_wanted wanted = {b, reference & ~OWNER_OPEN, stored, rdata};
    uint64_t hash = raw_hash(&wanted);
    if (set_find(&b->known_records, hash, same_raw, &wanted) >= 0)
        return 0;
    size_t offset = b->records.used, bytes = (sizeof(struct raw_record) + stored.length + 3u) & ~(size_t)3;
    if (offset + bytes > UINT32_MAX)
        return ERR_LIMIT;
    int error = pages_reserve(&b->records, bytes);
    if (!error)
        error = set_add(&b->known_records, hash, (uint32_t)offset);
    if (error)
        return error;
    struct raw_record *raw = raw_at(b, (uint32_t)offset);
    *raw = (struct raw_record){.side = wanted.side, .stored = stored};
    memcpy(raw->rdata, rdata, stored.length);
    b->records.used += bytes;
    b->counts.records++;
    struct open_side *to = side_at(b, wanted.side);
    if (to->last)
        raw_at(b, to->last)->next = (uint32_t)offset;
    else
        to->first = (uint32_t)offset;
    to->last = (uint32_t)offset;
    return 0;
}

/* A new open side with one record. */
static int open_side(struct policy_builder *b, struct stored stored, const uint8_t *rdata,
                     uint32_t *reference)
{
    struct open_side side = {0};
    *reference = OWNER_OPEN | (uint32_t)(b->sides.used / sizeof side);
    int error = pages_append(&b->sides, &side, sizeof side);
    return error ? error : add_raw(b, *reference, stored, rdata);
}

/* --- entries ------------------------------------------------------------------------------------------- */

/* The form of a rule that is one record of a special action with a usual TTL; OWNER_EXTENDED for others. The
 * first few TTLs of a zone become its usual ones. */
static unsigned usual_form(struct policy_builder *b, const struct incoming *in)
{
    if (in->action == RPZ_LOCAL_DATA || in->old_passthru)
        return OWNER_EXTENDED;
    for (unsigned i = 0; i < b->usual_count; i++)
        if (b->usual_ttls[i] == in->record->ttl_s)
            return i;
    if (b->usual_count == OWNER_USUAL_TTLS)
        return OWNER_EXTENDED;
    b->usual_ttls[b->usual_count] = in->record->ttl_s;
    return b->usual_count++;
}

static struct stored stored_of(const struct policy_record *record)
{
    return (struct stored){record->ttl_s, record->type, record->rdata_length};
}

static int note_address(struct policy_builder *b, const struct incoming *in, const struct rpz_key *key,
                        bool gone)
{
    struct address_note note = {key->hash[key->labels], in->trigger, in->prefix, gone};
    if (in->trigger == RPZ_QNAME || in->trigger == RPZ_NSDNAME)
        return 0;
    return pages_append(&b->addresses, &note, sizeof note);
}

/* A usual entry's records, written out: it becomes extended. */
static int extend(struct policy_builder *b, struct owner_entry *entry)
{
    uint32_t ttl_s = b->usual_ttls[owner_form(entry->flags)];
    int error = 0;
    for (enum owner_side side = 0; side < SIDES && !error; side++) {
        const uint8_t *target = rpz_action_target(owner_action(entry->flags, side));
        if (!target)
            continue;
        b->counts.records--;
        error = open_side(b, (struct stored){ttl_s, TYPE_CNAME, (uint16_t)name_length(target)}, target,
                          &entry->references[side]);
    }
    entry->flags |= (uint8_t)(OWNER_EXTENDED << 6);
    return error;
}

/* The first record of a side; the other one may be in use. */
static int add_side(struct policy_builder *b, const struct incoming *in, struct owner_entry *entry)
{
    unsigned form = usual_form(b, in);
    bool empty = !entry->flags;
    int error = 0;
    if (empty)
        entry->flags = (uint8_t)(form << 6);
    else if (owner_form(entry->flags) != OWNER_EXTENDED && owner_form(entry->flags) != form)
        error = extend(b, entry);
    entry->flags |= (uint8_t)(in->action << (3 * in->side));
    if (!error && owner_form(entry->flags) == OWNER_EXTENDED)
        error = open_side(b, stored_of(in->record), in->record->rdata, &entry->references[in->side]);
    else
        b->counts.records++;
    return error;
}

/* The CNAME at a side, or NULL. Extended sides that are added to are open. */
static const uint8_t *cname_of(const struct policy_builder *b, const struct owner_entry *entry,
                               enum owner_side side)
{
    if (owner_form(entry->flags) != OWNER_EXTENDED)
        return rpz_action_target(owner_action(entry->flags, side));
    const struct raw_record *raw = raw_at(b, side_at(b, entry->references[side] & ~OWNER_OPEN)->first);
    return raw->stored.type == TYPE_CNAME ? raw->rdata : NULL;
}

/* Adds to a side that has records: a CNAME stands alone, and the first one stays. */
static int add_more(struct policy_builder *b, const struct incoming *in, const struct owner_entry *entry)
{
    const struct policy_record *record = in->record;
    const uint8_t *cname = cname_of(b, entry, in->side);
    if (record->type == TYPE_CNAME && cname && name_equal(cname, record->rdata))
        return RPZ_KEPT;
    if (record->type == TYPE_CNAME || cname)
        return RPZ_SKIP_CONFLICT;
    return add_raw(b, entry->references[in->side], stored_of(record), record->rdata);
}

void builder_open_owner(const struct policy_builder *b, struct rpz_key *key, struct open_owner *out)
{
    out->key = key;
    out->entry = (struct owner_entry){0};
    out->has_changed = false;
    (void)owners_get(&b->owners, key, &out->spot, &out->entry);
}

int builder_add_to(struct policy_builder *b, struct open_owner *owner, const struct incoming *in)
{
    if (owner_action(owner->entry.flags, in->side))
        return add_more(b, in, &owner->entry);
    int error = add_side(b, in, &owner->entry);
    if (!error)
        error = note_address(b, in, owner->key, false);
    if (!error) {
        owner->has_changed = true;
        b->counts.rules[in->trigger]++;
        b->counts.noncanonical += in->noncanonical;
    }
    return error;
}

int builder_close_owner(struct policy_builder *b, struct open_owner *owner)
{
    struct rpz_key *key = owner->key;
    owner->key = NULL;
    return key && owner->has_changed ? owners_put(&b->owners, key, owner->spot, &owner->entry) : 0;
}

int builder_add_rule(struct policy_builder *b, const struct incoming *in)
{
    struct rpz_key key;
    struct open_owner owner;
    if (!in->key)
        rpz_key_init(&key, in->name, rpz_tail_none());
    builder_open_owner(b, in->key ? in->key : &key, &owner);
    int result = builder_add_to(b, &owner, in);
    int error = result < 0 ? result : builder_close_owner(b, &owner);
    return error ? error : result;
}

const uint8_t *builder_entry(const struct policy_builder *b, const struct open_owner *owner)
{
    return owner->spot.entry ? owners_draft_entry(&b->owners, owner->key, owner->spot) : NULL;
}

int builder_take_from(struct policy_builder *b, struct open_owner *owner, const struct incoming *in)
{
    struct owner_entry *entry = &owner->entry;
    uint64_t records = 1;
    if (!owner_action(entry->flags, in->side))
        return 0;
    if (owner_form(entry->flags) == OWNER_EXTENDED)
        records = data_records(data_get(&b->lineage->data, entry->references[in->side]));
    int error = note_address(b, in, owner->key, true);
    if (error)
        return error;
    entry->flags &= (uint8_t) ~(7u << (3 * in->side));
    owner->has_changed = true;
    b->counts.records -= records;
    b->counts.rules[in->trigger]--;
    b->counts.noncanonical -= in->noncanonical;
    return 0;
}

int builder_clear(struct policy_builder *b, const struct incoming *in)
{
    struct rpz_key key;
    struct open_owner owner;
    rpz_key_init(&key, in->name, rpz_tail_none());
    builder_open_owner(b, &key, &owner);
    int error = builder_take_from(b, &owner, in);
    return error ? error : builder_close_owner(b, &owner);
}

/* --- what is no rule ----------------------------------------------------------------------------------- */

/* The zone's SOA. 0, or RPZ_SKIP_CONFLICT: it has one. */
static int take_soa(struct policy_builder *b, const struct policy_record *record)
{
    if (b->soa_seen)
        return RPZ_SKIP_CONFLICT;
    b->soa_rdata = malloc(record->rdata_length);
    if (!b->soa_rdata)
        return ERR_NOMEM;
    memcpy(b->soa_rdata, record->rdata, record->rdata_length);
    b->soa = stored_of(record);
    b->soa_seen = true;
    b->counts.records++;
    return 0;
}

static bool leave_none(void *context, const uint8_t *owner)
{
    (void)context;
    (void)owner;
    return false;
}

static int add_skipped(struct policy_builder *b, const struct incoming *in, enum rpz_skip skip)
{
    struct stored stored = stored_of(in->record);
    int added = b->skipped ? 0 : builder_open_skipped(b, leave_none, NULL);
    if (added >= 0)
        added = skipped_add(b->skipped, &b->known_skipped, in->owner, &stored, in->record->rdata);
    if (added < 0)
        return added;
    b->counts.records += (uint64_t)added;
    if (skip != RPZ_SKIP_APEX_SOA_NS)
        b->counts.skipped[skip] += (uint64_t)added;
    return skip;
}

int builder_keep(struct policy_builder *b, const struct incoming *in, enum rpz_skip skip)
{
    if (skip == RPZ_SKIP_APEX_SOA_NS && in->record->type == TYPE_SOA) {
        int result = take_soa(b, in->record);
        if (result == RPZ_SKIP_CONFLICT)
            b->counts.skipped[RPZ_SKIP_CONFLICT]++;
        return result ? result : (int)skip;
    }
    if (skip != RPZ_SKIP_OUT_OF_ZONE && skip != RPZ_SKIP_CLASS)
        return add_skipped(b, in, skip);
    b->counts.skipped[skip]++;
    return skip;
}

/* A record that is not copied is not counted any more either. */
static void uncount(struct policy_builder *b, const struct skipped_record *record)
{
    uint8_t owner[NAME_MAX_BYTES];
    size_t length = name_length(record->owner) - 1;
    memcpy(owner, record->owner, length);
    memcpy(owner + length, b->origin, b->origin_bytes);
    struct policy_record given = {owner,         record->stored.type,  CLASS_IN, record->stored.ttl_s,
                                  record->rdata, record->stored.length};
    struct incoming in = {.record = &given};
    enum rpz_skip skip = incoming_classify(b, &in);
    b->counts.records--;
    if (skip != RPZ_SKIP_APEX_SOA_NS)
        b->counts.skipped[skip ? skip : RPZ_SKIP_CONFLICT]--;
}

int builder_open_skipped(struct policy_builder *b, bool (*leave)(void *context, const uint8_t *owner),
                         void *context)
{
    const struct skipped *old = b->old->skipped;
    b->skipped = skipped_new();
    int result = b->skipped ? 0 : ERR_NOMEM;
    for (size_t at = 0; at < old->records.used && result >= 0;) {
        struct skipped_record record = skipped_at(old, at);
        if (leave(context, record.owner))
            uncount(b, &record);
        else
            result = skipped_add(b->skipped, &b->known_skipped, record.owner, &record.stored, record.rdata);
        at = record.next;
    }
    return result < 0 ? result : 0;
}

enum rpz_skip builder_classify(const struct policy_builder *b, const struct policy_record *record,
                               struct incoming *in)
{
    in->record = record;
    in->key = NULL;
    in->old_passthru = in->noncanonical = false;
    return incoming_classify(b, in);
}

int builder_add_anew(struct policy_builder *builder, const struct policy_record *record)
{
    struct incoming in;
    enum rpz_skip skip = builder_classify(builder, record, &in);
    return skip ? (int)skip : builder_add_rule(builder, &in);
}

int policy_builder_add(struct policy_builder *builder, const struct policy_record *record)
{
    struct incoming in;
    int result = (int)builder_classify(builder, record, &in);
    if (!result)
        result = builder->revision ? revision_add(builder, &in) : builder_add_rule(builder, &in);
    return result > 0 ? builder_keep(builder, &in, (enum rpz_skip)result) : result;
}
