/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the names stand in an RDATA, by type. Inner header of dns/: over libknot's descriptors. */
#ifndef DNS_RDATA_LAYOUT_H
#define DNS_RDATA_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What a field of an RDATA is. */
enum rdata_field {
    FIELD_END,        /* nothing more */
    FIELD_BYTES,      /* `length` bytes */
    FIELD_REST,       /* all that is left */
    FIELD_PLAIN_NAME, /* never compressed */
    FIELD_OLD_NAME,   /* may arrive compressed, is never sent so (RFC 3597 section 4) */
    FIELD_NAME        /* may be compressed (RFC 1035) */
};

/* A walk over the fields of one RDATA. */
struct rdata_walk {
    const int *blocks;
};

/* Starts a walk; an unknown type is one FIELD_REST. */
struct rdata_walk rdata_walk(uint16_t type);

/* The next field. For FIELD_BYTES sets *length; `at` … `at + left` is what has not been walked yet (fields
 * of variable length are measured in it). ERR_MALFORMED when that cannot be. */
int rdata_walk_next(struct rdata_walk *walk, const uint8_t *at, size_t left, size_t *length) MUST_CHECK;

#endif
