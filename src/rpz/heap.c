/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/heap.h"

#include <stdbool.h>
#include <sys/mman.h>

enum { UNIT = 32, SEGMENT_FIRST = 64 << 10, SEGMENT_MOST = 8 << 20, HUGE_PAGE = 2 << 20 };

/* In front of each block, in use or free, and behind the last one of a segment (with no units). */
struct heap_block {
    uint32_t units;  /* with this head; the lowest bit of `before` says whether it is free */
    uint32_t before; /* units of the block in front << 1 | free */
    struct heap_block *next, *previous; /* of a free one: in its bin */
};

enum { HEAD = offsetof(struct heap_block, next) };

struct heap_segment {
    struct heap_segment *next, *previous;
    size_t bytes;
    uint64_t padding;
};

static bool is_free(const struct heap_block *block)
{
    return block->before & 1;
}

static struct heap_block *block_behind(struct heap_block *block)
{
    return (struct heap_block *)(void *)((uint8_t *)block + (size_t)block->units * UNIT);
}

static struct heap_block *block_in_front(struct heap_block *block)
{
    return (struct heap_block *)(void *)((uint8_t *)block - (size_t)(block->before >> 1) * UNIT);
}

static struct heap_block *first_block(struct heap_segment *segment)
{
    return (struct heap_block *)(void *)(segment + 1);
}

static void *payload(struct heap_block *block)
{
    return (uint8_t *)block + HEAD;
}

static struct heap_block *block_of(const void *payload)
{
    return (struct heap_block *)(void *)((uint8_t *)payload - HEAD);
}

/* --- bins: eight to each power of two ------------------------------------------------------------------ */

static unsigned bin_of(uint32_t units)
{
    unsigned power = 31 - (unsigned)__builtin_clz(units);
    unsigned bin = power < 3 ? units : ((power - 2) << 3) + (units >> (power - 3) & 7);
    return bin < HEAP_BINS ? bin : HEAP_BINS - 1;
}

static void put_free(struct heap *heap, struct heap_block *block)
{
    unsigned bin = bin_of(block->units);
    block->before |= 1;
    block->previous = NULL;
    block->next = heap->bins[bin];
    if (block->next)
        block->next->previous = block;
    heap->bins[bin] = block;
    heap->filled[bin / 64] |= (uint64_t)1 << bin % 64;
}

static void take_free(struct heap *heap, struct heap_block *block)
{
    unsigned bin = bin_of(block->units);
    block->before &= ~(uint32_t)1;
    if (block->next)
        block->next->previous = block->previous;
    if (block->previous)
        block->previous->next = block->next;
    else if (!(heap->bins[bin] = block->next))
        heap->filled[bin / 64] &= ~((uint64_t)1 << bin % 64);
}

/* A free block of at least that size. In its own bin not all are large enough, and few are tried. */
static struct heap_block *find_free(const struct heap *heap, uint32_t units)
{
    unsigned bin = bin_of(units), tries = bin == HEAP_BINS - 1 ? UINT32_MAX : 16;
    for (struct heap_block *block = heap->bins[bin]; block && tries; block = block->next, tries--)
        if (block->units >= units)
            return block;
    for (unsigned word = ++bin / 64; word < HEAP_BINS / 64; word++) {
        uint64_t filled = heap->filled[word];
        if (word == bin / 64)
            filled &= ~(uint64_t)0 << bin % 64;
        if (filled)
            return heap->bins[word * 64 + (unsigned)__builtin_ctzll(filled)];
    }
    return NULL;
}

/* --- segments ------------------------------------------------------------------------------------------ */

