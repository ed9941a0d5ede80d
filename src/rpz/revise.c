/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All records of a zone become a version that shares with the one before what does not differ.
 *
 * While they come the old version is only read. A record that it has, just so, is marked as seen; any other
 * is added to the builder, as in a load. At the end what was not seen is taken away from the old version and
 * what was added is put in: a delta. If that would be much, the builder gets what was seen and is a load like
 * any other.
 *
 * What is marked is a side of an owner, in four bits: which of its records were seen, if it has up to three;
 * how many, in their order, if more. One that comes with anything else, in another order or with another TTL
 * is touched: what was seen of it moves to the builder, whose rules decide about the rest. */
#include "rpz/revise.h"

#include <stdlib.h>

#include "rpz/walk.h"

enum {
    RECORDS_MARKED = 3,   /* of a side, each by a bit */
    RECORDS_COUNTED = 14, /* of a side, from the first on; with more it is touched by any */
    TOUCHED = 15,
    /* More additions than one in so many of the records that there are and that have come, or more that is
     * gone than one in so many, take less time as a load, and no less memory as a delta: hardly a leaf would
     * stay as it is. */
    ADDED_SHARE = 64,
    GONE_SHARE = 8,
    SMALL = 16, /* as many never matter */
};

struct revision {
    struct policy_zone *old; /* a reference */
    struct pages starts;     /* uint32_t by place in the directory: where the marks of the leaf begin */
    struct pages marks;      /* a byte for each slot */
    uint64_t came, added;    /* records of rules */
};

/* A side of an entry of the old version. */
struct old_side {
    const uint8_t *entry;
    uint8_t *marks; /* of both sides */
    enum owner_side side;
};

static unsigned mark_of(const struct old_side *at)
{
    return *at->marks >> (4 * at->side) & 15u;
}

static void set_mark(const struct old_side *at, unsigned mark)
{
    *at->marks = (uint8_t)((*at->marks & ~(15u << (4 * at->side))) | mark << (4 * at->side));
}

static size_t records_of(const struct policy_zone *old, const struct old_side *at)
{
    if (owner_form(*at->entry) != OWNER_EXTENDED)
        return 1;
    return data_records(data_get(&old->lineage->data, entry_reference(at->entry, at->side)));
}

static bool is_seen(unsigned mark, size_t records, unsigned number)
{
    return records <= RECORDS_MARKED ? mark >> number & 1u : number < mark;
}

static bool is_all_seen(unsigned mark, size_t records)
{
    return mark == (records <= RECORDS_MARKED ? (1u << records) - 1 : records);
}

/* --- life ---------------------------------------------------------------------------------------------- */

static void revision_free(struct revision *revision)
{
    if (!revision)
        return;
    pages_free(&revision->starts);
    pages_free(&revision->marks);
    policy_zone_unref(revision->old);
    free(revision);
}

static int make_marks(struct revision *r)
{
    const struct owners *owners = &r->old->owners;
    size_t places = owners_places(owners), slots = 0;
    int error = pages_reserve(&r->starts, places * sizeof(uint32_t));
    for (size_t i = 0; i < places && !error;) {
        const struct leaf *leaf = owners_leaf(owners, i);
        for (size_t end = i + owners_width(owners, leaf); i < end; i++)
            *pages_u32(&r->starts, i) = (uint32_t)slots;
        slots += leaf->places;
        error = slots > UINT32_MAX ? ERR_LIMIT : 0;
    }
    return error ? error : pages_reserve(&r->marks, slots);
}

struct policy_builder *policy_builder_revise(struct policy_zone *old)
{
    struct policy_builder *b = policy_builder_new(old->origin);
    struct revision *r = b ? calloc(1, sizeof *r) : NULL;
    if (r) {
        r->old = policy_zone_ref(old);
        b->revision = r;
    }
    if (!r || make_marks(r)) {
        policy_builder_free(b);
        return NULL;
    }
    /* If it comes to a load, most of what was seen will have this one. */
    b->usual_count = old->usual_count > 0;
    b->usual_ttls[0] = old->usual_ttls[0];
    return b;
}

void revision_end(struct policy_builder *builder)
{
    revision_free(builder->revision);
    builder->revision = NULL;
}

/* --- what comes ---------------------------------------------------------------------------------------- */

static bool find_side(const struct revision *r, const struct incoming *in, struct old_side *out)
{
    const struct owners *owners = &r->old->owners;
    struct rpz_key own, *key = in->key ? in->key : &own;
    const struct leaf *leaf;
    if (key == &own)
        rpz_key_init(key, in->name, rpz_tail_none());
    uint32_t fingerprint = rpz_key_fingerprint(key, key->labels);
    const uint32_t *slot = owners_probe(owners, fingerprint, &leaf);
    if (slot)
        slot = leaf_confirm(leaf, slot, key, key->labels);
    if (!slot || slot_is_node(*slot))
        return false;
    size_t start = *pages_u32(&r->starts, owners_place(owners, fingerprint));
    *out = (struct old_side){leaf_at(leaf, *slot), r->marks.base + start + (slot - leaf->slots), in->side};
    return owner_action(*out->entry, in->side) != RPZ_NONE;
}

