/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Padding (RFC 7830, RFC 8467): who sees the bytes of an encrypted connection go by shall not tell answers by
 * their lengths. Only for who asks for it, and only where it helps: over TLS, or TCP where the configuration
 * says so. */
#include <string.h>

#include "base/bytes.h"
#include "candord/query.h"
#include "candord/signature.h"
#include "dns/record.h"

enum { TLS_BLOCK_BYTES = 468 /* RFC 8467 section 4.1 */, OPTION_HEADER_BYTES = 4, RDLENGTH_BYTES = 2 };

/* To what the length is to be rounded; 0: not at all. */
static size_t block_bytes(const struct query *q)
{
    if (q->view && query_allowed(q, q->view->config->padded))
        return q->view->config->padding_block_bytes;
    return q->tcp && tcp_has_channel(q->tcp) ? TLS_BLOCK_BYTES : 0;
}

/* Where the OPT, which is the last record, has its RDATA; 0: there is none. */
static size_t find_opt(const struct query *q)
{
    struct message_reader reader;
    struct message_record record;
    size_t opt = 0;
    if (message_open(&reader, q->out, q->out_length))
        return 0;
    while (message_next(&reader, &record) == 1)
        opt = record.type == TYPE_OPT ? (size_t)(record.rdata - q->out) : 0;
    return opt;
}

void reply_pad(struct query *q)
{
    size_t block = q->out_length && !q->no_reply ? block_bytes(q) : 0;
    size_t opt = block ? find_opt(q) : 0;
    size_t most = q->out_size < DNS_MESSAGE_MAX ? q->out_size : DNS_MESSAGE_MAX;
    size_t signature = q->signature ? signature_room(q, most) : 0;
    size_t length = q->out_length + OPTION_HEADER_BYTES + signature;
    if (!opt || length > most)
        return;
    size_t padding = (block - length % block) % block;
    if (padding > most - length)
        padding = most - length;
    uint8_t *option = q->out + q->out_length, *rdlength = q->out + opt - RDLENGTH_BYTES;
    store_u16(option, EDNS_PADDING);
    store_u16(option + 2, (uint16_t)padding);
    memset(option + OPTION_HEADER_BYTES, 0, padding);
    store_u16(rdlength, (uint16_t)(load_u16(rdlength) + OPTION_HEADER_BYTES + padding));
    q->out_length += OPTION_HEADER_BYTES + padding;
}
