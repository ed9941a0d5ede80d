/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TLS towards servers that we ask: the door to OpenSSL of candord. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <string.h>

#include "candord/link.h"

static int fail_openssl(struct link *link, const char *what)
{
    unsigned long number = ERR_get_error();
    const char *reason = !number                    ? NULL
                         : ERR_SYSTEM_ERROR(number) ? strerror(ERR_GET_REASON(number))
                                                    : ERR_reason_error_string(number);
    ERR_clear_error();
    return link_fail(link, ERR_REFUSED, "%s: %s", what, reason ? reason : "failed");
}

/* --- what we demand and show --- */

static bool set_protocols(SSL_CTX *context, const struct tls_config *tls)
{
    bool older = tls && tls->allow_1_2;
    if (tls && tls->ciphers && SSL_CTX_set_cipher_list(context, tls->ciphers) != 1)
        return false;
    return SSL_CTX_set_min_proto_version(context, older ? TLS1_2_VERSION : TLS1_3_VERSION) == 1;
}

static int set_own_certificate(struct link *link, SSL_CTX *context, const struct tls_config *tls)
{
    if (!tls || !tls->cert_file)
        return 0;
    if (SSL_CTX_use_certificate_chain_file(context, tls->cert_file) != 1)
        return fail_openssl(link, tls->cert_file);
    if (SSL_CTX_use_PrivateKey_file(context, tls->key_file, SSL_FILETYPE_PEM) != 1)
        return fail_openssl(link, tls->key_file);
    return 0;
}

static bool is_authenticated(const struct tls_config *tls)
{
    return tls && (tls->ca_file || tls->remote_hostname);
}

static int set_trust(struct link *link, SSL_CTX *context, const struct tls_config *tls)
{
    SSL_CTX_set_verify(context, is_authenticated(tls) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (!is_authenticated(tls))
        return 0;
    int good = tls->ca_file ? SSL_CTX_load_verify_file(context, tls->ca_file)
                            : SSL_CTX_set_default_verify_paths(context);
    return good == 1 ? 0 : fail_openssl(link, tls->ca_file ? tls->ca_file : "the system's certificates");
}

/* The name that the certificate has to be for; without one the address that we asked. */
static bool set_name(SSL *tls, const struct link *link)
{
    const struct tls_config *config = link->options.tls;
    X509_VERIFY_PARAM *parameters = SSL_get0_param(tls);
    char address[IP_TEXT_MAX];
    if (!is_authenticated(config))
        return true;
    if (!config->remote_hostname)
        return X509_VERIFY_PARAM_set1_ip_asc(parameters, ip_to_text(&link->options.to.address, address)) == 1;
    return SSL_set_tlsext_host_name(tls, config->remote_hostname) == 1 &&
           X509_VERIFY_PARAM_set1_host(parameters, config->remote_hostname, 0) == 1;
}

static int make(struct link *link, SSL **out)
{
    static const unsigned char dot[] = {3, 'd', 'o', 't'}; /* RFC 9103 section 7.1 */
    const struct tls_config *config = link->options.tls;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        return link_fail(link, ERR_NOMEM, "out of memory");
    int error = set_protocols(context, config) ? 0 : fail_openssl(link, "protocols or ciphers");
    if (!error)
        error = set_own_certificate(link, context, config);
    if (!error)
        error = set_trust(link, context, config);
    *out = error ? NULL : SSL_new(context);
    SSL_CTX_free(context); /* what was made of it holds it */
    if (error)
        return error;
    if (!*out || SSL_set_alpn_protos(*out, dot, sizeof dot) != 0 || !set_name(*out, link) ||
        SSL_set_fd(*out, link->fd) != 1)
        return fail_openssl(link, "TLS");
    return 0;
}

/* --- the connection --- */

/* Waits for what OpenSSL wants, after a call that gave `result`. 0: call again. */
static int want(struct link *link, int result, const char *what)
{
    switch (SSL_get_error(link->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return link_wait(link, POLLIN);
    case SSL_ERROR_WANT_WRITE:
        return link_wait(link, POLLOUT);
    case SSL_ERROR_ZERO_RETURN:
        return link_fail(link, ERR_CLOSED, "the server closed the connection");
    case SSL_ERROR_SYSCALL:
        if (!ERR_peek_error())
            return link_fail(link, ERR_CLOSED, "the server broke off the connection");
        /* fall through */
    default:
        return fail_openssl(link, what);
    }
}

static int fail_handshake(struct link *link, int error)
{
    long verified = SSL_get_verify_result(link->tls);
    if (error == ERR_REFUSED && verified != X509_V_OK)
        return link_fail(link, ERR_REFUSED, "its certificate is not accepted: %s",
                         X509_verify_cert_error_string(verified));
    return error;
}

int link_tls_connect(struct link *link)
{
    SSL *tls = NULL;
    int error = make(link, &tls);
    link->tls = tls;
    while (!error) {
        int result = SSL_connect(tls);
        if (result == 1)
            return 0;
        error = want(link, result, "TLS handshake");
        if (error)
            error = fail_handshake(link, error);
    }
    return error;
}

long link_tls_read(struct link *link, uint8_t *to, size_t room)
{
    for (;;) {
        int got = SSL_read(link->tls, to, (int)room);
        if (got > 0)
            return got;
        int error = want(link, got, "receive");
        if (error)
            return error;
    }
}

long link_tls_write(struct link *link, const uint8_t *from, size_t length)
{
    for (;;) {
        int written = SSL_write(link->tls, from, (int)length);
        if (written > 0)
            return written;
        int error = want(link, written, "send");
        if (error)
            return error;
    }
}

void link_tls_close(struct link *link)
{
    SSL_shutdown(link->tls); /* says good-bye, and waits for no answer */
    SSL_free(link->tls);
    link->tls = NULL;
}
