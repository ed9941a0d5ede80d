/* SPDX-License-Identifier: GPL-3.0-or-later */
/* This machine's addresses and networks, for `localhost`, `localnets` and listen-on. */
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "candord/config_build.h"

static unsigned mask_length(const struct sockaddr *mask)
{
    const uint8_t *bytes = mask->sa_family == AF_INET6
                               ? ((const struct sockaddr_in6 *)mask)->sin6_addr.s6_addr
                               : (const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr;
    unsigned size = mask->sa_family == AF_INET6 ? 128 : 32, length = 0;
    while (length < size && (bytes[length / 8] & (0x80u >> (length % 8))))
        length++;
    return length;
}

static bool is_usable(const struct ifaddrs *entry)
{
    return entry->ifa_addr && (entry->ifa_flags & IFF_UP) &&
           (entry->ifa_addr->sa_family == AF_INET || entry->ifa_addr->sa_family == AF_INET6);
}

static struct ip_address address_of(const struct ifaddrs *entry)
{
    union sockaddr_any any = {0};
    memcpy(&any, entry->ifa_addr,
           entry->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    return ip_from_sockaddr(&any);
}

static void add_interface(const struct ifaddrs *entry, struct ip_address *address, struct ip_prefix *network)
{
    *address = address_of(entry);
    network->address = *address;
    network->length =
        (uint8_t)(entry->ifa_netmask ? mask_length(entry->ifa_netmask) : ip_bits(address->family));
    ip_mask(&network->address, network->length);
}

void build_environment(struct builder *b)
{
    struct ifaddrs *list;
    size_t count = 0, i = 0;
    if (getifaddrs(&list) != 0) {
        conf_notice(b->report, b->at,
                    "cannot read the addresses of this machine: localhost and localnets "
                    "are empty");
        return;
    }
    for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
        count += is_usable(entry);
    struct ip_address *addresses = build_alloc(b, count * sizeof *addresses);
    struct ip_prefix *networks = build_alloc(b, count * sizeof *networks);
    for (const struct ifaddrs *entry = list; entry && addresses && networks; entry = entry->ifa_next)
        if (is_usable(entry)) {
            add_interface(entry, &addresses[i], &networks[i]);
            i++;
        }
    freeifaddrs(list);
    b->config->environment = (struct acl_environment){addresses, i, networks, i};
}
