/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a request goes: changes with each redirect. Pure. */
#ifndef CHECK_TARGET_H
#define CHECK_TARGET_H

#include <stdbool.h>

#include "base/arena.h"
#include "check_http_onion/options.h"

struct target {
    const char
        *address; /* what to connect to: a name, an IP address (brackets allowed), a path of a socket */
    const char *host_name; /* Host: and SNI; NULL: none, and then the request is HTTP/1.0 */
    int port;              /* of the connection */
    int host_port;         /* in Host: */
    bool tls;
    const char *path;
};

/* The first target, from the options. */
struct target target_of_options(const struct options *options);

/* What the connection is made to. An onion name in Host: wins over any address: the request of an onion
 * service never goes to a clear-net server. */
const char *target_peer(const struct target *target);

/* Does the connection go to an onion service? */
bool target_is_onion(const struct target *target);

/* "http://HOST:PORT/path", as check_http writes it; arena memory, NULL when it is out. */
char *target_url(struct arena *arena, const struct target *target) MUST_CHECK;

/* Why a redirect is not followed. */
enum redirect_verdict {
    REDIRECT_GO,       /* `next` is the next target */
    REDIRECT_NO_PLACE, /* no Location in the headers */
    REDIRECT_EMPTY,    /* Location is empty */
    REDIRECT_UNREADABLE,
    REDIRECT_TOO_MANY,
    REDIRECT_LOOP,
    REDIRECT_BAD_PORT
};

/* The place that the headers redirect to, resolved against `now` (RFC 3986). Not _TOO_MANY, not _LOOP. In
 * `next` everything is the place's own, nothing sticky. Arena memory; an arena that is out gives
 * REDIRECT_UNREADABLE. */
enum redirect_verdict redirect_place(struct arena *arena, const struct target *now, const char *headers,
                                     struct target *next);

/* Is the place, reached as redirect number `depth`, to be followed, and with what of the old target? On
 * return `next` is the target to ask. */
enum redirect_verdict redirect_judge(const struct options *options, const struct target *now, int depth,
                                     struct target *next);

#endif
