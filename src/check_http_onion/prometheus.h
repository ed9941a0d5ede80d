/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --output prometheus: the report in Prometheus' text format, for node_exporter's textfile directory or a
 * script of one's own. */
#ifndef CHECK_PROMETHEUS_H
#define CHECK_PROMETHEUS_H

#include <stdio.h>

#include "check_http_onion/check.h"

/* Writes the metrics; returns the exit code. */
int prometheus_print(struct arena *arena, const struct options *options, const struct report *report,
                     FILE *to);

/* Shared with print.c: the try whose figures are shown, or NULL. */
const struct try_facts *shown_try(const struct observation *seen);

#endif
