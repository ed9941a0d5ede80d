/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Server cookies (RFC 7873, in the interoperable form of RFC 9018). */
#ifndef DNS_COOKIE_H
#define DNS_COOKIE_H

#include <stdint.h>

#include "base/address.h"

enum { COOKIE_SECRET_BYTES = 16, COOKIE_WHOLE_BYTES = 24 };

/* Writes client cookie + fresh server cookie for `client`; `client_cookie` has 8 bytes. `now_s` is calendar
 * time. Returns COOKIE_WHOLE_BYTES. */
unsigned cookie_make(const uint8_t secret[COOKIE_SECRET_BYTES], const uint8_t *client_cookie,
                     const struct ip_address *client, uint32_t now_s, uint8_t out[COOKIE_WHOLE_BYTES]);

/* Is `cookie` (`length` bytes as the client sent it) one that we gave this client within the last hour? */
int cookie_valid(const uint8_t secret[COOKIE_SECRET_BYTES], const uint8_t *cookie, unsigned length,
                 const struct ip_address *client, uint32_t now_s);

#endif
