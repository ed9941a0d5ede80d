/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Text from outside, made safe for a monitoring system: a '|' would begin performance data, a newline long
 * output, and a control character may do anything on a terminal. Pure. */
#ifndef PLUGIN_TEXT_H
#define PLUGIN_TEXT_H

#include <stdbool.h>

/* Replaces in place: '|' by '/', control characters (C0, DEL, and C1 in UTF-8) and bytes that are not UTF-8
 * by '?'. With `keep_lines` line ends and tabs stay. Returns `text`. The length does not change. */
char *text_make_safe(char *text, bool keep_lines);

#endif
