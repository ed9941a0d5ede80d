/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Open addressing in 64 shards. A slot is a hash and a pointer; a reader walks the slots of one table without
 * a lock and trusts only what the truth itself says of its name, so that slots may change under him: at worst
 * he misses an entry that is being replaced. A table that is full, or full of tombstones, is rebuilt aside
 * and published with one store; the old one, like every removed truth, is freed after an RCU grace period.
 *
 * A reader touches as little as can be: where the tables are is 64 words side by side that also say how large
 * each is, so the first line of memory that is likely not to be at hand is the slot's. */
#include "resolve/cache.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "dns/name.h"

enum {
    SHARDS = 64,
    TABLE_SLOTS_MIN = 16,
    CACHE_LINE = 64,
};

/* Values of a slot's hash that are no hash; cache_hash() never gives them. */
enum { HASH_EMPTY = 0, HASH_REMOVED = 1, HASH_MIN = 2 };

struct slot {
    _Atomic uint64_t hash;
    _Atomic(struct truth *) truth;
};

struct table {
    alignas(CACHE_LINE) struct rcu_head rcu; /* first */
    size_t mask;
    size_t filled; /* slots that are not empty, tombstones included */
    alignas(CACHE_LINE) struct slot slots[];
};

struct shard {
    alignas(CACHE_LINE) pthread_mutex_t writer;
    size_t entries;
    size_t hand; /* next slot that the clock looks at */
};

struct cache {
    /* Of each shard: its table's address, and in the bits that are zero in one how many slots it has (log2).
     */
    alignas(CACHE_LINE) _Atomic uintptr_t tables[SHARDS];
    struct shard shards[SHARDS];
    struct digest key;
    _Atomic size_t max_bytes;
    alignas(CACHE_LINE) _Atomic size_t bytes;
    _Atomic uint64_t entries, evicted, inserted;
    _Atomic unsigned next_shard; /* of the clock */
};

/* --- tables --- */

static size_t table_bytes(size_t slots)
{
    return sizeof(struct table) + slots * sizeof(struct slot);
}

static struct table *table_new(struct cache *cache, size_t slots)
{
    struct table *table = aligned_alloc(CACHE_LINE, table_bytes(slots));
    if (!table)
        return NULL;
    memset(table, 0, table_bytes(slots));
    table->mask = slots - 1;
    atomic_fetch_add(&cache->bytes, table_bytes(slots));
    return table;
}

static void table_free(struct rcu_head *head)
{
    free(head);
}

/* Unpublished, or published and replaced. */
static void table_retire(struct cache *cache, struct table *table)
{
    atomic_fetch_sub(&cache->bytes, table_bytes(table->mask + 1));
    call_rcu(&table->rcu, table_free);
}

static _Atomic uintptr_t *table_word(struct cache *cache, const struct shard *shard)
{
    return &cache->tables[shard - cache->shards];
}

static struct table *table_of_word(uintptr_t word)
{
    return (struct table *)(word & ~(uintptr_t)(CACHE_LINE - 1));
}

static struct table *shard_table(struct cache *cache, const struct shard *shard)
{
    return table_of_word(atomic_load_explicit(table_word(cache, shard), memory_order_acquire));
}

static void shard_publish(struct cache *cache, const struct shard *shard, struct table *table)
{
    uintptr_t word = (uintptr_t)table | (unsigned)__builtin_ctzll(table->mask + 1);
    atomic_store_explicit(table_word(cache, shard), word, memory_order_release);
}

static unsigned shard_number(uint64_t hash)
{
    return hash >> 58;
}

/* Where the search for a hash begins and how it goes on, without a look at the table's head. */
struct probe {
    const struct slot *slots;
    size_t mask, at;
};

static inline struct probe probe_of(const struct cache *cache, uint64_t hash)
{
    uintptr_t word = atomic_load_explicit(&cache->tables[shard_number(hash)], memory_order_acquire);
    const struct table *table = table_of_word(word);
    size_t mask = ((size_t)1 << (word & (CACHE_LINE - 1))) - 1;
    return (struct probe){.slots = table->slots, .mask = mask, .at = hash & mask};
}

