/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a secondary asks its primary: has the zone changed (SOA), and the zone itself (AXFR, RFC 5936; IXFR,
 * RFC 1995). Pure. */
#ifndef TRANSFER_REQUEST_H
#define TRANSFER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { REQUEST_BYTES_MAX = 512 /* without a signature */ };

struct transfer_request {
    const uint8_t *zone;
    uint16_t id;
    uint16_t type;       /* TYPE_SOA, TYPE_AXFR, TYPE_IXFR */
    uint32_t serial;     /* IXFR: of the version that we have */
    bool ask_expire;     /* EDNS EXPIRE (RFC 7314) */
    uint16_t edns_bytes; /* what we take over UDP; 0: no EDNS, and so no EXPIRE */
};

/* Writes the question; returns its length. `out` has REQUEST_BYTES_MAX bytes. */
size_t transfer_request_write(const struct transfer_request *request, uint8_t *out);

struct soa_answer {
    unsigned rcode;
    bool truncated; /* ask again over TCP */
    bool authority; /* AA */
    bool has_soa;   /* the four below are set */
    uint32_t serial, refresh_s, retry_s, expire_s;
    bool has_expire; /* the EXPIRE option */
    uint32_t expire_option_s;
};

/* Reads what comes back for a question of TYPE_SOA. 0; ERR_MALFORMED: no DNS, or ERR_INVALID: no answer to
 * this question. */
int soa_answer_read(const struct transfer_request *request, const uint8_t *message, size_t length,
                    struct soa_answer *out) MUST_CHECK;

/* Is the message an answer to the request: id, QR, opcode, and its question if it has one? */
bool transfer_answers(const struct transfer_request *request, const uint8_t *message, size_t length);

/* The EXPIRE option of any answer; false: there is none. */
bool transfer_expire_option(const uint8_t *message, size_t length, uint32_t *seconds);

#endif
