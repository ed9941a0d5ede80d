/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Onion addresses, judged without sending a packet (rend-spec-v3 section 6, "Encoding onion addresses"). */
#ifndef CHECK_ADDRESS_H
#define CHECK_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

enum onion_kind {
    ONION_NONE,    /* the name does not end in .onion */
    ONION_V3,      /* well formed, version 3, checksum right */
    ONION_V2,      /* 16 letters: the old form, which Tor no longer knows since 0.4.6 (2021) */
    ONION_LENGTH,  /* neither 56 nor 16 letters */
    ONION_LETTERS, /* 56 characters, one of them not a–z, 2–7 */
    ONION_VERSION, /* 56 letters, a version that is not 3 */
    ONION_CHECKSUM /* 56 letters, version 3, checksum wrong: a typing error */
};

enum { ONION_LETTERS_V3 = 56, ONION_LETTERS_V2 = 16 };

/* Does `name` end in .onion (any case, one final dot allowed)? Such a name never goes to the DNS (RFC 7686).
 */
bool onion_is(const char *name);

/* What kind of onion name this is; subdomains in front of the address are allowed. `letters`, when not NULL,
 * gets the number of letters of the address. */
enum onion_kind onion_judge(const char *name, size_t *letters);

#endif
