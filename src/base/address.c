/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ip_address ip_from_sockaddr(const union sockaddr_any *from)
{
    struct ip_address out = {0};
    if (from->any.sa_family == AF_INET) {
        out.family = IP_V4;
        memcpy(out.bytes, &from->v4.sin_addr, 4);
    } else if (from->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&from->v6.sin6_addr)) {
        out.family = IP_V4;
        memcpy(out.bytes, from->v6.sin6_addr.s6_addr + 12, 4);
    } else if (from->any.sa_family == AF_INET6) {
        out.family = IP_V6;
        memcpy(out.bytes, &from->v6.sin6_addr, 16);
    }
    return out;
}

socklen_t ip_to_sockaddr(const struct ip_address *address, uint16_t port, union sockaddr_any *to)
{
    memset(to, 0, sizeof *to);
    if (address->family == IP_V4) {
        to->v4.sin_family = AF_INET;
        to->v4.sin_port = htons(port);
        memcpy(&to->v4.sin_addr, address->bytes, 4);
        return sizeof to->v4;
    }
    to->v6.sin6_family = AF_INET6;
    to->v6.sin6_port = htons(port);
    memcpy(&to->v6.sin6_addr, address->bytes, 16);
    return sizeof to->v6;
}

uint16_t sockaddr_port(const union sockaddr_any *from)
{
    return ntohs(from->any.sa_family == AF_INET6 ? from->v6.sin6_port : from->v4.sin_port);
}

int ip_from_text(const char *text, struct ip_address *out)
{
    *out = (struct ip_address){.family = strchr(text, ':') ? IP_V6 : IP_V4};
    int family = out->family == IP_V6 ? AF_INET6 : AF_INET;
    return inet_pton(family, text, out->bytes) == 1 ? 0 : ERR_MALFORMED;
}

char *ip_to_text(const struct ip_address *address, char *out)
{
    int family = address->family == IP_V6 ? AF_INET6 : AF_INET;
    if (address->family == IP_NONE || !inet_ntop(family, address->bytes, out, IP_TEXT_MAX))
        strcpy(out, "none");
    return out;
}

char *sockaddr_to_text(const union sockaddr_any *from, char *out)
{
    struct ip_address address = ip_from_sockaddr(from);
    ip_to_text(&address, out);
    size_t used = strlen(out);
    snprintf(out + used, IP_TEXT_MAX - used, "#%u", sockaddr_port(from));
    return out;
}

/* "10" and "10.1" mean 10.0.0.0 and 10.1.0.0 in BIND's address lists. */
static int v4_from_short_text(const char *text, struct ip_address *out)
{
    char full[IP_TEXT_MAX];
    int dots = 0;
    for (const char *c = text; *c; c++)
        dots += *c == '.';
    if (dots > 3 || strlen(text) > 15)
        return ERR_MALFORMED;
    snprintf(full, sizeof full, "%s%s", text, &".0.0.0"[dots * 2]);
    return ip_from_text(full, out);
}

int prefix_from_text(const char *text, struct ip_prefix *out)
{
    char address[IP_TEXT_MAX];
    const char *slash = strchr(text, '/');
    size_t length = slash ? (size_t)(slash - text) : strlen(text);
    if (length >= sizeof address)
        return ERR_MALFORMED;
    memcpy(address, text, length);
    address[length] = 0;
    int error = slash && !strchr(address, ':') ? v4_from_short_text(address, &out->address)
                                               : ip_from_text(address, &out->address);
    if (error)
        return error;
    unsigned long bits = ip_bits(out->address.family);
    if (slash) {
        char *end;
        if (slash[1] < '0' || slash[1] > '9')
            return ERR_MALFORMED;
        unsigned long given = strtoul(slash + 1, &end, 10);
        if (*end || given > bits)
            return ERR_MALFORMED;
        bits = given;
    }
    out->length = (uint8_t)bits;
    return ip_mask(&out->address, out->length) ? ERR_INVALID : 0;
}

char *prefix_to_text(const struct ip_prefix *prefix, char *out)
{
    ip_to_text(&prefix->address, out);
    size_t used = strlen(out);
    snprintf(out + used, IP_TEXT_MAX - used, "/%u", prefix->length);
    return out;
}

bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, ip_bits(a->family) / 8) == 0;
}

bool prefix_contains(const struct ip_prefix *prefix, const struct ip_address *address)
{
    if (prefix->address.family != address->family)
        return false;
    unsigned whole = prefix->length / 8, rest = prefix->length % 8;
    if (memcmp(prefix->address.bytes, address->bytes, whole) != 0)
        return false;
    return !rest || (prefix->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

bool ip_mask(struct ip_address *address, unsigned length)
{
    bool cleared = false;
    for (unsigned i = 0; i < sizeof address->bytes; i++) {
        unsigned keep = length > i * 8 ? length - i * 8 : 0;
        uint8_t mask = keep >= 8 ? 0xff : (uint8_t) ~(0xff >> keep);
        cleared |= (address->bytes[i] & ~mask) != 0;
        address->bytes[i] &= mask;
    }
    return cleared;
}
