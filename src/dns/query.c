/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/query.h"

#include <string.h>

#include "base/bytes.h"
#include "dns/cookie.h"
#include "dns/name.h"

enum { RECORD_FIXED_BYTES = 10 /* type, class, TTL, length */, OPT_DO = 0x8000 };

/* Offset behind the name at `at`, compressed or not, or 0. Does not follow pointers. */
static size_t skip_name(const uint8_t *packet, size_t length, size_t at)
{
    for (size_t start = at; at < length;) {
        uint8_t label = packet[at];
        if (label == 0)
            return at + 1 - start <= NAME_MAX_BYTES ? at + 1 : 0;
        if (label >= 0xc0)
            return at + 2 <= length ? at + 2 : 0;
        if (label > 63)
            return 0;
        at += label + 1u;
    }
    return 0;
}

static bool read_question(const uint8_t *packet, size_t length, struct dns_query *out)
{
    const uint8_t *qname = packet + DNS_HEADER_BYTES, *at = qname, *end = packet + length;
    unsigned labels = 0, label;
    for (; at < end && (label = *at); labels++) {
        if (label > 63)
            return false;
        at += label + 1;
    }
    if (end - at < 5 || at - qname >= NAME_MAX_BYTES)
        return false;
    out->qname = qname;
    out->qname_length = (uint8_t)(at + 1 - qname);
    out->qname_labels = (uint8_t)labels;
    out->qtype = load_u16(at + 1);
    out->qclass = load_u16(at + 3);
    out->question_end = (size_t)(at + 5 - packet);
    return true;
}

/* RFC 7871 section 6: the address has as many bytes as its prefix needs, and no bits behind it. */
static bool client_subnet_fits(const uint8_t *data, size_t length)
{
    if (length < 4)
        return false;
    unsigned family = load_u16(data), prefix = data[2], scope = data[3];
    unsigned most = family == 1 ? 32 : family == 2 ? 128 : 0;
    if (prefix > most || scope || length - 4 != (prefix + 7) / 8)
        return false;
    return prefix % 8 == 0 || (data[length - 1] & (0xff >> prefix % 8)) == 0;
}

static inline void take_cookie(const uint8_t *data, size_t length, struct dns_query *out)
{
    out->has_cookie = true;
    out->cookie = data;
    out->cookie_length = (uint8_t)length;
}

static bool read_option(unsigned code, const uint8_t *data, size_t length, struct dns_query *out)
{
    switch (code) {
    case EDNS_COOKIE:
        if (length != DNS_COOKIE_CLIENT && (length < 16 || length > 40))
            return false;
        if (!out->has_cookie) /* RFC 7873 section 5.2: the first one counts */
            take_cookie(data, length, out);
        return true;
    case EDNS_NSID:
        out->wants_nsid = true;
        return true;
    case EDNS_KEEPALIVE:
        out->wants_keepalive = true;
        return length == 0;
    case EDNS_PADDING:
        out->wants_padding = true;
        return true;
    case EDNS_CLIENT_SUBNET:
        return client_subnet_fits(data, length);
    default:
        return true;
    }
}

/* Out of line, as read_records() is, so that the common query saves no registers for it. */
__attribute__((noinline)) static bool read_options(const uint8_t *at, size_t left, struct dns_query *out)
{
    while (left) {
        if (left < 4)
            return false;
        size_t length = load_u16(at + 2);
        if (left - 4 < length || !read_option(load_u16(at), at + 4, length, out))
            return false;
        at += 4 + length;
        left -= 4 + length;
    }
    return true;
}

/* Nearly always the only one is a cookie. */
static inline bool is_only_a_cookie(const uint8_t *at, size_t left)
{
    return (left == 4 + DNS_COOKIE_CLIENT || left == 4 + COOKIE_WHOLE_BYTES) && load_u16(at) == EDNS_COOKIE &&
           load_u16(at + 2) == left - 4;
}

