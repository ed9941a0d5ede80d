/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writing side: one window of counted names, the least counted on top of a heap, a table from hash to
 * name. What other threads read (struct bin) is atomic; the rest belongs to the writer alone. */
#include "rpz/sketch.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "rpz/sketch_parts.h"

enum {
    SLOTS = 2 * SKETCH_BINS, /* of the table */
    GAP_MAX = 1024,          /* mean distance of two noted queries */
    ADAPT_MS = 1000,
};

/* A bin in the heap, by what it had counted when it was put in its place. */
struct least {
    uint64_t count;
    uint16_t bin;
};

struct sketch {
    struct sketch_gate gate; /* first */
    uint32_t gap;            /* queries that the next noted one stands for */
    uint32_t mean_gap;
    uint32_t notes_per_s;
    uint64_t seed, chance;
    uint64_t period_began_ms, period_queries;
    uint32_t period_notes;
    unsigned current;
    /* Of the current window: a bin's hash; slots hold bin + 1, 0 is free. */
    uint32_t used;
    uint64_t hashes[SKETCH_BINS];
    struct least heap[SKETCH_BINS];
    uint16_t slots[SLOTS];
    struct sketch_window windows[SKETCH_WINDOWS];
};

struct sketch *sketch_new(uint64_t seed, unsigned notes_per_s)
{
    struct sketch *sketch = calloc(1, sizeof *sketch);
    if (!sketch)
        return NULL;
    sketch->gate.left = sketch->gap = sketch->mean_gap = 1;
    sketch->notes_per_s = notes_per_s;
    sketch->seed = sketch->chance = seed;
    return sketch;
}

void sketch_free(struct sketch *sketch)
{
    free(sketch);
}

struct sketch_window *sketch_windows(struct sketch *sketch)
{
    return sketch->windows;
}

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t chance(struct sketch *sketch)
{
    uint64_t x = sketch->chance += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t chance_below(struct sketch *sketch, uint64_t bound)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)chance(sketch) * bound >> 64);
}

/* --- windows --- */

static struct bin *bins(struct sketch *sketch)
{
    return sketch->windows[sketch->current].bins;
}

static void begin_window(struct sketch *sketch, uint64_t now_ms)
{
    sketch->current = (sketch->current + 1) % SKETCH_WINDOWS;
    struct sketch_window *window = &sketch->windows[sketch->current];
    atomic_store(&window->began_ms, 0);
    for (unsigned i = 0; i < SKETCH_BINS; i++)
        atomic_store_explicit(&window->bins[i].count, 0, memory_order_relaxed);
    atomic_store_explicit(&window->mean_gap, sketch->mean_gap, memory_order_relaxed);
    atomic_store(&window->began_ms, now_ms + 1); /* 0 is none */
    sketch->used = 0;
    memset(sketch->slots, 0, sizeof sketch->slots);
}

static void rotate(struct sketch *sketch, uint64_t now_ms)
{
    uint64_t began_ms =
        atomic_load_explicit(&sketch->windows[sketch->current].began_ms, memory_order_relaxed);
    if (!began_ms || now_ms >= began_ms + SKETCH_WINDOW_MS)
        begin_window(sketch, now_ms);
}

/* --- the heap: the least counted bin on top ---
 *
 * Counts only grow, so a bin that has counted more may stay where it is until it comes to the top: then it
 * goes where it belongs. To count costs nothing here, which is what nearly every note does. */

static uint64_t count_of(struct sketch *sketch, uint16_t bin)
{
    return atomic_load_explicit(&bins(sketch)[bin].count, memory_order_relaxed);
}

static void heap_swap(struct sketch *sketch, unsigned a, unsigned b)
{
    struct least other = sketch->heap[a];
    sketch->heap[a] = sketch->heap[b];
    sketch->heap[b] = other;
}

static void sink(struct sketch *sketch, unsigned at)
{
    const struct least *heap = sketch->heap;
    for (unsigned child; (child = 2 * at + 1) < sketch->used; at = child) {
        if (child + 1 < sketch->used && heap[child + 1].count < heap[child].count)
            child++;
        if (heap[at].count <= heap[child].count)
            return;
        heap_swap(sketch, at, child);
    }
}

static void rise(struct sketch *sketch, unsigned at)
{
    const struct least *heap = sketch->heap;
    for (unsigned parent; at && heap[parent = (at - 1) / 2].count > heap[at].count; at = parent)
        heap_swap(sketch, at, parent);
}

static uint16_t least_counted(struct sketch *sketch)
{
    struct least *top = &sketch->heap[0];
    for (uint64_t count; (count = count_of(sketch, top->bin)) != top->count;) {
        top->count = count;
        sink(sketch, 0);
    }
    return top->bin;
}

static void count_more(struct sketch *sketch, uint16_t bin, uint64_t weight)
{
    _Atomic uint64_t *count = &bins(sketch)[bin].count;
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + weight,
                          memory_order_relaxed);
}

