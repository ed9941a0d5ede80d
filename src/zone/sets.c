/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of one name, grouped into sets. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "zone/content.h"

static bool is_signature(const struct set_record *record)
{
    return record->type == TYPE_RRSIG && record->rdata.length >= 2;
}

/* The type whose set a record belongs to: of an RRSIG the type that it covers. */
static uint16_t set_type(const struct set_record *record)
{
    return is_signature(record) ? load_u16(record->rdata.bytes) : record->type;
}

static int compare_rdata(const struct rdata *a, const struct rdata *b)
{
    uint16_t common = a->length < b->length ? a->length : b->length;
    int order = common ? memcmp(a->bytes, b->bytes, common) : 0;
    return order ? order : (int)a->length - (int)b->length;
}

/* By set, data before signatures, then by content. */
static int compare_records(const void *left, const void *right)
{
    const struct set_record *a = *(const struct set_record *const *)left;
    const struct set_record *b = *(const struct set_record *const *)right;
    int order = (int)set_type(a) - (int)set_type(b);
    if (!order)
        order = (int)is_signature(a) - (int)is_signature(b);
    if (!order)
        order = compare_rdata(&a->rdata, &b->rdata);
    return order ? order : (a->order > b->order) - (a->order < b->order);
}

/* Of two records of one set, the one that names its owner and TTL: data before signatures, then the first. */
static const struct set_record *leader(const struct set_record *a, const struct set_record *b)
{
    if (is_signature(a) != is_signature(b))
        return is_signature(a) ? b : a;
    return a->order <= b->order ? a : b;
}

/* Fills `set` from the `count` sorted records that belong to it, its data into `room`. */
static void fill_set(struct rrset *set, const struct set_record *const *records, size_t count,
                     struct rdata *room)
{
    const struct set_record *lead = records[0], *previous = NULL;
    *set = (struct rrset){.type = set_type(lead), .rdatas = room};
    for (size_t i = 0; i < count; i++) {
        lead = leader(lead, records[i]);
        bool repeated = previous && is_signature(previous) == is_signature(records[i]) &&
                        !compare_rdata(&previous->rdata, &records[i]->rdata);
        previous = records[i];
        if (repeated)
            continue;
        room[set->count + set->sig_count] = records[i]->rdata;
        if (is_signature(records[i]))
            set->sig_count++;
        else
            set->count++;
    }
    set->sigs = set->sig_count ? room + set->count : NULL;
    set->owner = lead->owner;
    set->ttl_s = lead->ttl_s;
}

int sets_make(const struct set_record *first, size_t count, struct arena *arena, struct arena *scratch,
              const struct rrset **out, size_t *set_count, size_t *records)
{
    const struct set_record **sorted = arena_alloc(scratch, count * sizeof *sorted);
    if (!sorted)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++, first = first->next)
        sorted[i] = first;
    qsort(sorted, count, sizeof *sorted, compare_records);

    size_t groups = 0;
    for (size_t i = 0; i < count; i++)
        groups += !i || set_type(sorted[i]) != set_type(sorted[i - 1]);
    struct rrset *sets = arena_alloc(arena, groups * sizeof *sets);
    struct rdata *room = arena_alloc(arena, count * sizeof *room);
    if (!sets || !room)
        return ERR_NOMEM;

    *records = 0;
    size_t at = 0;
    for (size_t i = 0, end; i < count; i = end, at++) {
        for (end = i + 1; end < count && set_type(sorted[end]) == set_type(sorted[i]);)
            end++;
        fill_set(&sets[at], sorted + i, end - i, room + i);
        *records += (size_t)sets[at].count + sets[at].sig_count;
    }
    *out = sets;
    *set_count = groups;
    return 0;
}
