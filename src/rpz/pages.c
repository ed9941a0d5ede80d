/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/pages.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, HUGE_FROM = 4 << 20 };

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static void *map_anew(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int pages_reserve(struct pages *pages, size_t bytes)
{
    size_t need = pages->used + bytes;
    if (need <= pages->size)
        return 0;
    size_t size = whole_pages(need > 2 * pages->size ? need : 2 * pages->size);
    void *base = pages->base ? mremap(pages->base, pages->size, size, MREMAP_MAYMOVE) : map_anew(size);
    if (base == MAP_FAILED)
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
    size_t size = whole_pages(pages->used);
    if (size == pages->size)
        return;
    if (size == 0) {
        pages_free(pages);
        return;
    }
    void *base = mremap(pages->base, pages->size, size, 0);
    if (base != MAP_FAILED)
        pages->size = size;
}

void pages_free(struct pages *pages)
{
    if (pages->base)
        munmap(pages->base, pages->size);
    *pages = (struct pages){0};
}
