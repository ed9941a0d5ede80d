/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door to libcurl: exchanges of one request and one answer, several at a time, and the waiting for
 * them and for descriptors of others. Facts are stored, nothing is judged here. */
#ifndef CHECK_HTTP_H
#define CHECK_HTTP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "check_http_onion/request.h"
#include "check_http_onion/tls.h"

enum http_bounds {
    HEAD_MAX = 256 << 10, /* status line and headers; libcurl itself stops at 300 kB of headers */
    BODY_MAX = 64 << 20,  /* of a body, as kept for -s and -r; the rest is counted, not kept */
    HTTP_ERROR_MAX = 256
};

enum http_end {
    HTTP_RUNNING,
    HTTP_COMPLETE,       /* the whole answer is here (with connect_only: the handshakes are done) */
    HTTP_CUT,            /* it began, and ended before its end */
    HTTP_EMPTY,          /* connected, and then not a byte */
    HTTP_NO_NAME,        /* the name does not resolve */
    HTTP_NO_CONNECTION,  /* nobody listens, no route, … : os_errno */
    HTTP_NO_TLS,         /* the TLS handshake failed: error */
    HTTP_NO_TUNNEL,      /* the HTTP proxy refused: error */
    HTTP_BAD_CHUNKS,     /* chunked, and the chunks make no sense */
    HTTP_UNREADABLE,     /* what came is not HTTP that libcurl reads; `head` holds what could be seen of it */
    HTTP_RECEIVE_FAILED, /* reading failed before the first byte: os_errno */
    HTTP_FAILED          /* our side: memory, a certificate file, …: error */
};

/* Grows; always ends with a zero that does not count. */
struct http_buffer {
    char *bytes; /* NULL while empty */
    size_t length, size;
};

struct http_answer {
    enum http_end end;
    struct http_buffer head, body; /* head: status line and headers of the final response, as on the wire */
    uint64_t wire_bytes;           /* of the whole answer as on the wire (inside TLS) */
    uint64_t body_wire_bytes;      /* the part after the headers */
    int64_t announced_bytes;       /* Content-Length; -1: none */
    int os_errno;
    char error[HTTP_ERROR_MAX]; /* libcurl's words; "" when it has none */
    struct certificate_facts certificate;
    bool tls; /* bytes on the wire are not to be read */
    /* seconds since the exchange began; 0: not reached */
    double connected_s, tls_s, requested_s, firstbyte_s, total_s;
};

struct http_door;
struct http_exchange;

/* `tls`: will there be HTTPS? NULL when libcurl or memory refuses. */
struct http_door *http_door_new(bool tls);

/* Stops what still runs. */
void http_door_free(struct http_door *door);

/* Begins an exchange; its facts go to `answer`, which must stay until http_stop(). `request` must, too. NULL
 * when memory is out. */
struct http_exchange *http_start(struct http_door *door, const struct http_request *request,
                                 struct http_answer *answer);

/* Ends an exchange, finished or not. What is in `answer` stays. */
void http_stop(struct http_exchange *exchange);

/* Waits for any exchange or any of `fds` (revents are filled in), `timeout_ms` at most; carries exchanges on;
 * sets answer->end of those that finished. 0 or ERR_NOMEM. */
int http_wait(struct http_door *door, struct pollfd *fds, size_t count, int timeout_ms) MUST_CHECK;

/* Adds to a finished answer what the leg saw: the first bytes as on the wire, for what libcurl did not read
 * (nothing under TLS), and the errno with which the connection broke (0: it did not). */
void http_see_first_bytes(struct http_answer *answer, const char *bytes, size_t length, int reset);

/* Frees the buffers. */
void http_answer_fini(struct http_answer *answer);

#endif
