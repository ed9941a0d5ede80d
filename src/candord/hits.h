/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rules act, and how often, lately: each worker has a summary of bounded size (rpz/sketch.h), which is
 * read when the operator asks. Written without a lock and without memory being asked for. Up to
 * HITS_NOTES_PER_S each hit is noted, at about 1,000 instructions, as the rule's owner is looked up; above
 * that a sample, and a hit that is not in it costs ten. */
#ifndef CANDORD_HITS_H
#define CANDORD_HITS_H

#include "candord/worker.h"
#include "rpz/sketch.h"

/* Hits of one zone in a row are added to its counter, which all workers share, in one go: at the latest when
 * the questions that came together have been answered, and before their answers leave. */
static inline void hit_run_end(struct hit_run *run)
{
    if (run->count)
        atomic_fetch_add_explicit(run->of, run->count, memory_order_relaxed);
    run->count = 0;
}

static inline void hit_run_add(struct hit_run *run, _Atomic uint64_t *counter)
{
    if (run->of != counter)
        hit_run_end(run);
    run->of = counter;
    run->count++;
}

enum { HITS_NOTES_PER_S = 128 };

/* hits_note() when it is a match's turn. */
void hits_take(struct query *query, const struct policy_match *match);

/* A rule has acted, or would have if its zone were not disabled. Of a QNAME match only zone, trigger and name
 * are looked at. On the query's worker. */
static inline void hits_note(struct query *query, const struct policy_match *match)
{
    if (__builtin_expect(sketch_turn(worker_hits(query->worker)), 0))
        hits_take(query, match);
}

#endif
