/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An arena: memory that is allocated piece by piece and freed as a whole. One per query, one per
 * snapshot. Not safe for threads; one thread allocates at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct arena_block;

struct arena {
    uint8_t *next, *end;        /* free space in the newest block */
    struct arena_block *blocks; /* newest first */
    size_t block_bytes;         /* size of the next block to get */
    size_t used_bytes;          /* sum of what was asked for */
    bool failed; /* something that was asked for has not been given, since init, fini or reset */
};

/* Prepares an empty arena. `block_bytes` is the size of each block asked of malloc (0: 4096). */
void arena_init(struct arena *arena, size_t block_bytes);

/* The same with room of the caller's own (on the stack, aligned for any type) that is used before malloc is
 * asked: for arenas that come and go. arena_fini() ends it; it is not for arena_reset(). */
void arena_init_room(struct arena *arena, void *room, size_t room_bytes, size_t block_bytes);

/* Gives everything back. The arena is empty and may be used again. */
void arena_fini(struct arena *arena);

/* Forgets everything allocated but keeps one block for the next use. */
void arena_reset(struct arena *arena);

/* Returns `bytes` bytes aligned for any type, or NULL when memory is out. Zero bytes give a valid pointer. */
void *arena_alloc(struct arena *arena, size_t bytes) MUST_CHECK;

/* The same, all bits zero. */
void *arena_zalloc(struct arena *arena, size_t bytes) MUST_CHECK;

/* A copy of `bytes` bytes of `from`, with no alignment promised. NULL when memory is out. */
void *arena_copy(struct arena *arena, const void *from, size_t bytes) MUST_CHECK;

/* The same of `count` structs of `size` bytes, aligned for them. */
void *arena_copy_array(struct arena *arena, const void *from, size_t count, size_t size) MUST_CHECK;

/* A copy of a string. NULL when memory is out. */
char *arena_strdup(struct arena *arena, const char *text) MUST_CHECK;

/* A string made as printf would. NULL when memory is out. */
char *arena_printf(struct arena *arena, const char *format, ...) MUST_CHECK PRINTF_LIKE(2, 3);

#endif
