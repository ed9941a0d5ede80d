/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of an entry: for each a byte that says how it stands, owner, type, TTL, data. Almost every
 * owner lies within the zone and is stored without the zone's own name. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "store/format.h"

enum { RECORD_REMOVE = 1, RECORD_RELATIVE = 2, RECORD_FIXED_BYTES = 11 };

struct encoding {
    struct store_body *body;
    const uint8_t *origin;
    size_t origin_bytes;
};

static uint8_t *room_for(struct store_body *body, size_t length)
{
    if (body->room - body->length < length) {
        size_t room = 2 * body->room + length + 1024;
        uint8_t *bytes = realloc(body->bytes, room);
        if (!bytes)
            return NULL;
        body->bytes = bytes;
        body->room = room;
    }
    return body->bytes + body->length;
}

static int encode(struct encoding *e, bool remove, const struct policy_record *record)
{
    size_t owner = name_length(record->owner);
    bool relative = name_is_within(record->owner, e->origin);
    uint8_t *at = room_for(e->body, RECORD_FIXED_BYTES + owner + record->rdata_length);
    if (!at)
        return ERR_NOMEM;
    struct writer w = writer_of(at, e->body->room - e->body->length);
    write_u8(&w, (uint8_t)((remove ? RECORD_REMOVE : 0) | (relative ? RECORD_RELATIVE : 0)));
    write_bytes(&w, record->owner, relative ? owner - e->origin_bytes : owner - 1);
    write_u8(&w, 0);
    write_u16(&w, record->type);
    write_u16(&w, record->rclass);
    write_u32(&w, record->ttl_s);
    write_u16(&w, record->rdata_length);
    write_bytes(&w, record->rdata, record->rdata_length);
    e->body->length += writer_used(&w);
    if (remove)
        e->body->removed++;
    else
        e->body->added++;
    return w.error;
}

static int encode_whole(void *context, const struct policy_record *record)
{
    return encode(context, false, record);
}

uint64_t store_body_hash(const uint8_t *bytes, size_t length)
{
    return store_hash(3, bytes, length);
}

static struct store_body *body_end(struct store_body *body, int error)
{
    if (!error) {
        body->hash = store_body_hash(body->bytes, body->length);
        return body;
    }
    store_body_free(body);
    return NULL;
}

/* --- the order of a whole version --- */

/* A version gives its records in the order of its index. Built again in that order an index would grow at one
 * end; so its owners are stored far from their neighbours: each as far behind the last as the golden ratio
 * says. The records of one owner stay together. */
struct order {
    struct encoding encoding;
    size_t *starts; /* of each owner's records */
    size_t count, room;
    uint8_t last[NAME_MAX_BYTES];
};

static int order_record(void *context, const struct policy_record *record)
{
    struct order *order = context;
    if (order->count == 0 || !name_equal(order->last, record->owner)) {
        if (order->count == order->room) {
            size_t room = order->room ? 2 * order->room : 1024;
            size_t *starts = reallocarray(order->starts, room, sizeof *starts);
            if (!starts)
                return ERR_NOMEM;
            order->starts = starts;
            order->room = room;
        }
        order->starts[order->count++] = order->encoding.body->length;
        name_copy(order->last, record->owner);
    }
    return encode_whole(&order->encoding, record);
}

static size_t coprime_to(size_t count)
{
    size_t stride = (size_t)((double)count * 0.6180339887) | 1;
    for (;; stride += 2) {
        size_t a = count, b = stride;
        while (b) {
            size_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1)
            return stride;
    }
}

static int spread(struct order *order)
{
    struct store_body *body = order->encoding.body;
    size_t count = order->count, stride = coprime_to(count), length = 0;
    uint8_t *bytes = malloc(body->length + 1);
    if (!bytes)
        return ERR_NOMEM;
    for (size_t i = 0, at = 0; i < count; i++, at = (at + stride) % count) {
        size_t end = at + 1 < count ? order->starts[at + 1] : body->length;
        memcpy(bytes + length, body->bytes + order->starts[at], end - order->starts[at]);
        length += end - order->starts[at];
    }
    free(body->bytes);
    body->bytes = bytes;
    body->room = body->length;
    return 0;
}

static int encode_spread(struct order *order, const struct zone_content *content)
{
    int error = zone_content_each(content, order_record, order);
    if (!error && order->count > 2)
        error = spread(order);
    free(order->starts);
    return error;
}

struct store_body *store_body_whole(const struct zone_content *content)
{
    struct store_body *body = calloc(1, sizeof *body);
    const uint8_t *origin = zone_content_origin(content);
    struct order order = {.encoding = {body, origin, name_length(origin)}};
    if (!body)
        return NULL;
    body->whole = true;
    body->serial = body->serial_from = zone_content_serial(content);
    return body_end(body, encode_spread(&order, content));
}

struct store_body *store_body_step(const uint8_t *origin, const struct zone_changes *changes)
{
    struct store_body *body = calloc(1, sizeof *body);
    struct encoding e = {body, origin, name_length(origin)};
    const struct policy_change *list = zone_changes_get(changes);
    if (!body)
        return NULL;
    int error = zone_changes_serials(changes, &body->serial_from, &body->serial);
    for (size_t i = 0; i < zone_changes_count(changes) && !error; i++)
        error = encode(&e, list[i].remove, &list[i].record);
    return body_end(body, error);
}

size_t store_body_bytes(const struct store_body *body)
{
    return body->length;
}

void store_body_free(struct store_body *body)
{
    if (!body)
        return;
    free(body->bytes);
    free(body);
}

/* --- reading --- */

static int read_owner(struct reader *r, bool relative, const uint8_t *origin, uint8_t out[NAME_MAX_BYTES])
{
    int length = name_check(r->at, reader_left(r));
    const uint8_t *owner = length < 0 ? NULL : read_bytes(r, (size_t)length);
    if (!owner)
        return ERR_MALFORMED;
    if (!relative)
        name_copy(out, owner);
    else if (name_join(owner, origin, out) < 0)
        return ERR_MALFORMED;
    return 0;
}

static int read_record(struct reader *r, const uint8_t *origin, uint8_t owner[NAME_MAX_BYTES], bool *remove,
                       struct policy_record *out)
{
    uint8_t flags = read_u8(r);
    int error = read_owner(r, flags & RECORD_RELATIVE, origin, owner);
    if (error)
        return error;
    *remove = flags & RECORD_REMOVE;
    out->owner = owner;
    out->type = read_u16(r);
    out->rclass = read_u16(r);
    out->ttl_s = read_u32(r);
    out->rdata_length = read_u16(r);
    out->rdata = read_bytes(r, out->rdata_length);
    bool whole = !r->error && (out->type != TYPE_SOA || rdata_check(TYPE_SOA, out->rdata, out->rdata_length));
    return whole ? 0 : ERR_MALFORMED;
}

int store_body_each(const uint8_t *bytes, size_t length, const uint8_t *origin,
                    int (*each)(void *context, bool remove, const struct policy_record *record),
                    void *context)
{
    struct reader r = reader_of(bytes, length);
    int result = 0;
    while (reader_left(&r) && !result) {
        uint8_t owner[NAME_MAX_BYTES];
        struct policy_record record;
        bool remove = false;
        result = read_record(&r, origin, owner, &remove, &record);
        if (!result)
            result = each(context, remove, &record);
    }
    return result;
}
