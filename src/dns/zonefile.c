/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives libzscanner over the pieces of a file and its includes. What stops the scanner (a directive that it
 * does not know, a stray parenthesis) is looked at here, and it goes on behind that line. */
#include "dns/zonefile.h"

#include <errno.h>
#include <libzscanner/scanner.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dns/consts.h"
#include "dns/generate.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/zonefile_input.h"

enum {
    INCLUDE_DEPTH = 16,
    INCLUDES_MAX = 10000, /* in all: files that include each other twice double at each level */
    GENERATED_MAX = 1000000,
    GENERATE_BYTES = 65536,
    TTL_MAX = INT32_MAX, /* RFC 2181 section 8 */
};

#define NO_TTL UINT32_MAX

/* One file being read, and those that include it. */
struct place {
    const struct place *parent;
    const char *file;
    struct stat status; /* of a real file; zero for text */
    unsigned depth;
};

struct zonefile {
    const struct zonefile_options *options;
    zs_scanner_t *scanner;
    int start_state; /* of the scanner, between records */
    const struct place *place;
    uint64_t generate_line; /* of the $GENERATE whose records are being read; 0: none */
    bool generate_failed;
    uint32_t last_ttl_s; /* NO_TTL: none yet */
    unsigned includes;
    const char *piece, *piece_end; /* what the scanner is given */
    bool has_parentheses;          /* in it or beside it: a record may have many lines */
    /* The scanner does not count newlines inside quotes. Where there can be some we count, up to here. */
    bool must_count;
    const char *counted;
    uint64_t counted_line;
    uint64_t bytes_done; /* of files read to their end */
    int result;          /* 0, or why the reading ends */
};

/* --- where we are -----------------------------------------------------------------------------------------
 */

/* Where the scanner is in the piece; at its end it scans a newline of its own. */
static const char *current_place(const struct zonefile *z)
{
    return z->scanner->input.start == z->piece ? z->scanner->input.current : z->piece_end;
}

static uint64_t current_line(struct zonefile *z)
{
    if (z->generate_line)
        return z->generate_line;
    if (!z->must_count)
        return z->scanner->line_counter;
    const char *here = current_place(z), *newline;
    for (; (newline = memchr(z->counted, '\n', (size_t)(here - z->counted))); z->counted = newline + 1)
        z->counted_line++;
    return z->counted_line;
}

/* --- saying what is wrong ------------------------------------------------------------------------------ */

static void say(struct zonefile *z, uint64_t line, const uint8_t *owner, bool fatal, const char *message)
{
    char text[NAME_TEXT_MAX];
    struct zonefile_problem problem = {
        .file = z->place->file, .line = line, .message = message, .fatal = fatal};
    if (owner)
        problem.owner_text = name_to_text(owner, text);
    if (z->options->problem)
        z->options->problem(z->options->context, &problem);
    if (fatal && !z->result)
        z->result = ERR_MALFORMED;
}

/* Errors about a name leave open whether the owner was meant, so it is not known. */
static const uint8_t *known_owner(const zs_scanner_t *s)
{
    static const int about_names[] = {ZS_BAD_DNAME_CHAR, ZS_BAD_OWNER,      ZS_BAD_PREVIOUS_OWNER,
                                      ZS_LABEL_OVERFLOW, ZS_DNAME_OVERFLOW, ZS_BAD_DIRECTIVE};
    for (size_t i = 0; i < sizeof about_names / sizeof *about_names; i++)
        if (s->error.code == about_names[i])
            return NULL;
    bool valid = s->r_owner_length && name_check(s->r_owner, NAME_MAX_BYTES) == (int)s->r_owner_length;
    return valid ? s->r_owner : NULL;
}

static void say_scanner_error(struct zonefile *z, bool fatal)
{
    const zs_scanner_t *s = z->scanner;
    say(z, current_line(z), known_owner(s), fatal, zs_strerror(s->error.code));
    z->generate_failed = z->generate_line != 0;
}

/* --- records ------------------------------------------------------------------------------------------- */

/* The TTL of a record that has none, as BIND has it: that of the record before (RFC 1035), or the minimum
 * of the SOA that begins the file, which is then the default. */
