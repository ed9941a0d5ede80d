/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Getting a list from a web server: one GET, conditional, with limits on everything that the other side could
 * make endless. Blocking; for a thread that may wait. The door to libcurl. */
#ifndef FEED_FETCH_H
#define FEED_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

enum {
    FETCH_REDIRECTS_MAX = 5,
    FETCH_ADDRESSES_MAX = 16, /* of one host that are tried */
    FETCH_HOST_MAX = 256,
    FETCH_ETAG_MAX = 256,
    FETCH_DATE_MAX = 64,
};

struct fetch_request {
    const char *url;                  /* https:// or http:// */
    const char *ca_file;              /* NULL: the system's */
    const char *etag, *last_modified; /* of the copy that we have; NULL or "": none */
    uint64_t max_bytes;               /* of the body, as received and after decompression */
    uint32_t timeout_s;               /* for all of it, redirections too */
    /* The addresses of a host, at most FETCH_ADDRESSES_MAX; their number, or an error with why in `problem`.
     * May block; looks at `cancelled` by itself. */
    int (*resolve)(void *context, const char *host, struct ip_address *out, char *problem,
                   size_t problem_size);
    bool (*cancelled)(void *context); /* asked now and then: true ends the fetch */
    void *context;
    _Atomic uint64_t *progress_bytes; /* NULL, or kept up to date */
};

struct fetch_result {
    long status;    /* HTTP; 0: no answer came */
    bool unchanged; /* 304: the copy that we have still holds */
    uint8_t *body;  /* malloc'ed; NULL when unchanged */
    size_t length;
    uint64_t received_bytes;                                  /* before decompression */
    char etag[FETCH_ETAG_MAX], last_modified[FETCH_DATE_MAX]; /* "": none */
    uint32_t retry_after_s;                                   /* 0: the server does not say */
    char problem[512];                                        /* for people */
};

/* 0: result->body or result->unchanged. Otherwise `problem` says why: ERR_NOT_FOUND (no address),
 * ERR_REFUSED (a certificate, a status, a redirection that is not followed), ERR_LIMIT (too large),
 * ERR_TIMEOUT, ERR_CLOSED (cancelled, or the connection ended early), ERR_MALFORMED (not HTTP), ERR_NOMEM.
 * fetch_result_fini() in either case. Any number of threads. */
int fetch(const struct fetch_request *request, struct fetch_result *result) MUST_CHECK;
void fetch_result_fini(struct fetch_result *result);

struct fetch_url {
    char host[FETCH_HOST_MAX]; /* without brackets */
    bool tls;
    char shown[512]; /* without user and password, for logs */
};

/* Is it a URL that fetch() takes? 0, or ERR_INVALID with why in `problem`. */
int fetch_url_parse(const char *url, struct fetch_url *out, char *problem, size_t problem_size) MUST_CHECK;

#endif
