/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The report as text: the plugin's line, or Prometheus metrics. Pure but for the writing itself. */
#ifndef CHECK_PRINT_H
#define CHECK_PRINT_H

#include <stdio.h>

#include "check_http_onion/check.h"

/* Performance data of a report; "" when memory is out. */
char *print_perfdata(struct arena *arena, const struct options *options, const struct report *report);

/* The first line without performance data, made safe. */
char *print_line(struct arena *arena, const struct verdict *verdict);

/* Writes the report in the form asked for. Returns the exit code. */
int print_report(struct arena *arena, const struct options *options, const struct report *report, FILE *to);

#endif
