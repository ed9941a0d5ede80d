/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading of HTTP header text ("Name: value" lines, no status line). Pure. */
#ifndef CHECK_HEADERS_H
#define CHECK_HEADERS_H

#include <stdint.h>

#include "base/arena.h"

/* The value of the first field of that name (any case), continuation lines joined by a space, white space at
 * both ends removed. NULL: no such field, or no memory. */
char *header_value(struct arena *arena, const char *headers, const char *name);

/* An HTTP date, "Tue, 25 Dec 2001 02:59:03 GMT" (RFC 9110's preferred form, the only one that check_http
 * reads). Seconds since 1970, or 0 for anything else. */
int64_t http_date_s(const char *text);

#endif
