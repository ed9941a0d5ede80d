/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words of feeds, and their serials. */
#include "feed/feed.h"

#include <strings.h>

static const char *const formats[FEED_FORMATS] = {
    [FEED_FORMAT_RPZ] = "rpz",
    [FEED_FORMAT_DOMAINS] = "domains",
    [FEED_FORMAT_HOSTS] = "hosts",
    [FEED_FORMAT_ADBLOCK] = "adblock",
};

const char *feed_format_text(enum feed_format format)
{
    return formats[format];
}

int feed_format_from_text(const char *text)
{
    for (int i = 0; i < FEED_FORMATS; i++)
        if (strcasecmp(text, formats[i]) == 0)
            return i;
    return ERR_NOT_FOUND;
}

const char *feed_skip_text(enum feed_skip skip)
{
    static const char *const texts[FEED_SKIPS] = {
        [FEED_KEPT] = "kept",
        [FEED_SKIP_LINE_TOO_LONG] = "line-too-long",
        [FEED_SKIP_NUL] = "nul-byte",
        [FEED_SKIP_CHARACTERS] = "characters",
        [FEED_SKIP_EMPTY_LABEL] = "empty-label",
        [FEED_SKIP_TOO_LONG] = "name-too-long",
        [FEED_SKIP_IDN] = "no-a-label",
        [FEED_SKIP_ADDRESS] = "address",
        [FEED_SKIP_NO_ADDRESS] = "no-address",
        [FEED_SKIP_NO_NAME] = "no-name",
        [FEED_SKIP_WORDS] = "several-words",
        [FEED_SKIP_ONE_LABEL] = "one-label",
        [FEED_SKIP_LOCAL] = "localhost",
        [FEED_SKIP_ELSEWHERE] = "leads-elsewhere",
        [FEED_SKIP_COSMETIC] = "cosmetic",
        [FEED_SKIP_PATTERN] = "pattern",
        [FEED_SKIP_MODIFIER] = "modifier",
        [FEED_SKIP_RECORD] = "no-record",
        [FEED_SKIP_NO_RULE] = "no-rule",
    };
    return texts[skip];
}

uint32_t feed_serial_next(uint32_t before, int64_t now_s)
{
    uint32_t now = (uint32_t)now_s;
    uint32_t next = !before || (int32_t)(now - before) > 0 ? now : before + 1;
    return next ? next : 1;
}
