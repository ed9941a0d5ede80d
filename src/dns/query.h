/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading what a client sent: header, question, EDNS. Pure; does not allocate; never reads past `length`.
 * The result points into the packet, which must outlive it. */
#ifndef DNS_QUERY_H
#define DNS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dns/consts.h"

struct dns_query {
    uint16_t id;
    uint16_t flags; /* the whole word: QR, opcode, RD, CD, AD … */
    uint8_t opcode;
    const uint8_t *qname; /* in the packet, case as asked; NULL when there is no question */
    uint8_t qname_length;
    uint8_t qname_labels;
    uint16_t qtype, qclass;
    size_t question_end; /* offset of the first byte after the question */

    bool has_edns;
    bool dnssec_ok;
    uint8_t edns_version;
    uint16_t udp_size; /* as asked for, at least 512; 512 without EDNS */
    bool wants_nsid;
    bool wants_keepalive; /* RFC 7828 */
    bool has_cookie;
    uint8_t cookie_length; /* 8, or 16 … 40 */
    const uint8_t *cookie;
    bool has_tsig;      /* its last record: dns/tsig.h reads it */
    bool wants_padding; /* RFC 7830 */
};

/* What is wrong with a packet, and so what to do with it. */
enum query_verdict {
    QUERY_OK = 0,
    QUERY_DROP,    /* too short for a header, or itself a response: no answer */
    QUERY_FORMERR, /* `id`, `flags` and, when it could be read, the question are set */
    QUERY_NOTIMP,  /* an opcode that we do not do; NOTIFY and UPDATE are passed as OK */
    QUERY_BADVERS, /* EDNS version above 0 */
};

/* Parses `packet`. Always fills what it could read, the rest is zero. Rules: exactly one question (RFC 9619),
 * at most one OPT and only with the root as owner, a TSIG only as the last record (what follows it is
 * ignored), no compression in the question. A query with a malformed OPT option is FORMERR (RFC 6891, 7873).
 */
enum query_verdict query_parse(const uint8_t *packet, size_t length, struct dns_query *out);

static inline bool query_rd(const struct dns_query *q)
{
    return q->flags & DNS_RD;
}

static inline bool query_cd(const struct dns_query *q)
{
    return q->flags & DNS_CD;
}

#endif
