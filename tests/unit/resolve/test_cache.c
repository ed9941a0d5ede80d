/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <urcu-qsbr.h>

#include <cmocka.h>

#include "dns/consts.h"
#include "dns/name.h"

enum { MEGABYTE = 1 << 20 };

struct key {
    uint8_t name[255];
    size_t length;
    uint64_t hash;
};

static struct key key_of(const struct cache *cache, const char *text, uint16_t qtype)
{
    struct key key;
    key.length = (size_t)name_from_text(text, NULL, key.name);
    key.hash = cache_hash(cache, key.name, key.length, qtype);
    return key;
}

static void put(struct cache *cache, const char *text, uint16_t qtype, const char *mark)
{
    struct key key = key_of(cache, text, qtype);
    struct truth *truth;
    assert_int_equal(truth_from_failure(key.name, qtype, EDE_NONE, mark, 1000, 1000, &truth), 0);
    assert_int_equal(cache_insert(cache, key.hash, truth), 0);
    truth_unref(truth);
}

static struct truth *get(struct cache *cache, const char *text, uint16_t qtype)
{
    struct key key = key_of(cache, text, qtype);
    return cache_find(cache, key.hash, key.name, key.length, qtype);
}

static void put_numbered(struct cache *cache, unsigned from, unsigned to)
{
    char text[64];
    for (unsigned i = from; i < to; i++) {
        snprintf(text, sizeof text, "host%u.example.org.", i);
        put(cache, text, TYPE_A, NULL);
        rcu_quiescent_state();
    }
}

static void finds_by_name_and_type(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    put(cache, "a.example.org.", TYPE_A, "one");
    put(cache, "a.example.org.", TYPE_AAAA, "two");
    assert_string_equal(get(cache, "a.example.org.", TYPE_A)->ede_text, "one");
    assert_string_equal(get(cache, "a.example.org.", TYPE_AAAA)->ede_text, "two");
    assert_null(get(cache, "a.example.org.", TYPE_TXT));
    assert_null(get(cache, "b.example.org.", TYPE_A));
    cache_free(cache);
}

/* A name chosen to make up for another type must not lead to the same place: one after the other all types
 * would stand in one row. */
static void no_name_makes_up_for_a_type(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    struct key one = key_of(cache, "abcdefghij.example.org.", TYPE_A), other = one;
    for (size_t at = 0; at + 1 < one.length; at++) {
        memcpy(other.name, one.name, one.length);
        other.name[at] ^= TYPE_A ^ TYPE_AAAA;
        assert_int_not_equal(cache_hash(cache, other.name, other.length, TYPE_AAAA), one.hash);
    }
    cache_free(cache);
}

static void newer_takes_the_place_of_older(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    struct cache_counts before, after;
    put(cache, "a.example.org.", TYPE_A, "old");
    cache_count(cache, &before);
    put(cache, "a.example.org.", TYPE_A, "new");
    cache_count(cache, &after);
    assert_string_equal(get(cache, "a.example.org.", TYPE_A)->ede_text, "new");
    assert_int_equal(after.entries, 1);
    assert_int_equal(after.bytes, before.bytes);
    cache_free(cache);
}

static void a_removed_truth_lives_until_the_reader_is_done(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    put(cache, "a.example.org.", TYPE_A, "still here");
    struct truth *truth = get(cache, "a.example.org.", TYPE_A);
    assert_int_equal(cache_flush(cache, NULL, false), 1);
    assert_null(get(cache, "a.example.org.", TYPE_A));
    assert_string_equal(truth->ede_text, "still here"); /* the address sanitizer watches */
    truth_ref(truth);
    rcu_quiescent_state();
    rcu_barrier();
    assert_string_equal(truth->ede_text, "still here");
    truth_unref(truth);
    cache_free(cache);
}

static void the_same_truth_goes_in_once(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    struct key key = key_of(cache, "a.example.org.", TYPE_A);
    struct truth *truth;
    assert_int_equal(truth_from_failure(key.name, TYPE_A, EDE_NONE, NULL, 0, 1, &truth), 0);
    assert_int_equal(cache_insert(cache, key.hash, truth), 0);
    assert_int_equal(cache_insert(cache, key.hash, truth), ERR_EXISTS);
    truth_unref(truth);
    cache_free(cache);
}

static void a_full_cache_keeps_its_bound_and_what_is_read(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    struct cache_counts counts;
    put(cache, "hot.example.org.", TYPE_A, "hot");
    for (unsigned i = 0; i < 40; i++) {
        assert_non_null(get(cache, "hot.example.org.", TYPE_A));
        put_numbered(cache, i * 500, i * 500 + 500);
        cache_count(cache, &counts);
        assert_true(counts.bytes <= MEGABYTE);
    }
    assert_true(counts.evicted > 10000);
    assert_true(counts.entries > MEGABYTE / 600); /* the room is used */
    assert_int_equal(counts.entries, counts.inserted - counts.evicted);
    assert_non_null(get(cache, "hot.example.org.", TYPE_A));
    cache_free(cache);
}

static void a_smaller_bound_is_in_force_at_once(void **state)
{
    (void)state;
    struct cache *cache = cache_new(4 * MEGABYTE);
    struct cache_counts counts;
    put_numbered(cache, 0, 5000);
    cache_resize(cache, MEGABYTE);
    cache_count(cache, &counts);
    assert_true(counts.bytes <= MEGABYTE);
    assert_true(counts.entries > 0);
    cache_free(cache);
}

