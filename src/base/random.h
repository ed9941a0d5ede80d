/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Unpredictable numbers, from the kernel, buffered per thread. Safe for threads. Cannot fail: a kernel
 * without getrandom(2) stops the process. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *to, size_t length);
uint16_t random_u16(void);
uint32_t random_u32(void);
uint64_t random_u64(void);

/* A number in 0 … bound-1; bound > 0. */
uint32_t random_below(uint32_t bound);

#endif
