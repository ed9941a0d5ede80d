/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Writing a message with compression (RFC 1035 section 4.1.4) into a buffer of the caller. What does not fit
 * is left out and remembered; the caller decides whether that means TC. Does not allocate. */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "dns/record.h"

enum { MESSAGE_COMPRESSION_SLOTS = 64 };

struct message_writer {
    struct writer writer;
    uint16_t counts[4]; /* QD, AN, NS, AR */
    uint16_t flags, id;
    bool truncated; /* an answer or authority RRset did not fit */
    size_t reserved_bytes;
    unsigned slots_used;
    uint16_t slots[MESSAGE_COMPRESSION_SLOTS];       /* offsets of names that later ones may point to */
    uint8_t slot_lengths[MESSAGE_COMPRESSION_SLOTS]; /* of the names, uncompressed */
};

/* Begins a message in `buffer`; `size` is the largest it may become (≥ 12). */
void message_begin(struct message_writer *m, uint8_t *buffer, size_t size, uint16_t id, uint16_t flags);

/* The question; `qname` in the asker's case. ERR_SPACE when it does not fit. */
int message_put_question(struct message_writer *m, const uint8_t *qname, uint16_t qtype,
                         uint16_t qclass) MUST_CHECK;

/* A whole RRset (with its RRSIGs if `with_sigs`), or nothing of it: 0 or ERR_SPACE. Sections in order. The
 * owner is written compressed, names in RDATA only for the types of RFC 1035. */
int message_put_rrset(struct message_writer *m, enum dns_section section, const struct rrset *rrset,
                      bool with_sigs) MUST_CHECK;

/* Bytes kept free for the OPT that message_finish_edns() writes. */
void message_reserve(struct message_writer *m, size_t bytes);

struct edns_reply {
    uint16_t udp_size;       /* what we accept */
    uint16_t extended_rcode; /* the whole rcode; its upper bits go into the OPT */
    bool dnssec_ok;          /* echo of DO */
    const uint8_t *nsid;     /* NULL: none */
    size_t nsid_length;
    const uint8_t *cookie; /* client + server cookie; NULL: none */
    size_t cookie_length;
    int keepalive_100ms;  /* <0: none (RFC 7828) */
    int ede;              /* EDE_NONE, or a code of RFC 8914 */
    const char *ede_text; /* NULL: none */
};

/* How many bytes the OPT of `edns` takes. */
size_t edns_reply_bytes(const struct edns_reply *edns);

/* Writes the OPT record alone. False: there is no room for it. EDE text is cut, then options dropped, when
 * space is short. */
bool edns_write(struct writer *w, const struct edns_reply *edns);

/* Writes the OPT into room kept by message_reserve(). EDE text is cut, then dropped, when space is short. */
void message_put_edns(struct message_writer *m, const struct edns_reply *edns);

/* Writes the header and returns the length of the message. */
size_t message_finish(struct message_writer *m, uint16_t rcode);

#endif
