/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of the protocol, with their sources. */
#ifndef DNS_CONSTS_H
#define DNS_CONSTS_H

#include <stdint.h>

#include "base/error.h"

enum dns_limits {
    DNS_HEADER_BYTES = 12,
    DNS_MESSAGE_MAX = 65535,
    DNS_UDP_CLASSIC = 512,  /* RFC 1035 */
    DNS_UDP_DEFAULT = 1232, /* DNS flag day 2020 */
    DNS_COOKIE_CLIENT = 8,  /* RFC 7873 */
};

/* Header bits, as in the 16-bit word after the id (RFC 1035, 2535). */
enum dns_flags {
    DNS_QR = 0x8000,
    DNS_AA = 0x0400,
    DNS_TC = 0x0200,
    DNS_RD = 0x0100,
    DNS_RA = 0x0080,
    DNS_Z = 0x0040,
    DNS_AD = 0x0020,
    DNS_CD = 0x0010,
};

enum dns_opcode {
    OPCODE_QUERY = 0,
    OPCODE_IQUERY = 1,
    OPCODE_STATUS = 2,
    OPCODE_NOTIFY = 4,
    OPCODE_UPDATE = 5
};

enum dns_rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_YXDOMAIN = 6,
    RCODE_YXRRSET = 7,
    RCODE_NXRRSET = 8,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
    RCODE_BADVERS = 16,
    RCODE_BADCOOKIE = 23,
};

enum dns_class { CLASS_IN = 1, CLASS_CH = 3, CLASS_HS = 4, CLASS_NONE = 254, CLASS_ANY = 255 };

enum dns_type {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_SIG = 24,
    TYPE_KEY = 25,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
    TYPE_DNAME = 39,
    TYPE_OPT = 41,
    TYPE_APL = 42,
    TYPE_DS = 43,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_TKEY = 249,
    TYPE_TSIG = 250,
    TYPE_IXFR = 251,
    TYPE_AXFR = 252,
    TYPE_MAILB = 253,
    TYPE_MAILA = 254,
    TYPE_ANY = 255,
};

enum dns_edns_option {
    EDNS_NSID = 3,
    EDNS_CLIENT_SUBNET = 8,
    EDNS_COOKIE = 10,
    EDNS_KEEPALIVE = 11,
    EDNS_PADDING = 12,
    EDNS_EDE = 15
};

/* Extended DNS errors (RFC 8914 section 4). EDE_NONE is ours: no option. */
enum dns_ede {
    EDE_NONE = -1,
    EDE_OTHER = 0,
    EDE_STALE_ANSWER = 3,
    EDE_FORGED = 4,
    EDE_DNSSEC_INDETERMINATE = 5,
    EDE_DNSSEC_BOGUS = 6,
    EDE_SIGNATURE_EXPIRED = 7,
    EDE_SIGNATURE_NOT_YET_VALID = 8,
    EDE_DNSKEY_MISSING = 9,
    EDE_RRSIGS_MISSING = 10,
    EDE_NSEC_MISSING = 12,
    EDE_CACHED_ERROR = 13,
    EDE_NOT_READY = 14,
    EDE_BLOCKED = 15,
    EDE_CENSORED = 16,
    EDE_FILTERED = 17,
    EDE_PROHIBITED = 18,
    EDE_STALE_NXDOMAIN = 19,
    EDE_NOT_AUTHORITATIVE = 20,
    EDE_NO_REACHABLE_AUTHORITY = 22,
    EDE_NETWORK_ERROR = 23,
};

/* "A", "TYPE65280"; static or thread-local storage. */
const char *type_to_text(uint16_t type);
/* "IN", "CH", "CLASS7". */
const char *class_to_text(uint16_t rclass);
/* "NXDOMAIN", "RCODE17". */
const char *rcode_to_text(unsigned rcode);
/* A type's mnemonic or TYPEnnn, any case. Returns 0 … 65535, or ERR_NOT_FOUND. */
int type_from_text(const char *text) MUST_CHECK;

/* RRSIG, NSEC, NSEC3: left out for clients that did not set DO (RFC 4035 section 3.2.1). */
static inline int type_is_dnssec(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3;
}

#endif
