/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name as the index keeps it: three characters in two bytes. Letters, digits, `-`, `_`, the dot between
 * labels and the end are forty symbols, and forty times forty times forty is just below 2^16. The end is the
 * symbol 0 and fills up the last word, which is the only one that forty divides.
 *
 * A name in which another octet stands is kept in wire form behind a word that is no three symbols. Equal
 * names, and only they, have equal bytes. Words are in the byte order of the machine. Inside rpz/ only. */
#ifndef RPZ_PACKED_H
#define RPZ_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "dns/name.h"

enum {
    PACKED_MAX_BYTES = 2 + NAME_MAX_BYTES,
    PACKED_SYMBOLS = 40,
    PACKED_WIRE = 0xffff, /* the word in front of a wire form */
};

/* Packs a name in lower case of `length` bytes, with the root's. Returns how many bytes it takes now. */
size_t packed_make(uint8_t out[PACKED_MAX_BYTES], const uint8_t *name, size_t length);

/* The name in wire form. Returns its length. */
size_t packed_name(const uint8_t *packed, uint8_t out[NAME_MAX_BYTES]);

/* Where the word ends that is the last one, which is the first that forty divides. */
static inline const uint8_t *packed_end(const uint8_t *at)
{
#ifdef __SSE2__
    enum {
        FIFTH = 0xcccd /* times five is 1: it makes multiples of five, and only them, at most MOST */,
        MOST = 0x3333
    };
    const __m128i zero = _mm_setzero_si128();
    for (;; at += sizeof zero) {
        __m128i words = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i fifths = _mm_mullo_epi16(words, _mm_set1_epi16((short)FIFTH));
        __m128i no_five = _mm_subs_epu16(fifths, _mm_set1_epi16(MOST));
        __m128i no_eight = _mm_and_si128(words, _mm_set1_epi16(7));
        __m128i last = _mm_cmpeq_epi16(_mm_or_si128(no_five, no_eight), zero);
        unsigned found = (unsigned)_mm_movemask_epi8(last);
        if (found)
            return at + __builtin_ctz(found) + sizeof(uint16_t);
    }
#else
    uint16_t word;
    do {
        memcpy(&word, at, sizeof word);
        at += sizeof word;
    } while (word % PACKED_SYMBOLS);
    return at;
#endif
}

/* How many bytes a packed name takes. May read some bytes behind it (HEAP_SLACK). */
static inline size_t packed_bytes(const uint8_t *packed)
{
    uint16_t word;
    memcpy(&word, packed, sizeof word);
    if (word == PACKED_WIRE)
        return sizeof word + name_length(packed + sizeof word);
    return (size_t)(packed_end(packed) - packed);
}

#endif
