/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message's records gathered into RRsets with their signatures. Pure; memory from the caller's arena. */
#ifndef RESOLVE_GATHER_H
#define RESOLVE_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "dns/record.h"

struct gathered_set {
    struct rrset rrset; /* owner in lower case; its TTL is the smallest of its records and signatures */
    enum dns_section section;
    bool placed; /* the caller's */
};

struct gathered {
    uint16_t rcode;
    size_t count;
    struct gathered_set *sets; /* in order of first appearance */
};

/* Reads all of `message`. Signatures go to the set they cover; those that cover none make a set of type
 * RRSIG. Classes other than IN, OPT and the like are passed over. 0, ERR_MALFORMED, ERR_NOMEM. */
int gather_message(const uint8_t *message, size_t length, struct arena *arena,
                   struct gathered *out) MUST_CHECK;

/* The first set of a section with this owner and type, or NULL. */
struct gathered_set *gathered_find(const struct gathered *gathered, enum dns_section section,
                                   const uint8_t *owner, uint16_t type);

#endif
