/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the writer of a sketch and its readers share. Inside rpz/ only. */
#ifndef RPZ_SKETCH_PARTS_H
#define RPZ_SKETCH_PARTS_H

#include <stdatomic.h>

#include "rpz/sketch.h"

enum { BIN_WORDS = 32 /* 255 bytes of a name */ };

/* A counted name. Name and view are whole when `version` is even and the same before and after. */
struct bin {
    _Atomic uint32_t version, view, length; /* bytes of the name */
    _Atomic uint64_t count;                 /* 0: free */
    _Atomic uint64_t name[BIN_WORDS];
};

struct sketch_window {
    _Atomic uint64_t began_ms; /* + 1; 0: not in use */
    _Atomic uint32_t mean_gap; /* the largest in its time */
    struct bin bins[SKETCH_BINS];
};

/* Its SKETCH_WINDOWS windows. */
struct sketch_window *sketch_windows(struct sketch *sketch);

#endif
