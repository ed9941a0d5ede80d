/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/lineage.h"

#include <stdlib.h>

#include "rpz/version.h"

struct lineage *lineage_new(void)
{
    struct lineage *lineage = calloc(1, sizeof *lineage);
    if (!lineage)
        return NULL;
    if (pthread_mutex_init(&lineage->mutex, NULL)) {
        free(lineage);
        return NULL;
    }
    lineage->holders = 1;
    lineage->data.heap = &lineage->heap;
    return lineage;
}

void lineage_hold(struct lineage *lineage)
{
    atomic_fetch_add_explicit(&lineage->holders, 1, memory_order_relaxed);
}

void lineage_release(struct lineage *lineage)
{
    if (!lineage || atomic_fetch_sub_explicit(&lineage->holders, 1, memory_order_acq_rel) != 1)
        return;
    data_free(&lineage->data);
    pages_free(&lineage->counts);
    pages_free(&lineage->unused);
    heap_free(&lineage->heap);
    pthread_mutex_destroy(&lineage->mutex);
    if (lineage->image.release)
        lineage->image.release(lineage->image.context);
    free(lineage);
}

/* The lock is held. */
static void clear_ended(struct lineage *lineage)
{
    struct policy_zone *zone = atomic_exchange(&lineage->ended, NULL);
    while (zone) {
        struct policy_zone *next = zone->next_ended;
        policy_zone_clear(zone);
        atomic_fetch_sub_explicit(&lineage->holders, 1, memory_order_acq_rel); /* never the last one here */
        zone = next;
    }
}

void lineage_lock(struct lineage *lineage)
{
    pthread_mutex_lock(&lineage->mutex);
}

void lineage_unlock(struct lineage *lineage)
{
    do {
        clear_ended(lineage);
        pthread_mutex_unlock(&lineage->mutex);
        /* A version that ended while the lock was held and after the look at `ended` was left to us. */
    } while (atomic_load(&lineage->ended) && pthread_mutex_trylock(&lineage->mutex) == 0);
}

void lineage_end_version(struct lineage *lineage, struct policy_zone *zone)
{
    lineage_hold(lineage);
    zone->next_ended = atomic_load(&lineage->ended);
    while (!atomic_compare_exchange_weak(&lineage->ended, &zone->next_ended, zone))
        ;
    if (pthread_mutex_trylock(&lineage->mutex) == 0)
        lineage_unlock(lineage);
    lineage_release(lineage);
}

int lineage_reserve(struct lineage *lineage, size_t count)
{
    size_t all = lineage->numbers + count;
    int error = ERR_LIMIT;
    if (all < UINT32_MAX / 2)
        error = pages_reserve(&lineage->counts, all * sizeof(uint32_t) - lineage->counts.used);
    return error ? error : pages_reserve(&lineage->unused, all * sizeof(uint32_t) - lineage->unused.used);
}

uint32_t lineage_number(struct lineage *lineage)
{
    uint32_t number = lineage->numbers;
    if (lineage->unused.used) {
        lineage->unused.used -= sizeof number;
        number = *pages_u32(&lineage->unused, lineage->unused.used / sizeof number);
    } else {
        lineage->numbers++;
        lineage->counts.used = lineage->numbers * sizeof number;
    }
    *pages_u32(&lineage->counts, number) = 1;
    return number;
}

bool lineage_drop(struct lineage *lineage, uint32_t number)
{
    if (--*pages_u32(&lineage->counts, number))
        return false;
    *pages_u32(&lineage->unused, lineage->unused.used / sizeof number) = number;
    lineage->unused.used += sizeof number;
    return true;
}
