/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer cache: (name, type) -> truth. Bounded in bytes; the least recently used go first, approximately
 * (a clock hand). Any number of threads read without a lock, inside an RCU (qsbr) read-side section: a thread
 * that is registered with rcu_register_thread() and online. Writers may be any thread; they are serialized
 * per shard by the cache. Holds only the truth: never what policy made of it. */
#ifndef RESOLVE_CACHE_H
#define RESOLVE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "resolve/truth.h"

struct cache;

struct cache_counts {
    uint64_t entries;
    uint64_t bytes; /* truths and tables; `max_bytes` bounds it, but for the smallest tables */
    uint64_t evicted, inserted, max_bytes;
};

/* NULL when memory is out. */
struct cache *cache_new(size_t max_bytes);
/* No reader may be left. Returns after everything has been freed that nobody else holds. */
void cache_free(struct cache *cache);
/* A smaller bound is in force at once. */
void cache_resize(struct cache *cache, size_t max_bytes);

/* What stands for a lower-case name with its type: computed once per query and passed on; and the hash in it
 * that leads to the cache's places. */
struct digest cache_digest(const struct cache *cache, const uint8_t *name, size_t name_length,
                           uint16_t qtype);
uint64_t cache_digest_hash(struct digest digest);

/* Both at once. */
uint64_t cache_hash(const struct cache *cache, const uint8_t *name, size_t name_length, uint16_t qtype);

/* For who looks for several: asks for the place that a hash leads to; then, inside a read-side section, for
 * what stands there, which is returned (NULL: nothing). Nobody has compared its name yet: cache_confirm()
 * does, in the same section, and says whether it is the question's. Without them cache_find() finds the same,
 * only later, as it does where the truth found is not the question's. */
void cache_prefetch(const struct cache *cache, uint64_t hash);
struct truth *cache_prefetch_truth(const struct cache *cache, uint64_t hash);
bool cache_confirm(struct truth *found, const uint8_t *name, size_t name_length, uint16_t qtype);

/* Inside a read-side section. Returns what is there, stale or not, or NULL; valid until the section ends. */
struct truth *cache_find(struct cache *cache, uint64_t hash, const uint8_t *name, size_t name_length,
                         uint16_t qtype);

/* Puts a truth in, in place of an older one of the same key; takes a reference of its own. A truth goes into
 * a cache once in its life: ERR_EXISTS. ERR_NOMEM; ERR_LIMIT: it alone is larger than the bound. */
int cache_insert(struct cache *cache, uint64_t hash, struct truth *truth) MUST_CHECK;

/* Removes a name (all types), or with `tree` all at and below it; NULL: everything. Returns how many. */
size_t cache_flush(struct cache *cache, const uint8_t *name, bool tree);

void cache_count(const struct cache *cache, struct cache_counts *out);

#endif
