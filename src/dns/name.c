/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include <string.h>

#include "base/hash.h"

size_t name_length(const uint8_t *name)
{
    const uint8_t *at = name;
    while (*at)
        at += *at + 1;
    return (size_t)(at - name) + 1;
}

unsigned name_labels(const uint8_t *name)
{
    unsigned labels = 0;
    for (; *name; name += *name + 1)
        labels++;
    return labels;
}

int name_check(const uint8_t *bytes, size_t available)
{
    size_t limit = available < NAME_MAX_BYTES ? available : NAME_MAX_BYTES, at = 0;
    while (at < limit) {
        uint8_t label = bytes[at];
        if (label == 0)
            return (int)at + 1;
        if (label > 63)
            return ERR_MALFORMED;
        at += label + 1u;
    }
    return ERR_MALFORMED;
}

/* Length bytes are at most 63, below 'A', so a name can be treated as one run of bytes. */
static inline uint8_t lower_byte(uint8_t c)
{
    return (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
}

/* Eight bytes at once: each byte's top bit says whether it is in 'A' … 'Z'. */
static inline uint64_t lower_word(uint64_t word)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t seven = word & 0x7f * ones;
    uint64_t from_a = seven + (0x80 - 'A') * ones, above_z = seven + (0x7f - 'Z') * ones;
    uint64_t upper = (from_a ^ above_z) & ~word & 0x80 * ones;
    return word | upper >> 2;
}

static void copy_lower(uint8_t *to, const uint8_t *from, size_t length)
{
    uint64_t word;
    for (; length >= 8; length -= 8, from += 8, to += 8) {
        memcpy(&word, from, 8);
        word = lower_word(word);
        memcpy(to, &word, 8);
    }
    for (; length; length--)
        *to++ = lower_byte(*from++);
}

/* Sixteen at once, where the machine has registers for it. */
typedef int8_t sixteen __attribute__((vector_size(16)));

static void lower_sixteen(uint8_t *to, const uint8_t *from)
{
    enum { TO_LOWEST = -128 - 'A' }; /* moves 'A' … 'Z' to the 26 lowest numbers */
    sixteen bytes;
    memcpy(&bytes, from, sizeof bytes);
    sixteen is_upper =
        (sixteen)((uint8_t __attribute__((vector_size(16))))bytes + (uint8_t)TO_LOWEST) < -128 + 26;
    bytes |= is_upper & 0x20;
    memcpy(to, &bytes, sizeof bytes);
}

void name_copy_lower_known(uint8_t *to, const uint8_t *name, size_t length)
{
    if (length < 8) {
        copy_lower(to, name, length);
        return;
    }
    if (length >= 16) {
        for (size_t at = 0; at + 16 < length; at += 16)
            lower_sixteen(to + at, name + at);
        lower_sixteen(to + length - 16, name + length - 16); /* the rest, and some of it twice */
        return;
    }
    uint64_t word;
    for (size_t at = 0; at + 8 < length; at += 8) {
        memcpy(&word, name + at, 8);
        word = lower_word(word);
        memcpy(to + at, &word, 8);
    }
    memcpy(&word, name + length - 8, 8); /* the rest, and some of it twice */
    word = lower_word(word);
    memcpy(to + length - 8, &word, 8);
}

static bool equal_lower(const uint8_t *a, const uint8_t *b, size_t length)
{
    uint64_t x, y;
    for (; length >= 8; length -= 8, a += 8, b += 8) {
        memcpy(&x, a, 8);
        memcpy(&y, b, 8);
        if (x != y && lower_word(x) != lower_word(y))
            return false;
    }
    for (; length; length--)
        if (lower_byte(*a++) != lower_byte(*b++))
            return false;
    return true;
}

size_t name_copy(uint8_t *to, const uint8_t *name)
{
    size_t length = name_length(name);
    memmove(to, name, length);
    return length;
}

size_t name_copy_lower(uint8_t *to, const uint8_t *name)
{
    size_t length = name_length(name);
    name_copy_lower_known(to, name, length);
    return length;
}

void name_to_lower(uint8_t *name)
{
    copy_lower(name, name, name_length(name));
}

bool name_equal(const uint8_t *a, const uint8_t *b)
{
    size_t length = name_length(a);
    return length == name_length(b) && equal_lower(a, b, length);
}

static int compare_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned shorter = *a < *b ? *a : *b;
    for (unsigned i = 1; i <= shorter; i++) {
        int difference = lower_byte(a[i]) - lower_byte(b[i]);
        if (difference)
            return difference;
    }
    return *a - *b;
}

int name_compare(const uint8_t *a, const uint8_t *b)
{
    const uint8_t *in_a[NAME_MAX_LABELS], *in_b[NAME_MAX_LABELS];
    unsigned i = name_split(a, in_a), j = name_split(b, in_b);
    while (i && j) {
        int order = compare_labels(in_a[--i], in_b[--j]);
        if (order)
            return order;
    }
    return (i > 0) - (j > 0);
}

bool name_is_within(const uint8_t *name, const uint8_t *ancestor)
{
    size_t all = name_length(name), tail = name_length(ancestor), skip = 0;
    if (tail > all)
        return false;
    while (skip < all - tail)
        skip += name[skip] + 1u;
    return skip == all - tail && equal_lower(name + skip, ancestor, tail);
}

const uint8_t *name_skip(const uint8_t *name, unsigned labels)
{
    while (labels--)
        name += *name + 1;
    return name;
}

unsigned name_split(const uint8_t *name, const uint8_t *out[NAME_MAX_LABELS])
{
    unsigned labels = 0;
    for (; *name; name += *name + 1)
        out[labels++] = name;
    return labels;
}

int name_join(const uint8_t *prefix, const uint8_t *suffix, uint8_t out[NAME_MAX_BYTES])
{
    size_t head = name_length(prefix) - 1, tail = name_length(suffix);
    if (head + tail > NAME_MAX_BYTES)
        return ERR_SPACE;
    memmove(out + head, suffix, tail); /* first: `out` may be where either comes from */
    memmove(out, prefix, head);
    return (int)(head + tail);
}

unsigned name_shared_labels(const uint8_t *a, const uint8_t *b)
{
    unsigned in_a = name_labels(a), in_b = name_labels(b), shared = 0;
    unsigned common = in_a < in_b ? in_a : in_b;
    a = name_skip(a, in_a - common);
    b = name_skip(b, in_b - common);
    for (; *a; a += *a + 1, b += *b + 1)
        shared = compare_labels(a, b) == 0 ? shared + 1 : 0;
    return shared;
}

uint64_t name_hash_lower(uint64_t seed, const uint8_t *name, size_t length)
{
    return hash_bytes(seed, name, length);
}
