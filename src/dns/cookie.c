/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/cookie.h"

#include <sodium/crypto_shorthash_siphash24.h>
#include <sodium/utils.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"

enum {
    LIFETIME_S = 3600,
    FUTURE_S = 300,
    VERSION = 1,
    CLIENT_BYTES = 8,
    HEAD_BYTES = 8, /* of the server cookie: version, three reserved, time */
    HASH_BYTES = 8,
    HASH_AT = CLIENT_BYTES + HEAD_BYTES,
};

_Static_assert(HASH_AT + HASH_BYTES == COOKIE_WHOLE_BYTES, "RFC 9018 section 4");
_Static_assert(crypto_shorthash_siphash24_BYTES == HASH_BYTES, "SipHash-2-4");
_Static_assert(crypto_shorthash_siphash24_KEYBYTES == COOKIE_SECRET_BYTES, "SipHash-2-4");

/* Of the client's cookie, the head as it stands, and his address (RFC 9018 section 4.4). */
static void hash_cookie(const uint8_t *secret, const uint8_t *cookie, const struct ip_address *client,
                        uint8_t out[HASH_BYTES])
{
    uint8_t message[HASH_AT + sizeof client->bytes];
    size_t address_bytes = ip_bits(client->family) / 8;
    memcpy(message, cookie, HASH_AT);
    memcpy(message + HASH_AT, client->bytes, address_bytes);
    (void)crypto_shorthash_siphash24(out, message, HASH_AT + address_bytes, secret);
}

unsigned cookie_make(const uint8_t secret[COOKIE_SECRET_BYTES], const uint8_t *client_cookie,
                     const struct ip_address *client, uint32_t now_s, uint8_t out[COOKIE_WHOLE_BYTES])
{
    memcpy(out, client_cookie, CLIENT_BYTES);
    store_u32(out + CLIENT_BYTES, (uint32_t)VERSION << 24);
    store_u32(out + CLIENT_BYTES + 4, now_s);
    hash_cookie(secret, out, client, out + HASH_AT);
    return COOKIE_WHOLE_BYTES;
}

/* Times go round after 2^32 seconds (RFC 1982). */
static bool is_recent(uint32_t made_s, uint32_t now_s)
{
    int32_t age_s = (int32_t)(now_s - made_s);
    return age_s <= LIFETIME_S && age_s >= -FUTURE_S;
}

int cookie_valid(const uint8_t secret[COOKIE_SECRET_BYTES], const uint8_t *cookie, unsigned length,
                 const struct ip_address *client, uint32_t now_s)
{
    uint8_t hash[HASH_BYTES];
    if (length != COOKIE_WHOLE_BYTES || cookie[CLIENT_BYTES] != VERSION ||
        !is_recent(load_u32(cookie + CLIENT_BYTES + 4), now_s))
        return 0;
    hash_cookie(secret, cookie, client, hash);
    return sodium_memcmp(hash, cookie + HASH_AT, HASH_BYTES) == 0;
}
