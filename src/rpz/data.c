/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/data.h"

#include "base/hash.h"
#include "dns/consts.h"

static uint32_t blob_bytes(const struct data *data, uint32_t offset)
{
    uint32_t bytes;
    memcpy(&bytes, data->blob.base + offset, sizeof bytes);
    return bytes;
}

static bool same_data(const void *context, uint32_t number)
{
    const struct data_draft *draft = context;
    uint32_t offset = *pages_u32(&draft->offsets, number), bytes = blob_bytes(&draft->data, offset);
    return bytes == draft->scratch.used &&
           memcmp(draft->data.blob.base + offset + sizeof bytes, draft->scratch.base, bytes) == 0;
}

static int write_scratch(struct data_draft *draft, const struct data_record *records, size_t count)
{
    int error = 0;
    draft->scratch.used = 0;
    for (size_t i = 0; i < count && !error; i++) {
        error = pages_append(&draft->scratch, &records[i].stored, sizeof records[i].stored);
        if (!error)
            error = pages_append(&draft->scratch, records[i].rdata, records[i].stored.length);
    }
    return !error && draft->scratch.used > UINT32_MAX / 2 ? ERR_LIMIT : error;
}

int64_t data_draft_keep(struct data_draft *draft, const struct data_record *records, size_t count)
{
    int error = write_scratch(draft, records, count);
    if (error)
        return error;
    uint32_t bytes = (uint32_t)draft->scratch.used;
    uint64_t hash = hash_bytes(rpz_seed(), draft->scratch.base, bytes);
    int64_t number = set_find(&draft->known_data, hash, same_data, draft);
    if (number >= 0)
        return number + 1;
    struct pages *blob = &draft->data.blob;
    uint32_t offset = (uint32_t)blob->used;
    if (blob->used + bytes + sizeof bytes > UINT32_MAX)
        return ERR_LIMIT;
    error = pages_append(&draft->offsets, &offset, sizeof offset);
    if (!error)
        error = pages_append(blob, &bytes, sizeof bytes);
    if (!error)
        error = pages_append(blob, draft->scratch.base, bytes);
    if (!error)
        error = set_add(&draft->known_data, hash, draft->data.count);
    return error ? (int64_t)error : (int64_t)++draft->data.count;
}

struct pair_wanted {
    const struct data_draft *draft;
    const uint32_t *numbers;
};

static bool same_pair(const void *context, uint32_t reference)
{
    const struct pair_wanted *wanted = context;
    const uint32_t *pair = pages_u32(&wanted->draft->data.pairs, (size_t)reference * SIDES);
    return pair[0] == wanted->numbers[0] && pair[1] == wanted->numbers[1];
}

int64_t data_draft_pair(struct data_draft *draft, const uint32_t numbers[SIDES])
{
    struct pair_wanted wanted = {draft, numbers};
    uint64_t hash = hash_bytes(rpz_seed(), numbers, SIDES * sizeof *numbers);
    int64_t reference = set_find(&draft->known_pairs, hash, same_pair, &wanted);
    if (reference >= 0)
        return reference;
    reference = (int64_t)(draft->data.pairs.used / (SIDES * sizeof *numbers));
    int error = pages_append(&draft->data.pairs, numbers, SIDES * sizeof *numbers);
    if (!error)
        error = set_add(&draft->known_pairs, hash, (uint32_t)reference);
    return error ? error : reference;
}

/* --- reading ------------------------------------------------------------------------------------------- */

/* Where the next RRset and RDATA of the views go; with NULLs it only counts. */
struct view_writer {
    struct rule_data *views;
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

static void view_data(struct view_writer *w, const struct data *data, uint32_t offset, uint32_t number)
{
    const uint8_t *records = data->blob.base + offset + sizeof(uint32_t);
    const uint8_t *end = records + blob_bytes(data, offset);
    size_t first = w->rrset_count;
    for (const uint8_t *at = records; at < end;)
        at = view_rrset(w, at, end);
    if (!w->views)
        return;
    struct rule_data *view = w->views + number;
    *view = (struct rule_data){.rrsets = w->rrsets + first,
                               .records = records,
                               .records_bytes = (uint32_t)(end - records),
                               .ttl_s = UINT32_MAX,
                               .rrset_count = (uint32_t)(w->rrset_count - first)};
    if (stored_at(records).type == TYPE_CNAME)
        view->cname = records + sizeof(struct stored);
    for (size_t i = first; i < w->rrset_count; i++)
        if (w->rrsets[i].ttl_s < view->ttl_s)
            view->ttl_s = w->rrsets[i].ttl_s;
}

static void view_all(struct view_writer *w, const struct data *data, const struct pages *offsets)
{
    w->rrset_count = w->rdata_count = 0;
    for (uint32_t i = 0; i < data->count; i++)
        view_data(w, data, *pages_u32(offsets, i), i);
}

static int make_views(struct data *data, const struct pages *offsets)
{
    struct view_writer w = {0};
    view_all(&w, data, offsets);
    size_t views = data->count * sizeof *w.views, rrsets = w.rrset_count * sizeof *w.rrsets;
    size_t bytes = views + rrsets + w.rdata_count * sizeof *w.rdatas;
    int error = data->count ? pages_reserve(&data->views, bytes) : 0;
    if (error || !data->count)
        return error;
    data->views.used = bytes;
    w.views = (struct rule_data *)(void *)data->views.base;
    w.rrsets = (struct rrset *)(void *)(data->views.base + views);
    w.rdatas = (struct rdata *)(void *)(data->views.base + views + rrsets);
    view_all(&w, data, offsets);
    return 0;
}

int data_settle(struct data_draft *draft, struct data *out)
{
    *out = draft->data;
    draft->data = (struct data){0};
    pages_trim(&out->blob);
    pages_trim(&out->pairs);
    int error = make_views(out, &draft->offsets);
    data_draft_free(draft);
    if (error)
        data_free(out);
    return error;
}

void data_draft_free(struct data_draft *draft)
{
    data_free(&draft->data);
    set_free(&draft->known_data);
    set_free(&draft->known_pairs);
    pages_free(&draft->offsets);
    pages_free(&draft->scratch);
}

void data_free(struct data *data)
{
    pages_free(&data->blob);
    pages_free(&data->pairs);
    pages_free(&data->views);
    *data = (struct data){0};
}
