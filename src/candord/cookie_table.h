/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The server cookies that a worker gave lately. Who comes back with the same cookie from the same address
 * gets the same one again for COOKIE_REUSE_S, and nothing is computed: it stays good for an hour from when it
 * was made (RFC 9018 section 4.3 asks for a new one after half of that). Bounded: 1,024 clients, of whom a
 * later one takes the place of an earlier one. One worker's own. */
#ifndef CANDORD_COOKIE_TABLE_H
#define CANDORD_COOKIE_TABLE_H

#include <stdint.h>

#include "base/address.h"
#include "dns/cookie.h"

enum { COOKIE_REUSE_S = 60 };

struct cookie_table;

/* `secret` outlives it and stays as it is. NULL: memory. */
struct cookie_table *cookie_table_new(const uint8_t secret[COOKIE_SECRET_BYTES], uint64_t seed);
void cookie_table_free(struct cookie_table *table);

/* Writes client cookie + server cookie for `client`, as cookie_make() does; `client_cookie` has 8 bytes.
 * `now_ms` is monotonic, never 0. Returns COOKIE_WHOLE_BYTES. */
unsigned cookie_table_make(struct cookie_table *table, const uint8_t *client_cookie,
                           const struct ip_address *client, uint64_t now_ms, uint8_t out[COOKIE_WHOLE_BYTES]);

#endif
