/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the files of TLS: nobody else includes OpenSSL's headers. */
#ifndef CANDORD_TLS_PARTS_H
#define CANDORD_TLS_PARTS_H

#include <openssl/ssl.h>

#include "base/error.h"

/* A key (P-256) and a certificate that it signs itself, for `tls ephemeral`: encryption, and no proof of who
 * answers. 0 or ERR_INVALID, with OpenSSL's reason in its queue. */
int tls_make_ephemeral(SSL_CTX *context) MUST_CHECK;

#endif
