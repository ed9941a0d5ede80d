/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static _Thread_local struct {
    uint8_t bytes[256]; /* getrandom never returns less than asked up to 256 bytes */
    size_t used;
    size_t filled;
} pool;

static void refill(void)
{
    ssize_t got;
    do
        got = getrandom(pool.bytes, sizeof pool.bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof pool.bytes)
        abort();
    pool.filled = sizeof pool.bytes;
    pool.used = 0;
}

void random_bytes(void *to, size_t length)
{
    uint8_t *out = to;
    while (length) {
        if (pool.used == pool.filled)
            refill();
        size_t n = pool.filled - pool.used < length ? pool.filled - pool.used : length;
        memcpy(out, pool.bytes + pool.used, n);
        memset(pool.bytes + pool.used, 0, n);
        pool.used += n;
        out += n;
        length -= n;
    }
}

uint16_t random_u16(void)
{
    uint16_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint32_t random_u32(void)
{
    uint32_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

uint32_t random_below(uint32_t bound)
{
    return (uint32_t)((uint64_t)random_u32() * bound >> 32);
}
