/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a fuzz target is: one function that takes any bytes and must come back. What must hold whatever the
 * bytes are is stated with must(). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must_hold(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}
#define must(holds) must_hold((holds) ? 1 : 0, #holds, __FILE__, __LINE__)

#endif
