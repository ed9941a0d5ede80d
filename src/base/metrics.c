/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>

struct metric_block {
    struct metric_block *next; /* in order of registration */
    const struct metric_group *group;
    _Alignas(64) _Atomic uint64_t values[]; /* a cache line of its own */
};

struct metrics {
    pthread_mutex_t lock; /* guards the list, never the numbers */
    struct metric_block *first, **end;
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);
    if (!metrics)
        return NULL;
    pthread_mutex_init(&metrics->lock, NULL);
    metrics->end = &metrics->first;
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (struct metric_block *block = metrics->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct metric_block *metrics_add_block(struct metrics *metrics, const struct metric_group *group)
{
    size_t bytes = sizeof(struct metric_block) + group->count * sizeof(uint64_t);
    struct metric_block *block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!block)
        return NULL;
    block->next = NULL;
    block->group = group;
    for (size_t i = 0; i < group->count; i++)
        atomic_init(&block->values[i], 0);
    pthread_mutex_lock(&metrics->lock);
    *metrics->end = block;
    metrics->end = &block->next;
    pthread_mutex_unlock(&metrics->lock);
    return block;
}

_Atomic uint64_t *metric_values(struct metric_block *block)
{
    return block->values;
}

static uint64_t sum(const struct metric_block *from, const struct metric_group *group, size_t which)
{
    uint64_t total = 0;
    for (; from; from = from->next)
        if (from->group == group)
            total += atomic_load_explicit(&from->values[which], memory_order_relaxed);
    return total;
}

static int is_first_of_group(const struct metrics *metrics, const struct metric_block *block)
{
    const struct metric_block *b = metrics->first;
    while (b->group != block->group)
        b = b->next;
    return b == block;
}

void metrics_read(struct metrics *metrics, metric_visit *each, void *context)
{
    pthread_mutex_lock(&metrics->lock);
    for (struct metric_block *block = metrics->first; block; block = block->next) {
        const struct metric_group *group = block->group;
        if (!is_first_of_group(metrics, block))
            continue;
        for (size_t i = 0; i < group->count; i++)
            each(context, group->room, &group->defs[i], sum(block, group, i));
    }
    pthread_mutex_unlock(&metrics->lock);
}
