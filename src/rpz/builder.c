/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/builder.h"

#include <stdlib.h>

#include "base/hash.h"
#include "dns/consts.h"

struct policy_builder *policy_builder_new(const uint8_t *origin)
{
    struct policy_builder *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->origin_bytes = name_copy_lower(b->origin, origin);
    if (owners_draft_init(&b->owners) || pages_append(&b->records, "\0\0\0", 4)) {
        policy_builder_free(b);
        return NULL;
    }
    return b;
}

void builder_free_scratch(struct policy_builder *b)
{
    pages_free(&b->records);
    pages_free(&b->extensions);
    pages_free(&b->addresses);
    set_free(&b->known_records);
    set_free(&b->known_skipped);
}

void policy_builder_free(struct policy_builder *builder)
{
    if (!builder)
        return;
    builder_free_scratch(builder);
    owners_draft_free(&builder->owners);
    skipped_free(&builder->skipped);
    data_draft_free(&builder->data);
    free(builder);
}

/* --- the records of extended entries ------------------------------------------------------------------- */

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
static int add_raw(struct policy_builder *b, uint32_t extension, enum owner_side side, struct stored stored,
                   const uint8_t *rdata)
{
    struct raw_wanted wanted = {b, extension << 1 | side, stored, rdata};
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
    struct extension *to = extension_at(b, extension);
    if (to->last[side])
        raw_at(b, to->last[side])->next = (uint32_t)offset;
    else
        to->first[side] = (uint32_t)offset;
    to->last[side] = (uint32_t)offset;
    return 0;
}

/* --- entries ------------------------------------------------------------------------------------------- */

static uint8_t *entry_at(const struct policy_builder *b, uint32_t entry)
{
    return b->owners.bytes.base + entry;
}

/* Writes an entry at the end of the bytes. Returns its offset. */
static int64_t write_entry(struct policy_builder *b, uint8_t flags, const uint8_t *name)
{
    struct pages *bytes = &b->owners.bytes;
    size_t length = name_length(name), offset = bytes->used;
    size_t need = 1 + length + (owner_form(flags) == OWNER_EXTENDED ? sizeof(uint32_t) : 0);
    if (offset + need >= OWNER_EMPTY)
        return ERR_LIMIT;
    int error = pages_reserve(bytes, need + OWNER_SLACK);
    if (error)
        return error;
    bytes->base[offset] = flags;
    memcpy(bytes->base + offset + 1, name, length);
    bytes->used += need;
    return (int64_t)offset;
}

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

/* A new extension for the entry at `entry`. Returns its number. */
static int64_t extend(struct policy_builder *b, uint32_t entry)
{
    struct extension extension = {.entry = entry};
    size_t number = b->extensions.used / sizeof extension;
    int error = pages_append(&b->extensions, &extension, sizeof extension);
    if (error)
        return error;
    owner_set_reference(entry_at(b, entry), (uint32_t)number);
    return (int64_t)number;
}

/* A usual side's record, written out: its entry becomes extended. */
static int write_out(struct policy_builder *b, uint32_t extension, enum owner_side side, uint8_t flags)
{
    const uint8_t *target = rpz_action_target(owner_action(flags, side));
    struct stored stored = {b->usual_ttls[owner_form(flags)], TYPE_CNAME, 0};
    if (!target)
        return 0;
    stored.length = (uint16_t)name_length(target);
    b->counts.records--;
    return add_raw(b, extension, side, stored, target);
}

/* Rewrites a usual entry as an extended one, at the end of the bytes: the old one's name stays, because empty
 * non-terminals may be pointing into it. */
static int64_t extend_entry(struct policy_builder *b, uint64_t *slot)
{
    uint8_t flags = *entry_at(b, slot_offset(*slot));
    uint8_t name[NAME_MAX_BYTES];
    name_copy(name, slot_name(b->owners.bytes.base, *slot));
    int64_t entry = write_entry(b, flags | OWNER_EXTENDED << 6, name);
    if (entry < 0)
        return entry;
    int64_t extension = extend(b, (uint32_t)entry);
    if (extension < 0)
        return extension;
    *slot = (*slot & ~(uint64_t)UINT32_MAX) | (uint64_t)entry;
    int error = 0;
    for (enum owner_side side = 0; side < SIDES && !error; side++)
        error = write_out(b, (uint32_t)extension, side, flags);
    return error ? error : extension;
}

static int note_address(struct policy_builder *b, const struct incoming *in, uint32_t entry)
{
    struct address_note note = {entry, in->trigger, in->prefix};
    if (in->trigger == RPZ_QNAME || in->trigger == RPZ_NSDNAME)
        return 0;
    return pages_append(&b->addresses, &note, sizeof note);
}

