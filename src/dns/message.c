/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/message.h"

#include <string.h>

#include "dns/name.h"
#include "dns/rdata_layout.h"

enum {
    POINTER = 0xc000,
    POINTER_MAX = 0x3fff, /* offsets that 14 bits can hold */
    RECORD_FIXED_BYTES = 10,
    OPT_FIXED_BYTES = 11, /* with the root's byte */
    OPTION_HEADER_BYTES = 4,
    OPT_DO = 0x8000,
};

void message_begin(struct message_writer *m, uint8_t *buffer, size_t size, uint16_t id, uint16_t flags)
{
    m->writer = writer_of(buffer, size < DNS_MESSAGE_MAX ? size : DNS_MESSAGE_MAX);
    memset(m->counts, 0, sizeof m->counts);
    m->id = id;
    m->flags = flags;
    m->truncated = false;
    m->reserved_bytes = 0;
    m->slots_used = 0;
    write_room(&m->writer, DNS_HEADER_BYTES);
}

static void remember_name(struct message_writer *m, size_t offset, size_t length)
{
    if (m->slots_used == MESSAGE_COMPRESSION_SLOTS || offset > POINTER_MAX)
        return;
    m->slots[m->slots_used] = (uint16_t)offset;
    m->slot_lengths[m->slots_used++] = (uint8_t)length;
}

/* Does the name at `offset` of the message, possibly compressed, equal `name`? */
static bool name_stands_at(const struct message_writer *m, size_t offset, const uint8_t *name, size_t length)
{
    const uint8_t *message = m->writer.start, *at = message + offset;
    if (at[0] != name[0] || ((at[1] ^ name[1]) & ~0x20))
        return false; /* most others end here */
    if ((size_t)(m->writer.at - at) >= length && memcmp(at, name, length) == 0)
        return true; /* in full and in the same case: the question, mostly */
    for (;;) {
        while (*at >= 0xc0) /* our own pointers: always to what stood there before */
            at = message + (load_u16(at) & POINTER_MAX);
        if (*at != *name)
            return false;
        if (!*name)
            return true;
        for (unsigned i = 1; i <= *name; i++) {
            uint8_t difference = at[i] ^ name[i];
            if (difference && (difference != 0x20 || (uint8_t)((name[i] | 0x20) - 'a') >= 26))
                return false;
        }
        at += *name + 1;
        name += *name + 1;
    }
}

/* Where `name` stands already, or 0. */
static size_t find_name(const struct message_writer *m, const uint8_t *name, size_t length)
{
    for (unsigned i = 0; i < m->slots_used; i++)
        if (m->slot_lengths[i] == length && name_stands_at(m, m->slots[i], name, length))
            return m->slots[i];
    return 0;
}

/* Writes `name`, its longest tail that stands in the message already as a pointer. */
static void put_name(struct message_writer *m, const uint8_t *name)
{
    size_t left = name_length(name);
    for (; *name; left -= *name + 1u, name += *name + 1) {
        size_t offset = find_name(m, name, left);
        if (offset) {
            write_u16(&m->writer, (uint16_t)(POINTER | offset));
            return;
        }
        size_t here = writer_used(&m->writer);
        write_bytes(&m->writer, name, *name + 1u);
        if (m->writer.error)
            return;
        remember_name(m, here, left);
    }
    write_u8(&m->writer, 0);
}

struct mark {
    uint8_t *at;
    unsigned slots_used;
};

static struct mark mark(const struct message_writer *m)
{
    return (struct mark){m->writer.at, m->slots_used};
}

/* If something did not fit, back to where `before` was. */
static int settle(struct message_writer *m, struct mark before)
{
    if (!m->writer.error)
        return 0;
    m->writer.error = 0;
    m->writer.at = before.at;
    m->slots_used = before.slots_used;
    return ERR_SPACE;
}

