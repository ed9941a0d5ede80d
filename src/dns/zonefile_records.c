/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drives libzscanner over whole records. What stops the scanner (a stray parenthesis) is stepped over. */
#include <stdlib.h>
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/zonefile_reading.h"
#include "dns/zonefile_rewrite.h"

enum { TTL_MAX = INT32_MAX /* RFC 2181 section 8 */ };

/* --- where we are -----------------------------------------------------------------------------------------
 */

/* Where the scanner is in the piece; at its end it scans a newline of its own. */
static const char *current_place(const struct zonefile *z)
{
    return z->scanner->input.start == z->piece ? z->scanner->input.current : z->piece_end;
}

static uint64_t current_line(struct zonefile *z)
{
    if (z->fixed_line)
        return z->fixed_line;
    if (!z->must_count)
        return z->scanner->line_counter;
    const char *here = current_place(z), *newline;
    for (; (newline = memchr(z->counted, '\n', (size_t)(here - z->counted))); z->counted = newline + 1)
        z->counted_line++;
    return z->counted_line;
}

/* --- saying what is wrong ------------------------------------------------------------------------------ */

void zonefile_say(struct zonefile *z, uint64_t line, const uint8_t *owner, bool fatal, const char *message)
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
    zonefile_say(z, current_line(z), known_owner(s), fatal, zs_strerror(s->error.code));
    z->generate_failed = z->generating;
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

uint32_t zonefile_ttl(struct zonefile *z, uint32_t given_s)
{
    uint32_t ttl_s = given_s == NO_TTL ? inherit_ttl(z) : given_s;
    return ttl_s <= TTL_MAX || ttl_s == NO_TTL ? ttl_s : 0;
}

void zonefile_deliver(struct zonefile *z, const struct zonefile_record *records, size_t count)
{
    const struct zonefile_options *to = z->options;
    if (to->records)
        z->result = to->records(to->context, records, count);
    for (size_t i = 0; i < count && !to->records && !z->result; i++)
        z->result = to->record(to->context, &records[i]);
}

