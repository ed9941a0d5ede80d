/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The one door to OpenSSL: what a server's certificate says, and one digest. The handshake itself is
 * libcurl's. */
#ifndef CHECK_TLS_H
#define CHECK_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What -C judges. */
struct certificate_facts {
    bool seen;             /* the server showed a certificate */
    bool dates_readable;   /* its last day could be read */
    int64_t not_after_s;   /* seconds since 1970 */
    char common_name[256]; /* "Unknown CN" where it has none */
};

/* Makes a handshake note the server's certificate in `facts`, which must live as long as the handshake may
 * run. `ssl_ctx` is the SSL_CTX that libcurl shows. Does not judge the certificate (check_http does not). */
void tls_note_certificate(void *ssl_ctx, struct certificate_facts *facts);

/* SHA3-256 of `length` bytes. 0, or ERR_UNSUPPORTED when the library refuses. */
int tls_sha3_256(const void *bytes, size_t length, uint8_t out[32]) MUST_CHECK;

/* Room for the base64 text of `length` bytes, its zero included. */
#define TLS_BASE64_SIZE(length) (((length) + 2) / 3 * 4 + 1)

/* Base64 of `length` bytes into `out`, which has the room; returns `out`. */
char *tls_base64(const void *bytes, size_t length, char *out);

#endif
