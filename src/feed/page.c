/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What servers send with status 200 when they have no list: pages, errors, archives. */
#include <string.h>
#include <strings.h>

#include "feed/formats.h"

enum { LOOKED_AT = 1024 };

struct look {
    const char *at;
    size_t length;
};

static bool begins(struct look look, const char *text)
{
    size_t length = strlen(text);
    return look.length >= length && strncasecmp(look.at, text, length) == 0;
}

static bool has(struct look look, const char *text)
{
    for (; look.length; look.at++, look.length--)
        if (begins(look, text))
            return true;
    return false;
}

const char *page_kind(const void *bytes, size_t length)
{
    struct lines whole = lines_of(bytes, length);
    struct look look = {whole.at, (size_t)(whole.end - whole.at)};
    while (look.length && strchr(" \t\r\n", *look.at) && *look.at)
        look.at++, look.length--;
    if (!look.length)
        return "an empty body";
    look.length = look.length < LOOKED_AT ? look.length : LOOKED_AT;
    if (begins(look, "<") && (has(look, "<html") || begins(look, "<!doctype html")))
        return "an HTML page";
    if (begins(look, "<"))
        return "XML";
    if (begins(look, "{"))
        return "JSON";
    if (begins(look, "\x1f\x8b"))
        return "a gzip file";
    if (begins(look, "PK\x03\x04"))
        return "a ZIP file";
    if (begins(look, "\xff\xfe") || begins(look, "\xfe\xff"))
        return "text in UTF-16";
    return NULL;
}