static uint32_t inherit_ttl(struct zonefile *z)
{
    zs_scanner_t *s = z->scanner;
    if (z->last_ttl_s == NO_TTL && s->r_type == TYPE_SOA && s->r_data_length >= 22) {
        uint32_t minimum = load_u32(s->r_data + s->r_data_length - 4);
        s->default_ttl = minimum < TTL_MAX ? minimum : 0;
        return s->default_ttl;
    }
    return z->last_ttl_s;
}

static void deliver(struct zonefile *z)
{
    zs_scanner_t *s = z->scanner;
    uint64_t line = current_line(z);
    uint32_t ttl_s = s->r_ttl == NO_TTL ? inherit_ttl(z) : s->r_ttl;
    if (ttl_s == NO_TTL) {
        say(z, line, s->r_owner, false, "no TTL: neither here nor before, and no $TTL");
        return;
    }
    ttl_s = ttl_s <= TTL_MAX ? ttl_s : 0;
    z->last_ttl_s = ttl_s;
    /* The scanner takes any bytes in the form of RFC 3597, also for types that it knows. */
    if (name_check(s->r_owner, NAME_MAX_BYTES) < 0 || !rdata_check(s->r_type, s->r_data, s->r_data_length)) {
        say(z, line, NULL, false, "the data does not have the form of its type");
        return;
    }
    struct zonefile_record record = {
        .owner = s->r_owner,
        .type = s->r_type,
        .rclass = s->r_class,
        .ttl_s = ttl_s,
        .rdata = s->r_data,
        .rdata_length = (uint16_t)s->r_data_length,
        .file = z->place->file,
        .line = line,
    };
    z->result = z->options->record(z->options->context, &record);
}

/* --- the scanner --------------------------------------------------------------------------------------- */

/* After it stopped inside a line: as it is between records. */
static void revive_scanner(struct zonefile *z, bool owner_lost)
{
    zs_scanner_t *s = z->scanner;
    s->cs = z->start_state;
    s->top = 0;
    s->multiline = false;
    s->long_string = false;
    s->comma_list = false;
    s->buffer_length = 0;
    s->state = ZS_STATE_NONE;
    s->error.code = 0;
    s->error.fatal = false;
    if (owner_lost)
        s->r_owner_length = 0; /* half of another one may stand there */
}

static const char *next_line(const char *at, const char *end)
{
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return newline ? newline + 1 : end;
}

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

/* The scanner stopped in this line: a record to step over. That a directive stands in it means that the
 * record before it swallowed it (a parenthesis is open); what follows could mean anything. */
static void handle_stop(struct zonefile *z, const char *line, const char *end, bool at_end)
{
    bool directive = line < end && *line == '$' && !z->scanner->multiline;
    bool unclosed = z->scanner->error.code == ZS_UNCLOSED_MULTILINE && at_end;
    say_scanner_error(z, (directive || unclosed) && !z->generate_line);
    revive_scanner(z, true);
}

static bool is_over(const struct zonefile *z)
{
    return z->result || (z->generate_line && z->generate_failed);
}

/* Parses records until the scanner stops. True: inside a line that it cannot pass. */
static bool run_scanner(struct zonefile *z)
{
    zs_scanner_t *s = z->scanner;
    while (!is_over(z)) {
        (void)!zs_parse_record(s); /* the state says it all */
        if (s->state == ZS_STATE_DATA)
            deliver(z);
        else if (s->error.fatal || s->state == ZS_STATE_INCLUDE)
            return true;
        else if (s->state == ZS_STATE_ERROR)
            say_scanner_error(z, false);
        else
            return false;
    }
    return false;
}

static void set_piece(struct zonefile *z, const char *at, const char *end, uint64_t number)
{
    z->piece = z->counted = at;
    z->piece_end = end;
    z->counted_line = number;
    z->scanner->line_counter = number;
    z->scanner->state = ZS_STATE_NONE;
    if (zs_set_input_string(z->scanner, at, (size_t)(end - at)) != 0)
        z->result = ERR_NOMEM;
}

/* Reads records that begin on line `number`; returns the number of the line behind them. */
static uint64_t read_records(struct zonefile *z, const char *at, const char *end, uint64_t number, bool final)
{
    while (at < end && !is_over(z)) {
        set_piece(z, at, end, number);
        if (!run_scanner(z)) /* the scanner has added a newline of its own */
            return z->must_count ? current_line(z) : z->scanner->line_counter - 1;
        const char *here = current_place(z);
        number = current_line(z);
        const char *newline = memrchr(at, '\n', (size_t)(here - at));
        const char *line = newline ? newline + 1 : at;
        at = next_line(here, end);
        handle_stop(z, line, at, final && at == end);
        number += here < end;
    }
    return number;
}

