/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changing the table of owners: leaves are copied when they are first touched, and grown or split when they
 * are full. */
#include "rpz/owners.h"

/* A leaf of which more than one part in so many, and some bytes, are idle is packed. */
enum { IDLE_SHARE = 32, IDLE_BYTES = 48 };

/* --- the directory ------------------------------------------------------------------------------------- */

static int directory_new(struct owners_draft *d, unsigned bits)
{
    uint64_t *directory = owners_directory(&d->owners, &d->lineage->heap, bits);
    if (directory)
        d->directory = directory;
    return directory ? 0 : ERR_NOMEM;
}

static void set_leaf(struct owners_draft *d, const struct leaf *leaf, uint32_t number)
{
    size_t width = owners_width(&d->owners, leaf);
    size_t first = ((size_t)leaf->prefix << 16) >> d->owners.shift;
    for (size_t i = first; i < first + width; i++) {
        d->directory[i] = directory_entry(leaf);
        d->owners.numbers[i] = number;
    }
}

/* Twice as many places. */
static int directory_double(struct owners_draft *d)
{
    struct owners old = d->owners;
    size_t places = owners_places(&old);
    int error = directory_new(d, 33 - old.shift);
    if (error) {
        d->owners = old;
        return error;
    }
    for (size_t i = 0; i < 2 * places; i++) {
        d->directory[i] = old.directory[i / 2];
        d->owners.numbers[i] = old.numbers[i / 2];
    }
    heap_give(&d->lineage->heap, old.block);
    return 0;
}

/* --- life ---------------------------------------------------------------------------------------------- */

int owners_draft_new(struct owners_draft *draft, struct lineage *lineage)
{
    *draft = (struct owners_draft){.lineage = lineage, .head = LEAF_HEAD_BYTES};
    draft->heap = &draft->own;
    int error = directory_new(draft, 0);
    struct leaf *leaf = error ? NULL : leaf_new(draft->heap, 0, 0, draft->head);
    if (!leaf)
        return ERR_NOMEM;
    set_leaf(draft, leaf, NUMBER_DRAFT);
    draft->drafts = 1;
    draft->owners.bytes = heap_cost(leaf);
    return 0;
}

int owners_draft_from(struct owners_draft *draft, struct lineage *lineage, const struct owners *from)
{
    *draft = (struct owners_draft){.lineage = lineage, .heap = &lineage->heap};
    int error = directory_new(draft, 32 - from->shift);
    if (error)
        return error;
    size_t places = owners_places(from);
    memcpy(draft->directory, from->directory, places * sizeof *draft->directory);
    memcpy(draft->owners.numbers, from->numbers, places * sizeof *from->numbers);
    draft->owners.bytes = from->bytes;
    return 0;
}

void owners_draft_free(struct owners_draft *draft)
{
    /* A load that failed takes the whole lineage with it. */
    size_t places = draft->head || !draft->directory ? 0 : owners_places(&draft->owners);
    for (size_t i = 0; i < places && draft->drafts;) {
        const struct leaf *leaf = owners_leaf(&draft->owners, i);
        bool own = draft->owners.numbers[i] == NUMBER_DRAFT;
        i += own ? owners_width(&draft->owners, leaf) : 1;
        if (own) {
            leaf_end(draft->lineage, leaf);
            draft->drafts--;
        }
    }
    heap_free(&draft->own);
    if (draft->owners.block)
        heap_give(&draft->lineage->heap, draft->owners.block);
    *draft = (struct owners_draft){0};
}

/* --- leaves -------------------------------------------------------------------------------------------- */

/* Puts a leaf in the place of one of the draft's own. */
static void replace(struct owners_draft *d, const struct leaf *old, const struct leaf *with)
{
    d->owners.bytes += heap_cost(with) - heap_cost(old);
    heap_give(d->heap, (void *)old);
    set_leaf(d, with, NUMBER_DRAFT);
}

static void hold_data(struct lineage *lineage, const struct leaf *leaf)
{
    for (unsigned i = 0; leaf->extended && i < leaf->places; i++) {
        const uint8_t *entry = leaf_at(leaf, leaf->slots[i]);
        if (!slot_is_used(leaf->slots[i]) || slot_is_node(leaf->slots[i]) ||
            owner_form(*entry) != OWNER_EXTENDED)
            continue;
        for (enum owner_side side = 0; side < SIDES; side++)
            if (owner_action(*entry, side))
                data_ref(&lineage->data, entry_reference(entry, side));
    }
}

