/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Tor's answers mean, in words. Pure tables. */
#ifndef CHECK_WORDS_H
#define CHECK_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "check_http_onion/address.h"

/* Of a SOCKS reply about an onion service; never NULL. `extended`: the port has ExtendedErrors, so that 01
 * has one meaning only. */
const char *words_of_reply(uint8_t reply, bool extended);

/* Of a SOCKS reply in general, for clear names (RFC 1928's own words). */
const char *words_of_clear_reply(uint8_t reply);

/* Why an address can lead nowhere; NULL for ONION_V3 and ONION_NONE. */
const char *words_of_address(enum onion_kind kind);

#endif
