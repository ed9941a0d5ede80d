/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the form that policy zones have by the million, `owner [TTL] [IN] CNAME target`, written in
 * ordinary characters and with nothing behind it: read here in a fifth of the scanner's time. Whatever is not
 * exactly that is left to the scanner, which finds itself as if it had read these lines. */
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "dns/zonefile_marks.h"
#include "dns/zonefile_reading.h"

enum {
    NAME_ROOM = NAME_MAX_BYTES + 1 + ZONEFILE_SLACK,
    NAMES_BYTES = 4096,
    LABEL_MAX = 63,
    TTL_DIGITS = 9 /* fits, whatever they are */,
    LEAST_BYTES = 8 /* of `CNAME .` and its newline */
};

struct plain {
    const char *at, *end; /* a newline stands before `end` */
    const zs_scanner_t *scanner;
};

/* Copies sixteen bytes at a time, some too many. */
static void copy_text(uint8_t *to, const uint8_t *from, size_t length)
{
    for (size_t i = 0; i < length; i += ZONEFILE_SLACK)
        memcpy(to + i, from + i, ZONEFILE_SLACK);
}

/* Text as far as it can be a name, with the length of each label in place of the dot in front of it. Returns
 * how much that is, with *label where the last label begins, which has no length yet; 0: it is for the
 * scanner. */
static size_t read_labels(const char *text, uint8_t out[NAME_ROOM], size_t *label)
{
    size_t start = 0, longest = 0, shortest = LABEL_MAX, at;
    struct marks marks;
    for (at = 0; at < NAME_MAX_BYTES; at += MARKS_AT_ONCE) {
        marks = marks_copy(out + 1 + at, text + at);
        uint32_t dots = marks.others ? marks.dots & ((marks.others & -marks.others) - 1) : marks.dots;
        for (; dots; dots &= dots - 1) {
            size_t dot = at + (unsigned)__builtin_ctz(dots), length = dot - start;
            longest = length > longest ? length : longest;
            shortest = length < shortest ? length : shortest;
            out[start] = (uint8_t)length;
            start = dot + 1;
        }
        if (marks.others)
            break;
    }
    *label = start;
    bool good = at < NAME_MAX_BYTES && longest <= LABEL_MAX && shortest;
    return good ? at + (unsigned)__builtin_ctz(marks.others) : 0;
}

/* A name, with the origin if it is relative. Returns its length; 0: it is for the scanner. */
static size_t read_name(struct plain *p, uint8_t out[NAME_ROOM])
{
    const zs_scanner_t *s = p->scanner;
    size_t label, length = read_labels(p->at, out, &label), last = length - label;
    if (!length || last > LABEL_MAX)
        return 0;
    size_t rest = last ? s->zone_origin_length : 1;
    length += last ? 1 : 0;
    p->at += label + last;
    if (length + rest > NAME_MAX_BYTES)
        return 0;
    out[label] = (uint8_t)last; /* behind a final dot the root's */
    if (last)
        copy_text(out + length, s->zone_origin, rest);
    return length + rest;
}

static size_t read_target(struct plain *p, uint8_t out[NAME_ROOM])
{
    if (*p->at != '.')
        return read_name(p, out);
    out[0] = 0;
    p->at++;
    return 1;
}

/* False: there is none. */
static bool skip_blanks(struct plain *p)
{
    const char *start = p->at;
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
    return p->at > start;
}

/* A word and the blanks behind it. */
static bool take_word(struct plain *p, const char *lower, size_t length)
{
    if (p->end - p->at < LEAST_BYTES)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((p->at[i] | 0x20) != lower[i])
            return false;
    struct plain behind = *p;
    behind.at += length;
    if (!skip_blanks(&behind))
        return false;
    *p = behind;
    return true;
}

static bool take_ttl(struct plain *p, uint32_t *ttl_s)
{
    struct plain behind = *p;
    uint32_t value = 0;
    for (; *behind.at >= '0' && *behind.at <= '9'; behind.at++)
        value = behind.at - p->at < TTL_DIGITS ? value * 10 + (uint32_t)(*behind.at - '0') : 0;
    ptrdiff_t digits = behind.at - p->at;
    if (digits == 0 || digits > TTL_DIGITS || !skip_blanks(&behind))
        return false;
    *ttl_s = value;
    *p = behind;
    return true;
}