/* The leaf for this fingerprint, the draft's own. NULL: memory is out. */
static struct leaf *touch(struct owners_draft *d, uint32_t fingerprint)
{
    size_t place = owners_place(&d->owners, fingerprint);
    const struct leaf *leaf = owners_leaf(&d->owners, place);
    if (d->owners.numbers[place] == NUMBER_DRAFT)
        return (struct leaf *)leaf;
    struct leaf *copy = leaf_copy(d->heap, leaf);
    if (!copy)
        return NULL;
    hold_data(d->lineage, copy);
    d->owners.bytes += heap_cost(copy);
    d->owners.bytes -= owners_is_mapped(&d->owners, place) ? leaf->room : heap_cost(leaf);
    d->drafts++;
    set_leaf(d, copy, NUMBER_DRAFT);
    return copy;
}

static int split(struct owners_draft *d, const struct leaf *leaf)
{
    struct leaf *halves[2];
    int error = leaf->depth == 32 - d->owners.shift ? directory_double(d) : 0;
    if (error)
        return error;
    if (!leaf_split(d->heap, leaf, halves))
        return ERR_NOMEM;
    d->owners.bytes += heap_cost(halves[1]);
    d->drafts++;
    replace(d, leaf, halves[0]);
    set_leaf(d, halves[1], NUMBER_DRAFT);
    return 0;
}

/* The draft's own leaf is too small for what is to come. */
static int make_room(struct owners_draft *d, const struct leaf *leaf)
{
    bool large = leaf->count > LEAF_NAMES_WISH || leaf->used - leaf->idle > LEAF_BYTES_WISH;
    if (large && leaf->depth < LEAF_DEPTH_MAX)
        return split(d, leaf);
    struct leaf *grown = leaf_grow(d->heap, leaf);
    if (!grown)
        return leaf->used - leaf->idle > LEAF_BYTES_WISH ? ERR_LIMIT : ERR_NOMEM;
    replace(d, leaf, grown);
    return 0;
}

static int add_slot(struct owners_draft *d, uint64_t hash, bool node, const uint8_t *bytes, size_t length)
{
    for (;;) {
        struct leaf *leaf = touch(d, (uint32_t)(hash >> 32));
        if (!leaf)
            return ERR_NOMEM;
        if (leaf_add(leaf, hash, node, bytes, length))
            return 0;
        int error = make_room(d, leaf);
        if (error)
            return error;
    }
}

/* --- names --------------------------------------------------------------------------------------------- */

static const struct leaf *leaf_of(const struct owners_draft *d, const struct rpz_key *key, unsigned level)
{
    return owners_leaf(&d->owners, owners_place(&d->owners, (uint32_t)(key->hash[level] >> 32)));
}

/* Where an ancestor stands, in whichever leaf the directory has. */
static struct leaf_spot find(const struct owners_draft *d, struct rpz_key *key, unsigned level)
{
    uint64_t place = d->directory[owners_place(&d->owners, rpz_key_fingerprint(key, level))];
    return leaf_find((const struct leaf *)(uintptr_t)(place >> 16), place & 0xffff, key, level);
}

static uint32_t *rebased(uint32_t *slot, const struct leaf *from, struct leaf *to)
{
    return slot ? to->slots + (slot - from->slots) : NULL;
}

/* The same in a leaf that may be changed: the one there, or its copy. */
static struct leaf *touch_spot(struct owners_draft *d, const struct rpz_key *key, unsigned level,
                               struct leaf_spot *spot)
{
    const struct leaf *from = leaf_of(d, key, level);
    struct leaf *leaf = touch(d, (uint32_t)(key->hash[level] >> 32));
    if (leaf)
        *spot = (struct leaf_spot){rebased(spot->entry, from, leaf), rebased(spot->node, from, leaf)};
    return leaf;
}

static void write_node(uint8_t *node, uint64_t hash, uint32_t children)
{
    uint64_t stored = node_hash(hash);
    memcpy(node, &stored, 6);
    node[6] = (uint8_t)(children < NODE_MANY ? children : NODE_MANY);
    if (children >= NODE_MANY)
        memcpy(node + NODE_BYTES, &children, sizeof children);
}

static int add_node(struct owners_draft *d, uint64_t hash, uint32_t children)
{
    uint8_t bytes[NODE_BYTES_MAX];
    write_node(bytes, hash, children);
    return add_slot(d, hash, true, bytes, node_bytes(children));
}

/* One more or one less name directly below the ancestor at `spot`. The node that loses its last one goes;
 * *gone: the ancestor with it. */
