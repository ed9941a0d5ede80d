/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/tls_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <urcu-qsbr.h>

#include "base/log.h"
#include "candord/tls_parts.h"

enum { WIRE_KEPT_BYTES = 32768 /* more than that is given back when it has been sent */ };

struct tls_server {
    char *name;
    SSL_CTX *_Atomic context;
    _Atomic uint64_t handshakes, failed;
};

struct tls_servers {
    size_t count;
    struct tls_server servers[];
};

/* --- the listeners' certificates --- */

/* RFC 7858 asks for no ALPN, RFC 9103 for "dot": who offers it gets it. */
static int choose_alpn(SSL *tls, const unsigned char **out, unsigned char *out_length,
                       const unsigned char *offered, unsigned int length, void *context)
{
    (void)tls;
    (void)context;
    for (unsigned int at = 0; at < length; at += 1u + offered[at])
        if (offered[at] == 3 && at + 3 < length && memcmp(offered + at + 1, "dot", 3) == 0) {
            *out = offered + at + 1;
            *out_length = 3;
            return SSL_TLSEXT_ERR_OK;
        }
    return SSL_TLSEXT_ERR_NOACK;
}

static int fail(char *problem, size_t size, const char *what)
{
    unsigned long number = ERR_get_error();
    const char *reason = !number                    ? NULL
                         : ERR_SYSTEM_ERROR(number) ? strerror(ERR_GET_REASON(number))
                                                    : ERR_reason_error_string(number);
    snprintf(problem, size, "%s: %s", what, reason ? reason : "failed");
    ERR_clear_error();
    return ERR_INVALID;
}

static int set_certificate(SSL_CTX *context, const struct tls_config *tls, char *problem, size_t size)
{
    if (!tls)
        return tls_make_ephemeral(context) == 0 ? 0 : fail(problem, size, "tls ephemeral");
    if (SSL_CTX_use_certificate_chain_file(context, tls->cert_file) != 1)
        return fail(problem, size, tls->cert_file);
    if (SSL_CTX_use_PrivateKey_file(context, tls->key_file, SSL_FILETYPE_PEM) != 1)
        return fail(problem, size, tls->key_file);
    return 0;
}

/* With a ca-file clients have to show a certificate that it vouches for, as in BIND. */
static int set_client_trust(SSL_CTX *context, const struct tls_config *tls, char *problem, size_t size)
{
    static const unsigned char id[] = "candord";
    SSL_CTX_set_session_id_context(context, id, sizeof id - 1);
    if (!tls || !tls->ca_file)
        return 0;
    if (SSL_CTX_load_verify_file(context, tls->ca_file) != 1)
        return fail(problem, size, tls->ca_file);
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(tls->ca_file));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return 0;
}

static int set_protocols(SSL_CTX *context, const struct tls_config *tls, char *problem, size_t size)
{
    bool older = !tls || !tls->protocols_given || tls->allow_1_2;
    bool newer = !tls || !tls->protocols_given || tls->allow_1_3;
    if (SSL_CTX_set_min_proto_version(context, older ? TLS1_2_VERSION : TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, newer ? 0 : TLS1_2_VERSION) != 1 ||
        (tls && tls->ciphers && SSL_CTX_set_cipher_list(context, tls->ciphers) != 1))
        return fail(problem, size, "protocols or ciphers");
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    if (tls && tls->prefer_server_ciphers)
        SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
    if (tls && !tls->session_tickets) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context, 0);
    }
    return 0;
}

/* `tls` NULL: ephemeral. */
static int make_context(const struct tls_config *tls, SSL_CTX **out, char *problem, size_t size)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return fail(problem, size, "TLS");
    int error = set_protocols(context, tls, problem, size);
    if (!error)
        error = set_certificate(context, tls, problem, size);
    if (!error)
        error = set_client_trust(context, tls, problem, size);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* thousands may idle */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    if (error)
        SSL_CTX_free(context);
    else
        *out = context;
    return error;
}

static int open_server(struct tls_server *server, const struct config *config, char *problem, size_t size)
{
    SSL_CTX *context = NULL;
    int error = make_context(config_tls(config, server->name), &context, problem, size);
    atomic_store(&server->context, context);
    return error;
}

int tls_servers_new(const struct config *config, struct tls_servers **out, char *problem, size_t size)
{
    size_t room = config->server.listen_count;
    struct tls_servers *servers = calloc(1, sizeof *servers + room * sizeof *servers->servers);
    int error = servers ? 0 : ERR_NOMEM;
    snprintf(problem, size, "%s", err_text(error));
    for (size_t i = 0; i < room && !error; i++) {
        const char *name = config->server.listen[i].tls;
        if (!name || tls_servers_find(servers, name))
            continue;
        struct tls_server *server = &servers->servers[servers->count];
        server->name = strdup(name);
        servers->count += server->name != NULL;
        error = server->name ? open_server(server, config, problem, size) : ERR_NOMEM;
    }
    if (error)
        tls_servers_free(servers);
    else
        *out = servers;
    return error;
}

static bool is_ephemeral(const struct tls_server *server)
{
    return strcasecmp(server->name, "ephemeral") == 0;
}

static int reload(struct tls_server *server, const struct config *config, SSL_CTX **old)
{
    char problem[512];
    SSL_CTX *context;
    const struct tls_config *tls = config_tls(config, server->name);
    if (!tls || is_ephemeral(server))
        return 0; /* no listener names it any more; after a restart it is gone */
    int error = make_context(tls, &context, problem, sizeof problem);
    if (error)
        log_write(LOG_CONFIG, LEVEL_ERROR, "tls %s: %s; the certificate in force stays", server->name,
                  problem);
    else
        *old = atomic_exchange(&server->context, context);
    return error;
}

