/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leads from one version to another: a walk through each, asking the other one; but leaves and lists
 * that both have are passed over. */
#include "base/hash.h"
#include "dns/consts.h"
#include "rpz/walk.h"

struct comparison {
    const struct policy_zone *from, *other;
    int (*each)(void *context, const struct policy_change *change);
    void *context;
    struct policy_change change;
    uint8_t owner[NAME_MAX_BYTES];
    struct set records; /* of a side of the other version that has many: where each stands */
    const uint8_t *entry;
    enum owner_side side;
};

static int tell(struct comparison *c, const struct policy_record *record)
{
    c->change.record = *record;
    c->change.record.owner = c->owner;
    return c->each(c->context, &c->change);
}

static bool is_same(const struct policy_record *a, const struct policy_record *b)
{
    return a->type == b->type && a->ttl_s == b->ttl_s && a->rdata_length == b->rdata_length &&
           memcmp(a->rdata, b->rdata, a->rdata_length) == 0;
}

/* --- sides of entries ----------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct policy_record *record)
{
    return hash_bytes(rpz_seed() + record->type, record->rdata, record->rdata_length);
}

static bool stands_at(const void *context, uint32_t within)
{
    const struct comparison *c = context;
    struct policy_record record;
    return walk_side(c->other, c->entry, c->side, &within, &record) && is_same(&record, &c->change.record);
}

static bool side_has(struct comparison *c, const struct policy_record *wanted)
{
    uint32_t within = 0;
    struct policy_record record;
    c->change.record = *wanted;
    if (c->records.count)
        return set_find(&c->records, hash_of(wanted), stands_at, c) >= 0;
    while (walk_side(c->other, c->entry, c->side, &within, &record))
        if (is_same(&record, wanted))
            return true;
    return false;
}

/* So that many records are not compared with many. */
static int index_side(struct comparison *c)
{
    enum { MANY_BYTES = 1024 };
    struct policy_record record;
    int error = 0;
    set_free(&c->records);
    if (owner_form(*c->entry) != OWNER_EXTENDED ||
        data_get(&c->other->lineage->data, entry_reference(c->entry, c->side))->records_bytes < MANY_BYTES)
        return 0;
    for (uint32_t within = 0, at = 0; !error && walk_side(c->other, c->entry, c->side, &within, &record);
         at = within)
        error = set_add(&c->records, hash_of(&record), at);
    return error;
}

/* Equal by a glance: the same action with the same TTL, or the same data. */
static bool is_equal_side(const struct comparison *c, const uint8_t *entry)
{
    bool extended = owner_form(*entry) == OWNER_EXTENDED;
    if (owner_action(*entry, c->side) != owner_action(*c->entry, c->side) ||
        extended != (owner_form(*c->entry) == OWNER_EXTENDED))
        return false;
    if (extended)
        return c->from->lineage == c->other->lineage &&
               entry_reference(entry, c->side) == entry_reference(c->entry, c->side);
    return c->from->usual_ttls[owner_form(*entry)] == c->other->usual_ttls[owner_form(*c->entry)];
}

static int compare_side(struct comparison *c, const uint8_t *entry, bool in_other)
{
    struct policy_record record;
    uint32_t within = 0;
    int result = in_other ? index_side(c) : 0;
    walk_entry(c->from, entry, c->side, c->owner);
    while (!result && walk_side(c->from, entry, c->side, &within, &record))
        if (!in_other || !side_has(c, &record))
            result = tell(c, &record);
    return result;
}

static const uint8_t *other_entry(const struct comparison *c, const uint8_t *entry)
{
    struct rpz_key key;
    uint8_t name[NAME_MAX_BYTES];
    (void)packed_name(entry + 1, name);
    rpz_key_init(&key, name, rpz_tail_none());
    return owners_find(&c->other->owners, &key).entry;
}

/* The same from the leaf of the other version where the name must be: nothing is hashed again. */
static const uint8_t *entry_in(const struct leaf *twin, uint32_t slot, const uint8_t *entry)
{
    size_t length = packed_bytes(entry + 1);
    const uint32_t *at = leaf_probe(twin, twin->homes, slot >> 16);
    for (; at && *at >> 16 == slot >> 16 && slot_is_used(*at); at++)
        if (!slot_is_node(*at) && memcmp(leaf_at(twin, *at) + 1, entry + 1, length) == 0)
            return leaf_at(twin, *at);
    return NULL;
}