static int count_child(struct owners_draft *d, struct rpz_key *key, unsigned level, struct leaf_spot spot,
                       int change, bool *gone)
{
    uint64_t hash = key->hash[level];
    if (!spot.node)
        return add_node(d, hash, 1);
    struct leaf *leaf = touch_spot(d, key, level, &spot);
    if (!leaf)
        return ERR_NOMEM;
    uint8_t *node = leaf_at(leaf, *spot.node);
    uint32_t was = node_children(node), children = was + (uint32_t)change;
    *gone = !children && !spot.entry;
    if (children && node_bytes(children) == node_bytes(was)) {
        write_node(node, hash, children);
        return 0;
    }
    leaf_remove(leaf, spot.node);
    return children ? add_node(d, hash, children) : 0;
}

/* The name of this level has come into being, or is gone: so may the one above it. The apex always is. */
static int tell_parents(struct owners_draft *d, struct rpz_key *key, int change)
{
    int error = 0;
    for (unsigned level = key->labels; level > 1 && !error; level--) {
        struct leaf_spot spot = find(d, key, level - 1);
        bool was = spot.entry || spot.node, gone = false;
        error = count_child(d, key, level - 1, spot, change, &gone);
        if (was && !gone)
            break;
    }
    return error;
}

/* --- entries ------------------------------------------------------------------------------------------- */

static bool has_side(uint8_t flags, enum owner_side side)
{
    return owner_form(flags) == OWNER_EXTENDED && owner_action(flags, side);
}

static void read_entry(const uint8_t *at, struct owner_entry *out)
{
    *out = (struct owner_entry){.flags = *at};
    for (enum owner_side side = 0; side < SIDES; side++)
        if (has_side(*at, side))
            out->references[side] = entry_reference(at, side);
}

const uint8_t *owners_draft_entry(const struct owners_draft *draft, const struct rpz_key *key,
                                  struct leaf_spot spot)
{
    return leaf_at(leaf_of(draft, key, key->labels), *spot.entry);
}

bool owners_get(const struct owners_draft *draft, struct rpz_key *key, struct leaf_spot *spot,
                struct owner_entry *out)
{
    *spot = find(draft, key, key->labels);
    if (spot->entry)
        read_entry(owners_draft_entry(draft, key, *spot), out);
    return spot->entry;
}

static size_t write_entry(uint8_t *out, const struct rpz_key *key, const struct owner_entry *entry)
{
    size_t length = 1 + packed_make(out + 1, key->name, key->length + 1u);
    out[0] = entry->flags;
    for (enum owner_side side = 0; side < SIDES; side++)
        if (has_side(entry->flags, side)) {
            memcpy(out + length, &entry->references[side], sizeof(uint32_t));
            length += sizeof(uint32_t);
        }
    return length;
}

/* Data that only the old entry names. */
static void drop_data(struct owners_draft *d, const struct owner_entry *old, const struct owner_entry *with)
{
    for (enum owner_side side = 0; side < SIDES; side++) {
        uint32_t reference = old->references[side];
        bool kept = has_side(with->flags, side) && with->references[side] == reference;
        if (has_side(old->flags, side) && !(reference & OWNER_OPEN) && !kept)
            data_drop(&d->lineage->data, reference);
    }
}

/* An entry as long as the old one is written over it. */
static bool overwrite(struct leaf *leaf, uint8_t *at, const struct owner_entry *old,
                      const struct owner_entry *entry)
{
    bool extended = owner_form(entry->flags) == OWNER_EXTENDED;
    bool was_extended = owner_form(old->flags) == OWNER_EXTENDED;
    for (enum owner_side side = 0; side < SIDES; side++)
        if (has_side(entry->flags, side) != has_side(old->flags, side))
            return false;
    leaf->extended = (uint16_t)(leaf->extended + extended - was_extended);
    *at = entry->flags;
    for (enum owner_side side = 0; side < SIDES; side++)
        if (has_side(entry->flags, side))
            entry_set_reference(at, side, entry->references[side]);
    return true;
}

static int add_entry(struct owners_draft *d, struct rpz_key *key, const struct owner_entry *entry)
{
    uint8_t bytes[OWNER_BYTES_MAX];
    size_t length = write_entry(bytes, key, entry);
    return add_slot(d, key->hash[key->labels], false, bytes, length);
}

