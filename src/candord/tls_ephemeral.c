/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/random.h"
#include "candord/tls_parts.h"

enum { VERSION_3 = 2, YEARS_S = 10 * 366 * 86400, CLOCKS_DIFFER_S = 300 };

static bool set_names(X509 *certificate)
{
    char host[HOST_NAME_MAX + 1] = "localhost";
    X509_NAME *name = X509_get_subject_name(certificate);
    (void)!gethostname(host, sizeof host - 1);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0) ==
               1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
    return X509_set_version(certificate, VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), random_u64() >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -CLOCKS_DIFFER_S) &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), YEARS_S) &&
           X509_set_pubkey(certificate, key) == 1 && set_names(certificate) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

int tls_make_ephemeral(SSL_CTX *context)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? X509_new() : NULL;
    bool good = certificate && fill(certificate, key) && SSL_CTX_use_certificate(context, certificate) == 1 &&
                SSL_CTX_use_PrivateKey(context, key) == 1;
    X509_free(certificate); /* the context has taken its own references */
    EVP_PKEY_free(key);
    return good ? 0 : ERR_INVALID;
}
