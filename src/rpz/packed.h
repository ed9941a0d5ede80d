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

/* How many bytes a packed name takes. */
static inline size_t packed_bytes(const uint8_t *packed)
{
    const uint8_t *at = packed;
    uint16_t word;
    do {
        memcpy(&word, at, sizeof word);
        at += sizeof word;
    } while (word % PACKED_SYMBOLS && word != PACKED_WIRE);
    return (size_t)(at - packed) + (word == PACKED_WIRE ? name_length(at) : 0);
}

#endif
