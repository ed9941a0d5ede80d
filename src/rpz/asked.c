/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The reading side of the sketches: from any thread, without stopping those that write. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "rpz/sketch_parts.h"

enum { HORIZON_MS = SKETCH_WINDOWS * SKETCH_WINDOW_MS };

struct gathering {
    struct asked *out;
    uint32_t view;
    uint8_t *end;    /* of the names' bytes so far */
    uint32_t *slots; /* number of a name + 1; 0: free */
    size_t mask;
};

/* A copy of the bin's name; false: it is of another view, or changes at this moment. */
static bool read_bin(const struct bin *bin, uint32_t view, uint8_t name[BIN_WORDS * 8])
{
    uint64_t words[BIN_WORDS];
    uint32_t version = atomic_load_explicit(&bin->version, memory_order_acquire);
    uint32_t of_view = atomic_load_explicit(&bin->view, memory_order_acquire);
    uint32_t length = atomic_load_explicit(&bin->length, memory_order_acquire);
    if (version % 2 || (view && of_view != view) || length > NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < (length + 7) / 8; i++)
        words[i] = atomic_load_explicit(&bin->name[i], memory_order_acquire);
    memcpy(name, words, length);
    return atomic_load_explicit(&bin->version, memory_order_relaxed) == version &&
           name_check(name, length) == (int)length;
}

static void add(struct gathering *g, const uint8_t *name, uint64_t queries)
{
    size_t length = name_length(name);
    uint64_t hash = hash_bytes(0, name, length);
    size_t at = hash & g->mask;
    for (; g->slots[at]; at = (at + 1) & g->mask) {
        struct asked_name *there = &g->out->names[g->slots[at] - 1];
        if (name_equal(there->name, name)) {
            there->queries += queries;
            return;
        }
    }
    memcpy(g->end, name, length);
    g->out->names[g->out->count++] = (struct asked_name){queries, g->end};
    g->end += length;
    g->slots[at] = (uint32_t)g->out->count;
}

static void add_window(struct gathering *g, const struct sketch_window *window)
{
    uint8_t name[BIN_WORDS * 8];
    uint64_t least = UINT64_MAX, gap = atomic_load_explicit(&window->mean_gap, memory_order_relaxed);
    for (unsigned i = 0; i < SKETCH_BINS; i++) {
        const struct bin *bin = &window->bins[i];
        uint64_t queries = atomic_load_explicit(&bin->count, memory_order_acquire);
        least = queries < least ? queries : least;
        if (!queries || !read_bin(bin, g->view, name))
            continue;
        g->out->queries += queries;
        add(g, name, queries);
    }
    uint64_t step = least + (gap > 1 ? gap : 0);
    g->out->step = step > g->out->step ? step : g->out->step;
}

int asked_gather(struct sketch *const *sketches, size_t count, uint32_t view, uint64_t now_ms,
                 struct asked *out)
{
    size_t room = count * SKETCH_WINDOWS * SKETCH_BINS, size = 16;
    while (size < 2 * room)
        size *= 2;
    *out = (struct asked){.since_ms = UINT64_MAX,
                          .names = malloc((room + 1) * sizeof *out->names),
                          .bytes = malloc(room * NAME_MAX_BYTES + 1)}; /* touched as far as it is used */
    struct gathering g = {out, view, out->bytes, calloc(size, sizeof *g.slots), size - 1};
    bool memory = out->names && out->bytes && g.slots;
    for (size_t i = 0; memory && i < count * SKETCH_WINDOWS; i++) {
        const struct sketch_window *window =
            &sketch_windows(sketches[i / SKETCH_WINDOWS])[i % SKETCH_WINDOWS];
        uint64_t began_ms = atomic_load(&window->began_ms);
        if (!began_ms || now_ms >= began_ms + HORIZON_MS)
            continue;
        add_window(&g, window);
        out->since_ms = began_ms - 1 < out->since_ms ? began_ms - 1 : out->since_ms;
    }
    free(g.slots);
    if (!memory) {
        asked_free(out);
        return ERR_NOMEM;
    }
    return 0;
}

void asked_free(struct asked *asked)
{
    free(asked->names);
    free(asked->bytes);
    *asked = (struct asked){0};
}
