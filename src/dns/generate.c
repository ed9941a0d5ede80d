/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/generate.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    NUMBER_MAX = INT32_MAX, /* of a range, as in BIND */
    WIDTH_MAX = 127,
};

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_number(struct cursor *c, uint32_t *out)
{
    uint64_t value = 0;
    const char *start = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9' && value <= NUMBER_MAX; c->at++)
        value = value * 10 + (uint64_t)(*c->at - '0');
    *out = (uint32_t)value;
    return c->at > start && value <= NUMBER_MAX;
}

static bool take_range(struct cursor *c, struct generate *out)
{
    out->step = 1;
    bool good = take_number(c, &out->start) && take(c, '-') && take_number(c, &out->stop);
    if (good && take(c, '/'))
        good = take_number(c, &out->step);
    if (!good || !out->step || out->start > out->stop)
        return false;
    out->count = (uint64_t)(out->stop - out->start) / out->step + 1;
    return c->at < c->end && (*c->at == ' ' || *c->at == '\t');
}

/* Where the line ends but for its comment and the blanks before it. */
static const char *end_of_text(const char *at, const char *end)
{
    const char *last = at;
    bool quoted = false;
    for (; at < end && (quoted || *at != ';'); at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        else if (*at == '"')
            quoted = !quoted;
        if (*at != ' ' && *at != '\t')
            last = at + 1;
    }
    return last;
}

/* A rhs in quotes: they hold it together and are not part of it. */
static void find_quotes(struct generate *g)
{
    const char *end = g->rest + g->rest_length;
    const char *open = memchr(g->rest, '"', g->rest_length);
    const char *close = open ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
    bool alone = close == end - 1 && open > g->rest && (open[-1] == ' ' || open[-1] == '\t');
    g->quote_open = alone ? open : NULL;
    g->quote_close = alone ? close : NULL;
}

int generate_parse(const char *line, size_t length, struct generate *out, const char **why)
{
    struct cursor c = {line, end_of_text(line, line + length)};
    *out = (struct generate){0};
    skip_blanks(&c);
    if (!take_range(&c, out)) {
        *why = "$GENERATE: the range is not start-stop or start-stop/step";
        return ERR_MALFORMED;
    }
    skip_blanks(&c);
    out->lhs = c.at;
    while (c.at < c.end && *c.at != ' ' && *c.at != '\t')
        c.at++;
    out->lhs_length = (size_t)(c.at - out->lhs);
    skip_blanks(&c);
    out->rest = c.at;
    out->rest_length = (size_t)(c.end - c.at);
    if (!out->rest_length) {
        *why = "$GENERATE: left side, type and right side are expected behind the range";
        return ERR_MALFORMED;
    }
    find_quotes(out);
    return 0;
}

struct modifier {
    int32_t offset;
    uint32_t width;
    char base;
};

/* {offset[,width[,base]]} */
static bool take_modifier(struct cursor *c, struct modifier *out)
{
    uint32_t offset;
    *out = (struct modifier){.base = 'd'};
    if (!take(c, '{'))
        return true;
    bool negative = take(c, '-');
    if (!negative)
        take(c, '+');
    if (!take_number(c, &offset))
        return false;
    out->offset = negative ? -(int32_t)offset : (int32_t)offset;
    if (take(c, ',')) {
        if (!take_number(c, &out->width) || out->width > WIDTH_MAX)
            return false;
        if (take(c, ',')) {
            if (c->at == c->end || !strchr("doxXnN", *c->at) || !*c->at)
                return false;
            out->base = *c->at++;
        }
    }
    return take(c, '}');
}

/* 0x12c is "c.2.1"; the width counts the dots too. */
static size_t put_nibbles(char *out, uint32_t value, uint32_t width, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    size_t used = 0;
    do {
        out[used++] = digits[value & 15];
        value >>= 4;
        if (value || used < width)
            out[used++] = '.';
    } while (value || used < width);
    return used;
}

static void put_number(struct writer *w, uint32_t number, const struct modifier *m)
{
    char text[WIDTH_MAX + 24];
    uint32_t value = number + (uint32_t)m->offset;
    int width = (int)m->width, used = 0;
    switch (m->base) {
    case 'd':
        used = snprintf(text, sizeof text, "%0*" PRId64, width, (int64_t)number + m->offset);
        break;
    case 'o':
        used = snprintf(text, sizeof text, "%0*" PRIo32, width, value);
        break;
    case 'x':
        used = snprintf(text, sizeof text, "%0*" PRIx32, width, value);
        break;
    case 'X':
        used = snprintf(text, sizeof text, "%0*" PRIX32, width, value);
        break;
    default:
        used = (int)put_nibbles(text, value, m->width, m->base == 'N');
    }
    write_bytes(w, text, (size_t)used);
}

static bool expand(const struct generate *g, const char *from, size_t length, uint32_t number,
                   struct writer *w)
{
    struct cursor c = {from, from + length};
    while (c.at < c.end) {
        struct modifier modifier;
        char character = *c.at++;
        if (character == '\\' && c.at < c.end) {
            write_u8(w, (uint8_t)character);
            write_u8(w, (uint8_t)*c.at++);
        } else if (character != '$') {
            if (c.at - 1 != g->quote_open && c.at - 1 != g->quote_close)
                write_u8(w, (uint8_t)character);
        } else if (take(&c, '$')) {
            write_bytes(w, "\\$", 2); /* the record's scanner takes no bare one */
        } else if (take_modifier(&c, &modifier)) {
            put_number(w, number, &modifier);
        } else {
            return false;
        }
    }
    return true;
}

int generate_line(const struct generate *g, uint32_t number, struct writer *w)
{
    uint8_t *before = w->at;
    bool good = expand(g, g->lhs, g->lhs_length, number, w);
    write_u8(w, ' ');
    good = good && expand(g, g->rest, g->rest_length, number, w);
    write_u8(w, '\n');
    int error = !good ? ERR_MALFORMED : w->error;
    if (error) {
        w->at = before;
        w->error = 0;
    }
    return error;
}
