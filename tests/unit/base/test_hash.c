/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

enum { LONGEST = 255, BUCKETS = 1 << 16, NAMES = 4 * BUCKETS };

static const struct digest KEY = {0x9a3c5e7d12345678u, 0x0fedcba987654321u};

static bool same(struct digest a, struct digest b)
{
    return a.a == b.a && a.b == b.b;
}

static void every_bit_and_the_length_make_another_digest(void **state)
{
    (void)state;
    uint8_t bytes[LONGEST] = {0};
    for (size_t length = 0; length < LONGEST; length++) {
        struct digest all = digest_bytes(KEY, bytes, length, 0);
        assert_false(same(all, digest_bytes(KEY, bytes, length + 1, 0)));
        for (size_t bit = 0; bit < 8 * length; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            struct digest other = digest_bytes(KEY, bytes, length, 0);
            assert_false(same(all, other));
            assert_int_not_equal(digest_hash(all, 0), digest_hash(other, 0));
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void the_key_and_the_seed_change_it(void **state)
{
    (void)state;
    struct digest one = digest_bytes(KEY, "\3www\7example", 13, 1);
    struct digest a = {KEY.a ^ 1, KEY.b}, b = {KEY.a, KEY.b ^ 1};
    assert_true(same(one, digest_bytes(KEY, "\3www\7example", 13, 1)));
    assert_false(same(one, digest_bytes(a, "\3www\7example", 13, 1)));
    assert_false(same(one, digest_bytes(b, "\3www\7example", 13, 1)));
    assert_int_not_equal(digest_hash(one, 0), digest_hash(one, 1));
}

/* Who knows what is hashed beside the bytes must not find bytes that make up for it. */
static void no_bytes_make_up_for_what_comes_with_them(void **state)
{
    (void)state;
    uint8_t bytes[32] = "\x1e"
                        "abcdefghijklmnopqrstuvwxyz0123";
    uint64_t hash = digest_hash(digest_bytes(KEY, bytes, sizeof bytes, 1), 0), word, changed;
    for (size_t at = 0; at + 8 <= sizeof bytes; at++) {
        memcpy(&word, bytes + at, 8);
        for (unsigned shift = 0; shift < 64; shift++) {
            changed = word ^ (uint64_t)(1 ^ 28) << shift;
            memcpy(bytes + at, &changed, 8);
            assert_int_not_equal(digest_hash(digest_bytes(KEY, bytes, sizeof bytes, 28), 0), hash);
        }
        memcpy(bytes + at, &word, 8);
    }
}

/* Names that differ in a few digits fall evenly: at four a place no place has many times that. */
static void assert_even(unsigned shift, uint64_t seed)
{
    static uint8_t places[BUCKETS];
    char name[64];
    memset(places, 0, sizeof places);
    for (unsigned i = 0; i < NAMES; i++) {
        int length = snprintf(name, sizeof name, "\3www\nhost%06u\7example\3org", i);
        uint64_t hash = digest_hash(digest_bytes(KEY, name, (size_t)length + 1, 1), seed);
        assert_true(++places[(hash >> shift) % BUCKETS] < 24);
    }
}

static void names_fall_evenly(void **state)
{
    (void)state;
    assert_even(0, 0);  /* a place in the cache */
    assert_even(20, 0); /* in the table of ready answers */
    assert_even(48, 0);
    assert_even(32, 0x123456789abcdef0u);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_and_the_length_make_another_digest),
        cmocka_unit_test(the_key_and_the_seed_change_it),
        cmocka_unit_test(no_bytes_make_up_for_what_comes_with_them),
        cmocka_unit_test(names_fall_evenly),
    };
    return RUN_TESTS(tests);
}
