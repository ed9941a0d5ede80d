/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static bool make_room(struct text_stream *stream, size_t more)
{
    size_t room = stream->room;
    while (room - stream->length <= more)
        room *= 2;
    char *text = room > stream->room ? realloc(stream->text, room) : stream->text;
    if (!text)
        return false;
    stream->text = text;
    stream->room = room;
    return true;
}

/* Once something is lost, nothing more is taken. */
static ssize_t append(void *context, const char *bytes, size_t length)
{
    struct text_stream *stream = context;
    stream->failed |= !make_room(stream, length);
    if (stream->failed)
        return 0;
    memcpy(stream->text + stream->length, bytes, length);
    stream->length += length;
    return (ssize_t)length;
}

int text_stream_begin(struct text_stream *stream)
{
    *stream = (struct text_stream){.room = 1024};
    stream->text = malloc(stream->room);
    stream->to = stream->text ? fopencookie(stream, "w", (cookie_io_functions_t){.write = append}) : NULL;
    if (!stream->to)
        free(stream->text);
    return stream->to ? 0 : ERR_NOMEM;
}

char *text_stream_end(struct text_stream *stream)
{
    bool lost = ferror(stream->to) != 0;
    lost |= fclose(stream->to) != 0;
    if (lost || stream->failed) {
        free(stream->text);
        return NULL;
    }
    stream->text[stream->length] = '\0';
    return stream->text;
}