static void deliver(struct zonefile *z)
{
    zs_scanner_t *s = z->scanner;
    uint64_t line = current_line(z);
    uint32_t ttl_s = zonefile_ttl(z, s->r_ttl);
    if (ttl_s == NO_TTL) {
        zonefile_say(z, line, s->r_owner, false, "no TTL: neither here nor before, and no $TTL");
        return;
    }
    z->last_ttl_s = ttl_s;
    /* The scanner takes any bytes in the form of RFC 3597, also for types that it knows. */
    if (name_check(s->r_owner, NAME_MAX_BYTES) < 0 || !rdata_check(s->r_type, s->r_data, s->r_data_length)) {
        zonefile_say(z, line, NULL, false, "the data does not have the form of its type");
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
    zonefile_deliver(z, &record, 1);
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

const char *zonefile_next_line(const char *at, const char *end)
{
    const char *newline = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
    return newline ? newline + 1 : end;
}

/* The scanner stopped in this line: a record to step over. That a directive stands in it means that the
 * record before it swallowed it (a parenthesis is open); what follows could mean anything. */
static void handle_stop(struct zonefile *z, const char *line, const char *end, bool at_end)
{
    bool directive = line < end && *line == '$' && !z->scanner->multiline;
    bool unclosed = z->scanner->error.code == ZS_UNCLOSED_MULTILINE && at_end;
    say_scanner_error(z, (directive || unclosed) && !z->fixed_line);
    revive_scanner(z, true);
}

bool zonefile_is_over(const struct zonefile *z)
{
    return z->result || z->generate_failed;
}

/* The scanner wants an owner for a line with nothing on it but blanks when the owner before was bad. */
static bool is_about_blank_line(const struct zonefile *z)
{
    const char *here = current_place(z);
    const char *newline = memrchr(z->piece, '\n', (size_t)(here - z->piece));
    const char *line = newline ? newline + 1 : z->piece;
    while (line < z->piece_end && (*line == ' ' || *line == '\t'))
        line++;
    return z->scanner->error.code == ZS_BAD_PREVIOUS_OWNER &&
           (line == z->piece_end || *line == '\n' || *line == ';');
}

/* A character that is fine in a name, but that the scanner takes only in escaped form. Inside parentheses
 * the record's start is not known any more. */
static bool is_odd_name(const struct zonefile *z)
{
    int code = z->scanner->error.code;
    return z->may_rewrite && !z->scanner->multiline && (code == ZS_BAD_DNAME_CHAR || code == ZS_BAD_OWNER);
}

enum stop {
    AT_END,
    AT_ODD_NAME,
    STUCK /* inside a line that the scanner cannot pass */
};

/* Parses records until the scanner stops. */
static enum stop run_scanner(struct zonefile *z)
{
    zs_scanner_t *s = z->scanner;
    while (!zonefile_is_over(z)) {
        zonefile_read_plain(z);
        if (z->result)
            break;
        (void)!zs_parse_record(s); /* the state says it all */
        if (s->state == ZS_STATE_DATA)
            deliver(z);
        else if (s->error.fatal || s->state == ZS_STATE_INCLUDE)
            return STUCK;
        else if (s->state != ZS_STATE_ERROR)
            return AT_END;
        else if (is_odd_name(z))
            return AT_ODD_NAME;
        else if (!is_about_blank_line(z))
            say_scanner_error(z, false);
    }
    return AT_END;
}

static void set_piece(struct zonefile *z, const char *at, const char *end, uint64_t number)
{
    z->piece = z->counted = at;
    z->piece_end = end;
    const char *newline = memrchr(at, '\n', (size_t)(end - at));
    z->plain_end = newline ? newline + 1 : at;
    z->counted_line = number;
    z->scanner->line_counter = number;
    z->scanner->state = ZS_STATE_NONE;
    if (zs_set_input_string(z->scanner, at, (size_t)(end - at)) != 0)
        z->result = ERR_NOMEM;
}

/* Reads one record again with the odd characters of its owner, then of all its words, in escaped form. */
static void read_rewritten(struct zonefile *z, const char *line, const char *end, uint64_t number)
{
    enum stop stop = AT_ODD_NAME;
    uint64_t outer_line = z->fixed_line;
    char *text = malloc(zonefile_rewrite_room(line, end));
    z->fixed_line = outer_line ? outer_line : number;
    for (int all = 0; all <= 1 && stop == AT_ODD_NAME && text; all++) {
        size_t length = zonefile_rewrite_names(line, end, all, text);
        z->may_rewrite = !all;
        revive_scanner(z, *line != ' ' && *line != '\t');
        set_piece(z, text, text + length, number);
        stop = run_scanner(z);
    }
    if (stop == STUCK)
        handle_stop(z, text, text + 1, false);
    if (!text)
        z->result = ERR_NOMEM;
    z->may_rewrite = true;
    z->fixed_line = outer_line;
    free(text);
}

static uint64_t count_newlines(const char *at, const char *end)
{
    uint64_t count = 0;
    for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        count++;
    return count;
}

uint64_t zonefile_read_records(struct zonefile *z, const char *at, const char *end, uint64_t number,
                               bool final)
{
    while (at < end && !zonefile_is_over(z)) {
        set_piece(z, at, end, number);
        enum stop stop = run_scanner(z);
        if (stop == AT_END) {
            if (z->generate_failed)
                revive_scanner(z, true); /* it was left inside a line */
            /* The scanner has added a newline of its own. */
            return z->must_count ? current_line(z) : z->scanner->line_counter - 1;
        }
        const char *here = current_place(z);
        const char *newline = memrchr(at, '\n', (size_t)(here - at));
        const char *line = newline ? newline + 1 : at;
        number += count_newlines(at, line);
        if (stop == AT_ODD_NAME && line < end) {
            size_t record = zonefile_skip_record(line, (size_t)(end - line));
            at = record ? line + record : end;
            read_rewritten(z, line, at, number);
        } else {
            at = zonefile_next_line(here, end);
            handle_stop(z, line, at, final && at == end);
        }
        number += count_newlines(line, at);
    }
    return number;
}

void zonefile_scan_directive(struct zonefile *z, const char *text, size_t length, uint64_t number)
{
    set_piece(z, text, text + length, number);
    if (run_scanner(z) == STUCK)
        say_scanner_error(z, true);
}

int zonefile_start_scanner(struct zonefile *z)
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
    z->may_rewrite = true;
    /* A blank line at the start is no record without an owner. */
    z->scanner->r_owner_length = (uint32_t)name_copy(z->scanner->r_owner, z->options->origin);
    return 0;
}