/* `fixed` points behind the OPT's owner. */
static inline enum query_verdict read_opt(const uint8_t *fixed, struct dns_query *out)
{
    uint16_t size = load_u16(fixed + 2), options_length = load_u16(fixed + 8);
    out->has_edns = true;
    out->udp_size = size > DNS_UDP_CLASSIC ? size : DNS_UDP_CLASSIC;
    out->edns_version = fixed[5];
    out->dnssec_ok = load_u16(fixed + 6) & OPT_DO;
    if (out->edns_version) /* its options may have another form */
        return QUERY_BADVERS;
    const uint8_t *options = fixed + RECORD_FIXED_BYTES;
    if (!options_length)
        return QUERY_OK;
    if (is_only_a_cookie(options, options_length))
        take_cookie(options + 4, options_length - 4u, out);
    else if (!read_options(options, options_length, out))
        return QUERY_FORMERR;
    return QUERY_OK;
}

/* Walks the records behind the question; in a query these are an OPT, seldom more. `before` of the `all`
 * records stand in sections where no OPT may be. */
__attribute__((noinline)) static enum query_verdict
read_records(const uint8_t *packet, size_t length, unsigned before, unsigned all, struct dns_query *out)
{
    enum query_verdict verdict = QUERY_OK;
    size_t at = out->question_end;
    for (unsigned i = 0; i < all; i++) {
        size_t owner = at;
        at = skip_name(packet, length, at);
        if (!at || length - at < RECORD_FIXED_BYTES)
            return QUERY_FORMERR;
        const uint8_t *fixed = packet + at;
        unsigned type = load_u16(fixed);
        at += RECORD_FIXED_BYTES + load_u16(fixed + 8);
        if (at > length)
            return QUERY_FORMERR;
        if (type == TYPE_OPT) {
            if (i < before || out->has_edns || packet[owner])
                return QUERY_FORMERR;
            verdict = read_opt(fixed, out);
            if (verdict == QUERY_FORMERR)
                return verdict;
        } else if (type == TYPE_TSIG) {
            if (i < before || i + 1 < all)
                return QUERY_FORMERR; /* RFC 8945 section 5.1: the last one */
            out->has_tsig = true;
        }
    }
    return verdict; /* what stands behind the last record is nobody's business: BIND reads past it too */
}

/* Nearly every query: one OPT behind the question and nothing else. */
static bool is_only_an_opt(const uint8_t *packet, size_t length, size_t at)
{
    return length - at >= 1 + RECORD_FIXED_BYTES && packet[at] == 0 &&
           load_u16(packet + at + 1) == TYPE_OPT &&
           at + 1 + RECORD_FIXED_BYTES + load_u16(packet + at + 9) == length;
}

static enum query_verdict read_body(const uint8_t *packet, size_t length, struct dns_query *out)
{
    static const uint8_t one[8] = {0, 1}, one_and_opt[8] = {0, 1, 0, 0, 0, 0, 0, 1};
    if (load_u16(packet + 4) != 1 || !read_question(packet, length, out))
        return QUERY_FORMERR;
    if (memcmp(packet + 4, one_and_opt, 8) == 0 && is_only_an_opt(packet, length, out->question_end))
        return read_opt(packet + out->question_end + 1, out);
    if (memcmp(packet + 4, one, 8) == 0)
        return QUERY_OK;
    unsigned before = (unsigned)load_u16(packet + 6) + load_u16(packet + 8);
    return read_records(packet, length, before, before + load_u16(packet + 10), out);
}

static bool is_opcode_done(unsigned opcode)
{
    return opcode == OPCODE_QUERY || opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE;
}

enum query_verdict query_parse(const uint8_t *packet, size_t length, struct dns_query *out)
{
    *out = (struct dns_query){.udp_size = DNS_UDP_CLASSIC};
    if (length < DNS_HEADER_BYTES)
        return QUERY_DROP;
    out->id = load_u16(packet);
    out->flags = load_u16(packet + 2);
    out->opcode = out->flags >> 11 & 15;
    if (out->flags & DNS_QR)
        return QUERY_DROP;
    enum query_verdict verdict = read_body(packet, length, out);
    /* The message of an unknown opcode may have any form. */
    return is_opcode_done(out->opcode) ? verdict : QUERY_NOTIMP;
}
