/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's side of a SOCKS5 CONNECT (RFC 1928, RFC 1929), with a name, never an address of our own
 * look-up. Pure: bytes in, bytes out; the caller moves them. */
#ifndef CHECK_SOCKS_H
#define CHECK_SOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum socks_phase {
    SOCKS_TALKING,      /* send what socks_output() gives, feed what comes */
    SOCKS_GRANTED,      /* the connection is through; later bytes are the application's */
    SOCKS_REFUSED,      /* the proxy said no: `reply` */
    SOCKS_NO_METHOD,    /* it wants another way of authentication */
    SOCKS_AUTH_REFUSED, /* it does not take our user and password */
    SOCKS_NONSENSE      /* it does not speak SOCKS5 */
};

/* Reply codes: RFC 1928's, and Tor's extended ones (proposal 304; only on a SocksPort with ExtendedErrors).
 */
enum socks_reply {
    REPLY_GRANTED = 0x00,
    REPLY_FAILURE = 0x01, /* general; for an onion the service could not reach its web server */
    REPLY_NOT_ALLOWED = 0x02,
    REPLY_NET_UNREACHABLE = 0x03,
    REPLY_HOST_UNREACHABLE = 0x04,   /* on a plain port: almost any onion failure */
    REPLY_CONNECTION_REFUSED = 0x05, /* the service does not offer this port */
    REPLY_TTL_EXPIRED = 0x06,        /* Tor gave up, after 120 s */
    REPLY_COMMAND = 0x07,
    REPLY_ADDRESS_TYPE = 0x08,
    REPLY_NO_DESCRIPTOR = 0xf0,
    REPLY_BAD_DESCRIPTOR = 0xf1,
    REPLY_INTRO_FAILED = 0xf2,
    REPLY_REND_FAILED = 0xf3,
    REPLY_AUTH_MISSING = 0xf4,
    REPLY_AUTH_WRONG = 0xf5,
    REPLY_BAD_ADDRESS = 0xf6,
    REPLY_INTRO_TIMEOUT = 0xf7
};

enum { SOCKS_OUTPUT_MAX = 600, SOCKS_NAME_MAX = 255 };

struct socks {
    enum socks_phase phase;
    uint8_t reply; /* meaningful in SOCKS_REFUSED and SOCKS_GRANTED */

    /* what follows is the machine's own */
    const char *host, *user, *password;
    uint16_t port;
    enum { STEP_METHOD, STEP_AUTH, STEP_REPLY } step;
    uint8_t in[4 + 1 + SOCKS_NAME_MAX + 2];
    size_t in_length;
    uint8_t out[SOCKS_OUTPUT_MAX];
    size_t out_length, out_sent;
};

/* Begins. The texts must stay until the phase is no longer SOCKS_TALKING. `user` NULL: offer no
 * authentication only; else both are offered and the proxy chooses (Tor takes user and password, and keeps
 * streams with other ones on other circuits). 0, or ERR_INVALID for a text of more than 255 bytes or none. */
int socks_begin(struct socks *socks, const char *host, uint16_t port, const char *user,
                const char *password) MUST_CHECK;

/* Bytes that wait to be sent; NULL and 0 when there are none. */
const uint8_t *socks_output(const struct socks *socks, size_t *length);

/* `length` of them have been sent. */
void socks_sent(struct socks *socks, size_t length);

/* Takes bytes from the proxy, any number at a time; returns how many it took. What it leaves after
 * SOCKS_GRANTED belongs to the application. */
size_t socks_feed(struct socks *socks, const uint8_t *bytes, size_t length);

#endif
