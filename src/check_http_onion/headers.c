// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/headers.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

static bool continues(const char *line)
{
    return *line == ' ' || *line == '\t';
}

/* One logical value, from after the colon to the last continuation line. */
static char *join_value(struct arena *arena, const char *start)
{
    const char *end = next_line(start);
    while (continues(end))
        end = next_line(end);
    char *value = arena_printf(arena, "%.*s", (int)(end - start), start), *to = value;
    for (const char *from = value; from && *from; from++) {
        bool space = isspace((unsigned char)*from);
        if (!space)
            *to++ = *from;
        else if (to > value && (from[1] && !isspace((unsigned char)from[1])))
            *to++ = *from == '\t' || *from == '\n' || *from == '\r' ? ' ' : *from;
    }
    if (value)
        *to = 0;
    return value;
}

char *header_value(struct arena *arena, const char *headers, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = headers; *line; line = next_line(line))
        if (!continues(line) && !strncasecmp(line, name, length) && line[length] == ':')
            return join_value(arena, line + length + 1);
    return NULL;
}

int64_t http_date_s(const char *text)
{
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm when = {0};
    char day[4], month[4], zone[4];
    if (sscanf(text, "%3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d %3s", day, &when.tm_mday, month,
               &when.tm_year, &when.tm_hour, &when.tm_min, &when.tm_sec, zone) != 8)
        return 0;
    const char *at = strstr(MONTHS, month);
    if (!at || strlen(month) != 3 || (at - MONTHS) % 3 || strcmp(zone, "GMT"))
        return 0;
    if (when.tm_mday < 1 || when.tm_mday > 31 || when.tm_year < 1000)
        return 0;
    when.tm_mon = (int)(at - MONTHS) / 3;
    when.tm_year -= 1900;
    int64_t seconds = timegm(&when);
    return seconds > 0 ? seconds : 0;
}
