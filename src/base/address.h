/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IP addresses and prefixes, of both families in one shape. Knows no DNS. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip_address {
    enum ip_family family;
    uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest are zero */
};

struct ip_prefix {
    struct ip_address address; /* host bits are zero */
    uint8_t length;            /* 0 … 32 or 0 … 128 */
};

enum { IP_TEXT_MAX = 64 /* also holds %zone, /128 and #65535 */ };

/* An endpoint as the kernel gives it. */
union sockaddr_any {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_storage storage;
};

/* From the kernel's form. An IPv4-mapped IPv6 address becomes IPv4. IP_NONE for other families. */
struct ip_address ip_from_sockaddr(const union sockaddr_any *from);

/* Into the kernel's form; returns the length to pass to bind(2) and friends. */
socklen_t ip_to_sockaddr(const struct ip_address *address, uint16_t port, union sockaddr_any *to);

uint16_t sockaddr_port(const union sockaddr_any *from);

/* "192.0.2.1" or "2001:db8::1"; 0 or ERR_MALFORMED. */
int ip_from_text(const char *text, struct ip_address *out) MUST_CHECK;

/* Writes into `out` (at least IP_TEXT_MAX bytes) and returns it. */
char *ip_to_text(const struct ip_address *address, char *out);

/* BIND's form of an endpoint, "192.0.2.1#53". */
char *sockaddr_to_text(const union sockaddr_any *from, char *out);

/* "192.0.2.0/24", "10/8" (missing octets are zero), "192.0.2.1" (a whole address). 0, ERR_MALFORMED, or
 * ERR_INVALID when bits below the prefix are set. */
int prefix_from_text(const char *text, struct ip_prefix *out) MUST_CHECK;
char *prefix_to_text(const struct ip_prefix *prefix, char *out);

bool ip_equal(const struct ip_address *a, const struct ip_address *b);

/* Is `address` inside `prefix`? Different families never match. */
bool prefix_contains(const struct ip_prefix *prefix, const struct ip_address *address);

/* Number of bits of a whole address: 32, 128, or 0 for IP_NONE. */
static inline unsigned ip_bits(enum ip_family family)
{
    return family == IP_V4 ? 32 : family == IP_V6 ? 128 : 0;
}

/* Clears the bits below the first `length`; returns true when some were set. */
bool ip_mask(struct ip_address *address, unsigned length);

#endif
