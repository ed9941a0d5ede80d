/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an answer: what becomes of it must be a message again behind its question, each of its TTLs
 * and links where it says. */
#include "fuzz.h"

#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"
#include "resolve/truth.h"

enum { NOW_MS = 1000000, STALE_TTL_S = 30 };

static uint8_t message[DNS_MESSAGE_MAX + 512];

/* Header and question of `truth`, its wire behind. */
static size_t compose(const struct truth *truth, const struct truth_wire *wire, uint64_t now_ms)
{
    size_t at = DNS_HEADER_BYTES;
    memset(message, 0, at);
    store_u16(message + 4, 1);
    for (unsigned i = 0; i < 3; i++)
        store_u16(message + 6 + 2 * i, wire->counts[i]);
    memcpy(message + at, truth->name, truth->name_length);
    at += truth->name_length;
    store_u16(message + at, truth->qtype);
    store_u16(message + at + 2, CLASS_IN);
    truth_copy_wire(truth, wire, now_ms, STALE_TTL_S, message + at + 4);
    return at + 4;
}

static void check_wire(const struct truth *truth, const struct truth_wire *wire, uint64_t now_ms)
{
    struct message_reader m;
    struct message_record r;
    size_t body = compose(truth, wire, now_ms), n = 0, answer_end = 0;
    must(body + wire->length <= DNS_MESSAGE_MAX);
    must(message_open(&m, message, body + wire->length) == 0);
    int got;
    while ((got = message_next(&m, &r)) > 0) {
        must(n < wire->ttl_count && wire->ttl_at[n++] == r.ttl_offset - body);
        must(now_ms < truth->expires_ms || truth->expires_ms == truth->fetched_ms || r.ttl_s == STALE_TTL_S);
        if (r.section == SECTION_ANSWER)
            answer_end = (size_t)(r.rdata + r.rdata_length - message) - body;
    }
    must(got == 0 && n == wire->ttl_count && reader_left(&m.reader) == 0);
    must(answer_end == wire->answer_end);
}

static void check_links(const struct truth *truth)
{
    must(truth->link_count > 0 && truth->links[0].wire_end == 0);
    for (size_t i = 0; i < truth->link_count; i++) {
        const struct truth_link *link = &truth->links[i];
        must(name_check(link->name, NAME_MAX_BYTES) > 0);
        must(link->wire_end <= truth->plain.answer_end && link->record_count <= truth->plain.counts[0]);
        for (size_t a = 0; a < link->address_count; a++)
            must(link->addresses[a].family != IP_NONE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t name[NAME_MAX_BYTES];
    int taken = size > DNS_HEADER_BYTES ? message_name(data, size, DNS_HEADER_BYTES, name) : -1;
    if (taken < 0 || size < DNS_HEADER_BYTES + (size_t)taken + 4)
        return 0;
    name_to_lower(name);
    struct truth_source source = {.name = name,
                                  .qtype = load_u16(data + DNS_HEADER_BYTES + taken),
                                  .message = data,
                                  .message_length = size,
                                  .security = data[0] % 3,
                                  .ede_text = "why",
                                  .now_ms = NOW_MS,
                                  .max_ttl_s = 86400,
                                  .max_negative_ttl_s = 3600,
                                  .min_ttl_s = data[1] % 4,
                                  .stale_s = 100};
    struct truth *truth = NULL;
    if (truth_from_message(&source, &truth))
        return 0;
    check_wire(truth, &truth->plain, NOW_MS);
    check_wire(truth, &truth->full, NOW_MS + 500);
    check_wire(truth, &truth->full, truth->expires_ms);
    check_links(truth);
    truth_unref(truth);
    return 0;
}
