/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finding and connecting to the near ends: Tor's SocksPort and control port, and clear servers that are asked
 * directly. No onion name ever comes here. */
#ifndef CHECK_ENDPOINT_H
#define CHECK_ENDPOINT_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "check_http_onion/options.h"

/* HOST:PORT, [V6]:PORT, :PORT, PORT, HOST, or a path with a '/' in it (also unix:PATH). 0, ERR_INVALID or
 * ERR_NOMEM. What is missing comes from `out` as it was. */
int endpoint_from_text(struct arena *arena, const char *text, struct endpoint *out) MUST_CHECK;

struct endpoint_address {
    union {
        union sockaddr_any ip;
        struct sockaddr_un local;
    };
    socklen_t length;
};

enum { ENDPOINT_ADDRESSES_MAX = 8 };

/* Where a name leads: all its addresses, in the order to try them. */
struct endpoint_list {
    struct endpoint_address addresses[ENDPOINT_ADDRESSES_MAX];
    size_t count;
    int gai_error; /* getaddrinfo(3)'s own error, for gai_strerror(3); 0: none */
};

/* Finds the addresses of an endpoint: a path, an IP address, or a name, looked up within `timeout_ms`.
 * `family` is AF_UNSPEC, AF_INET or AF_INET6. 0, ERR_NOT_FOUND, ERR_TIMEOUT, ERR_NOMEM, or ERR_SPACE for a
 * path that is too long. */
int endpoint_resolve(const struct endpoint *endpoint, int family, int timeout_ms,
                     struct endpoint_list *out) MUST_CHECK;

/* Begins to connect, without blocking. Returns a descriptor (the connection may not be made yet), or an error
 * of the system. */
int endpoint_connect(const struct endpoint_address *address) MUST_CHECK;

/* The error of a connection under way, once its descriptor is writable: 0 when it is made. */
int endpoint_connect_error(int fd) MUST_CHECK;

#endif
