/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines of the form that policy zones have by the million, `owner [TTL] [IN] CNAME target`, written in
 * ordinary characters and with nothing behind it: read here in a fifth of the scanner's time. Whatever is not
 * exactly that is left to the scanner, which finds itself as if it had read these lines. */
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "dns/zonefile_reading.h"

enum {
    NAME_ROOM = NAME_MAX_BYTES + 1 + ZONEFILE_SLACK,
    NAMES_BYTES = 4096,
    LABEL_MAX = 63,
    TTL_DIGITS = 9 /* fits, whatever they are */,
    LEAST_BYTES = 8 /* of `CNAME .` and its newline */
};

/* Characters of names that mean themselves, here and to the scanner. */
static const bool ordinary[256] = {['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
                                   ['-'] = true,         ['_'] = true,         ['*'] = true};

struct plain {
    const char *at, *end; /* a newline stands before `end` */
    const zs_scanner_t *scanner;
};

/* Copies sixteen bytes at a time, some too many. */
static void copy_text(uint8_t *to, const char *from, size_t length)
{
    for (size_t i = 0; i < length; i += ZONEFILE_SLACK)
        memcpy(to + i, from + i, ZONEFILE_SLACK);
}

/* A name, with the origin if it is relative: its text, with the length of each label in place of the dot in
 * front of it. Returns its length; 0: it is for the scanner. */
static size_t read_name(struct plain *p, uint8_t out[NAME_ROOM])
{
    const zs_scanner_t *s = p->scanner;
    const char *text = p->at, *at = text;
    uint8_t lengths[NAME_MAX_LABELS], stop;
    unsigned labels = 0;
    do {
        const char *label = at;
        do
            stop = (uint8_t)*at++;
        while (ordinary[stop]);
        ptrdiff_t length = at - label - 1;
        if (length == 0 || length > LABEL_MAX || labels == NAME_MAX_LABELS)
            return 0;
        lengths[labels++] = (uint8_t)length;
    } while (stop == '.' && ordinary[(uint8_t)*at]);
    size_t length = (size_t)(at - text), rest = stop == '.' ? 1 : s->zone_origin_length;
    p->at = stop == '.' ? at : at - 1;
    if (length + rest > NAME_MAX_BYTES)
        return 0;
    copy_text(out + 1, text, length - 1);
    for (unsigned i = 0; i < labels; i++, out += 1 + *out)
        *out = lengths[i];
    if (stop == '.')
        *out = 0;
    else
        copy_text(out, (const char *)s->zone_origin, rest);
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
    struct zonefile_record records[ZONEFILE_TOGETHER]; /* each one's data behind its owner */
    uint8_t names[NAMES_BYTES];
};

/* A line with its newline; its names go behind `used`. False: it is for the scanner. */
static bool read_line(struct plain *p, struct plain_lines *out, struct zonefile_record *record)
{
    uint8_t *owner = out->names + out->used;
    size_t owner_length = read_name(p, owner);
    if (!owner_length || !skip_blanks(p))
        return false;
    record->ttl_s = p->scanner->default_ttl;
    bool has_ttl = take_ttl(p, &record->ttl_s);
    if (take_word(p, "in", 2) && !has_ttl)
        (void)take_ttl(p, &record->ttl_s);
    if (!take_word(p, "cname", 5))
        return false;
    size_t length = read_target(p, owner + owner_length);
    skip_blanks(p);
    record->owner = owner;
    record->rdata = owner + owner_length;
    record->rdata_length = (uint16_t)length;
    return length && *p->at++ == '\n';
}

/* Reads as many as it can and there is room for. Returns where the first line stands that it did not. */
static const char *read_lines(struct zonefile *z, struct plain *p, struct plain_lines *out, uint64_t line)
{
    const char *at = p->at;
    out->count = out->used = 0;
    while (at < p->end && out->count < ZONEFILE_TOGETHER && out->used <= NAMES_BYTES - 2 * NAME_ROOM) {
        struct zonefile_record *record = &out->records[out->count];
        if (!read_line(p, out, record))
            break;
        uint32_t ttl_s = zonefile_ttl(z, record->ttl_s);
        if (ttl_s == NO_TTL)
            break; /* the scanner's side says so */
        z->last_ttl_s = record->ttl_s = ttl_s;
        record->type = TYPE_CNAME;
        record->rclass = CLASS_IN;
        record->file = z->place->file;
        record->line = line + out->count++;
        out->used = (size_t)(record->rdata - out->names) + record->rdata_length;
        at = p->at;
    }
    return at;
}

static void leave_owner(zs_scanner_t *s, const struct zonefile_record *record)
{
    s->r_owner_length = (uint32_t)(record->rdata - record->owner);
    memcpy(s->r_owner, record->owner, s->r_owner_length);
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
        leave_owner(z->scanner, &lines.records[lines.count - 1]);
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
