/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lines of a master file that begin with a dollar sign. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/generate.h"
#include "dns/name.h"
#include "dns/zonefile_reading.h"

enum {
    INCLUDE_DEPTH = 16,
    INCLUDES_MAX = 10000, /* in all: files that include each other twice double at each level */
    GENERATED_MAX = 1000000,
    GENERATE_BYTES = 65536,
};

/* --- $GENERATE ----------------------------------------------------------------------------------------- */

/* Fills `w` with lines for *number and on. An error when one can never be written. */
static int fill_lines(const struct generate *g, uint64_t *number, struct writer *w)
{
    int error = 0;
    for (; *number <= g->stop; *number += g->step) {
        error = generate_line(g, (uint32_t)*number, w);
        if (error)
            break;
    }
    return error == ERR_SPACE && writer_used(w) ? 0 : error;
}

static void generate_in_batches(struct zonefile *z, const struct generate *g, char *buffer)
{
    uint64_t number = g->start;
    while (number <= g->stop && !zonefile_is_over(z)) {
        struct writer w = writer_of(buffer, GENERATE_BYTES);
        int error = fill_lines(g, &number, &w);
        (void)zonefile_read_records(z, buffer, buffer + writer_used(&w), 1, true);
        if (error) {
            zonefile_say(z, z->fixed_line, NULL, false,
                         error == ERR_SPACE
                             ? "$GENERATE: the record is too long"
                             : "$GENERATE: expected ${offset,width,base} with base d, o, x, X, n or N");
            z->generate_failed = true;
        }
    }
}

static void generate_line_records(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    struct generate g;
    const char *why = NULL;
    uint64_t most = z->options->max_generated ? z->options->max_generated : GENERATED_MAX;
    if (!generate_parse(line, (size_t)(end - line), &g, &why) && g.count > most)
        why = "$GENERATE: the range stands for too many records";
    if (why) {
        zonefile_say(z, number, NULL, false, why);
        return;
    }
    char *buffer = malloc(GENERATE_BYTES);
    if (!buffer) {
        z->result = ERR_NOMEM;
        return;
    }
    z->fixed_line = number;
    z->generating = true;
    generate_in_batches(z, &g, buffer);
    z->fixed_line = 0;
    z->generating = z->generate_failed = false;
    free(buffer);
}

/* --- $INCLUDE ------------------------------------------------------------------------------------------ */

/* The next word of a directive's line, without its quotes; false at the end, at a comment, or when it does
 * not fit. */
static bool take_word(const char **at, const char *end, char *out, size_t size)
{
    size_t used = 0;
    bool quoted = false, any = false;
    while (*at < end && (**at == ' ' || **at == '\t'))
        (*at)++;
    for (; *at < end && used < size - 1; (*at)++, any = true) {
        if (!quoted && strchr(" \t;", **at))
            break;
        if (**at == '"')
            quoted = !quoted;
        else
            out[used++] = **at;
    }
    out[used] = 0;
    return any && !quoted && used < size - 1 && !memchr(out, 0, used);
}

static bool is_being_read(const struct place *place, const struct stat *status)
{
    for (; place; place = place->parent)
        if (place->status.st_ino == status->st_ino && place->status.st_dev == status->st_dev &&
            place->status.st_mode)
            return true;
    return false;
}

static void read_include(struct zonefile *z, const char *path, uint64_t number)
{
    struct zonefile_input input;
    char message[PATH_MAX + 100];
    int error = zonefile_input_open(&input, path);
    if (error) {
        snprintf(message, sizeof message, "$INCLUDE \"%s\": %s", path, err_text(error));
        zonefile_say(z, number, NULL, true, message);
        z->result = error;
        return;
    }
    const struct place *parent = z->place;
    struct place place = {parent, path, input.status, parent->depth + 1};
    if (is_being_read(parent, &input.status)) {
        snprintf(message, sizeof message, "$INCLUDE \"%s\": the file includes itself", path);
        zonefile_say(z, number, NULL, true, message);
    } else {
        z->place = &place;
        zonefile_read_input(z, &input);
        z->place = parent;
    }
    zonefile_input_close(&input);
}

