/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/owners.h"

const uint64_t *owners_confirm(const struct owners *owners, const uint64_t *first, const struct rpz_key *key,
                               unsigned level)
{
    uint64_t fingerprint = *first >> 32;
    for (const uint64_t *slot = first; *slot >> 32 == fingerprint && (uint32_t)*slot; slot++)
        if (owner_is(slot_name(owners->bytes.base, *slot), key, level))
            return slot;
    return NULL;
}

const uint64_t *owners_find(const struct owners *owners, struct rpz_key *key)
{
    const uint64_t *first = owners_probe(owners, rpz_key_fingerprint(key, key->labels));
    return first ? owners_confirm(owners, first, key, key->labels) : NULL;
}

static uint8_t *reference_of(const uint8_t *entry)
{
    return (uint8_t *)entry + 1 + name_length(entry + 1);
}

uint32_t owner_reference(const uint8_t *entry)
{
    uint32_t reference;
    memcpy(&reference, reference_of(entry), sizeof reference);
    return reference;
}

void owner_set_reference(uint8_t *entry, uint32_t reference)
{
    memcpy(reference_of(entry), &reference, sizeof reference);
}

void owners_free(struct owners *owners)
{
    pages_free(&owners->slots);
    pages_free(&owners->bytes);
}

/* --- building --- */

enum { DRAFT_BITS_FIRST = 6, DRAFT_OVERHANG = 1024 /* slots behind the last home: no probe wraps around */ };

static uint64_t *draft_slots(const struct owners_draft *draft)
{
    return (uint64_t *)(void *)draft->slots.base;
}

static size_t draft_size(const struct owners_draft *draft)
{
    return ((size_t)1 << draft->bits) + DRAFT_OVERHANG;
}

static int draft_slots_init(struct owners_draft *draft, unsigned bits)
{
    draft->bits = bits;
    draft->slots = (struct pages){0};
    return pages_reserve(&draft->slots, draft_size(draft) * sizeof(uint64_t));
}

int owners_draft_init(struct owners_draft *draft)
{
    *draft = (struct owners_draft){0};
    int error = pages_append(&draft->bytes, "", 1);
    return error ? error : draft_slots_init(draft, DRAFT_BITS_FIRST);
}

void owners_draft_free(struct owners_draft *draft)
{
    pages_free(&draft->slots);
    pages_free(&draft->bytes);
}

/* The slot of an ancestor, or the free one where it would go, or NULL: the probe ran off the end. */
static uint64_t *draft_probe(const struct owners_draft *draft, struct rpz_key *key, unsigned level)
{
    uint32_t fingerprint = rpz_key_fingerprint(key, level);
    uint64_t *slot = draft_slots(draft) + (fingerprint >> (32 - draft->bits));
    uint64_t *end = draft_slots(draft) + draft_size(draft);
    for (; slot < end && *slot; slot++)
        if (*slot >> 32 == fingerprint && owner_is(slot_name(draft->bytes.base, *slot), key, level))
            break;
    return slot < end ? slot : NULL;
}

uint64_t *owners_draft_find(const struct owners_draft *draft, struct rpz_key *key)
{
    uint64_t *slot = draft_probe(draft, key, key->labels);
    return slot && *slot ? slot : NULL;
}

/* Twice as many homes. Slots keep their rough order, so this runs through both arrays once. */
static int draft_grow(struct owners_draft *draft)
{
    struct pages old = draft->slots;
    size_t size = draft_size(draft);
    int error = draft_slots_init(draft, draft->bits + 1);
    if (error || draft->bits > 31) {
        pages_free(&draft->slots);
        draft->slots = old;
        draft->bits--;
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < size; i++) {
        uint64_t moved = ((uint64_t *)(void *)old.base)[i];
        uint64_t *slot = draft_slots(draft) + (moved >> (64 - draft->bits));
        if (!moved)
            continue;
        while (*slot)
            slot++;
        *slot = moved;
    }
    pages_free(&old);
    return 0;
}

