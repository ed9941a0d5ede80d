/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection to a server that we ask, for threads that may block: DNS over UDP, TCP, or TLS (RFC 7858,
 * 9103). Every wait ends at its time limit or when cancel_fd becomes readable. One thread. */
#ifndef CANDORD_LINK_H
#define CANDORD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "candord/config.h"

enum link_kind { LINK_UDP, LINK_TCP, LINK_TLS };

struct link_options {
    enum link_kind kind;
    struct endpoint to;
    struct ip_address source;     /* IP_NONE: the system chooses */
    const struct tls_config *tls; /* LINK_TLS; NULL: nothing is demanded of the server */
    int cancel_fd;                /* -1: none */
    uint32_t connect_ms;          /* for connecting, with TLS's handshake */
};

struct link {
    struct link_options options;
    int fd;
    void *tls;            /* OpenSSL's, in link_tls.c */
    uint64_t deadline_ms; /* for all that follows; UINT64_MAX: none */
    uint32_t idle_ms;     /* without a byte */
    uint8_t *bytes;       /* received and not given out yet: start … end */
    size_t start, end;
    uint64_t received; /* bytes in all */
    char problem[256]; /* why the last call failed, for people */
};

/* 0; ERR_TIMEOUT, ERR_CLOSED (cancelled), ERR_REFUSED (TLS: not the server that it should be), an error of
 * the system. link_close() is to be called in either case. */
int link_open(struct link *link, const struct link_options *options) MUST_CHECK;
void link_close(struct link *link);

/* Where it comes from, "192.0.2.1#4711"; IP_TEXT_MAX bytes. */
char *link_local_text(const struct link *link, char *out);

/* Sends one message. Errors as link_open(). */
int link_send(struct link *link, const uint8_t *message, size_t length) MUST_CHECK;

/* The next message, valid until the next call. ERR_CLOSED: the server has closed, or we are cancelled;
 * ERR_TIMEOUT; an error of the system. */
int link_receive(struct link *link, const uint8_t **message, size_t *length) MUST_CHECK;

/* --- inside: link.c for link_tls.c --- */

/* Waits for poll events. 0, ERR_TIMEOUT, ERR_CLOSED (cancelled), an error of the system. */
int link_wait(struct link *link, short events) MUST_CHECK;
/* Keeps why it failed; returns `error`. */
int link_fail(struct link *link, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* --- link_tls.c --- */

int link_tls_connect(struct link *link) MUST_CHECK;
/* As read(2) and write(2), but negative errors are ours; never 0 for an end of the connection: ERR_CLOSED. */
long link_tls_read(struct link *link, uint8_t *to, size_t room) MUST_CHECK;
long link_tls_write(struct link *link, const uint8_t *from, size_t length) MUST_CHECK;
void link_tls_close(struct link *link);

#endif