/* Origin and owner revert behind an included file (RFC 1035 section 5.1); $TTL stays, as in BIND. */
static void include_with_origin(struct zonefile *z, const char *path, const uint8_t *origin, uint64_t number)
{
    zs_scanner_t *s = z->scanner;
    struct {
        uint32_t origin_length, owner_length;
        uint8_t origin[sizeof s->zone_origin], owner[sizeof s->r_owner];
    } saved = {s->zone_origin_length, s->r_owner_length, {0}, {0}};
    memcpy(saved.origin, s->zone_origin, sizeof saved.origin);
    memcpy(saved.owner, s->r_owner, sizeof saved.owner);
    s->zone_origin_length = (uint32_t)name_copy(s->zone_origin, origin);
    read_include(z, path, number);
    s->zone_origin_length = saved.origin_length;
    s->r_owner_length = saved.owner_length;
    memcpy(s->zone_origin, saved.origin, sizeof saved.origin);
    memcpy(s->r_owner, saved.owner, sizeof saved.owner);
}

static bool make_path(const struct zonefile *z, const char *name, char *out, size_t size)
{
    const char *folder = *name == '/' ? NULL : z->options->base_dir;
    int used = snprintf(out, size, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
    return used >= 0 && (size_t)used < size;
}

static void include_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    char name[PATH_MAX], path[PATH_MAX], origin_text[NAME_TEXT_MAX];
    uint8_t origin[NAME_MAX_BYTES], *current = z->scanner->zone_origin;
    unsigned depth = z->options->max_include_depth ? z->options->max_include_depth : INCLUDE_DEPTH;
    const char *why = NULL;
    if (z->options->includes)
        *z->options->includes = true;
    if (!take_word(&line, end, name, sizeof name) || !make_path(z, name, path, sizeof path))
        why = "$INCLUDE: a file name is expected";
    name_copy(origin, current);
    if (take_word(&line, end, origin_text, sizeof origin_text) && strcmp(origin_text, "@") != 0 &&
        name_from_text(origin_text, current, origin) < 0)
        why = "$INCLUDE: the origin is not a name";
    if (z->place->depth >= depth)
        why = "$INCLUDE: too deep";
    if (++z->includes > INCLUDES_MAX)
        why = "$INCLUDE: too many files";
    if (z->options->no_includes)
        why = "$INCLUDE: not in a text from elsewhere";
    if (why)
        zonefile_say(z, number, NULL, true, why);
    else
        include_with_origin(z, path, origin, number);
}

/* --- smaller directives
 * -------------------------------------------------------------------------------------- */

static void origin_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    char text[NAME_TEXT_MAX];
    uint8_t origin[NAME_MAX_BYTES], *current = z->scanner->zone_origin;
    if (!take_word(&line, end, text, sizeof text) || name_from_text(text, current, origin) < 0)
        zonefile_say(z, number, NULL, true, "$ORIGIN: a name is expected");
    else if (take_word(&line, end, text, sizeof text))
        zonefile_say(z, number, NULL, true, "$ORIGIN: something is left over behind the name");
    else
        z->scanner->zone_origin_length = (uint32_t)name_copy(current, origin);
}

static void ttl_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    char text[100];
    int length = snprintf(text, sizeof text, "$TTL %.*s", (int)(end - line), line);
    if (length < (int)sizeof text)
        zonefile_scan_directive(z, text, (size_t)length, number);
    else
        zonefile_say(z, number, NULL, true, "$TTL: one time is expected");
}

/* BIND writes it into files and passes over it. */
static void date_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    (void)z, (void)line, (void)end, (void)number;
}

/* --- which is it ---------------------------------------------------------------------------------------- */

static const char *without_newline(const char *line, const char *end)
{
    return end > line && end[-1] == '\n' ? end - 1 : end;
}

static bool has_word(const char *line, const char *end, const char *word)
{
    size_t length = strlen(word);
    return (size_t)(end - line) >= length && strncasecmp(line, word, length) == 0 &&
           ((size_t)(end - line) == length || strchr(" \t\n;", line[length]));
}

typedef void read_directive(struct zonefile *z, const char *line, const char *end, uint64_t number);

void zonefile_directive(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    static const struct {
        const char *word;
        read_directive *read;
    } directives[] = {
        {"$ORIGIN", origin_line},   {"$TTL", ttl_line},
        {"$INCLUDE", include_line}, {"$GENERATE", generate_line_records},
        {"$DATE", date_line},
    };
    end = without_newline(line, end);
    for (size_t i = 0; i < sizeof directives / sizeof *directives; i++)
        if (has_word(line, end, directives[i].word)) {
            directives[i].read(z, line + strlen(directives[i].word), end, number);
            return;
        }
    zonefile_say(z, number, NULL, false, "unknown directive");
}
