/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/cookie.h"

#include <libknot/cookies.h>
#include <libknot/errcode.h>
#include <string.h>

enum { LIFETIME_S = 3600, FUTURE_S = 300, CLIENT_BYTES = 8, SERVER_BYTES = 16 };

static knot_edns_cookie_params_t params_of(const uint8_t *secret, const struct sockaddr_storage *client,
                                           uint32_t now_s)
{
    knot_edns_cookie_params_t params = {
        .version = KNOT_EDNS_COOKIE_VERSION,
        .timestamp = now_s,
        .lifetime_before = LIFETIME_S,
        .lifetime_after = FUTURE_S,
        .client_addr = client,
    };
    memcpy(params.secret, secret, COOKIE_SECRET_BYTES);
    return params;
}

unsigned cookie_make(const uint8_t secret[COOKIE_SECRET_BYTES], const uint8_t *client_cookie,
                     const struct ip_address *client, uint32_t now_s, uint8_t out[COOKIE_WHOLE_BYTES])
{
    union sockaddr_any from;
    ip_to_sockaddr(client, 0, &from);
    knot_edns_cookie_params_t params = params_of(secret, &from.storage, now_s);
    knot_edns_cookie_t cc = {.len = CLIENT_BYTES}, sc;
    memcpy(cc.data, client_cookie, CLIENT_BYTES);
    if (knot_edns_cookie_server_generate(&sc, &cc, &params) != KNOT_EOK || sc.len != SERVER_BYTES)
        return 0;
    memcpy(out, cc.data, CLIENT_BYTES);
    memcpy(out + CLIENT_BYTES, sc.data, SERVER_BYTES);
    return COOKIE_WHOLE_BYTES;
}

int cookie_valid(const uint8_t secret[COOKIE_SECRET_BYTES], const uint8_t *cookie, unsigned length,
                 const struct ip_address *client, uint32_t now_s)
{
    union sockaddr_any from;
    if (length != COOKIE_WHOLE_BYTES)
        return 0;
    ip_to_sockaddr(client, 0, &from);
    knot_edns_cookie_params_t params = params_of(secret, &from.storage, now_s);
    knot_edns_cookie_t cc = {.len = CLIENT_BYTES}, sc = {.len = SERVER_BYTES};
    memcpy(cc.data, cookie, CLIENT_BYTES);
    memcpy(sc.data, cookie + CLIENT_BYTES, SERVER_BYTES);
    return knot_edns_cookie_server_check(&sc, &cc, &params) == KNOT_EOK;
}
