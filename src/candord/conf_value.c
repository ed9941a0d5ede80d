/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/conf_value.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

int conf_bool(const char *text, bool *out)
{
    static const struct {
        const char *text;
        bool value;
    } forms[] = {{"yes", true}, {"true", true}, {"1", true}, {"no", false}, {"false", false}, {"0", false}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (strcasecmp(text, forms[i].text) == 0) {
            *out = forms[i].value;
            return 0;
        }
    return ERR_MALFORMED;
}

/* Reads digits and moves past them. */
static int digits(const char **text, uint64_t max, uint64_t *out)
{
    const char *at = *text;
    uint64_t value = 0;
    if (!isdigit((unsigned char)*at))
        return ERR_MALFORMED;
    for (; isdigit((unsigned char)*at); at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (value > (max - digit) / 10)
            return ERR_LIMIT;
        value = value * 10 + digit;
    }
    *text = at;
    *out = value;
    return 0;
}

int conf_number(const char *text, uint32_t *out)
{
    uint64_t value;
    int error = digits(&text, UINT32_MAX, &value);
    if (error || *text)
        return error ?: ERR_MALFORMED;
    *out = (uint32_t)value;
    return 0;
}

int conf_port(const char *text, uint16_t *out)
{
    uint64_t value;
    int error = digits(&text, UINT16_MAX, &value);
    if (error || *text)
        return error ?: ERR_MALFORMED;
    *out = (uint16_t)value;
    return 0;
}

int conf_size(const char *text, uint64_t *out)
{
    static const char units[] = "kmgt";
    uint64_t value;
    int error = digits(&text, UINT64_MAX, &value);
    if (error)
        return error;
    const char *unit = *text ? strchr(units, tolower((unsigned char)*text)) : NULL;
    if (*text && (!unit || text[1]))
        return ERR_MALFORMED;
    unsigned shift = unit ? (unsigned)(unit - units + 1) * 10 : 0;
    if (value > UINT64_MAX >> shift)
        return ERR_LIMIT;
    *out = value << shift;
    return 0;
}

int conf_percent(const char *text, unsigned *out)
{
    uint64_t value;
    int error = digits(&text, 1000000, &value);
    if (error || strcmp(text, "%") != 0)
        return error ?: ERR_MALFORMED;
    *out = (unsigned)value;
    return 0;
}

struct unit {
    char letter;
    uint32_t seconds;
};

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, WEEK = 604800, MONTH = 31 * DAY, YEAR = 365 * DAY };

/* Numbers with units; `ordered`: each unit at most once and in this order, as in ISO 8601. */
static int units(const char **text, const struct unit *units, size_t count, bool ordered, uint64_t *sum)
{
    size_t next = 0;
    while (isdigit((unsigned char)**text)) {
        uint64_t value;
        int error = digits(text, UINT32_MAX, &value);
        if (error)
            return error;
        while (next < count && units[next].letter != tolower((unsigned char)**text))
            next++;
        if (next == count)
            return ERR_MALFORMED;
        *sum += value * units[next].seconds;
        if (*sum > UINT32_MAX)
            return ERR_LIMIT;
        next = ordered ? next + 1 : 0;
        ++*text;
    }
    return 0;
}

static int iso_duration(const char *text, uint64_t *sum)
{
    static const struct unit days[] = {{'y', YEAR}, {'m', MONTH}, {'w', WEEK}, {'d', DAY}};
    static const struct unit hours[] = {{'h', HOUR}, {'m', MINUTE}, {'s', 1}};
    const char *start = ++text;
    int error = units(&text, days, 4, true, sum);
    if (!error && tolower((unsigned char)*text) == 't') {
        const char *time = ++text;
        error = units(&text, hours, 3, true, sum);
        if (text == time)
            return ERR_MALFORMED;
    }
    return error ?: *text || text == start ? ERR_MALFORMED : 0;
}

int conf_duration(const char *text, uint32_t *seconds)
{
    static const struct unit all[] = {{'w', WEEK}, {'d', DAY}, {'h', HOUR}, {'m', MINUTE}, {'s', 1}};
    uint64_t sum = 0;
    int error;
    if (!*text)
        return ERR_MALFORMED;
    if (conf_number(text, seconds) == 0)
        return 0;
    if (tolower((unsigned char)*text) == 'p')
        error = iso_duration(text, &sum);
    else if (!(error = units(&text, all, 5, false, &sum)) && *text)
        error = ERR_MALFORMED;
    if (error)
        return error;
    *seconds = (uint32_t)sum;
    return 0;
}

int conf_fixed(const char *text)
{
    uint64_t value;
    int error = digits(&text, UINT32_MAX, &value);
    if (!error && *text == '.') {
        text++;
        while (isdigit((unsigned char)*text))
            text++;
    }
    return error ?: *text ? ERR_MALFORMED : 0;
}

static int base64_digit(char c)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

int conf_base64(const char *text, uint8_t *out, size_t *length)
{
    uint32_t bits = 0;
    unsigned held = 0, count = 0, padding = 0;
    *length = 0;
    for (; *text; text++) {
        if (isspace((unsigned char)*text))
            continue;
        count++;
        if (*text == '=') {
            padding++;
            continue;
        }
        int digit = base64_digit(*text);
        if (digit < 0 || padding)
            return ERR_MALFORMED;
        bits = bits << 6 | (unsigned)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*length)++] = (uint8_t)(bits >> held);
        }
    }
    return count == 0 || count % 4 || padding > 2 ? ERR_MALFORMED : 0;
}

int conf_hex(const char *text, uint8_t *out, size_t room, size_t *length)
{
    static const char alphabet[] = "0123456789abcdef";
    size_t n = strlen(text);
    if (n == 0 || n % 2)
        return ERR_MALFORMED;
    if (n / 2 > room)
        return ERR_SPACE;
    for (size_t i = 0; i < n; i++) {
        const char *at = strchr(alphabet, tolower((unsigned char)text[i]));
        if (!at)
            return ERR_MALFORMED;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] << 4 | (at - alphabet) : at - alphabet);
    }
    *length = n / 2;
    return 0;
}
