// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/perfdata.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct perf_item perf_item(const char *label, double value, const char *unit, int decimals)
{
    return (struct perf_item){.label = label,
                              .unit = unit,
                              .value = value,
                              .decimals = decimals,
                              .warn = NAN,
                              .crit = NAN,
                              .min = NAN,
                              .max = NAN};
}

enum { NUMBER_MAX = 350 /* DBL_MAX with six decimals fits */ };

static const char *number(char *out, double value, int decimals)
{
    if (isnan(value))
        *out = 0;
    else
        snprintf(out, NUMBER_MAX, "%.*f", decimals, value);
    return out;
}

char *perf_item_text(struct arena *arena, const struct perf_item *item)
{
    char value[NUMBER_MAX], warn[NUMBER_MAX], crit[NUMBER_MAX], min[NUMBER_MAX], max[NUMBER_MAX];
    bool known = !isnan(item->value);
    const char *quote = strchr(item->label, ' ') ? "'" : "";
    return arena_printf(arena, "%s%s%s=%s%s;%s;%s;%s;%s", quote, item->label, quote,
                        known ? number(value, item->value, item->decimals) : "U", known ? item->unit : "",
                        number(warn, item->warn, item->decimals), number(crit, item->crit, item->decimals),
                        number(min, item->min, item->decimals), number(max, item->max, item->decimals));
}
