/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A request, composed from the options and the target. Pure: no library, no socket. */
#ifndef CHECK_REQUEST_H
#define CHECK_REQUEST_H

#include "check_http_onion/options.h"
#include "check_http_onion/target.h"

enum { REQUEST_LINES_MAX = HEADERS_MAX + 8 };

struct http_request {
    const char *method, *path;
    bool http10;                          /* no name is known: HTTP/1.0 and no Host */
    const char *lines[REQUEST_LINES_MAX]; /* header lines in the order of sending, "Name: value" */
    size_t line_count;
    const char *body; /* NULL: none */

    /* the connection */
    const char *host; /* name or address of the other end, without brackets; a path: a Unix socket */
    int port;
    bool ipv4_only, ipv6_only;
    const char *abstract_socket; /* of our own leg; NULL only for a tunnel */
    const char *tunnel_host;     /* not NULL: host and port are an HTTP proxy; CONNECT to this, port 443 */
    const char *tunnel_socks;    /* the SOCKS proxy before the HTTP proxy, as a URL; NULL: none */
    const char *proxy_authorization; /* of the tunnel, USER:PASSWORD; or NULL */

    /* TLS */
    bool tls;
    const char *sni; /* NULL: none is sent */
    enum tls_version tls_min, tls_max;
    const char *client_cert, *client_key;

    bool connect_only; /* only the handshakes, no request */
    bool ignore_body;  /* stop where the body begins */
    bool no_body;      /* HEAD: none will come */
};

/* Composes. Memory is the arena's; 0 or ERR_NOMEM. */
int request_compose(struct arena *arena, const struct options *options, const struct target *target,
                    struct http_request *out) MUST_CHECK;

/* The request as text, as -v shows it. NULL when memory is out. */
char *request_text(struct arena *arena, const struct http_request *request) MUST_CHECK;

/* Is this -j CONNECT, a check through an HTTP proxy? */
bool request_is_tunnel(const struct options *options, const struct target *target);

#endif
