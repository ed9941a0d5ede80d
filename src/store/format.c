/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/format.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "dns/name.h"

enum { FORMAT = 1, HASH_BYTES = 8, HEAD_MAGIC = 0x435a5645 /* "CZVE" */ };
enum { FLAG_WHOLE = 1, FLAG_SIDE = 2, FLAG_EXPIRED = 1, FLAG_UNSYNCED = 2 };

static const char magic[8] = "CandorZ\n";

uint64_t store_hash_seed(uint64_t seed)
{
    return seed ^ 0x53746f72655a6f6eu;
}

uint64_t store_hash(uint64_t seed, const void *bytes, size_t length)
{
    return hash_bytes(store_hash_seed(seed), bytes, length);
}

void store_write_u64(struct writer *w, uint64_t value)
{
    write_u32(w, (uint32_t)(value >> 32));
    write_u32(w, (uint32_t)value);
}

uint64_t store_read_u64(struct reader *r)
{
    uint64_t high = read_u32(r);
    return high << 32 | read_u32(r);
}

/* --- header --- */

void store_header_write(const uint8_t *origin, uint8_t out[STORE_HEADER_BYTES])
{
    memset(out, 0, STORE_HEADER_BYTES);
    struct writer w = writer_of(out, STORE_HEADER_BYTES - HASH_BYTES);
    write_bytes(&w, magic, sizeof magic);
    write_u32(&w, FORMAT);
    write_bytes(&w, origin, name_length(origin));
    w = writer_of(out + STORE_HEADER_BYTES - HASH_BYTES, HASH_BYTES);
    store_write_u64(&w, store_hash(0, out, STORE_HEADER_BYTES - HASH_BYTES));
}

int store_header_read(const uint8_t bytes[STORE_HEADER_BYTES], const uint8_t *origin)
{
    struct reader hash = reader_of(bytes + STORE_HEADER_BYTES - HASH_BYTES, HASH_BYTES);
    if (memcmp(bytes, magic, sizeof magic) != 0 ||
        store_read_u64(&hash) != store_hash(0, bytes, STORE_HEADER_BYTES - HASH_BYTES))
        return ERR_MALFORMED;
    struct reader r = reader_of(bytes + sizeof magic, STORE_HEADER_BYTES - HASH_BYTES - sizeof magic);
    if (read_u32(&r) != FORMAT)
        return ERR_UNSUPPORTED;
    if (name_check(r.at, reader_left(&r)) < 0)
        return ERR_MALFORMED;
    return name_equal(r.at, origin) ? 0 : ERR_INVALID;
}

/* --- heads --- */

void store_head_write(const struct store_head *head, uint8_t out[STORE_HEAD_BYTES])
{
    memset(out, 0, STORE_HEAD_BYTES);
    struct writer w = writer_of(out, STORE_HEAD_BYTES - HASH_BYTES);
    write_u32(&w, HEAD_MAGIC);
    write_u8(&w, (uint8_t)((head->whole ? FLAG_WHOLE : 0) | (head->side ? FLAG_SIDE : 0)));
    write_u8(&w, head->source);
    write_u16(&w, 0);
    store_write_u64(&w, head->stamp);
    store_write_u64(&w, head->parent);
    write_u32(&w, head->serial_from);
    write_u32(&w, head->serial);
    store_write_u64(&w, (uint64_t)head->at_s);
    store_write_u64(&w, head->added);
    store_write_u64(&w, head->removed);
    store_write_u64(&w, head->body_bytes);
    write_u32(&w, head->state_bytes);
    store_write_u64(&w, head->rest_hash);
    store_write_u64(&w, head->mark);
    w = writer_of(out + STORE_HEAD_BYTES - HASH_BYTES, HASH_BYTES);
    store_write_u64(&w, store_hash(1, out, STORE_HEAD_BYTES - HASH_BYTES));
}

static bool head_makes_sense(const struct store_head *head)
{
    return head->stamp && head->stamp != STORE_THIS && head->parent < head->stamp &&
           (head->whole ? !head->side : head->parent != 0) && head->state_bytes <= STORE_SLOT_BYTES &&
           head->body_bytes <= INT64_MAX - STORE_SLOT_BYTES;
}