/* Lines that follow each other, in the form in which they are handed over; names one behind the other. */
struct plain_lines {
    size_t count, used;
    /* Of the last one: where its owner ends, what is behind that up to the newline, and how long both are. */
    const char *rest;
    size_t rest_length, owner_length;
    struct zonefile_record records[ZONEFILE_TOGETHER];
    uint8_t names[NAMES_BYTES];
};

/* What is behind the owner, with its newline; the data goes to `to`. False: it is for the scanner. */
static bool read_rest(struct zonefile *z, struct plain *p, uint8_t *to, struct zonefile_record *record)
{
    uint32_t ttl_s = p->scanner->default_ttl;
    if (!skip_blanks(p))
        return false;
    if ((*p->at | 0x20) != 'c') {
        bool has_ttl = take_ttl(p, &ttl_s);
        if (take_word(p, "in", 2) && !has_ttl)
            (void)take_ttl(p, &ttl_s);
    }
    if (!take_word(p, "cname", 5))
        return false;
    size_t length = read_target(p, to);
    skip_blanks(p);
    if (!length || *p->at++ != '\n')
        return false;
    record->type = TYPE_CNAME;
    record->rclass = CLASS_IN;
    record->ttl_s = zonefile_ttl(z, ttl_s);
    record->rdata = to;
    record->rdata_length = (uint16_t)length;
    record->file = z->place->file;
    return record->ttl_s != NO_TTL; /* the scanner's side says so */
}

/* What is behind the owner is what was behind the one before, as in most lines. */
static bool is_same_rest(const struct plain *p, const struct plain_lines *lines)
{
    return lines->count && (size_t)(p->end - p->at) >= lines->rest_length &&
           bytes_same(p->at, lines->rest, lines->rest_length);
}

static bool read_line(struct zonefile *z, struct plain *p, struct plain_lines *out, uint64_t line)
{
    struct zonefile_record *record = &out->records[out->count];
    uint8_t *owner = out->names + out->used;
    size_t owner_length = read_name(p, owner), length = 0;
    const char *rest = p->at;
    if (!owner_length)
        return false;
    if (is_same_rest(p, out)) {
        *record = record[-1]; /* its TTL, too, where it is that of the one before */
        p->at += out->rest_length;
    } else {
        if (!read_rest(z, p, owner + owner_length, record))
            return false;
        length = record->rdata_length;
        z->last_ttl_s = record->ttl_s;
    }
    record->owner = owner;
    record->line = line;
    out->rest = rest;
    out->rest_length = (size_t)(p->at - rest);
    out->owner_length = owner_length;
    out->used += owner_length + length;
    out->count++;
    return true;
}

/* Reads as many as it can and there is room for. Returns where the first line stands that it did not. */
static const char *read_lines(struct zonefile *z, struct plain *p, struct plain_lines *out, uint64_t line)
{
    const char *at = p->at;
    out->count = out->used = 0;
    while (at < p->end && out->count < ZONEFILE_TOGETHER && out->used <= NAMES_BYTES - 2 * NAME_ROOM &&
           read_line(z, p, out, line + out->count))
        at = p->at;
    return at;
}

static void leave_owner(zs_scanner_t *s, const struct plain_lines *lines)
{
    memcpy(s->r_owner, lines->records[lines->count - 1].owner, lines->owner_length);
    s->r_owner_length = (uint32_t)lines->owner_length;
}

/* Reads and hands over while it can. Returns where the first line stands that it cannot. */
static const char *read_all_lines(struct zonefile *z, struct plain *p, uint64_t *line)
{
    struct plain_lines lines;
    const char *at = p->at;
    do {
        p->at = at;
        at = read_lines(z, p, &lines, *line);
        if (!lines.count)
            break;
        *line += lines.count;
        leave_owner(z->scanner, &lines);
        zonefile_deliver(z, lines.records, lines.count);
    } while (!z->result);
    return at;
}

void zonefile_read_plain(struct zonefile *z)
{
    zs_scanner_t *s = z->scanner;
    bool between = s->cs == z->start_state && !s->multiline && s->input.start == z->piece;
    const char *end = between && !z->fixed_line && !z->must_count ? z->plain_end : NULL,
               *at = s->input.current;
    uint64_t line = s->line_counter;
    if (!end || at >= end)
        return;
    if (at > z->piece && *at == '\n') { /* of the record that the scanner gave last */
        at++;
        line++;
    }
    struct plain p = {at, end, s};
    const char *behind = at < end ? read_all_lines(z, &p, &line) : at;
    if (behind == at)
        return;
    s->input.current = behind - 1; /* at the newline, as behind a record of its own */
    s->line_counter = line - 1;
}