/* Makes the entry of a name that had none. */
static int add_entry(struct policy_builder *b, const struct incoming *in, struct rpz_key *key)
{
    unsigned form = usual_form(b, in);
    uint8_t flags = (uint8_t)(in->action << (3 * in->side) | form << 6);
    int64_t entry = write_entry(b, flags, in->name);
    if (entry < 0)
        return (int)entry;
    int error = owners_draft_insert(&b->owners, key, (uint32_t)entry);
    if (!error)
        error = note_address(b, in, (uint32_t)entry);
    if (error || form != OWNER_EXTENDED) {
        b->counts.records += !error;
        return error;
    }
    int64_t extension = extend(b, (uint32_t)entry);
    return extension < 0
               ? (int)extension
               : add_raw(b, (uint32_t)extension, in->side, stored_of(in->record), in->record->rdata);
}

/* Adds the first record of a side whose other side is in use. */
static int add_side(struct policy_builder *b, const struct incoming *in, uint64_t *slot)
{
    uint8_t *entry = entry_at(b, slot_offset(*slot));
    unsigned form = usual_form(b, in);
    int64_t extension = 0;
    if (owner_form(*entry) == OWNER_EXTENDED)
        extension = owner_reference(entry);
    else if (form != owner_form(*entry))
        extension = extend_entry(b, slot);
    if (extension < 0)
        return (int)extension;
    entry = entry_at(b, slot_offset(*slot));
    *entry |= (uint8_t)(in->action << (3 * in->side));
    if (owner_form(*entry) != OWNER_EXTENDED) {
        b->counts.records++;
        return 0;
    }
    return add_raw(b, (uint32_t)extension, in->side, stored_of(in->record), in->record->rdata);
}

/* The CNAME at a side, or NULL. */
static const uint8_t *cname_of(const struct policy_builder *b, const uint8_t *entry, enum owner_side side)
{
    if (owner_form(*entry) != OWNER_EXTENDED)
        return rpz_action_target(owner_action(*entry, side));
    const struct raw_record *raw = raw_at(b, extension_at(b, owner_reference(entry))->first[side]);
    return raw->stored.type == TYPE_CNAME ? raw->rdata : NULL;
}

/* Adds to a side that has records: a CNAME stands alone, and the first one stays. */
static int add_more(struct policy_builder *b, const struct incoming *in, const uint64_t *slot)
{
    const uint8_t *entry = entry_at(b, slot_offset(*slot));
    const struct policy_record *record = in->record;
    const uint8_t *cname = cname_of(b, entry, in->side);
    if (record->type == TYPE_CNAME && cname && name_equal(cname, record->rdata))
        return RPZ_KEPT;
    if (record->type == TYPE_CNAME || cname)
        return RPZ_SKIP_CONFLICT;
    return add_raw(b, owner_reference(entry), in->side, stored_of(record), record->rdata);
}

static int add_rule(struct policy_builder *b, const struct incoming *in)
{
    struct rpz_key key;
    rpz_key_init(&key, in->name, rpz_tail_none());
    uint64_t *slot = owners_draft_find(&b->owners, &key);
    bool has_entry = slot && !slot_is_empty_nonterminal(*slot);
    if (has_entry && owner_action(*entry_at(b, slot_offset(*slot)), in->side))
        return add_more(b, in, slot);
    int error = has_entry ? add_side(b, in, slot) : add_entry(b, in, &key);
    if (!error) {
        b->counts.rules[in->trigger]++;
        b->counts.noncanonical += in->noncanonical;
    }
    return error;
}

/* Keeps a record that is no rule, unless it has no place in the zone at all. */
static int add_skipped(struct policy_builder *b, const struct incoming *in, enum rpz_skip skip)
{
    struct stored stored = stored_of(in->record);
    bool soa = skip == RPZ_SKIP_APEX_SOA_NS && stored.type == TYPE_SOA;
    if (soa && b->soa_seen)
        skip = RPZ_SKIP_CONFLICT;
    int added = 1;
    if (skip != RPZ_SKIP_OUT_OF_ZONE && skip != RPZ_SKIP_CLASS && !(soa && b->soa_seen)) {
        added = skipped_add(&b->skipped, &b->known_skipped, in->owner, &stored, in->record->rdata);
        b->counts.records += added > 0;
    }
    if (added < 0)
        return added;
    b->soa_seen |= soa;
    b->ns_seen |= skip == RPZ_SKIP_APEX_SOA_NS && stored.type == TYPE_NS;
    if (skip != RPZ_SKIP_APEX_SOA_NS)
        b->counts.skipped[skip] += (uint64_t)added;
    return skip;
}

int policy_builder_add(struct policy_builder *builder, const struct policy_record *record)
{
    struct incoming in;
    in.record = record;
    in.old_passthru = in.noncanonical = false;
    enum rpz_skip skip = incoming_classify(builder, &in);
    int result = skip ? (int)skip : add_rule(builder, &in);
    return result > 0 ? add_skipped(builder, &in, (enum rpz_skip)result) : result;
}