/* Aligned to large pages where it is large: look-ups jump about in it. */
static void *map_segment(size_t bytes)
{
    size_t more = bytes >= HUGE_PAGE ? HUGE_PAGE : 0;
    uint8_t *base = mmap(NULL, bytes + more, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (!more)
        return base;
    size_t before = (size_t)(-(uintptr_t)base & (HUGE_PAGE - 1));
    if (before)
        munmap(base, before);
    if (more - before)
        munmap(base + before + bytes, more - before);
    (void)madvise(base + before, bytes, MADV_HUGEPAGE);
    return base + before;
}

/* Soon of one large page, so that those of middling zones are spared address misses too; later, when one more
 * hardly counts, of several. */
static size_t segment_bytes(const struct heap *heap, size_t need)
{
    size_t bytes = SEGMENT_FIRST;
    need += sizeof(struct heap_segment) + UNIT + HEAP_SLACK;
    while (bytes < SEGMENT_MOST && bytes < heap->mapped / (bytes < HUGE_PAGE ? 2 : 16))
        bytes *= 2;
    return bytes >= need ? bytes : (need + 4095) & ~(size_t)4095;
}

/* A new segment, one free block. */
static struct heap_block *add_segment(struct heap *heap, uint32_t units)
{
    size_t bytes = segment_bytes(heap, (size_t)units * UNIT);
    struct heap_segment *segment = map_segment(bytes);
    if (!segment)
        return NULL;
    *segment = (struct heap_segment){.previous = heap->last, .bytes = bytes};
    if (heap->last)
        heap->last->next = segment;
    else
        heap->first = segment;
    heap->last = segment;
    heap->mapped += bytes;
    struct heap_block *block = first_block(segment);
    block->units = (uint32_t)((bytes - sizeof *segment - UNIT - HEAP_SLACK) / UNIT);
    block->before = 0;
    struct heap_block *end = block_behind(block);
    end->units = 0;
    end->before = block->units << 1;
    put_free(heap, block);
    return block;
}

static void drop_segment(struct heap *heap, struct heap_segment *segment)
{
    if (segment->next)
        segment->next->previous = segment->previous;
    else
        heap->last = segment->previous;
    if (segment->previous)
        segment->previous->next = segment->next;
    else
        heap->first = segment->next;
    heap->mapped -= segment->bytes;
    munmap(segment, segment->bytes);
}

/* --- blocks -------------------------------------------------------------------------------------------- */

/* Leaves what is not needed of a block in use behind it, free. */
static void split_block(struct heap *heap, struct heap_block *block, uint32_t units)
{
    uint32_t rest = block->units - units;
    if (!rest)
        return;
    block->units = units;
    struct heap_block *behind = block_behind(block);
    behind->units = rest;
    behind->before = units << 1;
    block_behind(behind)->before = rest << 1 | (block_behind(behind)->before & 1);
    put_free(heap, behind);
}

void *heap_take(struct heap *heap, size_t bytes)
{
    if (bytes > UINT32_MAX)
        return NULL;
    uint32_t units = (uint32_t)((bytes + HEAD + UNIT - 1) / UNIT);
    struct heap_block *block = find_free(heap, units);
    if (!block && !(block = add_segment(heap, units)))
        return NULL;
    take_free(heap, block);
    split_block(heap, block, units);
    return payload(block);
}

/* Joins a free block, which is in no bin, with the one behind it. */
static void join(struct heap_block *block, const struct heap_block *behind)
{
    block->units += behind->units;
    struct heap_block *next = block_behind(block);
    next->before = block->units << 1 | (next->before & 1);
}

void heap_give(struct heap *heap, void *given)
{
    struct heap_block *block = block_of(given), *other = block_behind(block);
    if (is_free(other)) {
        take_free(heap, other);
        join(block, other);
    }
    if (block->before >> 1 && is_free(other = block_in_front(block))) {
        take_free(heap, other);
        join(other, block);
        block = other;
    }
    struct heap_segment *segment = (struct heap_segment *)(void *)block - 1;
    if (!(block->before >> 1) && !block_behind(block)->units && segment != heap->first)
        drop_segment(heap, segment);
    else
        put_free(heap, block);
}

void heap_ask(const void *block)
{
    __builtin_prefetch(block_of(block));
}

void heap_ask_beside(const void *given)
{
    struct heap_block *block = block_of(given);
    __builtin_prefetch(block_behind(block));
    __builtin_prefetch(block_in_front(block));
}

size_t heap_room(const void *block)
{
    return heap_cost(block) - HEAD;
}

size_t heap_cost(const void *block)
{
    return (size_t)block_of(block)->units * UNIT;
}

int heap_drain(struct heap *heap, int (*each)(void *context, void *block), void *context)
{
    while (heap->first) {
        struct heap_segment *segment = heap->first;
        for (struct heap_block *block = first_block(segment); block->units; block = block_behind(block)) {
            int result = is_free(block) ? 0 : each(context, payload(block));
            if (result)
                return result;
        }
        drop_segment(heap, segment);
    }
    *heap = (struct heap){0};
    return 0;
}

void heap_free(struct heap *heap)
{
    while (heap->first)
        drop_segment(heap, heap->first);
    *heap = (struct heap){0};
}
