/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a version and those made from it by deltas share: the memory of their leaves, how many versions hold
 * each leaf, and the data of rules. It goes with the last of them.
 *
 * Making a version and clearing one away take the lineage's lock; reading takes nothing. Who gives up a
 * version's last reference never waits: when the lock is taken, its holder clears the version away too.
 * Inside rpz/ only. */
#ifndef RPZ_LINEAGE_H
#define RPZ_LINEAGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "rpz/data.h"
#include "rpz/heap.h"
#include "rpz/image.h"

struct policy_zone;

struct lineage {
    pthread_mutex_t mutex;
    _Atomic unsigned holders;            /* versions that are not cleared away, and threads at work here */
    _Atomic(struct policy_zone *) ended; /* versions to be cleared away */
    struct heap heap;
    struct data data;
    struct pages counts;              /* uint32_t by the leaf's number: versions that hold it */
    struct pages unused;              /* uint32_t: numbers to be given again */
    uint32_t numbers;                 /* ever given */
    struct policy_image_memory image; /* where leaves and data lie that are not in the heap */
};

/* Held once. NULL: memory is out. */
struct lineage *lineage_new(void);
void lineage_hold(struct lineage *lineage);

/* The last one out ends it. */
void lineage_release(struct lineage *lineage);

void lineage_lock(struct lineage *lineage);
/* Also clears away what ended meanwhile. */
void lineage_unlock(struct lineage *lineage);

/* Clears the version away, which nobody refers to: now or soon. Gives up its hold. */
void lineage_end_version(struct lineage *lineage, struct policy_zone *zone);

/* Makes sure that lineage_number() cannot fail for `count` leaves. */
int lineage_reserve(struct lineage *lineage, size_t count) MUST_CHECK;
/* A number for a leaf that one version holds. */
uint32_t lineage_number(struct lineage *lineage);
/* One version less holds it. True: it was the last, and the number is free. */
bool lineage_drop(struct lineage *lineage, uint32_t number);

#endif
