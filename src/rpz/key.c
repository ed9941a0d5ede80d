/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/key.h"

#include <pthread.h>

#include "base/random.h"

static struct {
    uint64_t seed;
    struct rpz_tail none, nsdname;
} process = {.none = {"", 1, 0}, .nsdname = {"\13rpz-nsdname", 13, 0}};

static void make_seed(void)
{
    process.seed = random_u64() | 1;
    process.none.hash = process.seed;
    process.nsdname.hash = rpz_hash_label(process.seed, process.nsdname.bytes);
}

static void have_seed(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_seed);
}

uint64_t rpz_seed(void)
{
    have_seed();
    return process.seed;
}

const struct rpz_tail *rpz_tail_none(void)
{
    have_seed();
    return &process.none;
}

const struct rpz_tail *rpz_tail_nsdname(void)
{
    have_seed();
    return &process.nsdname;
}

void rpz_key_init(struct rpz_key *key, const uint8_t *name, const struct rpz_tail *tail)
{
    const uint8_t *at = name;
    uint8_t *start = key->start;
    for (; *at; at += 1u + *at)
        *start++ = (uint8_t)(at - name);
    *start = key->length = (uint8_t)(at - name);
    key->labels = (uint8_t)(start - key->start);
    key->name = name;
    key->tail = tail;
    key->hashed = 0;
    key->hash[0] = tail->hash;
}
