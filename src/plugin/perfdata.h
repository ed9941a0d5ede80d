/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Performance data: 'label'=value[unit];warn;crit;min;max, items separated by one space. */
#ifndef PLUGIN_PERFDATA_H
#define PLUGIN_PERFDATA_H

#include "base/arena.h"
#include "base/error.h"

struct perf_item {
    const char *label;           /* no '=' and no quote in it; quoted in the output when it holds a space */
    const char *unit;            /* "s", "B", "" … */
    double value;                /* NAN: unknown, printed as U without a unit */
    int decimals;                /* of the value and of the bounds */
    double warn, crit, min, max; /* NAN: left empty */
};

/* An item without bounds. */
struct perf_item perf_item(const char *label, double value, const char *unit, int decimals);

/* The text of one item, in the arena; NULL when memory is out. Always a decimal point, whatever the locale,
 * as long as LC_NUMERIC is "C" (a program starts so). */
char *perf_item_text(struct arena *arena, const struct perf_item *item) MUST_CHECK;

#endif
