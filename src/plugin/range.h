/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Threshold ranges, [@]START:END, of the Monitoring Plugins guidelines. Pure.
 *
 *   10      alert below 0 or above 10        10:     alert below 10
 *   ~:10    alert above 10                   10:20   alert outside 10 … 20
 *   @10:20  alert inside 10 … 20 (both ends included) */
#ifndef PLUGIN_RANGE_H
#define PLUGIN_RANGE_H

#include <stdbool.h>

#include "base/error.h"

struct range {
    double start, end; /* -INFINITY and INFINITY where there is no bound */
    bool inside;       /* alert inside instead of outside */
};

/* Reads a range strictly. 0, or ERR_INVALID for anything that is not one, or whose start is above its end. */
int range_from_text(const char *text, struct range *out) MUST_CHECK;

/* Reads a range as check_http 2.3.3 does: what is not a number counts as 0, and what follows a number is not
 * looked at; an empty text never alerts above 0. 0, or ERR_INVALID when the start is above the end. */
int range_from_text_lenient(const char *text, struct range *out) MUST_CHECK;

/* Should `value` raise an alert? */
bool range_alerts(const struct range *range, double value);

#endif