/* Marks the record among those of an extended side. False: it is not one of them, or not at its turn. */
static bool mark_extended(const struct policy_zone *old, const struct old_side *at,
                          const struct policy_record *record)
{
    size_t records = records_of(old, at);
    unsigned mark = mark_of(at), number = 0;
    uint16_t type_before = 0;
    uint32_t within = 0;
    struct policy_record have;
    for (; walk_side(old, at->entry, at->side, &within, &have); type_before = have.type, number++) {
        if (have.type != record->type || have.rdata_length != record->rdata_length ||
            memcmp(have.rdata, record->rdata, have.rdata_length) != 0)
            continue;
        if (is_seen(mark, records, number))
            return true; /* twice is once */
        bool turn = records <= RECORDS_MARKED ? have.type != type_before || is_seen(mark, records, number - 1)
                                              : number == mark && records <= RECORDS_COUNTED;
        if (!turn || have.ttl_s != record->ttl_s)
            return false;
        set_mark(at, records <= RECORDS_MARKED ? mark | 1u << number : mark + 1);
        return true;
    }
    return false;
}

/* False: the side will not be what it was. */
static bool mark_record(const struct policy_zone *old, const struct old_side *at, const struct incoming *in)
{
    if (owner_form(*at->entry) == OWNER_EXTENDED)
        return mark_extended(old, at, in->record);
    if (in->action != owner_action(*at->entry, at->side) || in->old_passthru ||
        in->record->ttl_s != old->usual_ttls[owner_form(*at->entry)])
        return false;
    set_mark(at, 1);
    return true;
}

/* Adds to the builder what was seen of a side. */
static int add_seen(struct policy_builder *b, const struct policy_zone *old, const struct old_side *at,
                    unsigned mark)
{
    uint8_t owner[NAME_MAX_BYTES];
    struct policy_record record;
    size_t records = records_of(old, at);
    uint32_t within = 0;
    int result = 0;
    walk_entry(old, at->entry, at->side, owner);
    for (unsigned i = 0; result >= 0 && walk_side(old, at->entry, at->side, &within, &record); i++) {
        record.owner = owner;
        if (is_seen(mark, records, i))
            result = builder_add_anew(b, &record);
    }
    return result < 0 ? result : 0;
}

/* --- each side of the old version ----------------------------------------------------------------------- */

static int each_side(const struct revision *r, int (*each)(void *context, const struct old_side *at),
                     void *context)
{
    const struct owners *owners = &r->old->owners;
    const struct leaf *leaf;
    uint8_t *marks = r->marks.base;
    int result = 0;
    for (size_t place = 0; !result && (leaf = owners_next(owners, &place)); marks += leaf->places)
        for (unsigned i = 0; i < leaf->places && !result; i++) {
            struct old_side at = {leaf_at(leaf, leaf->slots[i]), marks + i, SIDE_EXACT};
            if (!slot_is_used(leaf->slots[i]) || slot_is_node(leaf->slots[i]))
                continue;
            for (; at.side < SIDES && !result; at.side++)
                if (owner_action(*at.entry, at.side))
                    result = each(context, &at);
        }
    return result;
}

/* --- as a load ----------------------------------------------------------------------------------------- */

struct melting {
    struct policy_builder *builder;
    const struct policy_zone *old;
};

static int melt_side(void *context, const struct old_side *at)
{
    const struct melting *m = context;
    unsigned mark = mark_of(at);
    return mark == TOUCHED || mark == 0 ? 0 : add_seen(m->builder, m->old, at, mark);
}

static int melt(struct policy_builder *b)
{
    struct revision *r = b->revision;
    struct melting melting = {b, r->old};
    b->revision = NULL;
    int error = each_side(r, melt_side, &melting);
    revision_free(r);
    return error;
}

/* The record is not one of the old version. */
static int add_other(struct policy_builder *b, const struct incoming *in)
{
    struct revision *r = b->revision;
    uint64_t most = (r->came + r->old->counts.records) / ADDED_SHARE + SMALL;
    int error = ++r->added > most ? melt(b) : 0;
    return error ? error : builder_add_rule(b, in);
}

const struct owners *revision_owners(const struct revision *revision)
{
    return &revision->old->owners;
}

