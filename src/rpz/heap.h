/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Blocks of memory in segments of their own: what is given back is taken again, the neighbour of a free block
 * becomes one with it, and a segment that is all free goes back to the system. Not for more than one thread
 * at a time. Inside rpz/ only. */
#ifndef RPZ_HEAP_H
#define RPZ_HEAP_H

#include <stddef.h>
#include <stdint.h>

enum { HEAP_BINS = 128, HEAP_SLACK = 512 /* bytes that may be read behind any block */ };

struct heap_segment;
struct heap_block;

struct heap {
    struct heap_segment *first, *last;
    struct heap_block *bins[HEAP_BINS]; /* free blocks by size */
    uint64_t filled[HEAP_BINS / 64];    /* bins that are not empty */
    size_t mapped;                      /* bytes of all segments */
};

/* At least `bytes` bytes, aligned to 8; NULL: memory is out. An all-zero struct heap is an empty one. */
void *heap_take(struct heap *heap, size_t bytes);
void heap_give(struct heap *heap, void *block);

/* Ask for what heap_give() will read of memory, step by step: the second needs what the first asked for. */
void heap_ask(const void *block);
void heap_ask_beside(const void *block);

/* How many bytes a block really has, and how many it takes away from the heap. */
size_t heap_room(const void *block);
size_t heap_cost(const void *block);

/* Calls `each` for every block in use, in the order of their addresses within a segment, and gives each
 * segment back to the system when its last block was seen; the heap is empty afterwards. Stops at a non-zero
 * result and returns it; what was not reached stays. */
int heap_drain(struct heap *heap, int (*each)(void *context, void *block), void *context);

/* Gives everything back. */
void heap_free(struct heap *heap);

#endif
