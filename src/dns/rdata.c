/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RDATA by itself: is it well formed, what does it say, how does it read. */
#include <libknot/rrset-dump.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata_layout.h"
#include "dns/record.h"

/* The fields that libknot describes, names whole and nothing left over. */
static bool fields_fit(uint16_t type, struct reader *in)
{
    struct rdata_walk walk = rdata_walk(type);
    for (;;) {
        size_t length = 0;
        int field = rdata_walk_next(&walk, in->at, reader_left(in), &length);
        if (field == FIELD_END)
            return reader_left(in) == 0;
        if (field >= FIELD_PLAIN_NAME) {
            int taken = name_check(in->at, reader_left(in));
            length = taken < 0 ? SIZE_MAX : (size_t)taken;
        }
        if (field < 0 || !read_bytes(in, length))
            return false;
    }
}

/* Character strings (RFC 1035 section 3.3) up to the end; returns how many, or -1. */
static int count_strings(struct reader *in)
{
    int strings = 0;
    for (; reader_left(in); strings++)
        if (!read_bytes(in, read_u8(in)))
            return -1;
    return strings;
}

static bool texts_fit(struct reader *in)
{
    return count_strings(in) > 0;
}

static bool host_info_fits(struct reader *in)
{
    return count_strings(in) == 2;
}

/* A type bitmap (RFC 4034 section 4.1.2): windows that ascend, each of 1 … 32 bytes. */
static bool bitmap_fits(struct reader *in)
{
    for (int last = -1; reader_left(in);) {
        uint8_t window = read_u8(in), length = read_u8(in);
        if (window <= last || length < 1 || length > 32 || !read_bytes(in, length))
            return false;
        last = window;
    }
    return true;
}

static bool nsec_fits(struct reader *in)
{
    int taken = name_check(in->at, reader_left(in));
    return taken > 0 && read_bytes(in, (size_t)taken) && bitmap_fits(in);
}

static bool nsec3_fits(struct reader *in)
{
    read_bytes(in, 4);
    read_bytes(in, read_u8(in));
    uint8_t hash_length = read_u8(in);
    return read_bytes(in, hash_length) && hash_length && bitmap_fits(in);
}

static bool nsec3param_fits(struct reader *in)
{
    read_bytes(in, 4);
    return read_bytes(in, read_u8(in)) && !reader_left(in);
}

static bool caa_fits(struct reader *in)
{
    read_u8(in);
    uint8_t tag_length = read_u8(in);
    return read_bytes(in, tag_length) && tag_length;
}

/* SvcParams with keys that ascend (RFC 9460 section 2.2). */
static bool svcb_fits(struct reader *in)
{
    read_u16(in);
    int taken = in->error ? -1 : name_check(in->at, reader_left(in)), last = -1;
    if (taken < 0 || !read_bytes(in, (size_t)taken))
        return false;
    while (reader_left(in)) {
        uint16_t key = read_u16(in);
        if (!read_bytes(in, read_u16(in)) || key <= last)
            return false;
        last = key;
    }
    return true;
}

/* What the fields do not tell: a form of its own, or bytes that must be there at least. */
static const struct {
    uint16_t type, least;
    bool (*fits)(struct reader *in);
} rules[] = {
    {TYPE_TXT, 0, texts_fit},
    {KNOT_RRTYPE_SPF, 0, texts_fit},
    {KNOT_RRTYPE_HINFO, 0, host_info_fits},
    {TYPE_NSEC, 0, nsec_fits},
    {TYPE_NSEC3, 0, nsec3_fits},
    {TYPE_NSEC3PARAM, 0, nsec3param_fits},
    {KNOT_RRTYPE_CAA, 0, caa_fits},
    {TYPE_SVCB, 0, svcb_fits},
    {TYPE_HTTPS, 0, svcb_fits},
    {TYPE_DS, 5, NULL},
    {TYPE_CDS, 5, NULL},
    {TYPE_DNSKEY, 4, NULL},
    {TYPE_CDNSKEY, 4, NULL},
    {KNOT_RRTYPE_SSHFP, 3, NULL},
    {KNOT_RRTYPE_TLSA, 4, NULL},
    {KNOT_RRTYPE_SMIMEA, 4, NULL},
};