/* With what c->entry is in the other version. */
static int compare_entry(struct comparison *c, const uint8_t *entry)
{
    int result = 0;
    for (c->side = 0; c->side < SIDES && !result; c->side++) {
        bool in_other = c->entry && owner_action(*c->entry, c->side);
        if (owner_action(*entry, c->side) && !(in_other && is_equal_side(c, entry)))
            result = compare_side(c, entry, in_other);
    }
    return result;
}

/* --- all of a version ----------------------------------------------------------------------------------- */

/* `twin` is where the other version has the first of the leaf's names. */
static int compare_leaf(struct comparison *c, const struct leaf *leaf, const struct leaf *twin)
{
    bool holds_all = twin->depth <= leaf->depth;
    int result = 0;
    for (unsigned i = 0; i < leaf->places && !result; i++) {
        uint32_t slot = leaf->slots[i];
        const uint8_t *entry = leaf_at(leaf, slot);
        if (!slot_is_used(slot) || slot_is_node(slot))
            continue;
        c->entry = holds_all ? entry_in(twin, slot, entry) : other_entry(c, entry);
        result = compare_entry(c, entry);
    }
    return result;
}

static int compare_rules(struct comparison *c)
{
    const struct owners *from = &c->from->owners, *other = &c->other->owners;
    const struct leaf *leaf;
    int result = 0;
    for (size_t place = 0; !result && (leaf = owners_next(from, &place));) {
        uint32_t first = (uint32_t)leaf->prefix << 16;
        const struct leaf *twin = owners_leaf(other, owners_place(other, first));
        if (twin != leaf)
            result = compare_leaf(c, leaf, twin);
    }
    return result;
}

static int see_skipped(void *context, const struct skipped_record *record)
{
    const struct policy_record *wanted = context;
    struct policy_record seen = {NULL,          record->stored.type,  CLASS_IN, record->stored.ttl_s,
                                 record->rdata, record->stored.length};
    return is_same(&seen, wanted);
}

static int compare_skipped(struct comparison *c)
{
    const struct skipped *from = c->from->skipped;
    int result = 0;
    if (from == c->other->skipped)
        return 0;
    for (size_t at = 0; at < from->records.used && !result;) {
        struct skipped_record skipped = skipped_at(from, at);
        struct policy_record record = {NULL,          skipped.stored.type,  CLASS_IN, skipped.stored.ttl_s,
                                       skipped.rdata, skipped.stored.length};
        walk_owner(c->from, skipped.owner, SIDE_EXACT, c->owner);
        if (skipped_each_of(c->other->skipped, skipped.owner, see_skipped, &record) != 1)
            result = tell(c, &record);
        at = skipped.next;
    }
    return result;
}

static int compare_soa(struct comparison *c)
{
    struct policy_record mine, its;
    walk_soa(c->from, &mine);
    walk_soa(c->other, &its);
    walk_owner(c->from, (const uint8_t *)"", SIDE_EXACT, c->owner);
    return is_same(&mine, &its) ? 0 : tell(c, &mine);
}

/* The records of `from` that `other` has not, or has as something else: a rule that is one no longer. */
static int tell_missing(const struct policy_zone *from, const struct policy_zone *other, bool remove,
                        int (*each)(void *context, const struct policy_change *change), void *context)
{
    struct comparison c = {
        .from = from, .other = other, .each = each, .context = context, .change.remove = remove};
    int result = compare_soa(&c);
    if (!result)
        result = compare_rules(&c);
    if (!result)
        result = compare_skipped(&c);
    set_free(&c.records);
    return result;
}

int policy_zone_diff(const struct policy_zone *old, const struct policy_zone *new,
                     int (*each)(void *context, const struct policy_change *change), void *context)
{
    if (old == new)
        return 0;
    int result = tell_missing(old, new, true, each, context);
    return result ? result : tell_missing(new, old, false, each, context);
}
