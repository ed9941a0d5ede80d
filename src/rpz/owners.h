/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of a policy zone's owners: from a name to its entry, and "does anything exist at or below this
 * name". Inside rpz/ only.
 *
 * Bytes of an entry: one of flags; the owner relative to the zone, lower case, with a zero at its end; and,
 * where the flags say OWNER_EXTENDED, four more that name the data of its two sides. `x` and `*.x` are the
 * two sides of one entry. A slot of the table is a fingerprint of the name and the entry's offset; for a name
 * that exists only because something stands below it (an empty non-terminal) it is the offset of the name
 * itself, which is the tail of a longer one, and OWNER_EMPTY is set.
 *
 * Slots stand in the order of their fingerprints, as near behind the place that the fingerprint gives as
 * there is room; so a miss ends as early as a hit. */
#ifndef RPZ_OWNERS_H
#define RPZ_OWNERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rpz/key.h"
#include "rpz/pages.h"
#include "rpz/rule.h"

enum owner_side { SIDE_EXACT, SIDE_WILDCARD, SIDES };

enum {
    OWNER_EXTENDED = 3, /* the form of an entry whose records are kept in full; 0 … 2: which usual TTL */
    OWNER_USUAL_TTLS = 3,
    OWNER_SLACK = 512, /* bytes that may be read behind the last entry */
};
#define OWNER_EMPTY 0x80000000u

struct owners {
    struct pages slots; /* uint64_t: fingerprint << 32 | offset */
    struct pages bytes; /* the entries */
    uint32_t homes;     /* the fingerprint's place is fingerprint * homes >> 32 */
    uint32_t count;     /* slots in use */
};

/* While building: slots by plain linear probing, unordered. The offset 0 is never used. */
struct owners_draft {
    struct pages slots;
    struct pages bytes;
    unsigned bits; /* 2^bits homes */
    uint32_t count;
};

static inline uint8_t owner_flags(enum rpz_action exact, enum rpz_action wildcard, unsigned form)
{
    return (uint8_t)(exact | wildcard << 3 | form << 6);
}

static inline enum rpz_action owner_action(uint8_t flags, enum owner_side side)
{
    return (enum rpz_action)(flags >> (3 * side) & 7);
}

static inline unsigned owner_form(uint8_t flags)
{
    return flags >> 6;
}

static inline uint32_t slot_offset(uint64_t slot)
{
    return (uint32_t)slot & ~OWNER_EMPTY;
}

static inline bool slot_is_empty_nonterminal(uint64_t slot)
{
    return slot & OWNER_EMPTY;
}

/* The name that a slot stands for. */
static inline const uint8_t *slot_name(const uint8_t *bytes, uint64_t slot)
{
    return bytes + slot_offset(slot) + !slot_is_empty_nonterminal(slot);
}

/* Is `stored` the ancestor of `level` labels of the key? */
static inline bool owner_is(const uint8_t *stored, const struct rpz_key *key, unsigned level)
{
    const uint8_t *at = rpz_key_at(key, level);
    size_t length = (size_t)(key->name + key->length - at);
    if (key->tail->length == 1)
        return memcmp(stored, at, length + 1) == 0;
    return memcmp(stored, at, length) == 0 &&
           memcmp(stored + length, key->tail->bytes, key->tail->length) == 0;
}

/* The first slot with this fingerprint; NULL: no such name exists. Others with the same one follow it. */
static inline const uint64_t *owners_probe(const struct owners *owners, uint32_t fingerprint)
{
    const uint64_t *slot =
        (const uint64_t *)(const void *)owners->slots.base + ((uint64_t)fingerprint * owners->homes >> 32);
    while (*slot >> 32 < fingerprint)
        slot++;
    return *slot >> 32 == fingerprint && (uint32_t)*slot ? slot : NULL;
}

/* The slot of exactly this ancestor of the key, or NULL; `first` is what owners_probe() gave. */
const uint64_t *owners_confirm(const struct owners *owners, const uint64_t *first, const struct rpz_key *key,
                               unsigned level);

/* Entry or empty non-terminal of the key's whole name, or NULL. */
const uint64_t *owners_find(const struct owners *owners, struct rpz_key *key);

/* The reference behind an extended entry. */
uint32_t owner_reference(const uint8_t *entry);
void owner_set_reference(uint8_t *entry, uint32_t reference);

void owners_free(struct owners *owners);

/* --- building --- */

int owners_draft_init(struct owners_draft *draft) MUST_CHECK;
void owners_draft_free(struct owners_draft *draft);

/* The slot of the key's whole name, or NULL. Good until the next insertion. */
uint64_t *owners_draft_find(const struct owners_draft *draft, struct rpz_key *key);

/* Puts in the entry at offset `entry`, whose name is the key's and which no other entry has, and slots for
 * those of its ancestors that did not exist. */
int owners_draft_insert(struct owners_draft *draft, struct rpz_key *key, uint32_t entry) MUST_CHECK;

/* Moves everything into the final form and size. The draft is empty afterwards, also on failure. */
int owners_settle(struct owners_draft *draft, struct owners *out) MUST_CHECK;

#endif