int store_head_read(const uint8_t bytes[STORE_HEAD_BYTES], struct store_head *out)
{
    struct reader r = reader_of(bytes, STORE_HEAD_BYTES);
    struct reader hash = reader_of(bytes + STORE_HEAD_BYTES - HASH_BYTES, HASH_BYTES);
    if (store_read_u64(&hash) != store_hash(1, bytes, STORE_HEAD_BYTES - HASH_BYTES) ||
        read_u32(&r) != HEAD_MAGIC)
        return ERR_MALFORMED;
    uint8_t flags = read_u8(&r);
    out->whole = flags & FLAG_WHOLE;
    out->side = flags & FLAG_SIDE;
    out->source = read_u8(&r);
    read_u16(&r);
    out->stamp = store_read_u64(&r);
    out->parent = store_read_u64(&r);
    out->serial_from = read_u32(&r);
    out->serial = read_u32(&r);
    out->at_s = (int64_t)store_read_u64(&r);
    out->added = store_read_u64(&r);
    out->removed = store_read_u64(&r);
    out->body_bytes = store_read_u64(&r);
    out->state_bytes = read_u32(&r);
    out->rest_hash = store_read_u64(&r);
    out->mark = store_read_u64(&r);
    return head_makes_sense(out) ? 0 : ERR_MALFORMED;
}

/* --- states --- */

static void write_text(struct writer *w, const char *text)
{
    size_t length = strlen(text);
    write_u16(w, (uint16_t)length);
    write_bytes(w, text, length);
}

static void read_text(struct reader *r, char *out, size_t size)
{
    size_t length = read_u16(r);
    const uint8_t *bytes = read_bytes(r, length);
    if (length >= size)
        r->error = ERR_MALFORMED;
    if (r->error)
        return;
    memcpy(out, bytes, length);
    out[length] = 0;
}

size_t store_state_write(const struct store_state *state, uint8_t out[STORE_SLOT_BYTES])
{
    struct writer w = writer_of(out, STORE_SLOT_BYTES);
    store_write_u64(&w, state->stamp);
    store_write_u64(&w, state->in_force);
    write_u8(&w, state->hold);
    write_u8(&w, state->source);
    write_u8(&w, (uint8_t)((state->expired ? FLAG_EXPIRED : 0) | (state->unsynced ? FLAG_UNSYNCED : 0)));
    store_write_u64(&w, (uint64_t)state->checked_at_s);
    store_write_u64(&w, (uint64_t)state->latest_at_s);
    store_write_u64(&w, state->file_mark);
    write_text(&w, state->reason);
    write_text(&w, state->from);
    write_text(&w, state->tag);
    return writer_used(&w);
}

int store_state_read(const uint8_t *bytes, size_t length, struct store_state *out)
{
    struct reader r = reader_of(bytes, length);
    *out = (struct store_state){.stamp = store_read_u64(&r)};
    out->in_force = store_read_u64(&r);
    out->hold = read_u8(&r);
    out->source = read_u8(&r);
    uint8_t flags = read_u8(&r);
    out->expired = flags & FLAG_EXPIRED;
    out->unsynced = flags & FLAG_UNSYNCED;
    out->checked_at_s = (int64_t)store_read_u64(&r);
    out->latest_at_s = (int64_t)store_read_u64(&r);
    out->file_mark = store_read_u64(&r);
    read_text(&r, out->reason, sizeof out->reason);
    read_text(&r, out->from, sizeof out->from);
    read_text(&r, out->tag, sizeof out->tag);
    return r.error;
}

void store_slot_write(const struct store_state *state, uint8_t out[STORE_SLOT_BYTES])
{
    uint8_t bytes[STORE_SLOT_BYTES];
    size_t length = store_state_write(state, bytes);
    memset(out, 0, STORE_SLOT_BYTES);
    struct writer w = writer_of(out, STORE_SLOT_BYTES);
    store_write_u64(&w, store_hash(2 + length, bytes, length));
    write_u32(&w, (uint32_t)length);
    write_bytes(&w, bytes, length);
}

int store_slot_read(const uint8_t bytes[STORE_SLOT_BYTES], struct store_state *out)
{
    struct reader r = reader_of(bytes, STORE_SLOT_BYTES);
    uint64_t hash = store_read_u64(&r);
    size_t length = read_u32(&r);
    const uint8_t *state = read_bytes(&r, length);
    if (r.error || !length || store_hash(2 + length, state, length) != hash)
        return ERR_MALFORMED;
    return store_state_read(state, length, out);
}
