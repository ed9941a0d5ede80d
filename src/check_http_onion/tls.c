// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/tls.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <time.h>

static void read_common_name(X509 *certificate, char *out, size_t size)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    if (!subject || X509_NAME_get_text_by_NID(subject, NID_commonName, out, (int)size) < 0)
        strcpy(out, "Unknown CN");
}

/* Called in the handshake instead of a verification; 1 accepts. */
static int note(X509_STORE_CTX *store, void *context)
{
    struct certificate_facts *facts = context;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    struct tm end = {0};
    facts->seen = certificate != NULL;
    if (!certificate)
        return 1;
    read_common_name(certificate, facts->common_name, sizeof facts->common_name);
    facts->dates_readable = ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1;
    facts->not_after_s = facts->dates_readable ? timegm(&end) : 0;
    return 1;
}

void tls_note_certificate(void *ssl_ctx, struct certificate_facts *facts)
{
    SSL_CTX_set_cert_verify_callback(ssl_ctx, note, facts);
}

int tls_sha3_256(const void *bytes, size_t length, uint8_t out[32])
{
    return EVP_Digest(bytes, length, out, NULL, EVP_sha3_256(), NULL) == 1 ? 0 : ERR_UNSUPPORTED;
}

char *tls_base64(const void *bytes, size_t length, char *out)
{
    out[EVP_EncodeBlock((unsigned char *)out, bytes, (int)length)] = 0;
    return out;
}
