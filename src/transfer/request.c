/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transfer/request.h"

#include <assert.h>

#include "base/bytes.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/record.h"

enum { EDNS_EXPIRE = 9, OPCODE_MASK = 0x7800, SOA_NUMBERS_BYTES = 20 };

/* The version that we have: of its SOA servers look at the serial alone, so its names stay empty. 0 or
 * ERR_SPACE. */
static int put_version(const struct transfer_request *request, struct message_writer *m)
{
    uint8_t soa[2 + SOA_NUMBERS_BYTES] = {0};
    const struct rdata rdata = {sizeof soa, soa};
    const struct rrset set = {.owner = request->zone, .type = TYPE_SOA, .count = 1, .rdatas = &rdata};
    store_u32(soa + 2, request->serial);
    return message_put_rrset(m, SECTION_AUTHORITY, &set, false);
}

static void put_edns(const struct transfer_request *request, struct message_writer *m)
{
    struct writer *w = &m->writer;
    write_u8(w, 0);
    write_u16(w, TYPE_OPT);
    write_u16(w, request->edns_bytes);
    write_u32(w, 0);
    write_u16(w, request->ask_expire ? 4 : 0);
    if (request->ask_expire) {
        write_u16(w, EDNS_EXPIRE);
        write_u16(w, 0);
    }
    m->counts[3]++;
}

size_t transfer_request_write(const struct transfer_request *request, uint8_t *out)
{
    struct message_writer m;
    message_begin(&m, out, REQUEST_BYTES_MAX, request->id, OPCODE_QUERY << 11);
    int error = message_put_question(&m, request->zone, request->type, CLASS_IN);
    if (!error && request->type == TYPE_IXFR)
        error = put_version(request, &m);
    assert(!error); /* the longest name leaves room enough */
    if (request->edns_bytes)
        put_edns(request, &m);
    return message_finish(&m, 0);
}

/* --- answers --- */

static bool same_question(const struct transfer_request *request, const uint8_t *message, size_t length)
{
    uint8_t name[NAME_MAX_BYTES];
    int taken = message_name(message, length, DNS_HEADER_BYTES, name);
    if (taken < 0 || length - DNS_HEADER_BYTES < (size_t)taken + 4)
        return false;
    const uint8_t *fixed = message + DNS_HEADER_BYTES + taken;
    return name_equal(name, request->zone) && load_u16(fixed) == request->type &&
           load_u16(fixed + 2) == CLASS_IN;
}

bool transfer_answers(const struct transfer_request *request, const uint8_t *message, size_t length)
{
    if (length < DNS_HEADER_BYTES || load_u16(message) != request->id)
        return false;
    uint16_t flags = load_u16(message + 2), questions = load_u16(message + 4);
    if (!(flags & DNS_QR) || (flags & OPCODE_MASK) != OPCODE_QUERY << 11 || questions > 1)
        return false;
    return questions == 0 || same_question(request, message, length);
}

static bool read_expire(const struct message_record *opt, uint32_t *seconds)
{
    struct reader r = reader_of(opt->rdata, opt->rdata_length);
    while (reader_left(&r) && !r.error) {
        uint16_t code = read_u16(&r), length = read_u16(&r);
        const uint8_t *data = read_bytes(&r, length);
        if (data && code == EDNS_EXPIRE && length == 4) {
            *seconds = load_u32(data);
            return true;
        }
    }
    return false;
}

bool transfer_expire_option(const uint8_t *message, size_t length, uint32_t *seconds)
{
    struct message_reader m;
    struct message_record record;
    if (message_open(&m, message, length))
        return false;
    while (message_next(&m, &record) == 1)
        if (record.section == SECTION_ADDITIONAL && record.type == TYPE_OPT)
            return read_expire(&record, seconds);
    return false;
}

static void take_soa(const struct message_reader *m, const struct message_record *record, struct arena *arena,
                     struct soa_answer *out)
{
    struct rdata soa;
    if (message_rdata(m, record, arena, &soa) || !rdata_check(TYPE_SOA, soa.bytes, soa.length))
        return;
    out->has_soa = true;
    out->serial = soa_serial(soa.bytes);
    out->refresh_s = soa_refresh_s(soa.bytes);
    out->retry_s = soa_retry_s(soa.bytes);
    out->expire_s = soa_expire_s(soa.bytes);
}

static int read_records(const struct transfer_request *request, struct message_reader *m,
                        struct soa_answer *out)
{
    struct arena arena;
    struct message_record record;
    int more;
    arena_init(&arena, 0);
    while ((more = message_next(m, &record)) == 1) {
        if (record.section == SECTION_ANSWER && record.type == TYPE_SOA && record.rclass == CLASS_IN &&
            name_equal(record.owner, request->zone))
            take_soa(m, &record, &arena, out);
        else if (record.section == SECTION_ADDITIONAL && record.type == TYPE_OPT)
            out->has_expire = read_expire(&record, &out->expire_option_s);
    }
    arena_fini(&arena);
    return more;
}

int soa_answer_read(const struct transfer_request *request, const uint8_t *message, size_t length,
                    struct soa_answer *out)
{
    struct message_reader m;
    *out = (struct soa_answer){0};
    if (message_open(&m, message, length))
        return ERR_MALFORMED;
    if (!transfer_answers(request, message, length))
        return ERR_INVALID;
    out->rcode = m.flags & 15;
    out->truncated = m.flags & DNS_TC;
    out->authority = m.flags & DNS_AA;
    return read_records(request, &m, out) < 0 && !out->truncated ? ERR_MALFORMED : 0;
}
