/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The messages of an outgoing zone transfer (RFC 5936, RFC 1995), one after the other as they are wanted.
 * Pure: from a version (and the steps that lead to it) to bytes. Every message is made when it is asked for,
 * so a transfer of a million rules holds one message and a place in the version. One thread at a time. */
#ifndef TRANSFER_OUTGOING_H
#define TRANSFER_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "zone/changes.h"
#include "zone/zone.h"

enum outgoing_form {
    OUTGOING_WHOLE, /* all records between two SOAs: AXFR, or an IXFR for which there are no steps */
    OUTGOING_STEPS, /* an IXFR: the SOA, the steps, the SOA */
    OUTGOING_SOA,   /* the SOA alone: the asker is up to date, or an IXFR does not fit into a datagram */
};

struct outgoing_options {
    enum outgoing_form form;
    uint16_t id, flags;           /* of each message; QR and AA are added */
    const uint8_t *qname;         /* as it was asked; copied */
    uint16_t qtype;               /* TYPE_AXFR or TYPE_IXFR */
    bool one_answer;              /* one record in each message */
    size_t message_bytes;         /* no message becomes larger, but for a record that is: 512 … 65535 */
    struct zone_content *content; /* referenced */
    struct zone_changes *steps;   /* OUTGOING_STEPS: goes over, also on failure; else NULL */
};

struct outgoing;

/* NULL: memory. */
struct outgoing *outgoing_new(const struct outgoing_options *options) MUST_CHECK;
void outgoing_free(struct outgoing *outgoing);

/* Makes the next message in `buffer`, of which `size` bytes may be used (room for a signature is the
 * caller's). 0: *length is set, and *last says whether it was the last one. ERR_SPACE: a record does not fit
 * into `size`; ERR_NOMEM. After a failure or the last message there is no next one. */
int outgoing_next(struct outgoing *outgoing, uint8_t *buffer, size_t size, size_t *length,
                  bool *last) MUST_CHECK;

uint64_t outgoing_records(const struct outgoing *outgoing);  /* written so far */
uint64_t outgoing_messages(const struct outgoing *outgoing); /* made so far */
const struct zone_content *outgoing_content(const struct outgoing *outgoing);
enum outgoing_form outgoing_form(const struct outgoing *outgoing);

#endif