/* The name has an entry already. */
static int change_entry(struct owners_draft *d, struct rpz_key *key, struct leaf_spot spot,
                        const struct owner_entry *entry)
{
    struct leaf *leaf = touch_spot(d, key, key->labels, &spot);
    if (!leaf)
        return ERR_NOMEM;
    struct owner_entry old;
    read_entry(leaf_at(leaf, *spot.entry), &old);
    drop_data(d, &old, entry);
    if (!(entry->flags & 0x3f)) {
        leaf_remove(leaf, spot.entry);
        return spot.node ? 0 : tell_parents(d, key, -1);
    }
    if (overwrite(leaf, leaf_at(leaf, *spot.entry), &old, entry))
        return 0;
    leaf_remove(leaf, spot.entry);
    return add_entry(d, key, entry);
}

int owners_put(struct owners_draft *draft, struct rpz_key *key, struct leaf_spot spot,
               const struct owner_entry *entry)
{
    if (spot.entry)
        return change_entry(draft, key, spot, entry);
    if (!(entry->flags & 0x3f))
        return 0;
    int error = add_entry(draft, key, entry);
    return error || spot.node ? error : tell_parents(draft, key, 1);
}

/* --- the end ------------------------------------------------------------------------------------------- */

static int close_leaf(const struct leaf *leaf, int (*close)(void *context, uint8_t *entry), void *context)
{
    int result = 0;
    for (unsigned i = 0; leaf->extended && i < leaf->places && !result; i++) {
        uint8_t *entry = leaf_at(leaf, leaf->slots[i]);
        if (!slot_is_used(leaf->slots[i]) || slot_is_node(leaf->slots[i]))
            continue;
        bool open = false;
        for (enum owner_side side = 0; side < SIDES; side++)
            open |= has_side(*entry, side) && entry_reference(entry, side) & OWNER_OPEN;
        if (open)
            result = close(context, entry);
    }
    return result;
}

int owners_draft_close(struct owners_draft *draft, int (*close)(void *context, uint8_t *entry), void *context)
{
    size_t places = owners_places(&draft->owners);
    int result = 0;
    for (size_t i = 0; i < places && !result;) {
        const struct leaf *leaf = owners_leaf(&draft->owners, i);
        bool own = draft->owners.numbers[i] == NUMBER_DRAFT;
        if (own)
            result = close_leaf(leaf, close, context);
        i += own ? owners_width(&draft->owners, leaf) : 1;
    }
    return result;
}

/* A loaded leaf moves to the lineage's heap, as small as it can be. */
static int move_leaf(void *context, void *block)
{
    struct owners_draft *d = context;
    struct leaf *packed = leaf_pack(&d->lineage->heap, block);
    if (!packed)
        return ERR_NOMEM;
    d->owners.bytes += heap_cost(packed);
    set_leaf(d, packed, NUMBER_DRAFT);
    return 0;
}

static void pack_idle(struct owners_draft *d, size_t place)
{
    const struct leaf *leaf = owners_leaf(&d->owners, place);
    if ((leaf->idle + leaf->room - leaf->used) * IDLE_SHARE <= leaf->room + IDLE_SHARE * IDLE_BYTES)
        return;
    struct leaf *packed = leaf_pack(d->heap, leaf);
    if (packed)
        replace(d, leaf, packed);
}

static int move_all(struct owners_draft *d)
{
    d->owners.bytes = 0;
    int error = heap_drain(&d->own, move_leaf, d);
    d->heap = &d->lineage->heap;
    return error;
}

/* Each leaf gets its number, or one version more that holds it. */
static void number_leaves(struct owners_draft *d)
{
    size_t places = owners_places(&d->owners);
    uint32_t *numbers = d->owners.numbers, *counts = pages_u32(&d->lineage->counts, 0);
    for (size_t i = 0; i < places; i++) {
        if (numbers[i] == NUMBER_DRAFT) {
            pack_idle(d, i);
            set_leaf(d, owners_leaf(&d->owners, i), lineage_number(d->lineage));
            i += owners_width(&d->owners, owners_leaf(&d->owners, i)) - 1;
        } else if (numbers[i] != NUMBER_MAPPED && (!i || numbers[i - 1] != numbers[i])) {
            counts[numbers[i]]++;
        }
    }
}

int owners_settle(struct owners_draft *draft, struct owners *out)
{
    int error = lineage_reserve(draft->lineage, draft->drafts);
    if (!error && draft->heap == &draft->own)
        error = move_all(draft);
    if (error)
        return error;
    number_leaves(draft);
    *out = draft->owners;
    *draft = (struct owners_draft){0};
    return 0;
}
