/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bytes that grow. Where they are many their memory is taken straight from the system: what is freed goes
 * back at once, and it grows without being copied. Pieces are named by their offset, never by a pointer that
 * must last. */
#ifndef RPZ_PAGES_H
#define RPZ_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pages {
    uint8_t *base;
    size_t used, size; /* bytes */
};

/* Room for `bytes` more, behind `used` (which stays as it is); new memory is zero. 0 or ERR_NOMEM. */
int pages_reserve(struct pages *pages, size_t bytes) MUST_CHECK;

/* Appends `bytes` bytes. 0 or ERR_NOMEM. */
int pages_append(struct pages *pages, const void *from, size_t bytes) MUST_CHECK;

/* Gives back what lies behind `used`. */
void pages_trim(struct pages *pages);

void pages_free(struct pages *pages);

/* Where a u32 of an array of them stands. */
static inline uint32_t *pages_u32(const struct pages *pages, size_t index)
{
    return (uint32_t *)(void *)pages->base + index;
}

#endif