bool rdata_check(uint16_t type, const uint8_t *rdata, size_t length)
{
    switch (type) { /* what policy zones are full of, checked once per record */
    case TYPE_A:
        return length == 4;
    case TYPE_AAAA:
        return length == 16;
    case TYPE_CNAME:
        return length && name_check(rdata, length) == (int)length;
    }
    struct reader in = reader_of(rdata, length);
    if (length > UINT16_MAX || !fields_fit(type, &in))
        return false;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (rules[i].type != type)
            continue;
        in = reader_of(rdata, length);
        return length >= rules[i].least && (!rules[i].fits || rules[i].fits(&in));
    }
    return true;
}

struct ip_address rdata_address(uint16_t type, const uint8_t *rdata, size_t length)
{
    struct ip_address out = {0};
    if (type == TYPE_A && length == 4)
        out.family = IP_V4;
    else if (type == TYPE_AAAA && length == 16)
        out.family = IP_V6;
    if (out.family != IP_NONE)
        memcpy(out.bytes, rdata, length);
    return out;
}

static uint32_t soa_field(const uint8_t *rdata, size_t field)
{
    const uint8_t *at = rdata + name_length(rdata);
    at += name_length(at);
    return load_u32(at + 4 * field);
}

uint32_t soa_serial(const uint8_t *rdata)
{
    return soa_field(rdata, 0);
}

uint32_t soa_refresh_s(const uint8_t *rdata)
{
    return soa_field(rdata, 1);
}

uint32_t soa_retry_s(const uint8_t *rdata)
{
    return soa_field(rdata, 2);
}

uint32_t soa_expire_s(const uint8_t *rdata)
{
    return soa_field(rdata, 3);
}

uint32_t soa_minimum_s(const uint8_t *rdata)
{
    return soa_field(rdata, 4);
}

bool serial_newer(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000u;
}

/* RFC 3597 section 5, for what nothing else can print. */
static void generic_text(const uint8_t *rdata, size_t length, char *out, size_t size)
{
    int used = snprintf(out, size, "\\# %zu", length);
    for (size_t i = 0; i < length && (size_t)used < size; i++)
        used += snprintf(out + used, size - (size_t)used, "%s%02X", i ? "" : " ", rdata[i]);
}

/* libknot's text, from memory of the form that it wants. */
static bool known_text(uint16_t type, const uint8_t *rdata, size_t length, char *out, size_t size)
{
    size_t text_size = length * 6 + 2048; /* escapes, base64 and hexadecimal all stay below */
    size_t data_size = knot_rdata_size((uint16_t)length);
    char *memory = malloc(data_size + text_size);
    if (!memory)
        return false;
    knot_rdata_t *data = (knot_rdata_t *)memory;
    knot_rdata_init(data, (uint16_t)length, rdata);
    knot_rrset_t rrset = {.owner = (knot_dname_t *)"", .type = type, .rclass = KNOT_CLASS_IN};
    rrset.rrs = (knot_rdataset_t){.count = 1, .size = (uint32_t)data_size, .rdata = data};
    char *text = memory + data_size;
    int used = knot_rrset_txt_dump_data(&rrset, 0, text, text_size, &KNOT_DUMP_STYLE_DEFAULT);
    while (used > 0 && text[used - 1] == ' ') /* behind CAA's value */
        used--;
    if (used >= 0)
        snprintf(out, size, "%.*s", used, text);
    free(memory);
    return used >= 0;
}

/* libknot escapes more than BIND and dig do. */
static void name_text(const uint8_t *name, char *out, size_t size)
{
    char text[NAME_TEXT_MAX];
    snprintf(out, size, "%s", name_to_text(name, text));
}

char *rdata_to_text(uint16_t type, const uint8_t *rdata, size_t length, char *out, size_t size)
{
    bool good = rdata_check(type, rdata, length);
    if (good && (type == TYPE_CNAME || type == TYPE_NS || type == TYPE_PTR || type == TYPE_DNAME))
        name_text(rdata, out, size);
    else if (!good || !known_text(type, rdata, length, out, size))
        generic_text(rdata, length, out, size);
    return out;
}
