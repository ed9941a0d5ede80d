/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which names are asked, and how often, lately: a bounded summary that one thread writes without a lock while
 * others read it. The guard weighs a new version of a zone against it.
 *
 * It is an Unbiased Space Saving sketch (D. Ting, "Data Sketches for Disaggregated Subset Sum and Frequent
 * Item Estimation", SIGMOD 2018), which is Space-Saving (Metwally, Agrawal, El Abbadi, ICDT 2005) with one
 * difference: the name that is counted least gives way only with the probability that keeps every sum
 * unbiased. So the sketch answers both questions that the guard has: which names are asked most, and what
 * share of all queries goes to any set of names, also where each of them is rare.
 *
 * Size: SKETCH_WINDOWS windows of SKETCH_BINS names each, about 1.1 MiB for each writing thread, whatever is
 * asked. The window being written is closed after SKETCH_WINDOW_MS and the oldest one begins anew, so what is
 * read covers the last 45 to 60 minutes.
 *
 * Error: with n queries in a window of m bins, let `step` be n/m at most (0 while fewer than m names were
 * asked: then all counts are exact). A name asked more often than `step` is in the sketch almost surely, its
 * count at most `step` too high. The number of queries to a set of names is estimated without bias, with a
 * standard deviation of at most sqrt(step * that number): of 1,000,000 queries in an hour seen by one thread,
 * a share of 10 % is known to within +- 0.5 percentage points.
 *
 * Cost: up to `notes_per_s` each query is noted; above, one in so many that about as many are, at random
 * distances, each standing for those before it (the sum stays exact, `step` grows by the mean distance).
 * A query that is not noted costs a subtraction and a branch. */
#ifndef RPZ_SKETCH_H
#define RPZ_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    SKETCH_WINDOWS = 4,
    SKETCH_WINDOW_MS = 15 * 60 * 1000,
    SKETCH_BINS = 1024,
};

struct sketch;

/* What the query path touches; the first member of struct sketch. */
struct sketch_gate {
    uint32_t left; /* queries until the next one that is noted */
};

/* `seed` for the hash and for chance; `notes_per_s` is at least 1. NULL: memory. */
struct sketch *sketch_new(uint64_t seed, unsigned notes_per_s) MUST_CHECK;
void sketch_free(struct sketch *sketch);

/* sketch_ask() when it is a query's turn. */
void sketch_note(struct sketch *sketch, const uint8_t *name, size_t length, uint32_t view, uint64_t now_ms);

/* Is it the turn of one query more? Then sketch_note() is to be called. */
static inline bool sketch_turn(struct sketch *sketch)
{
    struct sketch_gate *gate = (struct sketch_gate *)sketch;
    return --gate->left == 0;
}

/* A client asks for `name` (lower case; `length` with the final zero). `view` is any number but 0 that stands
 * for where it asks. Only one thread writes. */
static inline void sketch_ask(struct sketch *sketch, const uint8_t *name, size_t length, uint32_t view,
                              uint64_t now_ms)
{
    if (sketch_turn(sketch))
        sketch_note(sketch, name, length, view, now_ms);
}

/* --- reading --- */

struct asked_name {
    uint64_t queries;
    const uint8_t *name; /* lives as long as the list */
};

/* Several sketches made into one list. */
struct asked {
    uint64_t queries;  /* to all names */
    uint64_t step;     /* see above; of the sketch where it is largest */
    uint64_t since_ms; /* the oldest is of then; UINT64_MAX: there is none */
    size_t count;
    struct asked_name *names; /* in no order */
    uint8_t *bytes;           /* of the names */
};

/* Sums what `count` sketches know of a view (0: of all). From any thread, while they are written; `now_ms` is
 * of the clock of the writers. 0 or ERR_NOMEM. */
int asked_gather(struct sketch *const *sketches, size_t count, uint32_t view, uint64_t now_ms,
                 struct asked *out) MUST_CHECK;
void asked_free(struct asked *asked);

#endif
