/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed/lines.h"

#include <string.h>
#include <strings.h>

#include "dns/name.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

struct lines lines_of(const void *bytes, size_t length)
{
    struct lines lines = {.at = bytes, .end = (const char *)bytes + length};
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        lines.at += 3;
    return lines;
}

bool lines_next(struct lines *lines, struct span *out)
{
    if (lines->at == lines->end)
        return false;
    const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
    *out = (struct span){lines->at, newline ? newline : lines->end};
    lines->at = newline ? newline + 1 : lines->end;
    lines->number++;
    while (out->at < out->end && is_blank(*out->at))
        out->at++;
    while (out->at < out->end && is_blank(out->end[-1]))
        out->end--;
    return true;
}

bool span_word(struct span *rest, struct span *word)
{
    while (rest->at < rest->end && is_blank(*rest->at))
        rest->at++;
    word->at = rest->at;
    while (rest->at < rest->end && !is_blank(*rest->at))
        rest->at++;
    word->end = rest->at;
    return word->at < word->end;
}

bool span_starts(struct span span, const char *text)
{
    size_t length = strlen(text);
    return span_length(span) >= length && memcmp(span.at, text, length) == 0;
}

bool span_is(struct span span, const char *text)
{
    size_t length = strlen(text);
    return span_length(span) == length && strncasecmp(span.at, text, length) == 0;
}

bool span_address(struct span text, struct ip_address *out)
{
    char copy[IP_TEXT_MAX];
    const char *zone = memchr(text.at, '%', span_length(text));
    size_t length = zone ? (size_t)(zone - text.at) : span_length(text);
    if (!length || length >= sizeof copy || memchr(text.at, 0, length))
        return false;
    memcpy(copy, text.at, length);
    copy[length] = 0;
    return ip_from_text(copy, out) == 0;
}

/* Underscores stand in names that are blocked, though not in host names (RFC 952). */
static int name_byte(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
        return c;
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : -1;
}

static enum feed_skip ascii_name(struct span text, uint8_t out[255], size_t *length)
{
    size_t used = 1, label = 0; /* `label`: where the length byte of the one being read stands */
    out[0] = 0;
    for (const char *at = text.at; at < text.end; at++) {
        int c = *at == '.' ? '.' : name_byte(*at);
        if (c < 0)
            return FEED_SKIP_CHARACTERS;
        if (c == '.' && !out[label])
            return FEED_SKIP_EMPTY_LABEL;
        if (used == NAME_MAX_BYTES - (c != '.') || (c != '.' && out[label] == 63))
            return FEED_SKIP_TOO_LONG;
        if (c == '.') {
            label = used;
            out[used++] = 0;
        } else {
            out[used++] = (uint8_t)c;
            out[label]++;
        }
    }
    if (out[label])
        out[used++] = 0;
    *length = used;
    return used > 1 ? FEED_KEPT : FEED_SKIP_EMPTY_LABEL;
}

static bool is_ascii(struct span text)
{
    unsigned seen = 0;
    for (const char *at = text.at; at < text.end; at++)
        seen |= (uint8_t)*at;
    return seen < 0x80;
}

enum feed_skip span_name(struct span text, uint8_t out[255], size_t *length)
{
    struct ip_address address;
    char ascii[1024];
    if (span_address(text, &address))
        return FEED_SKIP_ADDRESS;
    if (is_ascii(text))
        return ascii_name(text, out, length);
    int converted = idn_to_ascii(text, ascii, sizeof ascii);
    if (converted < 0)
        return FEED_SKIP_IDN;
    return ascii_name((struct span){ascii, ascii + converted}, out, length);
}
