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

/* A block with a copy of the records and what makes them readable. */
static struct rule_data *make_view(struct heap *heap, const uint8_t *records, size_t bytes)
{
    struct view_writer w = {0};
    view_all(&w, records, bytes);
    size_t views = w.rrset_count * sizeof *w.rrsets + w.rdata_count * sizeof *w.rdatas;
    struct rule_data *view = heap_take(heap, sizeof *view + views + bytes);
    if (!view)
        return NULL;
    w.rrsets = (struct rrset *)(void *)(view + 1);
    w.rdatas = (struct rdata *)(void *)(w.rrsets + w.rrset_count);
    uint8_t *copy = (uint8_t *)(w.rdatas + w.rdata_count);
    memcpy(copy, records, bytes);
    view_all(&w, copy, bytes);
    *view = (struct rule_data){.rrsets = w.rrsets,
                               .records = copy,
                               .records_bytes = (uint32_t)bytes,
                               .ttl_s = UINT32_MAX,
                               .rrset_count = (uint32_t)w.rrset_count};
    if (stored_at(copy).type == TYPE_CNAME)
        view->cname = copy + sizeof(struct stored);
    for (size_t i = 0; i < w.rrset_count; i++)
        if (w.rrsets[i].ttl_s < view->ttl_s)
            view->ttl_s = w.rrsets[i].ttl_s;
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

int64_t data_keep(struct data *data, const struct data_record *records, size_t count)
{
    int error = write_scratch(data, records, count);
    if (error)
        return error;
    uint64_t hash = hash_of(data->scratch.base, data->scratch.used);
    int64_t number = set_find(&data->known, hash, same_data, data);
    if (number < 0)
        return add_scratch(data, hash);
    data_ref(data, (uint32_t)number);
    return number;
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
