/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS for those who ask us (DNS over TLS, RFC 7858; zone transfers, RFC 9103): what a listener shows, shared
 * by all workers, and the channel of each connection. The certificate is read anew at a reload; connections
 * keep the one that they began with. */
#ifndef CANDORD_TLS_SERVER_H
#define CANDORD_TLS_SERVER_H

#include "base/error.h"
#include "candord/config.h"
#include "net/tcp.h"

struct tls_server;  /* one tls block that a listen-on names */
struct tls_servers; /* all of them */

struct tls_counters {
    uint64_t handshakes, failed; /* done; broken off by either side for a reason of TLS */
};

/* Reads the certificates of every tls block that listeners name, and makes one for `ephemeral`. 0, or an
 * error with the reason in `problem`. */
int tls_servers_new(const struct config *config, struct tls_servers **out, char *problem,
                    size_t problem_size) MUST_CHECK;

/* Reads them again. What cannot be read is logged, and the old one stays. Returns how many those are. Waits
 * for readers (RCU): the keeper thread. */
unsigned tls_servers_reload(struct tls_servers *servers, const struct config *config);

/* Not before all connections have ended. */
void tls_servers_free(struct tls_servers *servers);

/* For `tls NAME`; NULL: no listener names it. */
struct tls_server *tls_servers_find(struct tls_servers *servers, const char *name);

/* Of all of them. Any thread. */
void tls_servers_count(const struct tls_servers *servers, struct tls_counters *out);

/* For tcp_set_channel(); its context is the struct tls_server. */
extern const struct tcp_channel_ops tls_channel_ops;

#endif