/* --- the table: linear probing, gaps closed on removal --- */

static unsigned find_slot(const struct sketch *sketch, uint64_t hash)
{
    unsigned at = hash % SLOTS;
    while (sketch->slots[at] && sketch->hashes[sketch->slots[at] - 1] != hash)
        at = (at + 1) % SLOTS;
    return at;
}

static void remove_slot(struct sketch *sketch, unsigned hole)
{
    for (unsigned at = (hole + 1) % SLOTS; sketch->slots[at]; at = (at + 1) % SLOTS) {
        unsigned home = sketch->hashes[sketch->slots[at] - 1] % SLOTS;
        if ((at - home) % SLOTS < (at - hole) % SLOTS)
            continue; /* it stands between its home and the hole: reachable without it */
        sketch->slots[hole] = sketch->slots[at];
        hole = at;
    }
    sketch->slots[hole] = 0;
}

static void name_bin(struct sketch *sketch, uint16_t number, uint64_t hash, const uint8_t *name,
                     size_t length, uint32_t view)
{
    struct bin *bin = &bins(sketch)[number];
    uint32_t version = atomic_load_explicit(&bin->version, memory_order_relaxed);
    uint64_t words[BIN_WORDS] = {0};
    memcpy(words, name, length);
    atomic_store_explicit(&bin->version, version + 1, memory_order_relaxed);
    for (size_t i = 0; i < (length + 7) / 8; i++)
        atomic_store_explicit(&bin->name[i], words[i], memory_order_release);
    atomic_store_explicit(&bin->length, (uint32_t)length, memory_order_release);
    atomic_store_explicit(&bin->view, view, memory_order_release);
    atomic_store_explicit(&bin->version, version + 2, memory_order_release);
    sketch->hashes[number] = hash;
    sketch->slots[find_slot(sketch, hash)] = (uint16_t)(number + 1);
}

/* --- noting --- */

static void add_bin(struct sketch *sketch, uint64_t hash, const uint8_t *name, size_t length, uint32_t view,
                    uint64_t weight)
{
    uint16_t number = (uint16_t)sketch->used++;
    name_bin(sketch, number, hash, name, length, view);
    atomic_store_explicit(&bins(sketch)[number].count, weight, memory_order_release);
    sketch->heap[number] = (struct least){.count = weight, .bin = number};
    rise(sketch, number);
}

/* The least counted bin counts the query; its name gives way with the probability weight / count. */
static void share_bin(struct sketch *sketch, uint64_t hash, const uint8_t *name, size_t length, uint32_t view,
                      uint64_t weight)
{
    uint16_t number = least_counted(sketch);
    uint64_t count = count_of(sketch, number) + weight;
    if (chance_below(sketch, count) < weight) {
        remove_slot(sketch, find_slot(sketch, sketch->hashes[number]));
        name_bin(sketch, number, hash, name, length, view);
    }
    count_more(sketch, number, weight);
}

/* The mean distance follows the rate of queries, so that there are about as many notes a second at any. */
static void adapt(struct sketch *sketch, uint64_t now_ms)
{
    uint64_t elapsed_ms = now_ms - sketch->period_began_ms;
    bool over = elapsed_ms >= ADAPT_MS, too_many = ++sketch->period_notes >= 2 * sketch->notes_per_s;
    sketch->period_queries += sketch->gap;
    if (over || too_many) {
        uint64_t mean = over ? sketch->period_queries * 1000 / elapsed_ms / sketch->notes_per_s
                             : 2 * sketch->mean_gap; /* step by step: a short burst costs little precision */
        sketch->mean_gap = (uint32_t)(mean < 1 ? 1 : mean > GAP_MAX ? GAP_MAX : mean);
        sketch->period_began_ms = now_ms;
        sketch->period_queries = sketch->period_notes = 0;
    }
    _Atomic uint32_t *largest = &sketch->windows[sketch->current].mean_gap;
    if (sketch->mean_gap > atomic_load_explicit(largest, memory_order_relaxed))
        atomic_store_explicit(largest, sketch->mean_gap, memory_order_relaxed);
    sketch->gap = sketch->mean_gap == 1 ? 1 : 1 + (uint32_t)chance_below(sketch, 2 * sketch->mean_gap - 1);
    sketch->gate.left = sketch->gap;
}

void sketch_note(struct sketch *sketch, const uint8_t *name, size_t length, uint32_t view, uint64_t now_ms)
{
    uint64_t hash = hash_bytes(sketch->seed + view, name, length);
    rotate(sketch, now_ms);
    unsigned slot = find_slot(sketch, hash);
    if (sketch->slots[slot])
        count_more(sketch, (uint16_t)(sketch->slots[slot] - 1), sketch->gap);
    else if (sketch->used < SKETCH_BINS)
        add_bin(sketch, hash, name, length, view, sketch->gap);
    else
        share_bin(sketch, hash, name, length, view, sketch->gap);
    adapt(sketch, now_ms);
}
