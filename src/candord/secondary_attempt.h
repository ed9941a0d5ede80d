/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two files of a round share: secondary_round.c asks, secondary_transfer.c transfers. On a thread of
 * the pool. */
#ifndef CANDORD_SECONDARY_ATTEMPT_H
#define CANDORD_SECONDARY_ATTEMPT_H

#include "base/log.h"
#include "candord/link.h"
#include "candord/secondary_round.h"
#include "dns/tsig.h"
#include "transfer/request.h"

/* One attempt at work: what round_run() and its helpers share. */
struct attempt {
    struct round *round;
    const struct peer_config *peer;
    const struct tsig_key *key;
    struct zone_look look;
    struct link link; /* open when link.bytes is set */
    bool no_edns;     /* the primary does not take EDNS */
    bool has_expire;
    uint32_t expire_s; /* EDNS EXPIRE: no longer than this */
    uint64_t began_ms;
};

/* A line in the log that begins as BIND's. */
void attempt_say(const struct attempt *a, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

/* Keeps why it fails, for people; returns `error`. */
int attempt_fail(struct attempt *a, int error, const char *format, ...) PRINTF_LIKE(3, 4);
int attempt_fail_link(struct attempt *a, int error);

/* Opens a->link; a primary with tls gets TLS for LINK_TCP. */
int attempt_open(struct attempt *a, enum link_kind kind) MUST_CHECK;

struct transfer_request attempt_request(const struct attempt *a, uint16_t type);

/* Sends it, signed when there is a key, and begins the session of its answer. */
int attempt_send(struct attempt *a, const struct transfer_request *request,
                 struct tsig_session *session) MUST_CHECK;

/* Checks a message's signature; *length becomes that of the message without it. */
int attempt_check_signature(struct attempt *a, struct tsig_session *session, const uint8_t *message,
                            size_t *length) MUST_CHECK;

/* An arrival from this primary. NULL: memory. */
struct arrival *attempt_arrival(const struct attempt *a, enum arrival_kind kind) MUST_CHECK;

/* Takes the zone, as changes where that is possible, and sets the round's result. */
int attempt_transfer(struct attempt *a) MUST_CHECK;

#endif
