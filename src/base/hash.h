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

#endif
