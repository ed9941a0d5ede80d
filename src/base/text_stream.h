/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A text in memory that grows as it is written with stdio. Unlike open_memstream(), which loses what there is
 * no memory for and does not tell (glibc 2.36), it gives the whole text or none. One thread. */
#ifndef BASE_TEXT_STREAM_H
#define BASE_TEXT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

struct text_stream {
    FILE *to; /* to be written to, by the caller */
    char *text;
    size_t length, room;
    bool failed;
};

/* 0 or ERR_NOMEM; text_stream_end() is due after 0 only. */
int text_stream_begin(struct text_stream *stream) MUST_CHECK;

/* Ends it: all that was written and a NUL, the caller's to free; or NULL when memory ran out on the way. */
char *text_stream_end(struct text_stream *stream) MUST_CHECK;

#endif
