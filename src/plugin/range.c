// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One bound. Strict: the whole of `text` up to `stop` must be a number. */
static int read_bound(const char *text, const char *stop, bool strict, double *out)
{
    char *end;
    *out = strtod(text, &end);
    if (!isfinite(*out))
        return ERR_INVALID;
    return strict && (end != stop || end == text) ? ERR_INVALID : 0;
}

static int read_range(const char *text, bool strict, struct range *out)
{
    *out = (struct range){.start = 0, .end = INFINITY, .inside = *text == '@'};
    text += out->inside;
    const char *colon = strchr(text, ':'), *end = colon ? colon + 1 : text, *stop = text + strlen(text);
    int error = 0;
    if (colon && *text == '~' && (!strict || colon == text + 1))
        out->start = -INFINITY;
    else if (colon)
        error = read_bound(text, colon, strict, &out->start);
    if (!error && (*end || (strict && !colon)))
        error = read_bound(end, stop, strict, &out->end);
    return error || out->start > out->end ? ERR_INVALID : 0;
}

int range_from_text(const char *text, struct range *out)
{
    return read_range(text, true, out);
}

int range_from_text_lenient(const char *text, struct range *out)
{
    return read_range(text, false, out);
}

bool range_alerts(const struct range *range, double value)
{
    bool in = value >= range->start && value <= range->end;
    return in == range->inside;
}