int message_put_question(struct message_writer *m, const uint8_t *qname, uint16_t qtype, uint16_t qclass)
{
    size_t length = name_length(qname), here = writer_used(&m->writer);
    uint8_t *at = writer_left(&m->writer) < length + 4 ? NULL : write_room(&m->writer, length + 4);
    if (!at)
        return ERR_SPACE;
    memcpy(at, qname, length);
    store_u16(at + length, qtype);
    store_u16(at + length + 2, qclass);
    /* Nothing stands before it to point to; what follows points here. */
    for (size_t skip = 0; qname[skip]; skip += qname[skip] + 1u)
        remember_name(m, here + skip, length - skip);
    m->counts[0]++;
    return 0;
}

static void put_rdata_field(struct message_writer *m, int field, struct reader *in, size_t length)
{
    if (field >= FIELD_PLAIN_NAME) {
        int taken = name_check(in->at, reader_left(in));
        length = taken < 0 ? reader_left(in) : (size_t)taken;
        if (taken < 0)
            field = FIELD_REST; /* no such RDATA gets here; if it did it would go out as it is */
    }
    const uint8_t *bytes = read_bytes(in, length);
    if (bytes && field == FIELD_NAME)
        put_name(m, bytes);
    else if (bytes)
        write_bytes(&m->writer, bytes, length);
}

static void put_rdata(struct message_writer *m, uint16_t type, const struct rdata *rdata)
{
    struct reader in = reader_of(rdata->bytes, rdata->length);
    struct rdata_walk walk = rdata_walk(type);
    size_t length = 0;
    for (int field; reader_left(&in) && !in.error &&
                    (field = rdata_walk_next(&walk, in.at, reader_left(&in), &length)) > FIELD_END;)
        put_rdata_field(m, field, &in, length);
}

/* Types whose RDATA holds no name that could be compressed, asked for most often. */
static bool is_plain_rdata(uint16_t type)
{
    return type == TYPE_A || type == TYPE_AAAA || type == TYPE_TXT || type == TYPE_RRSIG;
}

static void put_record(struct message_writer *m, uint16_t type, uint32_t ttl_s, const struct rdata *rdata)
{
    uint8_t *fixed = write_room(&m->writer, RECORD_FIXED_BYTES);
    if (!fixed)
        return;
    store_u16(fixed, type);
    store_u16(fixed + 2, CLASS_IN);
    store_u32(fixed + 4, ttl_s);
    if (is_plain_rdata(type))
        write_bytes(&m->writer, rdata->bytes, rdata->length);
    else
        put_rdata(m, type, rdata);
    store_u16(fixed + 8, (uint16_t)(m->writer.at - fixed - RECORD_FIXED_BYTES));
}

/* Writes an owner. Returns a pointer to it for the records that follow, 0 when none is possible. */
static uint16_t put_owner(struct message_writer *m, const uint8_t *owner)
{
    size_t here = writer_used(&m->writer);
    put_name(m, owner);
    if (m->writer.error || name_is_root(owner) || here > POINTER_MAX)
        return 0;
    const uint8_t *written = m->writer.start + here;
    return *written >= 0xc0 ? load_u16(written) : (uint16_t)(POINTER | here);
}

static void put_records(struct message_writer *m, const struct rrset *rrset, uint16_t type, unsigned count,
                        const struct rdata *rdatas)
{
    uint16_t pointer = 0;
    for (unsigned i = 0; i < count && !m->writer.error; i++) {
        if (pointer)
            write_u16(&m->writer, pointer);
        else
            pointer = put_owner(m, rrset->owner);
        put_record(m, type, rrset->ttl_s, &rdatas[i]);
    }
}

int message_put_rrset(struct message_writer *m, enum dns_section section, const struct rrset *rrset,
                      bool with_sigs)
{
    struct mark before = mark(m);
    unsigned sigs = with_sigs ? rrset->sig_count : 0;
    put_records(m, rrset, rrset->type, rrset->count, rrset->rdatas);
    put_records(m, rrset, TYPE_RRSIG, sigs, rrset->sigs);
    int error = settle(m, before);
    if (!error)
        m->counts[1 + section] += (uint16_t)(rrset->count + sigs);
    else if (section != SECTION_ADDITIONAL)
        m->truncated = true;
    return error;
}