int revision_add(struct policy_builder *b, const struct incoming *in)
{
    struct revision *r = b->revision;
    struct old_side at;
    r->came++;
    if (find_side(r, in, &at) && mark_of(&at) != TOUCHED) {
        if (mark_record(r->old, &at, in))
            return RPZ_KEPT;
        unsigned mark = mark_of(&at);
        set_mark(&at, TOUCHED);
        int error = add_seen(b, r->old, &at, mark);
        if (error)
            return error;
    }
    return add_other(b, in);
}

/* --- as a delta ---------------------------------------------------------------------------------------- */

/* The sides that do not stay as they are. */
struct gone {
    const struct policy_zone *old;
    struct pages list; /* struct old_side */
    size_t most;       /* bytes of the list */
};

/* 1: there are so many that a load takes less. */
static int note_gone(void *context, const struct old_side *at)
{
    struct gone *gone = context;
    if (mark_of(at) != TOUCHED && is_all_seen(mark_of(at), records_of(gone->old, at)))
        return 0;
    return gone->list.used > gone->most ? 1 : pages_append(&gone->list, at, sizeof *at);
}

/* Takes a side away, and gives it back what was seen of it. */
static int clear_side(struct policy_builder *to, const struct old_side *at)
{
    uint8_t owner[NAME_MAX_BYTES];
    /* With this data any owner that can have a rule is one. */
    struct policy_record any = {owner, TYPE_CNAME, CLASS_IN, 0, (const uint8_t *)"", 1};
    struct incoming in = {.record = &any};
    unsigned mark = mark_of(at);
    walk_entry(to->old, at->entry, at->side, owner);
    if (incoming_classify(to, &in))
        return ERR_INVALID; /* it was a rule */
    int error = builder_clear(to, &in);
    return error || mark == TOUCHED || mark == 0 ? error : add_seen(to, to->old, at, mark);
}

static int add_rules(struct policy_builder *to, const struct policy_zone *added)
{
    struct walker walker = {.zone = added};
    struct policy_record record;
    int result = 0;
    while (result >= 0 && walker_next(&walker, &record) && walker.at.part < PART_OTHERS)
        result = policy_builder_add(to, &record);
    return result < 0 ? result : 0;
}

static uint64_t count_skipped(const struct skipped *skipped)
{
    uint64_t count = 0;
    for (size_t at = 0; at < skipped->records.used; count++)
        at = skipped_at(skipped, at).next;
    return count;
}

/* What is no rule is all there: the builder had it from the beginning. */
static void take_skipped(struct policy_builder *to, const struct policy_zone *added)
{
    const struct pages *before = &to->old->skipped->records, *after = &added->skipped->records;
    if (before->used != after->used || (before->used && memcmp(before->base, after->base, before->used) != 0))
        to->skipped = skipped_ref(added->skipped);
    to->counts.records += count_skipped(added->skipped) - count_skipped(to->old->skipped);
    memcpy(to->counts.skipped, added->counts.skipped, sizeof to->counts.skipped);
}

/* The lineage is locked. */
static int make(const struct revision *r, const struct gone *gone, const struct policy_zone *added,
                struct policy_zone **out)
{
    struct policy_builder *to = policy_builder_from(r->old);
    const struct old_side *list = (const struct old_side *)(const void *)gone->list.base;
    if (!to)
        return ERR_NOMEM;
    int error = 0;
    for (size_t i = 0; i < gone->list.used / sizeof *list && !error; i++)
        error = clear_side(to, &list[i]);
    if (!error)
        error = add_rules(to, added);
    if (error) {
        policy_builder_free(to);
        return error;
    }
    take_skipped(to, added);
    return policy_builder_finish(to, out);
}

static int finish_delta(struct policy_builder *b, const struct gone *gone, struct policy_zone **out)
{
    struct revision *r = b->revision;
    struct policy_zone *added = NULL;
    b->revision = NULL;
    int error = policy_builder_finish(b, &added);
    if (!error) {
        lineage_lock(r->old->lineage);
        error = make(r, gone, added, out);
        lineage_unlock(r->old->lineage);
    }
    policy_zone_unref(added);
    revision_free(r);
    return error;
}

int revision_finish(struct policy_builder *b, struct policy_zone **out)
{
    const struct policy_zone *old = b->revision->old;
    struct gone gone = {.old = old,
                        .most = (old->counts.records / GONE_SHARE + SMALL) * sizeof(struct old_side)};
    int result = each_side(b->revision, note_gone, &gone);
    *out = NULL;
    if (result == 0) {
        result = finish_delta(b, &gone, out);
    } else if (result < 0 || (result = melt(b)) < 0) {
        policy_builder_free(b);
    } else {
        result = policy_builder_finish(b, out);
    }
    pages_free(&gone.list);
    return result;
}
