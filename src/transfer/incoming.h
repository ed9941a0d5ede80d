/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer to an AXFR or IXFR, message after message, on its way to a version of the zone or to changes of
 * the one that we have (RFC 5936, RFC 1995). No I/O; signatures are checked before (dns/tsig.h). One thread.
 *
 * Nothing of what comes is in force before the answer is complete: one that breaks off, does not fit or goes
 * on for too long leaves no trace. */
#ifndef TRANSFER_INCOMING_H
#define TRANSFER_INCOMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "transfer/request.h"
#include "zone/changes.h"
#include "zone/zone.h"

struct incoming_options {
    struct transfer_request request;
    bool policy;                    /* a policy zone */
    bool any_serial;                /* AXFR: take it also when it is not newer (the operator wants it) */
    bool has_version;               /* we have one; request.serial is its */
    uint64_t old_records;           /* of that version, for max_records after an IXFR */
    uint64_t max_records;           /* 0: no limit */
    const struct zone_content *old; /* NULL, or that version, for zone_draft_revise(); outlasts this */
};

enum incoming_kind {
    INCOMING_UP_TO_DATE, /* one SOA: there is nothing newer */
    INCOMING_WHOLE,
    INCOMING_CHANGES,
};

/* Timers and serial of the SOA that the primary has now. */
struct incoming_soa {
    uint32_t serial, refresh_s, retry_s, expire_s;
};

struct incoming;

/* The zone's name is copied. NULL: memory. */
struct incoming *incoming_new(const struct incoming_options *options) MUST_CHECK;
void incoming_free(struct incoming *incoming);

/* Takes the next message (without its TSIG). 1: more has to come. 0: complete. Otherwise it is over, and
 * incoming_problem() says why: ERR_REFUSED (an rcode, see incoming_rcode()), ERR_MALFORMED, ERR_LIMIT
 * (max_records), ERR_INVALID (serials that do not fit), ERR_NOT_FOUND (an IXFR that does not begin at our
 * version), ERR_NOMEM. */
int incoming_take(struct incoming *incoming, const uint8_t *message, size_t length) MUST_CHECK;

/* For people; "" when there is none. */
const char *incoming_problem(const struct incoming *incoming);
unsigned incoming_rcode(const struct incoming *incoming);

uint64_t incoming_records(const struct incoming *incoming); /* so far */
uint64_t incoming_bytes(const struct incoming *incoming);
unsigned incoming_messages(const struct incoming *incoming);
/* Records that have no place in the zone and were left out, and the reason of the first. */
uint64_t incoming_left_out(const struct incoming *incoming, const char **why);

/* Once incoming_take() has said 0. */
enum incoming_kind incoming_kind(const struct incoming *incoming);
const struct incoming_soa *incoming_soa(const struct incoming *incoming);
/* Of INCOMING_WHOLE: builds the version (takes as long as that takes). 0, or what zone_draft_finish() says,
 * with incoming_problem(). Once. */
int incoming_build(struct incoming *incoming, struct zone_content **out) MUST_CHECK;
/* Of INCOMING_CHANGES; goes over to the caller. Once. */
struct zone_changes *incoming_changes(struct incoming *incoming);

#endif
