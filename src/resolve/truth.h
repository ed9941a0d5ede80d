/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The truth about one question: what recursion found, in a form from which an answer is copied out. One
 * allocation; immutable but for its atomic members. Counted by references: the cache gives its own one back
 * only after an RCU grace period, so a reader inside a read-side section who found a truth there needs no
 * reference, and takes one to keep it longer. Knows nothing of policy: the memo is two words that their user
 * gives meaning. */
#ifndef RESOLVE_TRUTH_H
#define RESOLVE_TRUTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

enum truth_security { TRUTH_INSECURE, TRUTH_SECURE, TRUTH_BOGUS };

/* A ready message body: the bytes behind the question, with compression pointers that are right when the
 * question starts at offset 12 and takes as many bytes as this truth's name. */
struct truth_wire {
    const uint8_t *bytes;
    const uint16_t *ttl_at; /* offsets of the TTLs within `bytes` */
    uint16_t ttl_count;
    uint16_t length;
    uint16_t counts[3];  /* answer, authority, additional */
    uint16_t answer_end; /* offset behind the answer section: what is kept when the rest does not fit */
};

/* One name of the answer's CNAME/DNAME chain; the first is the query name. */
struct truth_link {
    const uint8_t *name; /* lower case */
    const struct ip_address *addresses;
    uint16_t address_count;
    uint16_t wire_end;     /* where in plain.bytes the records that led to this name end (0 for the first) */
    uint16_t record_count; /* answer records up to there */
    bool is_signed;        /* what was found at this name carries RRSIG, NSEC or NSEC3 */
    /* Labels of the zone that this name is in, where the answer proves it: there is no zone cut between the
     * two, nor at the name if it has more. Proof is the SOA of what is denied, and the signer of what was
     * validated; neither for types that the parent of a zone may answer. */
    uint8_t zone_labels;
};
enum { ZONE_NOT_PROVEN = 0xff };

/* The order of the members keeps it small: there are millions. */
struct truth {
    _Atomic uint32_t references;
    _Atomic bool touched; /* the cache's: read since the clock hand passed */
    _Atomic bool cached;  /* the cache's: it is or was in one */
    uint16_t qtype;
    const uint8_t *name; /* lower case */
    uint8_t name_length;
    uint8_t rcode;
    uint8_t source; /* the resolver's: which of its contexts gave it */
    bool has_sigs;  /* `full` differs from `plain` */
    bool failed;    /* SERVFAIL: the wires are empty */
    int16_t ede;    /* EDE_NONE, or why it failed or is bogus */
    enum truth_security security;
    uint16_t link_count;
    /* Labels of the query name that are its zone's name, as far as the answer shows (SOA owner, RRSIG
     * signer); -1: it does not. */
    int16_t zone_labels;
    uint64_t fetched_ms;     /* monotonic: when the TTLs were as written in the wires */
    uint64_t expires_ms;     /* then it is stale */
    uint64_t stale_until_ms; /* then it is gone; equal to expires_ms without serve-stale */
    /* When a refresh of it last failed, 0: never. Who serves it stale asks again only stale-refresh-time
     * later. Set by the resolver. */
    _Atomic uint64_t refresh_failed_ms;
    _Atomic uint64_t memo[2]; /* policy's: generation and verdict (see candord/) */
    struct truth_wire plain;  /* without RRSIG, NSEC, NSEC3 (kept when asked for by type) */
    struct truth_wire full;   /* with them; the same bytes when has_sigs is false */
    const struct truth_link *links;
    const char *ede_text; /* NULL: none */
    size_t bytes;         /* what this truth costs in memory */
};

/* Makes a truth from a message as libunbound gives it: whole, with its question.
 *
 * Kept is what belongs to a minimal answer: the chain from the query name and the RRset at its end; for a
 * negative one the SOA; in `full` also signatures and proofs. The TTLs of one RRset are made equal and
 * bounded; a negative answer lives for the smaller of the SOA's TTL and its minimum (RFC 2308), one without
 * SOA for NEGATIVE_NO_SOA_TTL_S, a bogus one for BOGUS_TTL_S at most.
 *
 * 0, ERR_MALFORMED, ERR_SPACE (does not fit a message any more), ERR_NOMEM. The caller holds one reference.
 */
enum { NEGATIVE_NO_SOA_TTL_S = 5, BOGUS_TTL_S = 60 };

struct truth_source {
    const uint8_t *name; /* lower case */
    uint16_t qtype;
    const uint8_t *message;
    size_t message_length;
    enum truth_security security;
    int ede; /* for TRUTH_BOGUS: why; else not looked at */
    const char *ede_text;
    uint64_t now_ms;
    uint32_t max_ttl_s, max_negative_ttl_s, min_ttl_s, stale_s;
};
int truth_from_message(const struct truth_source *source, struct truth **out) MUST_CHECK;

/* A failure that may be remembered for `ttl_ms`. `text` is copied; NULL for none. */
int truth_from_failure(const uint8_t *name, uint16_t qtype, int ede, const char *text, uint64_t now_ms,
                       uint32_t ttl_ms, struct truth **out) MUST_CHECK;

/* From any thread. NULL is ignored by truth_unref(), which frees with the last reference. */
struct truth *truth_ref(struct truth *truth);
void truth_unref(struct truth *truth);

/* The same after an RCU grace period. Once per truth: the cache's. Any thread, registered with qsbr or not.
 */
void truth_unref_later(struct truth *truth);

/* Copies a wire to `to` (room for wire->length bytes) with TTLs counted down to `now_ms`; a stale one's TTLs
 * are `stale_ttl_s`. One that lives for 0 seconds is never stale: it is for those who waited for it. */
void truth_copy_wire(const struct truth *truth, const struct truth_wire *wire, uint64_t now_ms,
                     uint32_t stale_ttl_s, uint8_t *to);

#endif
