/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/key.h"

#include <pthread.h>

#include "base/random.h"

static uint64_t process_seed;

static void make_seed(void)
{
    process_seed = random_u64() | 1;
}

uint64_t rpz_seed(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_seed);
    return process_seed;
}

static uint64_t hash_tail(uint64_t seed, const uint8_t *tail)
{
    if (!tail[0])
        return seed;
    return rpz_hash_label(hash_tail(seed, tail + 1 + tail[0]), tail);
}

void rpz_key_init(struct rpz_key *key, uint64_t seed, const uint8_t *name, const uint8_t *tail)
{
    unsigned labels = 0, at = 0;
    for (; name[at]; at += 1u + name[at])
        key->start[labels++] = (uint8_t)at;
    key->name = name;
    key->length = (uint8_t)at;
    key->labels = (uint8_t)labels;
    key->tail = tail;
    key->tail_bytes = (uint8_t)name_length(tail);
    key->hashed = 0;
    key->state = hash_tail(seed, tail);
    key->fingerprint[0] = (uint32_t)(key->state >> 32);
}
