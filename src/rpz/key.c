/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/key.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/random.h"

static struct {
    pthread_mutex_t mutex;
    atomic_bool is_settled;
    uint64_t seed;
    struct rpz_tail none, nsdname;
} process = {.mutex = PTHREAD_MUTEX_INITIALIZER, .none = {"", 1, 0}, .nsdname = {"\13rpz-nsdname", 13, 0}};

/* The first one to come here decides. */
static void settle_seed(uint64_t seed)
{
    pthread_mutex_lock(&process.mutex);
    if (!atomic_load_explicit(&process.is_settled, memory_order_relaxed)) {
        process.seed = seed;
        process.none.hash = seed;
        process.nsdname.hash = rpz_hash_label(seed, process.nsdname.bytes);
        atomic_store_explicit(&process.is_settled, true, memory_order_release);
    }
    pthread_mutex_unlock(&process.mutex);
}

static bool is_settled(void)
{
    return atomic_load_explicit(&process.is_settled, memory_order_acquire);
}

static void have_seed(void)
{
    if (!is_settled())
        settle_seed(random_u64() | 1);
}

int rpz_seed_check(uint64_t seed)
{
    return is_settled() && process.seed != seed ? ERR_EXISTS : 0;
}

int rpz_seed_adopt(uint64_t seed)
{
    settle_seed(seed);
    return rpz_seed_check(seed);
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
