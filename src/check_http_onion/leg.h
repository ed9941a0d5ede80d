/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One leg: a connection through the SOCKS proxy or straight to a server, and before it an abstract Unix
 * socket on which libcurl connects to it. libcurl 7.88 hides Tor's extended errors, loses the cause of a
 * failed connection, and cannot take a socket that is connected already; so the connection and the handshake
 * are ours, and then the leg only moves bytes. */
#ifndef CHECK_LEG_H
#define CHECK_LEG_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "check_http_onion/endpoint.h"
#include "check_http_onion/socks.h"

enum leg_phase {
    LEG_CONNECTING, /* to the proxy or the server */
    LEG_TALKING,    /* SOCKS */
    LEG_READY,      /* connected; nobody has connected to `name` yet */
    LEG_MOVING,     /* bytes go through */
    LEG_DONE,       /* both ends are closed */
    LEG_FAILED      /* `error`, and socks.phase when that is where it failed */
};

enum { LEG_BUFFER = 32 << 10, LEG_FDS_MAX = 2, LEG_NAME_MAX = 48, LEG_TOKEN_MAX = 40, LEG_FIRST_MAX = 4096 };

/* One direction. */
struct leg_pipe {
    uint8_t bytes[LEG_BUFFER];
    size_t start, end;
    bool finished; /* the source has closed */
    bool passed;   /* … and the sink has been told */
};

struct leg {
    enum leg_phase phase;
    int error;   /* 0, or what ended it: ERR_CLOSED when the proxy closed in the handshake */
    int reset;   /* the errno with which the far end broke while bytes moved; 0: it closed in order */
    bool direct; /* no proxy */
    struct socks socks;
    uint64_t began_us, ready_us; /* monotonic; 0: not yet */
    char name[LEG_NAME_MAX];     /* of the abstract socket, without its first zero */
    char token[LEG_TOKEN_MAX];   /* the password that makes the circuit its own */

    const struct endpoint_list *list; /* whom to connect to, */
    size_t next;                      /* … and which of them comes next */
    int far_fd, listen_fd, near_fd;   /* -1: none */
    struct leg_pipe *up, *down;       /* towards the service, towards libcurl */
    char first[LEG_FIRST_MAX];        /* the first bytes that came from the service, as on the wire */
    size_t first_length;
};

/* Begins to connect to a server, without a proxy; its addresses are tried one after the other. `list` must
 * stay. */
void leg_begin_direct(struct leg *leg, const struct endpoint_list *list, uint64_t now_us);

/* Begins to connect to the proxy. `proxy` and `host` must stay. The credentials are fresh random ones, so the
 * circuit is shared with nobody. A failure to begin shows as LEG_FAILED. */
void leg_begin(struct leg *leg, const struct endpoint_list *proxy, const char *host, uint16_t port,
               uint64_t now_us);

/* Opens the abstract socket `name` for libcurl. In LEG_READY only. 0, or an error: then the leg has failed.
 */
int leg_listen(struct leg *leg) MUST_CHECK;

/* Fills in what is to be polled; returns how many (LEG_FDS_MAX at most). */
size_t leg_poll(const struct leg *leg, struct pollfd *fds);

/* Carries on after a poll of exactly those. */
void leg_carry_on(struct leg *leg, const struct pollfd *fds, size_t count, uint64_t now_us);

/* Closes everything. The facts stay. */
void leg_end(struct leg *leg);

#endif