void message_reserve(struct message_writer *m, size_t bytes)
{
    if (bytes > writer_left(&m->writer))
        bytes = writer_left(&m->writer);
    m->writer.end -= bytes;
    m->reserved_bytes += bytes;
}

size_t edns_reply_bytes(const struct edns_reply *edns)
{
    size_t bytes = OPT_FIXED_BYTES;
    if (edns->nsid)
        bytes += OPTION_HEADER_BYTES + edns->nsid_length;
    if (edns->cookie)
        bytes += OPTION_HEADER_BYTES + edns->cookie_length;
    if (edns->keepalive_100ms >= 0)
        bytes += OPTION_HEADER_BYTES + 2;
    if (edns->ede != EDE_NONE)
        bytes += OPTION_HEADER_BYTES + 2 + (edns->ede_text ? strlen(edns->ede_text) : 0);
    return bytes;
}

/* Begins an option if it fits with `length` bytes of data. */
static bool put_option(struct writer *w, uint16_t code, size_t length)
{
    uint8_t *header = length + OPTION_HEADER_BYTES <= writer_left(w) && length <= UINT16_MAX
                          ? write_room(w, OPTION_HEADER_BYTES)
                          : NULL;
    if (!header)
        return false;
    store_u16(header, code);
    store_u16(header + 2, (uint16_t)length);
    return true;
}

/* Cut between characters (UTF-8), not inside one. */
static size_t cut_text(const char *text, size_t room)
{
    size_t length = strnlen(text, room + 1);
    if (length <= room)
        return length;
    for (length = room; length && ((uint8_t)text[length] & 0xc0) == 0x80;)
        length--;
    return length;
}

static void put_ede(struct writer *w, int code, const char *text)
{
    size_t room = writer_left(w), length = 0;
    if (text && room > OPTION_HEADER_BYTES + 2)
        length = cut_text(text, room - OPTION_HEADER_BYTES - 2);
    if (!put_option(w, EDNS_EDE, 2 + length))
        return;
    write_u16(w, (uint16_t)code);
    write_bytes(w, text, length);
}

/* In the order of what is missed most when space is short. */
static void put_options(struct writer *w, const struct edns_reply *edns)
{
    if (edns->cookie && put_option(w, EDNS_COOKIE, edns->cookie_length))
        write_bytes(w, edns->cookie, edns->cookie_length);
    if (edns->keepalive_100ms >= 0 && put_option(w, EDNS_KEEPALIVE, 2))
        write_u16(w, (uint16_t)edns->keepalive_100ms);
    if (edns->nsid && put_option(w, EDNS_NSID, edns->nsid_length))
        write_bytes(w, edns->nsid, edns->nsid_length);
    if (edns->ede != EDE_NONE)
        put_ede(w, edns->ede, edns->ede_text);
}

bool edns_write(struct writer *w, const struct edns_reply *edns)
{
    uint8_t *fixed = writer_left(w) >= OPT_FIXED_BYTES ? write_room(w, OPT_FIXED_BYTES) : NULL;
    if (!fixed)
        return false;
    fixed[0] = 0;
    store_u16(fixed + 1, TYPE_OPT);
    store_u16(fixed + 3, edns->udp_size);
    fixed[5] = (uint8_t)(edns->extended_rcode >> 4);
    fixed[6] = 0;
    store_u16(fixed + 7, edns->dnssec_ok ? OPT_DO : 0);
    put_options(w, edns);
    store_u16(fixed + 9, (uint16_t)(w->at - fixed - OPT_FIXED_BYTES));
    return true;
}

void message_put_edns(struct message_writer *m, const struct edns_reply *edns)
{
    m->writer.end += m->reserved_bytes;
    m->reserved_bytes = 0;
    m->counts[3] += edns_write(&m->writer, edns);
}

size_t message_finish(struct message_writer *m, uint16_t rcode)
{
    uint8_t *header = m->writer.start;
    store_u16(header, m->id);
    store_u16(header + 2, (uint16_t)((m->flags & 0xfff0) | (rcode & 15)));
    for (int i = 0; i < 4; i++)
        store_u16(header + 4 + 2 * i, m->counts[i]);
    return writer_used(&m->writer);
}
