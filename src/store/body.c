/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of an entry: for each a byte that says how it stands, owner, type, TTL, data. Almost every
 * owner lies within the zone and is stored without the zone's own name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "store/parts.h"

enum { RECORD_REMOVE = 1, RECORD_RELATIVE = 2, RECORD_FIXED_BYTES = 11 };
enum { PIECE_BYTES = 256 << 10, LARGE_BYTES = 1 << 20 };

struct encoding {
    struct store_body *body;
    const uint8_t *origin;
    size_t origin_bytes;
    const char *path; /* of the store, if the body may go to a file; else NULL */
    bool own_file;
};

/* A file that goes with its descriptor. */
static int open_nameless(const char *path)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s.XXXXXX", path) >= (int)sizeof name)
        return ERR_SPACE;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    unlink(name);
    return fd;
}

/* What is in memory goes to the file. */
static int flush(struct store_body *body)
{
    int error = file_write(body->fd, body->bytes, body->used, body->at + body->length);
    body->length += body->used;
    body->used = 0;
    return error;
}

/* What has become large gets a file, and is written piece by piece from then on. */
static int make_way(struct encoding *e, size_t length)
{
    struct store_body *body = e->body;
    if (body->fd < 0 && e->path && body->used + length > LARGE_BYTES) {
        int fd = open_nameless(e->path);
        if (fd < 0)
            return fd;
        body->fd = fd;
        e->own_file = true;
    }
    return body->fd >= 0 && body->used + length > PIECE_BYTES ? flush(body) : 0;
}

static uint8_t *room_for(struct store_body *body, size_t length)
{
    if (body->room - body->used < length) {
        size_t room = 2 * body->room + length + 1024;
        uint8_t *bytes = realloc(body->bytes, room);
        if (!bytes)
            return NULL;
        body->bytes = bytes;
        body->room = room;
    }
    return body->bytes + body->used;
}

static int encode(struct encoding *e, bool remove, const struct policy_record *record)
{
    size_t owner = name_length(record->owner);
    bool relative = name_is_within(record->owner, e->origin);
    size_t most = RECORD_FIXED_BYTES + owner + record->rdata_length;
    int error = make_way(e, most);
    uint8_t *at = error ? NULL : room_for(e->body, most);
    if (!at)
        return error ? error : ERR_NOMEM;
    struct writer w = writer_of(at, e->body->room - e->body->used);
    write_u8(&w, (uint8_t)((remove ? RECORD_REMOVE : 0) | (relative ? RECORD_RELATIVE : 0)));
    write_bytes(&w, record->owner, relative ? owner - e->origin_bytes : owner - 1);
    write_u8(&w, 0);
    write_u16(&w, record->type);
    write_u16(&w, record->rclass);
    write_u32(&w, record->ttl_s);
    write_u16(&w, record->rdata_length);
    write_bytes(&w, record->rdata, record->rdata_length);
    e->body->used += writer_used(&w);
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

uint64_t store_body_hash_begin(uint64_t length)
{
    return hash_begin(store_hash_seed(3), (size_t)length);
}

/* The length comes first in the hash, so what was written is read once more. */
static int hash_file(struct store_body *body)
{
    uint8_t *piece = malloc(PIECE_BYTES);
    uint64_t hash = store_body_hash_begin(body->length), done = 0;
    size_t length = 0;
    int error = piece ? 0 : ERR_NOMEM;
    for (; !error && body->length - done >= PIECE_BYTES; done += PIECE_BYTES) {
        error = file_read(body->fd, piece, PIECE_BYTES, body->at + done);
        hash = hash_more(hash, piece, PIECE_BYTES);
    }
    if (!error) {
        length = (size_t)(body->length - done);
        error = file_read(body->fd, piece, length, body->at + done);
    }
    if (!error)
        body->hash = hash_rest(hash, piece, length);
    free(piece);
    return error;
}

static void end_file(struct encoding *e)
{
    struct store_body *body = e->body;
    if (!body->error)
        body->error = flush(body);
    if (!body->error)
        body->error = hash_file(body);
    free(body->bytes);
    body->bytes = NULL;
    if (!e->own_file)
        body->fd = -1;
}

static struct store_body *body_end(struct encoding *e, int error)
{
    struct store_body *body = e->body;
    body->error = error;
    if (body->fd >= 0) {
        end_file(e);
    } else {
        body->length = body->used;
        body->hash = store_hash(3, body->bytes, body->used);
    }
    if (body->error != ERR_NOMEM)
        return body;
    store_body_free(body);
    return NULL;
}

static struct store_body *body_new(bool whole)
{
    struct store_body *body = calloc(1, sizeof *body);
    if (!body)
        return NULL;
    body->fd = -1;
    body->whole = whole;
    return body;
}

static struct store_body *encode_all(struct encoding *e, const struct zone_content *content)
{
    e->body->serial = e->body->serial_from = zone_content_serial(content);
    return body_end(e, zone_content_each(content, encode_whole, e));
}

static struct encoding encoding_of(struct store_body *body, const uint8_t *origin, const char *path)
{
    return (struct encoding){
        .body = body, .origin = origin, .origin_bytes = name_length(origin), .path = path};
}

struct store_body *store_body_whole(const struct zone_content *content, const char *path)
{
    struct store_body *body = body_new(true);
    struct encoding e = encoding_of(body, zone_content_origin(content), path);
    return body ? encode_all(&e, content) : NULL;
}

struct store_body *store_body_write(const struct zone_content *content, int fd, uint64_t at)
{
    struct store_body *body = body_new(true);
    struct encoding e = encoding_of(body, zone_content_origin(content), NULL);
    if (!body)
        return NULL;
    body->fd = fd;
    body->at = at;
    return encode_all(&e, content);
}

struct store_body *store_body_step(const uint8_t *origin, const struct zone_changes *changes)
{
    struct store_body *body = body_new(false);
    struct encoding e = encoding_of(body, origin, NULL);
    const struct policy_change *list = zone_changes_get(changes);
    if (!body)
        return NULL;
    int error = zone_changes_serials(changes, &body->serial_from, &body->serial);
    for (size_t i = 0; i < zone_changes_count(changes) && !error; i++)
        error = encode(&e, list[i].remove, &list[i].record);
    return body_end(&e, error);
}

size_t store_body_bytes(const struct store_body *body)
{
    return (size_t)body->length;
}

void store_body_free(struct store_body *body)
{
    if (!body)
        return;
    if (body->fd >= 0)
        close(body->fd);
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

int store_body_some(const uint8_t *bytes, size_t length, bool final, const uint8_t *origin,
                    int (*each)(void *context, bool remove, const struct policy_record *record),
                    void *context, size_t *used)
{
    struct reader r = reader_of(bytes, length);
    size_t least = final ? 1 : STORE_RECORD_BYTES_MAX;
    int result = 0;
    while (reader_left(&r) >= least && !result) {
        uint8_t owner[NAME_MAX_BYTES];
        struct policy_record record;
        bool remove = false;
        result = read_record(&r, origin, owner, &remove, &record);
        if (!result)
            result = each(context, remove, &record);
    }
    *used = length - reader_left(&r);
    return result;
}

int store_body_each(const uint8_t *bytes, size_t length, const uint8_t *origin,
                    int (*each)(void *context, bool remove, const struct policy_record *record),
                    void *context)
{
    size_t used;
    return store_body_some(bytes, length, true, origin, each, context, &used);
}
