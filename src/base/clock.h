/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two clocks. Pure code takes the time as an argument; only loops and mains ask here. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* Monotonic time: never jumps back, unrelated to the calendar. */
uint64_t clock_mono_us(void);
uint64_t clock_mono_ms(void);

/* Calendar time in seconds since 1970, for logs, signatures and files. */
int64_t clock_wall_s(void);

#endif