static int draft_put(struct owners_draft *draft, struct rpz_key *key, unsigned level, uint32_t offset,
                     bool *existed)
{
    uint64_t *slot;
    while (!(slot = draft_probe(draft, key, level))) {
        int error = draft_grow(draft);
        if (error)
            return error;
    }
    *existed = *slot != 0;
    if (!*existed)
        draft->count++;
    if (!*existed || !(offset & OWNER_EMPTY))
        *slot = (uint64_t)rpz_key_fingerprint(key, level) << 32 | offset;
    return 0;
}

int owners_draft_insert(struct owners_draft *draft, struct rpz_key *key, uint32_t entry)
{
    bool existed;
    int error = 0;
    while (!error &&
           draft->count + NAME_MAX_LABELS > ((size_t)1 << draft->bits) / 10 * 7 + DRAFT_OVERHANG / 8)
        error = draft_grow(draft);
    if (!error)
        error = draft_put(draft, key, key->labels, entry, &existed);
    for (unsigned level = key->labels; !error && !existed && level > 1; level--)
        error = draft_put(draft, key, level - 1,
                          (entry + 1u + key->start[key->labels - level + 1]) | OWNER_EMPTY, &existed);
    return error;
}

static bool slot_after(const uint8_t *bytes, uint64_t a, uint64_t b)
{
    if (a >> 32 != b >> 32)
        return a >> 32 > b >> 32;
    return name_compare(slot_name(bytes, a), slot_name(bytes, b)) > 0;
}

/* Moves all slots to the front, in order. They are nearly so: each is at most one run of neighbours away. */
static void draft_sort(struct owners_draft *draft)
{
    uint64_t *slots = draft_slots(draft);
    size_t size = draft_size(draft), used = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t slot = slots[i];
        if (!slot)
            continue;
        size_t at = used++;
        for (; at > 0 && slot_after(draft->bytes.base, slots[at - 1], slot); at--)
            slots[at] = slots[at - 1];
        slots[at] = slot;
    }
}

/* Where each of the ordered slots goes; writes them if `to` is given. Returns how many places that takes. */
static size_t place_slots(const uint64_t *from, size_t count, uint32_t homes, uint64_t *to)
{
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        size_t home = (from[i] >> 32) * homes >> 32;
        if (home > next)
            next = home;
        if (to)
            to[next] = from[i];
        next++;
    }
    return next > homes ? next : homes;
}

enum { LOAD_PERCENT = 85 };

static int settle_slots(struct owners_draft *draft, struct owners *out)
{
    out->count = draft->count;
    out->homes = (uint32_t)((uint64_t)draft->count * 100 / LOAD_PERCENT) + 1;
    size_t places = place_slots(draft_slots(draft), out->count, out->homes, NULL) + 1;
    int error = pages_reserve(&out->slots, places * sizeof(uint64_t));
    if (error)
        return error;
    out->slots.used = places * sizeof(uint64_t);
    uint64_t *slots = (uint64_t *)(void *)out->slots.base;
    for (size_t i = 0; i < places; i++)
        slots[i] = (uint64_t)UINT32_MAX << 32; /* a free place ends every probe that reaches it */
    place_slots(draft_slots(draft), out->count, out->homes, slots);
    return 0;
}

int owners_settle(struct owners_draft *draft, struct owners *out)
{
    *out = (struct owners){0};
    draft_sort(draft);
    int error = settle_slots(draft, out);
    if (!error)
        error = pages_reserve(&draft->bytes, OWNER_SLACK);
    if (!error) {
        draft->bytes.used += OWNER_SLACK;
        pages_trim(&draft->bytes);
        out->bytes = draft->bytes;
        draft->bytes = (struct pages){0};
    }
    owners_draft_free(draft);
    if (error)
        owners_free(out);
    return error;
}
