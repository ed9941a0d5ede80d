/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form of /etc/hosts: an address and names. A name stands for itself alone, as in that file. */
#include <string.h>

#include "feed/formats.h"

static const char *const local_names[] = {
    "localhost",     "localhost.localdomain", "localhost4",   "localhost6",   "local",
    "broadcasthost", "ip6-localhost",         "ip6-loopback", "ip6-localnet", "ip6-mcastprefix",
    "ip6-allnodes",  "ip6-allrouters",        "ip6-allhosts", "0.0.0.0",      "localhost6.localdomain6",
};

static bool is_local(struct span word)
{
    for (size_t i = 0; i < sizeof local_names / sizeof *local_names; i++)
        if (span_is(word, local_names[i]))
            return true;
    return false;
}

/* Does it say "nowhere": the unspecified address, or this machine? */
static bool leads_nowhere(const struct ip_address *address)
{
    static const uint8_t zero[16];
    if (address->family == IP_V4)
        return address->bytes[0] == 127 || memcmp(address->bytes, zero, 4) == 0;
    return memcmp(address->bytes, zero, 15) == 0 && address->bytes[15] <= 1;
}

static enum feed_skip host_name(const struct ip_address *address, struct span word, uint8_t *name,
                                size_t *length)
{
    if (is_local(word))
        return FEED_SKIP_LOCAL;
    if (!leads_nowhere(address))
        return FEED_SKIP_ELSEWHERE;
    enum feed_skip skip = span_name(word, name, length);
    return skip == FEED_KEPT && name[name[0] + 1] == 0 ? FEED_SKIP_ONE_LABEL : skip;
}

/* One name is enough for the line to count as understood. */
static enum feed_skip better(enum feed_skip sofar, enum feed_skip skip, bool first)
{
    return first || skip == FEED_KEPT ? skip : sofar;
}

int hosts_line(struct reading *reading, struct span text, struct line *out)
{
    struct ip_address address;
    struct span word;
    uint8_t name[255];
    size_t length;
    bool first = true;
    int error = 0;
    if (!span_word(&text, &word) || *word.at == '#')
        return 0;
    out->kind = LINE_ENTRY;
    out->skip = FEED_SKIP_NO_ADDRESS;
    if (!span_address(word, &address))
        return 0;
    out->skip = FEED_SKIP_NO_NAME;
    for (; !error && span_word(&text, &word) && *word.at != '#'; first = false) {
        enum feed_skip skip = host_name(&address, word, name, &length);
        out->skip = better(out->skip, skip, first);
        if (skip == FEED_KEPT)
            error = rules_add(&reading->rules, name, length, RANK_BLOCK, RANK_NONE);
    }
    return error;
}
