/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of a policy zone's owners: from a name to its entry, and "does anything exist at or below this
 * name". The first bits of a name's hash lead, through a directory, to a leaf (leaf.h). Versions share the
 * leaves in which they do not differ. Inside rpz/ only. */
#ifndef RPZ_OWNERS_H
#define RPZ_OWNERS_H

#include "rpz/leaf.h"
#include "rpz/lineage.h"
#include "rpz/pages.h"

struct owners {
    const uint64_t *directory; /* a leaf's address << 16 | its homes; a leaf of few bits has several places */
    unsigned shift;            /* 32 - bits of the directory */
    uint32_t *numbers;         /* of the leaves, as the directory */
    void *block;               /* of the lineage's heap; holds both */
    size_t bytes;              /* of the leaves */
};

enum { NUMBER_MAPPED = UINT32_MAX - 1, NUMBER_DRAFT = UINT32_MAX /* not in a version yet */ };

static inline const struct leaf *owners_leaf(const struct owners *owners, size_t place)
{
    return (const struct leaf *)(uintptr_t)(owners->directory[place] >> 16);
}

static inline size_t owners_places(const struct owners *owners)
{
    return (size_t)1 << (32 - owners->shift);
}

static inline size_t owners_place(const struct owners *owners, uint32_t fingerprint)
{
    return (size_t)((uint64_t)fingerprint >> owners->shift);
}

/* A leaf that lies in an image (image.h) is no block of a heap. */
static inline bool owners_is_mapped(const struct owners *owners, size_t place)
{
    return owners->numbers[place] == NUMBER_MAPPED;
}

/* How many places of the directory a leaf has. */
static inline size_t owners_width(const struct owners *owners, const struct leaf *leaf)
{
    return (size_t)1 << (32 - owners->shift - leaf->depth);
}

/* The first slot with this fingerprint; NULL: no such name exists. */
static inline const uint32_t *owners_probe(const struct owners *owners, uint32_t fingerprint,
                                           const struct leaf **leaf)
{
    uint64_t place = owners->directory[owners_place(owners, fingerprint)];
    *leaf = (const struct leaf *)(uintptr_t)(place >> 16);
    return leaf_probe(*leaf, place & 0xffff, fingerprint & 0xffff);
}

/* Where a name is. */
struct owner_found {
    bool exists;
    const uint8_t *entry; /* NULL: it has no rules */
    uint64_t handle;      /* of the entry in this version, without the side */
};

/* Handles: place in the directory, offset in the leaf, side. */
static inline uint64_t owners_handle(const struct owners *owners, uint32_t fingerprint, uint32_t slot)
{
    return (uint64_t)owners_place(owners, fingerprint) << 16 | slot_offset(slot) << 1;
}

static inline const uint8_t *owners_entry(const struct owners *owners, uint64_t handle)
{
    return (const uint8_t *)owners_leaf(owners, (size_t)(handle >> 16)) + (handle >> 1 & 0x7fff);
}

/* Asks for what owners_probe() will read of memory, step by step: each needs what the one before it asked
 * for. The last one also asks for the place where the leaf would get a new entry. */
static inline void owners_ask(const struct owners *owners, uint32_t fingerprint)
{
    size_t place = owners_place(owners, fingerprint);
    __builtin_prefetch(&owners->directory[place]);
    __builtin_prefetch(&owners->numbers[place]);
}

static inline void owners_ask_leaf(const struct owners *owners, uint32_t fingerprint)
{
    uint64_t place = owners->directory[owners_place(owners, fingerprint)];
    const struct leaf *leaf = (const struct leaf *)(uintptr_t)(place >> 16);
    __builtin_prefetch(leaf);
    __builtin_prefetch(leaf->slots + ((fingerprint & 0xffff) * (place & 0xffff) >> 16));
}

static inline void owners_ask_entry(const struct owners *owners, uint32_t fingerprint)
{
    const struct leaf *leaf;
    const uint32_t *slot = owners_probe(owners, fingerprint, &leaf);
    const uint8_t *at = slot ? leaf_at(leaf, *slot) : (const uint8_t *)leaf + leaf->used;
    __builtin_prefetch(at);
    __builtin_prefetch(at + 32);
}

/* The key's whole name. */
struct owner_found owners_find(const struct owners *owners, struct rpz_key *key);

/* The entry whose name has this hash. */
struct owner_found owners_of_hash(const struct owners *owners, uint64_t hash);

/* The next leaf from *place on, which moves behind it; NULL: there is none. */
const struct leaf *owners_next(const struct owners *owners, size_t *place);

/* Room for a directory of so many bits, to be filled. NULL: memory is out. */
uint64_t *owners_directory(struct owners *owners, struct heap *heap, unsigned bits);

static inline uint64_t directory_entry(const struct leaf *leaf)
{
    return (uint64_t)(uintptr_t)leaf << 16 | leaf->homes;
}

/* Gives back a leaf that nobody holds, and its entries' hold on data. */
void leaf_end(struct lineage *lineage, const struct leaf *leaf);

/* Gives up a version's hold on its leaves; the lineage is locked. */
void owners_end(struct owners *owners, struct lineage *lineage);

/* --- changing ------------------------------------------------------------------------------------------ */

/* A directory that is being changed. Leaves that belong to versions are copied before they change. */
struct owners_draft {
    struct owners owners;
    uint64_t *directory;
    struct lineage *lineage; /* locked */
    struct heap *heap;       /* of its own leaves */
    struct heap own;         /* while loading */
    uint8_t head;            /* of its leaves' entries */
    size_t drafts;           /* leaves of its own */
};

/* An entry as a value. References are those of data, or have OWNER_OPEN set: the builder's own. */
struct owner_entry {
    uint8_t flags;
    uint32_t references[SIDES]; /* where the form is OWNER_EXTENDED */
};
#define OWNER_OPEN 0x80000000u

/* For a new zone: an empty table. */
int owners_draft_new(struct owners_draft *draft, struct lineage *lineage) MUST_CHECK;
/* For a delta: what `from` has. */
int owners_draft_from(struct owners_draft *draft, struct lineage *lineage,
                      const struct owners *from) MUST_CHECK;
void owners_draft_free(struct owners_draft *draft);

/* The entry of the key's name; false: it has none. *spot says where, until the draft changes. */
bool owners_get(const struct owners_draft *draft, struct rpz_key *key, struct leaf_spot *spot,
                struct owner_entry *out);

/* Its bytes. */
const uint8_t *owners_draft_entry(const struct owners_draft *draft, const struct rpz_key *key,
                                  struct leaf_spot spot);

/* Gives the key's name, of which owners_get() said where it is, this entry, or none if no side has an action;
 * the names above it come into being, or go when nothing is left below them. Data that the old entry named
 * and the new one does not is dropped; the new one's references become the table's. 0, ERR_NOMEM or
 * ERR_LIMIT. */
int owners_put(struct owners_draft *draft, struct rpz_key *key, struct leaf_spot spot,
               const struct owner_entry *entry) MUST_CHECK;

/* Calls `close` for each extended entry in the draft's own leaves that has an open reference. */
int owners_draft_close(struct owners_draft *draft, int (*close)(void *context, uint8_t *entry),
                       void *context) MUST_CHECK;

/* Ends the draft and makes its table a version's; on failure the draft is still to be freed. */
int owners_settle(struct owners_draft *draft, struct owners *out) MUST_CHECK;

#endif
