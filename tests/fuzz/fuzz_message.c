/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a message: its records are read, written again with compression, and must read back equal. */
#include "fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "dns/message.h"
#include "dns/name.h"

enum { RECORDS_MAX = 200 };

static struct kept {
    struct message_record record;
    struct rdata rdata;
} kept[RECORDS_MAX];

/* Reads what can be read; returns how many records were kept. */
static size_t read_all(const uint8_t *data, size_t size, struct arena *arena)
{
    struct message_reader m;
    size_t count = 0;
    if (message_open(&m, data, size))
        return 0;
    for (struct message_record r; count < RECORDS_MAX && message_next(&m, &r) > 0;) {
        struct rdata rdata;
        must(name_check(r.owner, sizeof r.owner) == r.owner_length);
        must(r.rdata >= data && r.rdata + r.rdata_length <= data + size);
        must(load_u32(data + r.ttl_offset) == r.ttl_s);
        if (message_rdata(&m, &r, arena, &rdata) == 0)
            kept[count++] = (struct kept){r, rdata};
    }
    return count;
}

static void look_at(const struct kept *k)
{
    char text[300];
    bool good = rdata_check(k->record.type, k->rdata.bytes, k->rdata.length);
    rdata_to_text(k->record.type, k->rdata.bytes, k->rdata.length, text, sizeof text);
    must(strlen(text) < sizeof text);
    struct ip_address address = rdata_address(k->record.type, k->rdata.bytes, k->rdata.length);
    must(address.family == IP_NONE || good);
    if (good && k->record.type == TYPE_SOA)
        must(soa_minimum_s(k->rdata.bytes) == load_u32(k->rdata.bytes + k->rdata.length - 4));
}

static size_t write_again(uint8_t *buffer, size_t size, size_t count, size_t *written)
{
    struct message_writer m;
    message_begin(&m, buffer, size, 1, DNS_QR);
    if (message_put_question(&m, kept[0].record.owner, TYPE_A, CLASS_IN) == 0)
        must(m.counts[0] == 1);
    for (*written = 0; *written < count; (*written)++) {
        const struct kept *k = &kept[*written];
        struct rrset set = {.owner = k->record.owner,
                            .type = k->record.type,
                            .ttl_s = k->record.ttl_s,
                            .count = 1,
                            .rdatas = &k->rdata};
        size_t before = writer_used(&m.writer);
        if (message_put_rrset(&m, SECTION_ANSWER, &set, false)) {
            must(writer_used(&m.writer) == before && m.truncated);
            break;
        }
    }
    return message_finish(&m, 0);
}

static void read_back(const uint8_t *buffer, size_t length, size_t count, struct arena *arena)
{
    struct message_reader m;
    struct message_record r;
    struct rdata rdata;
    must(message_open(&m, buffer, length) == 0);
    for (size_t i = 0; i < count; i++) {
        must(message_next(&m, &r) == 1);
        must(name_equal(r.owner, kept[i].record.owner));
        must(r.type == kept[i].record.type && r.ttl_s == kept[i].record.ttl_s);
        must(message_rdata(&m, &r, arena, &rdata) == 0);
        must(rdata.length == kept[i].rdata.length);
        for (size_t b = 0; b < rdata.length; b++) { /* compression may change the case of letters */
            uint8_t difference = rdata.bytes[b] ^ kept[i].rdata.bytes[b];
            must(difference == 0 || difference == 0x20);
        }
    }
    must(message_next(&m, &r) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t buffer[65535];
    struct arena arena;
    size_t written;
    arena_init(&arena, 0);
    size_t count = read_all(data, size, &arena);
    for (size_t i = 0; i < count; i++)
        look_at(&kept[i]);
    if (count) {
        size_t room = size % 3 ? sizeof buffer : 300;
        size_t length = write_again(buffer, room, count, &written);
        must(length <= room);
        read_back(buffer, length, written, &arena);
    }
    arena_fini(&arena);
    return 0;
}