static void what_is_larger_than_the_bound_stays_out(void **state)
{
    (void)state;
    struct cache *cache = cache_new(64);
    struct key key = key_of(cache, "a.example.org.", TYPE_A);
    struct truth *truth;
    assert_int_equal(truth_from_failure(key.name, TYPE_A, EDE_NONE, NULL, 0, 1, &truth), 0);
    assert_int_equal(cache_insert(cache, key.hash, truth), ERR_LIMIT);
    truth_unref(truth);
    cache_free(cache);
}

static void flushes_a_name_a_tree_and_all(void **state)
{
    (void)state;
    struct cache *cache = cache_new(MEGABYTE);
    static const char *const names[] = {"example.org.", "www.example.org.", "a.www.example.org.",
                                        "badexample.org.", "example.net."};
    uint8_t name[255];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put(cache, names[i], TYPE_A, NULL);
        put(cache, names[i], TYPE_AAAA, NULL);
    }
    assert_true(name_from_text("Www.Example.org.", NULL, name) > 0);
    assert_int_equal(cache_flush(cache, name, false), 2);
    assert_null(get(cache, "www.example.org.", TYPE_AAAA));
    assert_non_null(get(cache, "a.www.example.org.", TYPE_A));
    assert_true(name_from_text("example.org.", NULL, name) > 0);
    assert_int_equal(cache_flush(cache, name, true), 4);
    assert_non_null(get(cache, "badexample.org.", TYPE_A));
    assert_int_equal(cache_flush(cache, NULL, false), 4);
    struct cache_counts counts;
    cache_count(cache, &counts);
    assert_int_equal(counts.entries, 0);
    cache_free(cache);
}

static void a_flush_gives_the_tables_memory_back(void **state)
{
    (void)state;
    struct cache *cache = cache_new(8 * MEGABYTE);
    struct cache_counts empty, flushed;
    cache_count(cache, &empty);
    put_numbered(cache, 0, 8000);
    cache_flush(cache, NULL, false);
    cache_count(cache, &flushed);
    assert_true(flushed.bytes <= 2 * empty.bytes);
    put_numbered(cache, 0, 100);
    assert_non_null(get(cache, "host99.example.org.", TYPE_A));
    cache_free(cache);
}

/* --- several threads ---------------------------------------------------------------------------------------
 */

enum { NAMES = 4000, ROUNDS = 12000 };

struct player {
    struct cache *cache;
    unsigned seed;
    bool writes;
    unsigned wrong, found;
};

static unsigned next_number(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void play_round(struct player *p)
{
    char text[64];
    unsigned n = next_number(&p->seed) % NAMES;
    snprintf(text, sizeof text, "host%u.example.org.", n);
    struct key key = key_of(p->cache, text, TYPE_A);
    if (p->writes) {
        struct truth *truth;
        if (truth_from_failure(key.name, TYPE_A, EDE_NONE, text, 0, 1, &truth) == 0) {
            p->wrong += cache_insert(p->cache, key.hash, truth) != 0;
            truth_unref(truth);
        }
        if (n % 1000 == 0)
            cache_flush(p->cache, n % 2000 ? key.name : NULL, true);
        return;
    }
    struct truth *truth = cache_find(p->cache, key.hash, key.name, key.length, TYPE_A);
    if (!truth)
        return;
    p->found++;
    p->wrong += strcmp(truth->ede_text, text) != 0;
    if (n % 64 == 0) { /* keep one beyond the section */
        truth_ref(truth);
        rcu_quiescent_state();
        p->wrong += strcmp(truth->ede_text, text) != 0;
        truth_unref(truth);
    }
}

static void *play(void *context)
{
    struct player *p = context;
    rcu_register_thread();
    for (unsigned i = 0; i < ROUNDS; i++) {
        play_round(p);
        rcu_quiescent_state();
    }
    rcu_unregister_thread();
    return NULL;
}

static void readers_and_writers_at_once(void **state)
{
    (void)state;
    enum { PLAYERS = 5 };
    struct cache *cache = cache_new(MEGABYTE / 2); /* too small for all names: it evicts all the time */
    struct player players[PLAYERS];
    pthread_t threads[PLAYERS];
    for (unsigned i = 0; i < PLAYERS; i++) {
        players[i] = (struct player){.cache = cache, .seed = i * 77 + 1, .writes = i < 2};
        assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
    }
    rcu_thread_offline();
    unsigned found = 0;
    for (unsigned i = 0; i < PLAYERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(players[i].wrong, 0);
        found += players[i].found;
    }
    rcu_thread_online();
    assert_true(found > 0);
    struct cache_counts counts;
    cache_count(cache, &counts);
    assert_true(counts.bytes <= MEGABYTE / 2);
    cache_free(cache);
}

static int register_thread(void **state)
{
    (void)state;
    rcu_register_thread();
    return 0;
}

static int unregister_thread(void **state)
{
    (void)state;
    rcu_unregister_thread();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_name_and_type),
        cmocka_unit_test(no_name_makes_up_for_a_type),
        cmocka_unit_test(newer_takes_the_place_of_older),
        cmocka_unit_test(a_removed_truth_lives_until_the_reader_is_done),
        cmocka_unit_test(the_same_truth_goes_in_once),
        cmocka_unit_test(a_full_cache_keeps_its_bound_and_what_is_read),
        cmocka_unit_test(a_smaller_bound_is_in_force_at_once),
        cmocka_unit_test(what_is_larger_than_the_bound_stays_out),
        cmocka_unit_test(flushes_a_name_a_tree_and_all),
        cmocka_unit_test(a_flush_gives_the_tables_memory_back),
        cmocka_unit_test(readers_and_writers_at_once),
    };
    return cmocka_run_group_tests_name("resolve/cache", tests, register_thread, unregister_thread);
}
