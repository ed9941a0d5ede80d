// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/words.h"

#include <stddef.h>

#include "check_http_onion/socks.h"

struct reply_words {
    uint8_t reply;
    const char *words;
};

static const struct reply_words onion_words[] = {
    {REPLY_FAILURE, "tor of the service answers, the web server behind it does not"},
    {REPLY_NOT_ALLOWED, "this tor's rules do not allow it"},
    {REPLY_NET_UNREACHABLE, "this tor cannot reach the network"},
    {REPLY_HOST_UNREACHABLE, "the service cannot be reached"},
    {REPLY_CONNECTION_REFUSED, "the service does not offer this port"},
    {REPLY_TTL_EXPIRED, "this tor gave up trying"},
    {REPLY_COMMAND, "the proxy cannot connect at all"},
    {REPLY_ADDRESS_TYPE, "the proxy does not take names"},
    {REPLY_NO_DESCRIPTOR,
     "no descriptor of the service: it never published itself, or long ago, or the address is wrong"},
    {REPLY_BAD_DESCRIPTOR, "the descriptor of the service cannot be read"},
    {REPLY_INTRO_FAILED,
     "the service is not at its introduction points: it is off, or has lost its circuits"},
    {REPLY_REND_FAILED, "the service did not come to the rendezvous"},
    {REPLY_AUTH_MISSING, "this tor holds no key for the service, which wants client authorization"},
    {REPLY_AUTH_WRONG, "this tor holds a wrong key for the service (client authorization)"},
    {REPLY_BAD_ADDRESS, "Tor says that the address is impossible"},
    {REPLY_INTRO_TIMEOUT, "the introduction points of the service do not answer in time"},
};

static const struct reply_words clear_words[] = {
    {REPLY_FAILURE, "the proxy says: general failure"},
    {REPLY_NOT_ALLOWED, "the proxy says: not allowed"},
    {REPLY_NET_UNREACHABLE, "Network is unreachable"},
    {REPLY_HOST_UNREACHABLE, "No route to host"},
    {REPLY_CONNECTION_REFUSED, "Connection refused"},
    {REPLY_TTL_EXPIRED, "the proxy says: timed out"},
    {REPLY_COMMAND, "the proxy says: command not supported"},
    {REPLY_ADDRESS_TYPE, "the proxy says: address type not supported"},
};

static const char *look_up(const struct reply_words *table, size_t count, uint8_t reply, const char *other)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].reply == reply)
            return table[i].words;
    return other;
}

const char *words_of_reply(uint8_t reply, bool extended)
{
    if (reply == REPLY_FAILURE && !extended)
        return "the connection failed: the web server behind the service, or a missing or wrong key of ours";
    if (reply == REPLY_HOST_UNREACHABLE && !extended)
        return "the service cannot be reached: never published, switched off, or cut off";
    return look_up(onion_words, sizeof onion_words / sizeof *onion_words, reply,
                   "an answer that SOCKS does not have");
}

const char *words_of_clear_reply(uint8_t reply)
{
    return look_up(clear_words, sizeof clear_words / sizeof *clear_words, reply,
                   "the proxy refused with a code of its own");
}

const char *words_of_address(enum onion_kind kind)
{
    static const char *const words[] = {
        [ONION_V2] = "this is a version 2 address (16 letters); Tor dropped them in 2021, ask for the new "
                     "address of 56 letters",
        [ONION_LENGTH] = "an onion address has 56 letters",
        [ONION_LETTERS] = "an onion address has only the letters a to z and 2 to 7",
        [ONION_VERSION] = "the version in the address is not 3",
        [ONION_CHECKSUM] = "the checksum of the address is wrong: a typing error?",
    };
    return (size_t)kind < sizeof words / sizeof *words ? words[kind] : NULL;
}