static uint64_t slot_hash(const struct slot *slot)
{
    return atomic_load_explicit(&slot->hash, memory_order_acquire);
}

/* Goes on to a slot with this hash, if it does not stand at one; false: there is none. */
static inline bool probe_to(struct probe *p, uint64_t hash)
{
    uint64_t found;
    while ((found = slot_hash(&p->slots[p->at])) != hash && found != HASH_EMPTY)
        p->at = (p->at + 1) & p->mask;
    return found == hash;
}

static struct truth *slot_truth(const struct slot *slot)
{
    return atomic_load_explicit(&slot->truth, memory_order_acquire);
}

/* The pointer first: who sees the hash sees what it is of. */
static void slot_fill(struct slot *slot, uint64_t hash, struct truth *truth)
{
    atomic_store_explicit(&slot->truth, truth, memory_order_release);
    atomic_store_explicit(&slot->hash, hash, memory_order_release);
}

static bool is_key(const struct truth *truth, const uint8_t *name, size_t name_length, uint16_t qtype)
{
    return truth && truth->qtype == qtype && truth->name_length == name_length &&
           same_short(truth->name, name, name_length);
}

static struct slot *table_find(struct table *table, uint64_t hash, const uint8_t *name, size_t name_length,
                               uint16_t qtype)
{
    for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        struct slot *slot = &table->slots[i];
        uint64_t found = slot_hash(slot);
        if (found == HASH_EMPTY)
            return NULL;
        if (found == hash && is_key(slot_truth(slot), name, name_length, qtype))
            return slot;
    }
}

/* The first slot that is free for this hash. There is one: tables are never full. */
static struct slot *table_free_slot(struct table *table, uint64_t hash)
{
    size_t i = hash & table->mask;
    while (slot_hash(&table->slots[i]) >= HASH_MIN)
        i = (i + 1) & table->mask;
    return &table->slots[i];
}

/* --- shards (writer's lock held) --- */

/* A table of the right size with the same entries, in place of the present one. */
static int shard_rebuild(struct cache *cache, struct shard *shard)
{
    size_t slots = TABLE_SLOTS_MIN;
    while (slots < 2 * shard->entries + 2) /* between a quarter and half full */
        slots *= 2;
    struct table *old = shard_table(cache, shard), *table = table_new(cache, slots);
    if (!table)
        return ERR_NOMEM;
    for (size_t i = 0; i <= old->mask; i++) {
        uint64_t hash = slot_hash(&old->slots[i]);
        if (hash >= HASH_MIN)
            slot_fill(table_free_slot(table, hash), hash, slot_truth(&old->slots[i]));
    }
    table->filled = shard->entries;
    shard->hand = 0;
    shard_publish(cache, shard, table);
    table_retire(cache, old);
    return 0;
}

static void forget_truth(struct cache *cache, struct truth *truth)
{
    atomic_fetch_sub(&cache->bytes, truth->bytes);
    truth_unref_later(truth);
}

/* Where the next slot is empty no chain runs through this one, and it needs no tombstone; nor do the ones
 * before it then. */
static void slot_clear(struct table *table, struct slot *slot)
{
    size_t i = (size_t)(slot - table->slots);
    atomic_store_explicit(&slot->hash, HASH_REMOVED, memory_order_release);
    atomic_store_explicit(&slot->truth, NULL, memory_order_release);
    if (slot_hash(&table->slots[(i + 1) & table->mask]) != HASH_EMPTY)
        return;
    for (; slot_hash(&table->slots[i]) == HASH_REMOVED; i = (i - 1) & table->mask) {
        atomic_store_explicit(&table->slots[i].hash, HASH_EMPTY, memory_order_release);
        table->filled--;
    }
}

static void shard_remove(struct cache *cache, struct shard *shard, struct slot *slot)
{
    struct truth *truth = slot_truth(slot);
    slot_clear(shard_table(cache, shard), slot);
    shard->entries--;
    atomic_fetch_sub(&cache->entries, 1);
    forget_truth(cache, truth);
}

