/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name made ready to be looked up in policy zones: where its ancestors start and their hashes, each hash
 * made from the one above it, from the root down, when first asked for. One key serves any number of zones.
 * Inside rpz/ only. */
#ifndef RPZ_KEY_H
#define RPZ_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "dns/name.h"

struct rpz_key {
    const uint8_t *name; /* lower case */
    const uint8_t *tail; /* what stands behind it in the zone: the root, or rpz-nsdname */
    uint8_t tail_bytes;
    uint8_t length; /* bytes of the labels, without the root's */
    uint8_t labels;
    uint8_t hashed;                            /* levels whose hash is known: 0 … hashed */
    uint64_t state;                            /* whole hash of level `hashed` */
    uint8_t start[NAME_MAX_LABELS + 1];        /* of each label, first label first */
    uint32_t fingerprint[NAME_MAX_LABELS + 1]; /* by level: the number of labels, from the root */
};

/* Prepares `name`, seen below `tail` (the root, or `rpz-nsdname.`). Both must outlast the key. */
void rpz_key_init(struct rpz_key *key, uint64_t seed, const uint8_t *name, const uint8_t *tail);

/* One seed per process, so that a key fits every zone. */
uint64_t rpz_seed(void);

/* Where the ancestor of `level` labels begins. */
static inline const uint8_t *rpz_key_at(const struct rpz_key *key, unsigned level)
{
    return key->name + (level ? key->start[key->labels - level] : key->length);
}

static inline uint64_t rpz_hash_label(uint64_t above, const uint8_t *label)
{
    return hash_bytes(above, label + 1, label[0]);
}

/* Levels must be asked for from the root down; any level up to the deepest may be asked for again. */
static inline uint32_t rpz_key_fingerprint(struct rpz_key *key, unsigned level)
{
    while (key->hashed < level) {
        key->state = rpz_hash_label(key->state, rpz_key_at(key, key->hashed + 1u));
        key->fingerprint[++key->hashed] = (uint32_t)(key->state >> 32);
    }
    return key->fingerprint[level];
}

#endif
