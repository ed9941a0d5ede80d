/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names as people write them (RFC 1035 section 5.1). */
#include <string.h>

#include "dns/name.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads what follows a backslash; moves `text` behind it. Returns the byte or ERR_MALFORMED. */
static int read_escape(const char **text)
{
    const char *at = *text;
    if (!is_digit(at[0])) {
        *text = at + 1;
        return at[0] ? (uint8_t)at[0] : ERR_MALFORMED;
    }
    if (!is_digit(at[1]) || !is_digit(at[2]))
        return ERR_MALFORMED;
    int value = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
    *text = at + 3;
    return value <= 255 ? value : ERR_MALFORMED;
}

/* Reads one label up to its dot or the end. Returns its length or an error. */
static int read_label(const char **text, uint8_t *out, size_t room)
{
    size_t length = 0;
    while (**text && **text != '.') {
        int c = (uint8_t) * (*text)++;
        if (c == '\\')
            c = read_escape(text);
        if (c < 0 || length == 63)
            return ERR_MALFORMED;
        if (length == room)
            return ERR_SPACE;
        out[length++] = (uint8_t)c;
    }
    return length ? (int)length : ERR_MALFORMED;
}

/* Reads labels up to the end; *absolute: the text ended in a dot. Returns the bytes used or an error. */
static int read_labels(const char *text, uint8_t *out, bool *absolute)
{
    size_t used = 0;
    *absolute = false;
    while (*text) {
        if (used + 2 >= NAME_MAX_BYTES)
            return ERR_SPACE;
        int length = read_label(&text, out + used + 1, NAME_MAX_BYTES - 2 - used);
        if (length < 0)
            return length;
        out[used] = (uint8_t)length;
        used += (size_t)length + 1;
        *absolute = *text == '.';
        text += *absolute;
    }
    return (int)used;
}

int name_from_text(const char *text, const uint8_t *origin, uint8_t out[NAME_MAX_BYTES])
{
    bool absolute = strcmp(text, ".") == 0;
    int used = absolute ? 0 : read_labels(text, out, &absolute);
    if (used < 0 || (!used && !absolute))
        return used < 0 ? used : ERR_MALFORMED;
    const uint8_t *suffix = absolute || !origin ? (const uint8_t *)"" : origin;
    size_t tail = name_length(suffix);
    if ((size_t)used + tail > NAME_MAX_BYTES)
        return ERR_SPACE;
    memcpy(out + used, suffix, tail);
    return used + (int)tail;
}

static char *put_byte(char *out, uint8_t c)
{
    if (c <= 0x20 || c >= 0x7f) {
        *out++ = '\\';
        *out++ = (char)('0' + c / 100);
        *out++ = (char)('0' + c / 10 % 10);
        *out++ = (char)('0' + c % 10);
        return out;
    }
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    if (!plain && strchr("\".;\\()@$", c))
        *out++ = '\\';
    *out++ = (char)c;
    return out;
}

char *name_to_text(const uint8_t *name, char *out)
{
    char *at = out;
    if (!*name)
        *at++ = '.';
    for (; *name; name += *name + 1) {
        for (unsigned i = 1; i <= *name; i++)
            at = put_byte(at, name[i]);
        *at++ = '.';
    }
    *at = 0;
    return out;
}

char *name_to_text_nodot(const uint8_t *name, char *out)
{
    name_to_text(name, out);
    if (*name)
        out[strlen(out) - 1] = 0;
    return out;
}