unsigned tls_servers_reload(struct tls_servers *servers, const struct config *config)
{
    unsigned failed = 0;
    for (size_t i = 0; servers && i < servers->count; i++) {
        SSL_CTX *old = NULL;
        failed += reload(&servers->servers[i], config, &old) != 0;
        if (old)
            synchronize_rcu(); /* no worker is about to make a connection of it */
        SSL_CTX_free(old);
    }
    return failed;
}

void tls_servers_free(struct tls_servers *servers)
{
    for (size_t i = 0; servers && i < servers->count; i++) {
        SSL_CTX_free(atomic_load(&servers->servers[i].context));
        free(servers->servers[i].name);
    }
    free(servers);
}

struct tls_server *tls_servers_find(struct tls_servers *servers, const char *name)
{
    for (size_t i = 0; servers && i < servers->count; i++)
        if (strcasecmp(servers->servers[i].name, name) == 0)
            return &servers->servers[i];
    return NULL;
}

void tls_servers_count(const struct tls_servers *servers, struct tls_counters *out)
{
    *out = (struct tls_counters){0};
    for (size_t i = 0; servers && i < servers->count; i++) {
        out->handshakes += atomic_load_explicit(&servers->servers[i].handshakes, memory_order_relaxed);
        out->failed += atomic_load_explicit(&servers->servers[i].failed, memory_order_relaxed);
    }
}

/* --- one connection --- */

struct channel {
    struct tls_server *server;
    SSL *tls; /* owns both */
    BIO *in, *out;
    bool ready, broken;
};

static void channel_end(void *context)
{
    struct channel *channel = context;
    SSL_free(channel->tls);
    free(channel);
}

static void *channel_begin(void *context)
{
    struct tls_server *server = context;
    struct channel *channel = calloc(1, sizeof *channel);
    SSL *tls = channel ? SSL_new(atomic_load_explicit(&server->context, memory_order_consume)) : NULL;
    BIO *in = tls ? BIO_new(BIO_s_mem()) : NULL, *out = in ? BIO_new(BIO_s_mem()) : NULL;
    if (!out) {
        BIO_free(in);
        SSL_free(tls);
        free(channel);
        return NULL;
    }
    SSL_set_bio(tls, in, out);
    SSL_set_accept_state(tls);
    *channel = (struct channel){.server = server, .tls = tls, .in = in, .out = out};
    return channel;
}

static int channel_receive(void *context, const uint8_t *bytes, size_t length)
{
    struct channel *channel = context;
    return BIO_write(channel->in, bytes, (int)length) == (int)length ? 0 : ERR_NOMEM;
}

static void note_ready(struct channel *channel)
{
    if (channel->ready || !SSL_is_init_finished(channel->tls))
        return;
    channel->ready = true;
    atomic_fetch_add_explicit(&channel->server->handshakes, 1, memory_order_relaxed);
}

/* What is wrong is the peer's: counted, not logged. */
static long give_up(struct channel *channel)
{
    channel->broken = true;
    ERR_clear_error();
    atomic_fetch_add_explicit(&channel->server->failed, 1, memory_order_relaxed);
    return ERR_MALFORMED;
}

static long channel_read(void *context, uint8_t *to, size_t room)
{
    struct channel *channel = context;
    int got = SSL_read(channel->tls, to, (int)room);
    note_ready(channel);
    if (got > 0)
        return got;
    switch (SSL_get_error(channel->tls, got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return ERR_CLOSED;
    default:
        return give_up(channel);
    }
}

/* Into memory, so it is taken whole or not at all. */
static int channel_write(void *context, const uint8_t *bytes, size_t length)
{
    struct channel *channel = context;
    if (SSL_write(channel->tls, bytes, (int)length) == (int)length)
        return 0;
    ERR_clear_error();
    channel->broken = true;
    return ERR_CLOSED;
}

static const uint8_t *channel_pending(void *context, size_t *length)
{
    struct channel *channel = context;
    char *bytes = NULL;
    long there = BIO_get_mem_data(channel->out, &bytes);
    *length = there > 0 ? (size_t)there : 0;
    return there > 0 ? (uint8_t *)bytes : NULL;
}

static void channel_sent(void *context)
{
    struct channel *channel = context;
    char *bytes;
    BIO *fresh = BIO_get_mem_data(channel->out, &bytes) > WIRE_KEPT_BYTES ? BIO_new(BIO_s_mem()) : NULL;
    if (fresh) {
        SSL_set0_wbio(channel->tls, fresh); /* frees the old one */
        channel->out = fresh;
    } else {
        (void)BIO_reset(channel->out);
    }
}

static bool channel_is_ready(const void *context)
{
    return ((const struct channel *)context)->ready;
}

static void channel_finish(void *context)
{
    struct channel *channel = context;
    if (channel->ready && !channel->broken)
        SSL_shutdown(channel->tls);
    ERR_clear_error();
}

const struct tcp_channel_ops tls_channel_ops = {
    .begin = channel_begin,
    .receive = channel_receive,
    .read = channel_read,
    .write = channel_write,
    .pending = channel_pending,
    .sent = channel_sent,
    .is_ready = channel_is_ready,
    .finish = channel_finish,
    .end = channel_end,
};
