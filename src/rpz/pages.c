/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/pages.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, MAPPED_FROM = 256 << 10, HUGE_FROM = 4 << 20, ROUND = 64 };

static bool is_mapped(size_t size)
{
    return size >= MAPPED_FROM;
}

static size_t rounded(size_t bytes)
{
    size_t unit = is_mapped(bytes) ? PAGE : ROUND;
    return (bytes + unit - 1) & ~(unit - 1);
}

static void *map_anew(size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

/* What is small comes from malloc(), which gives what was used a moment ago. */
static void *resize(struct pages *pages, size_t size)
{
    uint8_t *base;
    if (is_mapped(size) && is_mapped(pages->size)) {
        base = mremap(pages->base, pages->size, size, MREMAP_MAYMOVE);
        return base == MAP_FAILED ? NULL : base;
    }
    if (is_mapped(size) || is_mapped(pages->size)) {
        base = is_mapped(size) ? map_anew(size) : malloc(size);
        if (base && pages->used)
            memcpy(base, pages->base, pages->used);
        if (base)
            pages_free(&(struct pages){pages->base, 0, pages->size});
        return base;
    }
    base = realloc(pages->base, size);
    if (base && size > pages->size)
        memset(base + pages->size, 0, size - pages->size);
    return base;
}

int pages_reserve(struct pages *pages, size_t bytes)
{
    size_t need = pages->used + bytes;
    if (need <= pages->size)
        return 0;
    size_t size = rounded(need > 2 * pages->size ? need : 2 * pages->size);
    void *base = resize(pages, size);
    if (!base)
        return ERR_NOMEM;
    /* Look-ups jump about in it: large pages spare half of the misses of the address cache. */
    if (size >= HUGE_FROM)
        (void)madvise(base, size, MADV_HUGEPAGE);
    pages->base = base;
    pages->size = size;
    return 0;
}

int pages_append(struct pages *pages, const void *from, size_t bytes)
{
    int error = pages_reserve(pages, bytes);
    if (error)
        return error;
    if (bytes)
        memcpy(pages->base + pages->used, from, bytes);
    pages->used += bytes;
    return 0;
}

void pages_trim(struct pages *pages)
{
    size_t size = rounded(pages->used);
    if (size == pages->size)
        return;
    if (size == 0) {
        pages_free(pages);
        return;
    }
    void *base = resize(pages, size);
    if (!base)
        return;
    pages->base = base;
    pages->size = size;
}

void pages_free(struct pages *pages)
{
    if (is_mapped(pages->size))
        munmap(pages->base, pages->size);
    else
        free(pages->base);
    *pages = (struct pages){0};
}
