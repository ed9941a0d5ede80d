/* SPDX-License-Identifier: GPL-3.0-or-later */
/* URLs, taken apart. libcurl does the work; http.c is its door. */
#ifndef CHECK_URL_H
#define CHECK_URL_H

#include <stdbool.h>

#include "base/arena.h"

struct url {
    const char *host; /* IPv6 addresses with brackets */
    const char *path; /* begins with '/'; with its query, without its fragment */
    int port;         /* 1 … 65535 */
    bool tls;
};

/* Resolves `reference` against `base` (RFC 3986), http and https only. 0, ERR_MALFORMED, ERR_LIMIT (a port
 * above 65535), or ERR_NOMEM. */
int url_resolve(struct arena *arena, const char *base, const char *reference, struct url *out) MUST_CHECK;

#endif
