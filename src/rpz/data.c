/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/data.h"

#include <stdlib.h>

#include "base/hash.h"
#include "dns/consts.h"
#include "rpz/key.h"

/* --- views --------------------------------------------------------------------------------------------- */

/* Where the next RRset and RDATA go; with NULLs it only counts. */
struct view_writer {
    struct rrset *rrsets;
    struct rdata *rdatas;
    size_t rrset_count, rdata_count;
};

/* A set with more records than a message can count is cut: it could never be sent whole. */
static const uint8_t *view_rrset(struct view_writer *w, const uint8_t *at, const uint8_t *end)
{
    struct stored first = stored_at(at);
    struct rrset set = {.type = first.type, .ttl_s = first.ttl_s};
    if (w->rdatas)
        set.rdatas = w->rdatas + w->rdata_count;
    while (at < end && stored_at(at).type == first.type) {
        struct stored record = stored_at(at);
        at += sizeof record;
        if (set.count < UINT16_MAX) {
            if (w->rdatas)
                w->rdatas[w->rdata_count] = (struct rdata){record.length, at};
            w->rdata_count++;
            set.count++;
        }
        if (record.ttl_s < set.ttl_s)
            set.ttl_s = record.ttl_s;
        at += record.length;
    }
    if (w->rrsets)
        w->rrsets[w->rrset_count] = set;
    w->rrset_count++;
    return at;
}

static void view_all(struct view_writer *w, const uint8_t *records, size_t bytes)
{
    const uint8_t *at = records;
    w->rrset_count = w->rdata_count = 0;
    while (at < records + bytes)
        at = view_rrset(w, at, records + bytes);
}

static size_t view_bytes(const struct view_writer *w)
{
    return sizeof(struct rule_data) + w->rrset_count * sizeof *w->rrsets + w->rdata_count * sizeof *w->rdatas;
}

/* What makes records readable, of which `w` knows how many they are, written to `view`. */
static void write_view(struct view_writer *w, struct rule_data *view, const uint8_t *records, size_t bytes)
{
    w->rrsets = (struct rrset *)(void *)(view + 1);
    w->rdatas = (struct rdata *)(void *)(w->rrsets + w->rrset_count);
    view_all(w, records, bytes);
    *view = (struct rule_data){.rrsets = w->rrsets,
                               .records = records,
                               .records_bytes = (uint32_t)bytes,
                               .ttl_s = UINT32_MAX,
                               .rrset_count = (uint32_t)w->rrset_count};
    if (stored_at(records).type == TYPE_CNAME)
        view->cname = records + sizeof(struct stored);
    for (size_t i = 0; i < w->rrset_count; i++)
        if (w->rrsets[i].ttl_s < view->ttl_s)
            view->ttl_s = w->rrsets[i].ttl_s;
}

/* A block with a copy of the records and their view. */
static struct rule_data *make_view(struct heap *heap, const uint8_t *records, size_t bytes)
{
    struct view_writer w = {0};
    view_all(&w, records, bytes);
    size_t views = view_bytes(&w);
    struct rule_data *view = heap_take(heap, views + bytes);
    if (!view)
        return NULL;
    uint8_t *copy = (uint8_t *)view + views;
    memcpy(copy, records, bytes);
    write_view(&w, view, copy, bytes);
    return view;
}

/* --- the pool ------------------------------------------------------------------------------------------ */

static bool same_data(const void *context, uint32_t number)
{
    const struct data *data = context;
    const struct rule_data *known = data_get(data, number);
    return known->records_bytes == data->scratch.used &&
           memcmp(known->records, data->scratch.base, known->records_bytes) == 0;
}

static uint64_t hash_of(const uint8_t *records, size_t bytes)
{
    return hash_bytes(rpz_seed(), records, bytes);
}

static int write_scratch(struct data *data, const struct data_record *records, size_t count)
{
    int error = 0;
    data->scratch.used = 0;
    for (size_t i = 0; i < count && !error; i++) {
        error = pages_append(&data->scratch, &records[i].stored, sizeof records[i].stored);
        if (!error)
            error = pages_append(&data->scratch, records[i].rdata, records[i].stored.length);
    }
    return !error && data->scratch.used > UINT32_MAX / 2 ? ERR_LIMIT : error;
}

/* A number that is not in use. */
static int64_t take_number(struct data *data)
{
    struct pages *unused = &data->unused;
    if (unused->used) {
        unused->used -= sizeof(uint32_t);
        return *pages_u32(unused, unused->used / sizeof(uint32_t));
    }
    uint32_t place = data->count + DATA_CHUNK_FIRST;
    unsigned chunk = 31 - (unsigned)__builtin_clz(place) - 6;
    size_t length = (size_t)DATA_CHUNK_FIRST << chunk;
    if (chunk >= DATA_CHUNKS)
        return ERR_LIMIT;
    if (!data->chunks[chunk] && !(data->chunks[chunk] = calloc(length, sizeof(struct datum))))
        return ERR_NOMEM;
    /* So that giving a number back cannot fail. */
    int error = pages_reserve(unused, (data->count + (size_t)1) * sizeof(uint32_t));
    return error ? error : (int64_t)data->count++;
}

