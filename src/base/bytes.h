/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Cursors over bytes that remember their first error, so that a run of reads or writes needs one test
 * at its end. Numbers are in network byte order. After an error reads give 0 or NULL, writes do nothing. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

struct reader {
    const uint8_t *start, *at, *end;
    int error; /* 0, or ERR_MALFORMED: a read went past the end */
};

struct writer {
    uint8_t *start, *at, *end;
    int error; /* 0, or ERR_SPACE: a write did not fit */
};

/* memcmp(a, b, length) == 0 for what is short: a call would take longer than the comparison. */
static inline bool bytes_same(const void *a, const void *b, size_t length)
{
    const uint8_t *x = a, *y = b;
    uint64_t of_x, of_y;
    size_t at = 0;
    for (; at + sizeof of_x < length; at += sizeof of_x) {
        memcpy(&of_x, x + at, sizeof of_x);
        memcpy(&of_y, y + at, sizeof of_y);
        if (of_x != of_y)
            return false;
    }
    if (length >= sizeof of_x) { /* the rest, and some of it twice */
        memcpy(&of_x, x + length - sizeof of_x, sizeof of_x);
        memcpy(&of_y, y + length - sizeof of_y, sizeof of_y);
        return of_x == of_y;
    }
    while (at < length && x[at] == y[at])
        at++;
    return at == length;
}

static inline uint16_t load_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap16(value);
}

static inline uint32_t load_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return __builtin_bswap32(value);
}

static inline void store_u16(uint8_t *to, uint16_t value)
{
    value = __builtin_bswap16(value);
    memcpy(to, &value, sizeof value);
}

static inline void store_u32(uint8_t *to, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(to, &value, sizeof value);
}

/* memcpy() and memcmp() == 0 for what is seldom longer than a few words, like names: without a call. The copy
 * takes at least 4 bytes. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t length)
{
    if (length >= 16) {
        for (size_t at = 0; at + 16 < length; at += 16)
            memcpy(to + at, from + at, 16);
        memcpy(to + length - 16, from + length - 16, 16); /* the rest, and some of it twice */
    } else if (length >= 8) {
        memcpy(to, from, 8);
        memcpy(to + length - 8, from + length - 8, 8);
    } else {
        memcpy(to, from, 4);
        memcpy(to + length - 4, from + length - 4, 4);
    }
}

static inline bool same_short(const uint8_t *a, const uint8_t *b, size_t length)
{
    uint64_t x, y;
    if (length < 8)
        return memcmp(a, b, length) == 0;
    for (size_t at = 0; at + 8 < length; at += 8) {
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + length - 8, 8);
    memcpy(&y, b + length - 8, 8);
    return x == y;
}

static inline struct reader reader_of(const void *bytes, size_t length)
{
    return (struct reader){bytes, bytes, (const uint8_t *)bytes + length, 0};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static inline size_t reader_offset(const struct reader *r)
{
    return (size_t)(r->at - r->start);
}

/* Returns the next `length` bytes and moves past them, or NULL when there are fewer. */
static inline const uint8_t *read_bytes(struct reader *r, size_t length)
{
    if (r->error || reader_left(r) < length) {
        r->error = ERR_MALFORMED;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += length;
    return at;
}

static inline uint8_t read_u8(struct reader *r)
{
    const uint8_t *at = read_bytes(r, 1);
    return at ? *at : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
    const uint8_t *at = read_bytes(r, 2);
    return at ? load_u16(at) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
    const uint8_t *at = read_bytes(r, 4);
    return at ? load_u32(at) : 0;
}

static inline struct writer writer_of(void *bytes, size_t length)
{
    return (struct writer){bytes, bytes, (uint8_t *)bytes + length, 0};
}

static inline size_t writer_used(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return (size_t)(w->end - w->at);
}

/* Reserves `length` bytes to be filled by the caller; NULL when they do not fit. */
static inline uint8_t *write_room(struct writer *w, size_t length)
{
    if (w->error || writer_left(w) < length) {
        w->error = ERR_SPACE;
        return NULL;
    }
    uint8_t *at = w->at;
    w->at += length;
    return at;
}

static inline void write_bytes(struct writer *w, const void *from, size_t length)
{
    uint8_t *at = write_room(w, length);
    if (at && length)
        memcpy(at, from, length);
}

static inline void write_u8(struct writer *w, uint8_t value)
{
    uint8_t *at = write_room(w, 1);
    if (at)
        *at = value;
}

static inline void write_u16(struct writer *w, uint16_t value)
{
    uint8_t *at = write_room(w, 2);
    if (at)
        store_u16(at, value);
}

static inline void write_u32(struct writer *w, uint32_t value)
{
    uint8_t *at = write_room(w, 4);
    if (at)
        store_u32(at, value);
}

#endif
