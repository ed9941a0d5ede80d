/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/zonefile_rewrite.h"

#include <ctype.h>
#include <string.h>

size_t zonefile_rewrite_room(const char *record, const char *end)
{
    return (size_t)(end - record) * 4 + 1; /* \DDD */
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool is_odd(char c)
{
    return !isascii((unsigned char)c) ||
           (!isalnum((unsigned char)c) && !is_blank(c) && !strchr("-_/*.\\\"();", c)) || c == 0;
}

static char *put_escaped(char *out, unsigned char c)
{
    *out++ = '\\';
    if (isascii(c) && isprint(c)) {
        *out++ = (char)c;
        return out;
    }
    *out++ = (char)('0' + c / 100);
    *out++ = (char)('0' + c / 10 % 10);
    *out++ = (char)('0' + c % 10);
    return out;
}

/* `@` as a whole word is the origin. */
static bool is_origin(const char *at, const char *start, const char *end)
{
    return *at == '@' && (at == start || is_blank(at[-1]) || at[-1] == '(') &&
           (at + 1 == end || is_blank(at[1]) || strchr("();", at[1]));
}

size_t zonefile_rewrite_names(const char *record, const char *end, bool all, char *out)
{
    char *to = out;
    bool quoted = false, commented = false, in_names = true;
    for (const char *at = record; at < end; at++) {
        bool plain = !quoted && !commented;
        if (plain && in_names && is_odd(*at) && !is_origin(at, record, end)) {
            to = put_escaped(to, (unsigned char)*at);
            continue;
        }
        *to++ = *at;
        if (*at == '\\' && at + 1 < end && at[1] != '\n')
            *to++ = *++at;
        else if (*at == '"' && !commented)
            quoted = !quoted;
        else if (*at == ';' && !quoted)
            commented = true;
        else if (*at == '\n')
            commented = false;
        in_names = all || (in_names && !is_blank(*at));
    }
    return (size_t)(to - out);
}