static void give_number(struct data *data, uint32_t number)
{
    *pages_u32(&data->unused, data->unused.used / sizeof number) = number;
    data->unused.used += sizeof number;
}

static int64_t add_scratch(struct data *data, uint64_t hash)
{
    struct rule_data *view = make_view(data->heap, data->scratch.base, data->scratch.used);
    int64_t number = view ? take_number(data) : ERR_NOMEM;
    int error = number < 0 ? (int)number : set_add(&data->known, hash, (uint32_t)number);
    if (error) {
        if (view)
            heap_give(data->heap, view);
        if (number >= 0)
            give_number(data, (uint32_t)number);
        return error;
    }
    data->bytes += heap_cost(view);
    *data_at(data, (uint32_t)number) = (struct datum){view, 1};
    return number;
}

/* Data of an image is found again only from the first time on that any is looked for. */
static int list_mapped(struct data *data)
{
    int error = 0;
    for (; !error && data->listed < data->mapped; data->listed += !error) {
        const struct rule_data *known = data_get(data, data->listed);
        error = set_add(&data->known, hash_of(known->records, known->records_bytes), data->listed);
    }
    return error;
}

int64_t data_keep(struct data *data, const struct data_record *records, size_t count)
{
    int error = list_mapped(data);
    if (!error)
        error = write_scratch(data, records, count);
    if (error)
        return error;
    uint64_t hash = hash_of(data->scratch.base, data->scratch.used);
    int64_t number = set_find(&data->known, hash, same_data, data);
    if (number < 0)
        return add_scratch(data, hash);
    data_ref(data, (uint32_t)number);
    return number;
}

/* --- data of an image ----------------------------------------------------------------------------------- */

static bool are_records(const uint8_t *at, size_t bytes)
{
    struct stored stored;
    bool sound = bytes && bytes <= UINT32_MAX / 2;
    for (; sound && bytes; at += sizeof stored + stored.length, bytes -= sizeof stored + stored.length) {
        stored = bytes >= sizeof stored ? stored_at(at) : (struct stored){0, 0, UINT16_MAX};
        sound = sizeof stored + stored.length <= bytes &&
                rdata_check(stored.type, at + sizeof stored, stored.length);
        if (!sound)
            break;
    }
    return sound;
}

/* Views of mapped data never go one by one: many share a block. */
static struct rule_data *take_view(struct data *data, size_t bytes)
{
    enum { BLOCK_FIRST = 1 << 10, BLOCK_MOST = 1 << 20 };
    if (data->views_left < bytes) {
        size_t block = data->bytes < BLOCK_FIRST ? BLOCK_FIRST : data->bytes;
        block = block < BLOCK_MOST ? block : BLOCK_MOST;
        block = block < bytes ? bytes : block;
        data->views = heap_take(data->heap, block);
        data->views_left = data->views ? block : 0;
        if (!data->views)
            return NULL;
        data->bytes += heap_cost(data->views);
    }
    struct rule_data *view = (struct rule_data *)(void *)data->views;
    data->views += bytes;
    data->views_left -= bytes;
    return view;
}

int data_map(struct data *data, const uint8_t *records, size_t bytes)
{
    if (!are_records(records, bytes))
        return ERR_MALFORMED;
    struct view_writer w = {0};
    view_all(&w, records, bytes);
    struct rule_data *view = take_view(data, view_bytes(&w));
    int64_t number = view ? take_number(data) : ERR_NOMEM;
    if (number < 0)
        return (int)number;
    write_view(&w, view, records, bytes);
    *data_at(data, (uint32_t)number) = (struct datum){view, 1};
    data->bytes += bytes;
    data->mapped = data->count;
    return 0;
}

size_t data_records(const struct rule_data *data)
{
    size_t count = 0;
    for (uint32_t at = 0; at < data->records_bytes; count++)
        at += (uint32_t)sizeof(struct stored) + stored_at(data->records + at).length;
    return count;
}

void data_drop(struct data *data, uint32_t number)
{
    struct datum *datum = data_at(data, number);
    if (--datum->references)
        return;
    set_remove(&data->known, hash_of(datum->data->records, datum->data->records_bytes), number);
    data->bytes -= heap_cost(datum->data);
    heap_give(data->heap, datum->data);
    datum->data = NULL;
    give_number(data, number);
}

void data_free(struct data *data)
{
    for (unsigned i = 0; i < DATA_CHUNKS; i++)
        free(data->chunks[i]);
    pages_free(&data->unused);
    pages_free(&data->scratch);
    set_free(&data->known);
}
