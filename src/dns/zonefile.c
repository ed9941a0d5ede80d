/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A master file piece by piece: records go to the scanner, lines with a dollar sign to the directives. */
#include "dns/zonefile.h"

#include <stdlib.h>
#include <string.h>

#include "dns/zonefile_reading.h"

/* The first line that is a directive, or `end`. */
static const char *find_dollar(const struct zonefile *z, const char *at, const char *end)
{
    const char *dollar = at;
    while (z->has_parentheses && at < end && *at != '$') {
        size_t skip = zonefile_skip_record(at, (size_t)(end - at));
        at = skip ? at + skip : end;
    }
    if (z->has_parentheses)
        return at;
    for (; dollar < end && (dollar = memchr(dollar, '$', (size_t)(end - dollar))); dollar++)
        if (dollar == at || dollar[-1] == '\n')
            return dollar;
    return end;
}

/* Reads whole records and directives; returns the number of the line behind them. */
static uint64_t read_piece(struct zonefile *z, const char *at, size_t length, uint64_t number, bool final)
{
    const char *end = at + length;
    z->has_parentheses = memchr(at, '(', length);
    z->must_count = z->has_parentheses && memchr(at, '"', length);
    while (at < end && !z->result) {
        const char *line = find_dollar(z, at, end);
        number = zonefile_read_records(z, at, line, number, final && line == end);
        at = zonefile_next_line(line, end);
        if (line < end && !z->result)
            zonefile_directive(z, line, at, number++);
    }
    return number;
}

void zonefile_read_input(struct zonefile *z, struct zonefile_input *input)
{
    const char *text;
    size_t length;
    uint64_t number = 1;
    int more = 1;
    while (!z->result && (more = zonefile_input_next(input, &text, &length)) > 0) {
        number = read_piece(z, text, length, number, input->final && input->used == length);
        if (z->options->progress)
            z->options->progress(z->options->context, z->bytes_done + input->bytes_read);
    }
    z->bytes_done += input->bytes_read;
    if (more < 0) {
        zonefile_say(z, number, NULL, true, err_text(more));
        z->result = more;
    }
}

static int read_all(struct zonefile_input *input, const char *name, const struct zonefile_options *options)
{
    struct place place = {.file = name, .status = input->status};
    struct zonefile z = {.options = options, .place = &place, .last_ttl_s = NO_TTL};
    z.result = zonefile_start_scanner(&z);
    if (!z.result) {
        zonefile_read_input(&z, input);
        zs_deinit(z.scanner);
        free(z.scanner);
    }
    zonefile_input_close(input);
    return z.result;
}

int zonefile_read(const char *path, const struct zonefile_options *options)
{
    struct zonefile_input input;
    int error = zonefile_input_open(&input, path);
    if (!error)
        return read_all(&input, path, options);
    struct place place = {.file = path};
    struct zonefile z = {.options = options, .place = &place};
    zonefile_say(&z, 0, NULL, true, err_text(error));
    return error;
}

int zonefile_read_text(const char *text, size_t length, const char *name,
                       const struct zonefile_options *options)
{
    struct zonefile_input input;
    int error = zonefile_input_text(&input, text, length);
    return error ? error : read_all(&input, name, options);
}
