// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/text.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the UTF-8 character at `at` (2 … 4), or 0 when there is none. Stops at the terminating zero,
 * which is no continuation byte. */
static size_t utf8_length(const uint8_t *at)
{
    size_t length = *at >= 0xc2 && *at <= 0xdf   ? 2
                    : (*at & 0xf0) == 0xe0       ? 3
                    : *at >= 0xf0 && *at <= 0xf4 ? 4
                                                 : 0;
    for (size_t i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool too_long = (*at == 0xe0 && at[1] < 0xa0) || (*at == 0xf0 && at[1] < 0x90);
    bool no_character = (*at == 0xed && at[1] > 0x9f) || (*at == 0xf4 && at[1] > 0x8f);
    bool control = *at == 0xc2 && at[1] < 0xa0;
    return too_long || no_character || control ? 0 : length;
}

static uint8_t safe_byte(uint8_t byte, bool keep_lines)
{
    if (byte == '|')
        return '/';
    if (keep_lines && (byte == '\n' || byte == '\r' || byte == '\t'))
        return byte;
    return byte < 0x20 || byte >= 0x7f ? '?' : byte;
}

char *text_make_safe(char *text, bool keep_lines)
{
    for (uint8_t *at = (uint8_t *)text; *at;) {
        size_t length = *at < 0x80 ? 0 : utf8_length(at);
        if (!length)
            *at = safe_byte(*at, keep_lines);
        at += length ? length : 1;
    }
    return text;
}