/* Moves the hand to an entry that nobody read since it last passed, and removes that. At most two rounds. */
static bool shard_evict_one(struct cache *cache, struct shard *shard)
{
    struct table *table = shard_table(cache, shard);
    if (!shard->entries)
        return false;
    for (;; shard->hand++) {
        struct slot *slot = &table->slots[shard->hand & table->mask];
        struct truth *truth = slot_truth(slot);
        if (!truth)
            continue;
        if (atomic_exchange_explicit(&truth->touched, false, memory_order_relaxed))
            continue;
        shard_remove(cache, shard, slot);
        atomic_fetch_add(&cache->evicted, 1);
        return true;
    }
}

static int shard_insert(struct cache *cache, struct shard *shard, uint64_t hash, struct truth *truth)
{
    struct table *table = shard_table(cache, shard);
    struct slot *slot = table_find(table, hash, truth->name, truth->name_length, truth->qtype);
    if (slot) {
        struct truth *old = slot_truth(slot);
        slot_fill(slot, hash, truth);
        forget_truth(cache, old);
        return 0;
    }
    if (4 * (table->filled + 1) > 3 * (table->mask + 1)) {
        int error = shard_rebuild(cache, shard);
        if (error)
            return error;
        table = shard_table(cache, shard);
    }
    slot = table_free_slot(table, hash);
    if (slot_hash(slot) == HASH_EMPTY)
        table->filled++;
    slot_fill(slot, hash, truth);
    shard->entries++;
    atomic_fetch_add(&cache->entries, 1);
    return 0;
}

/* --- the cache --- */

/* The clock goes over all shards, one entry of each in turn. */
static void evict_to_bound(struct cache *cache)
{
    unsigned empty = 0;
    while (empty < SHARDS && atomic_load(&cache->bytes) > atomic_load(&cache->max_bytes)) {
        struct shard *shard = &cache->shards[atomic_fetch_add(&cache->next_shard, 1) % SHARDS];
        pthread_mutex_lock(&shard->writer);
        empty = shard_evict_one(cache, shard) ? 0 : empty + 1;
        pthread_mutex_unlock(&shard->writer);
    }
}

struct cache *cache_new(size_t max_bytes)
{
    struct cache *cache = aligned_alloc(CACHE_LINE, sizeof *cache);
    if (!cache)
        return NULL;
    memset(cache, 0, sizeof *cache);
    cache->key = (struct digest){random_u64(), random_u64()};
    atomic_init(&cache->max_bytes, max_bytes);
    bool ok = true;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&cache->shards[i].writer, NULL);
        struct table *table = table_new(cache, TABLE_SLOTS_MIN);
        if (table)
            shard_publish(cache, &cache->shards[i], table);
        ok = ok && table;
    }
    if (ok)
        return cache;
    for (size_t i = 0; i < SHARDS; i++)
        free(shard_table(cache, &cache->shards[i]));
    free(cache);
    return NULL;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        struct table *table = shard_table(cache, shard);
        for (size_t s = 0; s <= table->mask; s++)
            truth_unref(slot_truth(&table->slots[s]));
        free(table);
        pthread_mutex_destroy(&shard->writer);
    }
    free(cache);
    rcu_barrier();
}

void cache_resize(struct cache *cache, size_t max_bytes)
{
    atomic_store(&cache->max_bytes, max_bytes);
    evict_to_bound(cache);
}

struct digest cache_digest(const struct cache *cache, const uint8_t *name, size_t name_length, uint16_t qtype)
{
    return digest_bytes(cache->key, name, name_length, qtype);
}

uint64_t cache_digest_hash(struct digest digest)
{
    uint64_t hash = digest_hash(digest, 0);
    return hash >= HASH_MIN ? hash : HASH_MIN;
}

uint64_t cache_hash(const struct cache *cache, const uint8_t *name, size_t name_length, uint16_t qtype)
{
    return cache_digest_hash(cache_digest(cache, name, name_length, qtype));
}