/* --- directives ------------------------------------------------------------------------------------------
 */

typedef void read_directive(struct zonefile *z, const char *line, const char *end, uint64_t number);
static read_directive include_line, generate_line_records, origin_line, ttl_line, date_line;

/* One line that begins with a dollar sign. */
static void directive_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
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
    say(z, number, NULL, false, "unknown directive");
}

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
        number = read_records(z, at, line, number, final && line == end);
        at = next_line(line, end);
        if (line < end && !z->result)
            directive_line(z, line, at, number++);
    }
    return number;
}

static void read_input(struct zonefile *z, struct zonefile_input *input)
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
        say(z, number, NULL, true, err_text(more));
        z->result = more;
    }
}

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
    while (number <= g->stop && !is_over(z)) {
        struct writer w = writer_of(buffer, GENERATE_BYTES);
        int error = fill_lines(g, &number, &w);
        (void)read_records(z, buffer, buffer + writer_used(&w), 1, true);
        if (error) {
            say(z, z->generate_line, NULL, false,
                error == ERR_SPACE ? "$GENERATE: the record is too long"
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
        say(z, number, NULL, false, why);
        return;
    }
    char *buffer = malloc(GENERATE_BYTES);
    if (!buffer) {
        z->result = ERR_NOMEM;
        return;
    }
    z->generate_line = number;
    z->generate_failed = false;
    generate_in_batches(z, &g, buffer);
    z->generate_line = 0;
    free(buffer);
    if (z->generate_failed)
        revive_scanner(z, true);
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
        say(z, number, NULL, true, message);
        z->result = error;
        return;
    }
    const struct place *parent = z->place;
    struct place place = {parent, path, input.status, parent->depth + 1};
    if (is_being_read(parent, &input.status)) {
        snprintf(message, sizeof message, "$INCLUDE \"%s\": the file includes itself", path);
        say(z, number, NULL, true, message);
    } else {
        z->place = &place;
        read_input(z, &input);
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
    if (why)
        say(z, number, NULL, true, why);
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
        say(z, number, NULL, true, "$ORIGIN: a name is expected");
    else if (take_word(&line, end, text, sizeof text))
        say(z, number, NULL, true, "$ORIGIN: something is left over behind the name");
    else
        z->scanner->zone_origin_length = (uint32_t)name_copy(current, origin);
}

static void ttl_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    char text[100];
    int length = snprintf(text, sizeof text, "$TTL %.*s", (int)(end - line), line);
    set_piece(z, text, text + length, number);
    if (length >= (int)sizeof text)
        say(z, number, NULL, true, "$TTL: one time is expected");
    else if (run_scanner(z))
        say_scanner_error(z, true);
}

/* BIND writes it into files and passes over it. */
static void date_line(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    (void)z, (void)line, (void)end, (void)number;
}

/* --- the door ------------------------------------------------------------------------------------------ */

static int start_scanner(struct zonefile *z)
{
    char origin[NAME_TEXT_MAX];
    uint32_t ttl_s = z->options->default_ttl_s ? z->options->default_ttl_s : NO_TTL;
    z->scanner = malloc(sizeof *z->scanner);
    if (!z->scanner)
        return ERR_NOMEM;
    if (zs_init(z->scanner, name_to_text(z->options->origin, origin), CLASS_IN, ttl_s) != 0) {
        free(z->scanner);
        return ERR_INVALID;
    }
    z->start_state = z->scanner->cs;
    /* A blank line at the start is no record without an owner. */
    z->scanner->r_owner_length = (uint32_t)name_copy(z->scanner->r_owner, z->options->origin);
    return 0;
}

static int read_all(struct zonefile_input *input, const char *name, const struct zonefile_options *options)
{
    struct place place = {.file = name, .status = input->status};
    struct zonefile z = {.options = options, .place = &place, .last_ttl_s = NO_TTL};
    z.result = start_scanner(&z);
    if (!z.result) {
        read_input(&z, input);
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
    say(&z, 0, NULL, true, err_text(error));
    return error;
}

int zonefile_read_text(const char *text, size_t length, const char *name,
                       const struct zonefile_options *options)
{
    struct zonefile_input input;
    int error = zonefile_input_text(&input, text, length);
    return error ? error : read_all(&input, name, options);
}
