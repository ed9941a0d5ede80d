/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A fast seeded hash for tables in memory. Not cryptographic: what a stranger can choose is hashed with
 * a random seed (random_u64()), so that he cannot aim for collisions. Pure. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Folds the 128-bit product: every input bit reaches every output bit. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash of bytes that come in pieces: begun with the length of all of them, then any number of pieces
 * whose lengths are multiples of 8, then the rest, of any length. */
static inline uint64_t hash_begin(uint64_t seed, size_t length)
{
    return seed ^ (length * 0x9e3779b97f4a7c15u);
}

static inline uint64_t hash_more(uint64_t h, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t word;
    for (; length >= 8; length -= 8, at += 8) {
        memcpy(&word, at, 8);
        h = hash_mix(h ^ word, 0xa0761d6478bd642fu);
    }
    return h;
}

static inline uint64_t hash_rest(uint64_t h, const void *bytes, size_t length)
{
    size_t words = length & ~(size_t)7;
    h = hash_more(h, bytes, words);
    const uint8_t *at = (const uint8_t *)bytes + words;
    uint64_t word;
    length -= words;
    if (length >= 4) {
        uint32_t head, tail;
        memcpy(&head, at, 4);
        memcpy(&tail, at + length - 4, 4);
        word = (uint64_t)head << 32 | tail;
    } else if (length) {
        word = (uint64_t)at[0] << 16 | (uint64_t)at[length / 2] << 8 | at[length - 1];
    } else {
        word = 0;
    }
    return hash_mix(h ^ word ^ 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u ^ h);
}

/* Hash of `length` bytes under `seed`. Equal bytes, length and seed give an equal value on every machine
 * of this byte order; a seed stored beside a table keeps it readable. */
static inline uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t length)
{
    return hash_rest(hash_begin(seed, length), bytes, length);
}

/* 128 bits that stand for bytes which strangers choose, under a key that they do not know: for who wants to
 * tell bytes apart, or finds several tables with them, after one pass. */
struct digest {
    uint64_t a, b;
};

/* Multiplies 16 bytes in and keeps all of the product. Both factors hold what only we know, so that nobody
 * can aim for a product of zero. */
static inline struct digest digest_words(struct digest d, uint64_t first, uint64_t second)
{
    uint64_t x = first ^ d.a, y = second ^ d.b;
    __extension__ unsigned __int128 product = (unsigned __int128)x * y;
    return (struct digest){x ^ (uint64_t)product, y ^ (uint64_t)(product >> 64)};
}

static inline struct digest digest_block(struct digest d, const uint8_t *first, const uint8_t *second)
{
    uint64_t x, y;
    memcpy(&x, first, 8);
    memcpy(&y, second, 8);
    return digest_words(d, x, y);
}

/* Of `length` bytes; `more` is what else has to be the same (up to 48 bits). It comes in last, when nobody
 * can tell any more which bytes would make up for a difference in it. */
static inline struct digest digest_bytes(struct digest key, const void *bytes, size_t length, uint64_t more)
{
    const uint8_t *at = bytes, *end = at + length;
    struct digest d = key;
    if (length >= 16) {
        for (; at < end - 16; at += 16)
            d = digest_block(d, at, at + 8);
        d = digest_block(d, end - 16, end - 8); /* the rest, and some of it twice */
    } else if (length >= 8) {
        d = digest_block(d, at, end - 8);
    } else {
        uint64_t word = 0;
        for (; at < end; at++)
            word = word << 8 | *at;
        d = digest_words(d, word, 0);
    }
    d.a ^= more << 16 ^ length;
    return d;
}

/* One of the hashes that a digest holds, by its seed: those of different seeds have nothing in common. */
static inline uint64_t digest_hash(struct digest d, uint64_t seed)
{
    return hash_mix(d.a ^ seed, d.b ^ 0xe7037ed1a0b428dbu);
}

#endif
