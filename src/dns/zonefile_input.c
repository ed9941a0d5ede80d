/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/zonefile_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 256 * 1024,
    RECORD_MAX_BYTES = 1 << 20, /* the text of 64 KiB of RDATA, escaped and indented, stays below */
};

int zonefile_input_open(struct zonefile_input *input, const char *path)
{
    *input = (struct zonefile_input){.size = PIECE_BYTES};
    input->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a FIFO must not hold us up */
    if (input->fd < 0)
        return err_from_errno(errno);
    int error = fstat(input->fd, &input->status) < 0 ? err_from_errno(errno) : 0;
    if (!error && S_ISDIR(input->status.st_mode))
        error = err_from_errno(EISDIR);
    if (!error && !S_ISREG(input->status.st_mode))
        error = ERR_INVALID;
    if (!error && !(input->buffer = malloc(input->size + ZONEFILE_SLACK)))
        error = ERR_NOMEM;
    if (error)
        zonefile_input_close(input);
    return error;
}

int zonefile_input_text(struct zonefile_input *input, const char *text, size_t length)
{
    *input = (struct zonefile_input){.fd = -1, .size = length, .used = length, .final = true};
    input->buffer = malloc(length + ZONEFILE_SLACK);
    if (!input->buffer)
        return ERR_NOMEM;
    if (length)
        memcpy(input->buffer, text, length);
    input->bytes_read = length;
    return 0;
}

void zonefile_input_close(struct zonefile_input *input)
{
    if (input->fd >= 0)
        close(input->fd);
    free(input->buffer);
    input->fd = -1;
    input->buffer = NULL;
}

/* CR LF becomes LF and a CR alone a blank, from `clean` on; the scanner takes neither. */
static void clean_newlines(struct zonefile_input *input)
{
    char *from = input->buffer + input->clean, *end = input->buffer + input->used;
    char *to = from < end ? memchr(from, '\r', (size_t)(end - from)) : NULL;
    input->clean = input->used;
    if (!to)
        return;
    for (from = to; from < end; from++) {
        if (*from != '\r')
            *to++ = *from;
        else if (from + 1 == end && !input->final)
            break; /* what follows decides */
        else if (from + 1 == end || from[1] != '\n')
            *to++ = ' ';
    }
    input->clean = (size_t)(to - input->buffer);
    if (from < end)
        *to++ = '\r';
    input->used = (size_t)(to - input->buffer);
}

/* Reads until the buffer is full or the file ends. */
static int fill(struct zonefile_input *input)
{
    while (!input->final && input->used < input->size) {
        ssize_t got = read(input->fd, input->buffer + input->used, input->size - input->used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_from_errno(errno);
        input->used += (size_t)got;
        input->bytes_read += (size_t)got;
        input->final = got == 0;
    }
    clean_newlines(input);
    return 0;
}

static int grow(struct zonefile_input *input)
{
    char *larger = realloc(input->buffer, input->size * 2 + ZONEFILE_SLACK);
    if (!larger)
        return ERR_NOMEM;
    input->buffer = larger;
    input->size *= 2;
    return 0;
}

size_t zonefile_skip_record(const char *text, size_t length)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t at = 0; at < length; at++) {
        const char *newline;
        switch (text[at]) {
        case '\\':
            at += at + 1 < length && text[at + 1] != '\n';
            break;
        case '"':
            quoted = !quoted;
            break;
        case '(':
            depth += !quoted;
            break;
        case ')':
            depth -= !quoted && depth;
            break;
        case ';':
            newline = quoted ? text + at + 1 : memchr(text + at, '\n', length - at);
            if (!newline)
                return 0;
            at = (size_t)(newline - text) - 1;
            break;
        case '\n':
            if (!depth)
                return at + 1;
        }
    }
    return 0;
}

/* How much of the text is whole records. */
static size_t whole_records(const char *text, size_t length)
{
    size_t at = 0;
    if (!memchr(text, '(', length)) { /* so a record is a line */
        const char *last = memrchr(text, '\n', length);
        return last ? (size_t)(last + 1 - text) : 0;
    }
    for (size_t skip; (skip = zonefile_skip_record(text + at, length - at));)
        at += skip;
    return at;
}

static void forget_taken(struct zonefile_input *input)
{
    memmove(input->buffer, input->buffer + input->taken, input->used - input->taken);
    input->used -= input->taken;
    input->clean -= input->clean < input->taken ? input->clean : input->taken;
    input->taken = 0;
}

/* Where to cut what is in the buffer; 0: more is needed first. */
static size_t find_cut(const struct zonefile_input *input)
{
    if (input->final)
        return input->used;
    size_t cut = whole_records(input->buffer, input->clean);
    if (cut || input->size < RECORD_MAX_BYTES)
        return cut;
    /* No record is that long: a parenthesis is missing. The scanner will say where. */
    const char *last = memrchr(input->buffer, '\n', input->clean);
    return last ? (size_t)(last + 1 - input->buffer) : input->used;
}

int zonefile_input_next(struct zonefile_input *input, const char **text, size_t *length)
{
    int error = 0;
    size_t cut = 0;
    forget_taken(input);
    while (!error && !cut) {
        error = fill(input);
        if (error || (input->final && !input->used))
            break;
        cut = find_cut(input);
        if (!cut)
            error = grow(input);
    }
    if (error || !cut)
        return error;
    *text = input->buffer;
    *length = input->taken = cut;
    return 1;
}
