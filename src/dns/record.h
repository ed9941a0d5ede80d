/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Resource records: sets of them in memory, and reading them out of a message. */
#ifndef DNS_RECORD_H
#define DNS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "dns/consts.h"

/* One RDATA, names in it uncompressed. */
struct rdata {
    uint16_t length;
    const uint8_t *bytes;
};

/* Records of one owner, class IN and type. Borrowed: whoever made it says where it lives. */
struct rrset {
    const uint8_t *owner; /* a name */
    uint16_t type;
    uint32_t ttl_s;
    uint16_t count;
    const struct rdata *rdatas;
    /* Covering RRSIGs, as RDATAs of type RRSIG with the same owner and ttl_s; 0 and NULL where there are
     * none. */
    uint16_t sig_count;
    const struct rdata *sigs;
};

enum dns_section { SECTION_ANSWER = 0, SECTION_AUTHORITY = 1, SECTION_ADDITIONAL = 2 };

/* One record as it stands in a message. */
struct message_record {
    uint8_t owner[255]; /* uncompressed, case as in the message */
    uint16_t owner_length;
    enum dns_section section;
    uint16_t type, rclass;
    uint32_t ttl_s;
    size_t ttl_offset;    /* where the TTL stands in the message */
    const uint8_t *rdata; /* in the message: names in it may be compressed */
    uint16_t rdata_length;
};

/* Walks the records of a message. */
struct message_reader {
    struct reader reader; /* start = first byte of the message */
    uint16_t left[3];     /* records not yet read of each section */
    uint16_t id, flags;
    uint16_t counts[3];
};

/* Starts behind the (single or missing) question. 0 or ERR_MALFORMED. */
int message_open(struct message_reader *m, const uint8_t *message, size_t length) MUST_CHECK;

/* The next record: 1, or 0 when there is none, or ERR_MALFORMED. */
int message_next(struct message_reader *m, struct message_record *out) MUST_CHECK;

/* Expands a possibly compressed name at `offset` of a message. Returns the number of bytes that it takes at
 * `offset`, or ERR_MALFORMED (loops, forward pointers, too long). */
int message_name(const uint8_t *message, size_t length, size_t offset, uint8_t out[255]) MUST_CHECK;

/* RDATA of a message's record with all names expanded (the types of RFC 1035 and those that RFC 3597 section
 * 4 lists; every other is copied as it is). 0, ERR_MALFORMED or ERR_NOMEM. */
int message_rdata(const struct message_reader *m, const struct message_record *record, struct arena *arena,
                  struct rdata *out) MUST_CHECK;

/* Is the RDATA well formed for its type (names whole, lengths right)? Unknown types always are. */
bool rdata_check(uint16_t type, const uint8_t *rdata, size_t length);

/* The address in an A or AAAA; family IP_NONE for everything else. */
struct ip_address rdata_address(uint16_t type, const uint8_t *rdata, size_t length);

/* SOA fields; `rdata` has passed rdata_check(). */
uint32_t soa_serial(const uint8_t *rdata);
uint32_t soa_refresh_s(const uint8_t *rdata);
uint32_t soa_retry_s(const uint8_t *rdata);
uint32_t soa_expire_s(const uint8_t *rdata);
uint32_t soa_minimum_s(const uint8_t *rdata);

/* Serial arithmetic (RFC 1982): is a newer than b? */
bool serial_newer(uint32_t a, uint32_t b);

/* RDATA as zone-file text ("10 mail.example.org."). Returns `out`, cut when it does not fit `size`. */
char *rdata_to_text(uint16_t type, const uint8_t *rdata, size_t length, char *out, size_t size);

#endif
