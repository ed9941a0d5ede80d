/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name made ready to be looked up in policy zones: where its ancestors start and their hashes, each hash
 * made from the one above it, from the root down, when first asked for. One key serves any number of zones.
 * Inside rpz/ only. */
#ifndef RPZ_KEY_H
#define RPZ_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "dns/name.h"

/* What stands behind the names of a trigger inside a zone: nothing, or the label rpz-nsdname. */
struct rpz_tail {
    uint8_t bytes[14]; /* as a name */
    uint8_t length;    /* with the final zero */
    uint64_t hash;
};

struct rpz_key {
    const uint8_t *name; /* lower case */
    const struct rpz_tail *tail;
    uint8_t length; /* bytes of the labels, without the root's */
    uint8_t labels;
    uint8_t hashed;                     /* levels whose hash is known: 0 … hashed */
    uint8_t start[NAME_MAX_LABELS + 1]; /* of each label, first label first, and of the root's */
    uint64_t hash[NAME_MAX_LABELS + 1]; /* by level: the number of labels, from the root */
};

/* Prepares `name` for one of these trees. It must outlast the key. */
void rpz_key_init(struct rpz_key *key, const uint8_t *name, const struct rpz_tail *tail);

/* One seed per process, so that a key fits every zone. */
uint64_t rpz_seed(void);

/* Takes the seed of tables that were made elsewhere, if nothing was hashed here yet. 0: it is this process's
 * seed now, or was already; ERR_EXISTS: there is another one. Any thread. */
int rpz_seed_adopt(uint64_t seed) MUST_CHECK;
/* The answer that rpz_seed_adopt() would give, without taking it. */
int rpz_seed_check(uint64_t seed) MUST_CHECK;

/* All owners as they stand in the zone; QNAME rules. */
const struct rpz_tail *rpz_tail_none(void);
/* NSDNAME rules. */
const struct rpz_tail *rpz_tail_nsdname(void);

/* Where the ancestor of `level` labels begins. */
static inline const uint8_t *rpz_key_at(const struct rpz_key *key, unsigned level)
{
    return key->name + key->start[key->labels - level];
}

static inline uint64_t rpz_hash_label(uint64_t above, const uint8_t *label)
{
    return hash_bytes(above, label + 1, label[0]);
}

/* The fingerprint (the upper half of the hash) of a level; that of the level above has been asked for. */
static inline uint32_t rpz_key_next(struct rpz_key *key, unsigned level)
{
    if (key->hashed < level) {
        key->hash[level] = rpz_hash_label(key->hash[level - 1], rpz_key_at(key, level));
        key->hashed = (uint8_t)level;
    }
    return (uint32_t)(key->hash[level] >> 32);
}

/* The fingerprint of any level. */
static inline uint32_t rpz_key_fingerprint(struct rpz_key *key, unsigned level)
{
    while (key->hashed < level)
        (void)rpz_key_next(key, key->hashed + 1u);
    return (uint32_t)(key->hash[level] >> 32);
}

#endif