void cache_prefetch(const struct cache *cache, uint64_t hash)
{
    struct probe probe = probe_of(cache, hash);
    __builtin_prefetch(&probe.slots[probe.at]);
}

struct truth *cache_prefetch_truth(const struct cache *cache, uint64_t hash)
{
    enum { TRUTH_LINES = 5 }; /* most truths with their data */
    struct probe p = probe_of(cache, hash);
    struct truth *truth = probe_to(&p, hash) ? slot_truth(&p.slots[p.at]) : NULL;
    for (int line = 0; truth && line < TRUTH_LINES; line++)
        __builtin_prefetch((const char *)truth + line * CACHE_LINE);
    return truth;
}

bool cache_confirm(struct truth *found, const uint8_t *name, size_t name_length, uint16_t qtype)
{
    if (!is_key(found, name, name_length, qtype))
        return false;
    if (!atomic_load_explicit(&found->touched, memory_order_relaxed))
        atomic_store_explicit(&found->touched, true, memory_order_relaxed);
    return true;
}

struct truth *cache_find(struct cache *cache, uint64_t hash, const uint8_t *name, size_t name_length,
                         uint16_t qtype)
{
    for (struct probe p = probe_of(cache, hash); probe_to(&p, hash); p.at = (p.at + 1) & p.mask) {
        struct truth *truth = slot_truth(&p.slots[p.at]);
        if (cache_confirm(truth, name, name_length, qtype))
            return truth;
    }
    return NULL;
}

int cache_insert(struct cache *cache, uint64_t hash, struct truth *truth)
{
    if (truth->bytes > atomic_load(&cache->max_bytes))
        return ERR_LIMIT;
    if (atomic_exchange(&truth->cached, true))
        return ERR_EXISTS;
    truth_ref(truth);
    atomic_fetch_add(&cache->bytes, truth->bytes);
    struct shard *shard = &cache->shards[shard_number(hash)];
    pthread_mutex_lock(&shard->writer);
    int error = shard_insert(cache, shard, hash, truth);
    pthread_mutex_unlock(&shard->writer);
    if (error) {
        atomic_fetch_sub(&cache->bytes, truth->bytes);
        truth_unref(truth);
        return error;
    }
    atomic_fetch_add(&cache->inserted, 1);
    evict_to_bound(cache);
    return 0;
}

static bool is_flushed(const struct truth *truth, const uint8_t *name, bool tree)
{
    return !name || (tree ? name_is_within(truth->name, name) : name_equal(truth->name, name));
}

static size_t shard_flush(struct cache *cache, struct shard *shard, const uint8_t *name, bool tree)
{
    struct table *table = shard_table(cache, shard);
    size_t removed = 0;
    for (size_t i = 0; i <= table->mask; i++) {
        struct truth *truth = slot_truth(&table->slots[i]);
        if (!truth || !is_flushed(truth, name, tree))
            continue;
        shard_remove(cache, shard, &table->slots[i]);
        removed++;
    }
    /* After a large flush the table is small again; if there is no memory for that it stays as it is. */
    if (table->mask + 1 > 8 * shard->entries + TABLE_SLOTS_MIN)
        (void)shard_rebuild(cache, shard);
    return removed;
}

size_t cache_flush(struct cache *cache, const uint8_t *name, bool tree)
{
    size_t removed = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *shard = &cache->shards[i];
        pthread_mutex_lock(&shard->writer);
        removed += shard_flush(cache, shard, name, tree);
        pthread_mutex_unlock(&shard->writer);
    }
    return removed;
}

void cache_count(const struct cache *cache, struct cache_counts *out)
{
    *out = (struct cache_counts){.entries = atomic_load(&cache->entries),
                                 .bytes = atomic_load(&cache->bytes),
                                 .evicted = atomic_load(&cache->evicted),
                                 .inserted = atomic_load(&cache->inserted),
                                 .max_bytes = atomic_load(&cache->max_bytes)};
}
