/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
    struct arena_block *older;
    size_t bytes;
    alignas(max_align_t) uint8_t data[];
};

enum { DEFAULT_BLOCK_BYTES = 4096 };

#define BYTES_MAX ((size_t)PTRDIFF_MAX / 2)

void arena_init(struct arena *arena, size_t block_bytes)
{
    *arena = (struct arena){.block_bytes = block_bytes ? block_bytes : DEFAULT_BLOCK_BYTES};
}

void arena_init_room(struct arena *arena, void *room, size_t room_bytes, size_t block_bytes)
{
    arena_init(arena, block_bytes);
    arena->next = room;
    arena->end = arena->next + room_bytes;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
}

void arena_fini(struct arena *arena)
{
    free_blocks(arena->blocks);
    arena_init(arena, arena->block_bytes);
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->blocks;
    arena->used_bytes = 0;
    arena->failed = false;
    if (!keep)
        return;
    free_blocks(keep->older);
    keep->older = NULL;
    arena->next = keep->data;
    arena->end = keep->data + keep->bytes;
}

static bool grow(struct arena *arena, size_t need)
{
    size_t bytes = need > arena->block_bytes ? need : arena->block_bytes;
    struct arena_block *block = bytes > BYTES_MAX ? NULL : malloc(sizeof *block + bytes);
    if (!block)
        return false;
    block->bytes = bytes;
    block->older = arena->blocks;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = block->data + bytes;
    return true;
}

static void *take(struct arena *arena, size_t bytes, size_t align)
{
    size_t pad = -(uintptr_t)arena->next & (align - 1);
    if (!arena->next || bytes > BYTES_MAX || (size_t)(arena->end - arena->next) < bytes + pad) {
        if (!grow(arena, bytes ? bytes : 1)) {
            arena->failed = true;
            return NULL;
        }
        pad = 0;
    }
    uint8_t *at = arena->next + pad;
    arena->next = at + bytes;
    arena->used_bytes += bytes;
    return at;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    return take(arena, bytes, alignof(max_align_t));
}

void *arena_zalloc(struct arena *arena, size_t bytes)
{
    void *at = arena_alloc(arena, bytes);
    return at ? memset(at, 0, bytes) : NULL;
}

void *arena_copy(struct arena *arena, const void *from, size_t bytes)
{
    void *at = take(arena, bytes, 1);
    return at && bytes ? memcpy(at, from, bytes) : at;
}

void *arena_copy_array(struct arena *arena, const void *from, size_t count, size_t size)
{
    void *at = arena_alloc(arena, size && count > BYTES_MAX / size ? SIZE_MAX : count * size);
    return at && count ? memcpy(at, from, count * size) : at;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text) + 1);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *at = length < 0 ? NULL : take(arena, (size_t)length + 1, 1);
    if (at)
        vsnprintf(at, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return at;
}
