/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading records out of a message. */
#include "dns/record.h"

#include <string.h>

#include "dns/name.h"
#include "dns/rdata_layout.h"

enum { RDATA_NAMES_MAX = 2 /* of any type */ };

int message_name(const uint8_t *message, size_t length, size_t offset, uint8_t out[255])
{
    size_t at = offset, lowest = offset, used = 0;
    int taken = 0; /* bytes at `offset`, known from the first pointer on */
    while (at < length) {
        uint8_t label = message[at];
        if (label >= 0xc0) {
            if (length - at < 2)
                return ERR_MALFORMED;
            size_t target = load_u16(message + at) & 0x3fff;
            /* Strictly downwards: so no loop, and no pointer into what comes later. */
            if (target >= lowest)
                return ERR_MALFORMED;
            taken = taken ? taken : (int)(at + 2 - offset);
            at = lowest = target;
            continue;
        }
        if (label > 63 || length - at < label + 1u || used + label + 1u > NAME_MAX_BYTES)
            return ERR_MALFORMED;
        memcpy(out + used, message + at, label + 1u);
        used += label + 1u;
        at += label + 1u;
        if (label == 0)
            return taken ? taken : (int)(at - offset);
    }
    return ERR_MALFORMED;
}

int message_open(struct message_reader *m, const uint8_t *message, size_t length)
{
    memset(m, 0, sizeof *m);
    m->reader = reader_of(message, length);
    m->id = read_u16(&m->reader);
    m->flags = read_u16(&m->reader);
    uint16_t questions = read_u16(&m->reader);
    for (int i = 0; i < 3; i++)
        m->left[i] = m->counts[i] = read_u16(&m->reader);
    if (m->reader.error || questions > 1)
        return ERR_MALFORMED;
    if (questions) {
        uint8_t qname[NAME_MAX_BYTES];
        int taken = message_name(message, length, DNS_HEADER_BYTES, qname);
        if (taken < 0 || !read_bytes(&m->reader, (size_t)taken + 4))
            return ERR_MALFORMED;
    }
    return 0;
}

static int next_section(const struct message_reader *m)
{
    for (int section = 0; section < 3; section++)
        if (m->left[section])
            return section;
    return -1;
}

int message_next(struct message_reader *m, struct message_record *out)
{
    int section = next_section(m);
    if (section < 0)
        return 0;
    struct reader *r = &m->reader;
    int taken = message_name(r->start, (size_t)(r->end - r->start), reader_offset(r), out->owner);
    if (taken < 0)
        return ERR_MALFORMED;
    const uint8_t *fixed = read_bytes(r, (size_t)taken + 10);
    if (!fixed)
        return ERR_MALFORMED;
    fixed += taken;
    out->owner_length = (uint16_t)name_length(out->owner);
    out->section = (enum dns_section)section;
    out->type = load_u16(fixed);
    out->rclass = load_u16(fixed + 2);
    out->ttl_s = load_u32(fixed + 4);
    out->ttl_offset = (size_t)(fixed + 4 - r->start);
    out->rdata_length = load_u16(fixed + 8);
    out->rdata = read_bytes(r, out->rdata_length);
    if (!out->rdata)
        return ERR_MALFORMED;
    m->left[section]--;
    return 1;
}

/* Expands the name at `in` of the message into `out`. */
static int expand_name(const struct message_reader *m, struct reader *in, struct writer *out)
{
    uint8_t name[NAME_MAX_BYTES];
    size_t offset = (size_t)(in->at - m->reader.start);
    int taken = message_name(m->reader.start, (size_t)(m->reader.end - m->reader.start), offset, name);
    if (taken < 0 || !read_bytes(in, (size_t)taken))
        return ERR_MALFORMED;
    write_bytes(out, name, name_length(name));
    return 0;
}

static int expand_fields(const struct message_reader *m, uint16_t type, struct reader *in, struct writer *out)
{
    struct rdata_walk walk = rdata_walk(type);
    for (;;) {
        size_t length = 0;
        int field = rdata_walk_next(&walk, in->at, reader_left(in), &length);
        if (field < 0)
            return field;
        if (field == FIELD_END)
            return reader_left(in) ? ERR_MALFORMED : 0;
        if (field == FIELD_NAME || field == FIELD_OLD_NAME) {
            if (expand_name(m, in, out))
                return ERR_MALFORMED;
            continue;
        }
        if (field == FIELD_PLAIN_NAME) {
            int taken = name_check(in->at, reader_left(in));
            if (taken < 0)
                return ERR_MALFORMED;
            length = (size_t)taken;
        }
        const uint8_t *bytes = read_bytes(in, length);
        if (!bytes)
            return ERR_MALFORMED;
        write_bytes(out, bytes, length);
    }
}

int message_rdata(const struct message_reader *m, const struct message_record *record, struct arena *arena,
                  struct rdata *out)
{
    uint8_t local[1024], *to = local;
    size_t room = record->rdata_length + (size_t)RDATA_NAMES_MAX * NAME_MAX_BYTES;
    if (room > sizeof local && !(to = arena_alloc(arena, room)))
        return ERR_NOMEM;
    struct reader in = reader_of(record->rdata, record->rdata_length);
    struct writer w = writer_of(to, room);
    int error = expand_fields(m, record->type, &in, &w);
    if (error)
        return error;
    if (w.error || writer_used(&w) > UINT16_MAX)
        return ERR_MALFORMED;
    out->length = (uint16_t)writer_used(&w);
    out->bytes = to == local ? arena_copy(arena, local, out->length) : to;
    return out->bytes ? 0 : ERR_NOMEM;
}
