/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/gather.h"

#include <string.h>

#include "dns/name.h"

enum {
    /* Records of one RRset stand together in any sane message: how far back to look for the set of the next
     * one, so that a message of thousands of sets stays linear. */
    LOOK_BACK_SETS = 64,
    RECORD_BYTES_MIN = 11, /* root owner, type, class, TTL, RDATA length */
};

struct gathered_record {
    struct rdata rdata;
    size_t set;
    bool is_signature;
};

struct gathering {
    struct arena *arena;
    struct gathered *out;
    struct gathered_record *records;
    size_t record_count;
};

static struct gathered_set *look_back(const struct gathered *g, const struct message_record *record,
                                      uint16_t type)
{
    for (size_t i = g->count, steps = 0; i > 0 && steps < LOOK_BACK_SETS; i--, steps++) {
        struct gathered_set *set = &g->sets[i - 1];
        if (set->section == record->section && set->rrset.type == type &&
            name_equal(set->rrset.owner, record->owner))
            return set;
    }
    return NULL;
}

static struct gathered_set *add_set(struct gathering *g, const struct message_record *record)
{
    uint8_t *owner = arena_alloc(g->arena, record->owner_length);
    if (!owner)
        return NULL;
    name_copy_lower(owner, record->owner);
    struct gathered_set *set = &g->out->sets[g->out->count++];
    *set = (struct gathered_set){.section = record->section,
                                 .rrset = {.owner = owner, .type = record->type, .ttl_s = record->ttl_s}};
    return set;
}

static uint16_t covered_type(const struct rdata *signature)
{
    return load_u16(signature->bytes);
}

static bool passed_over(const struct message_record *record)
{
    return record->rclass != CLASS_IN || record->type == TYPE_OPT || record->type == TYPE_TSIG ||
           record->type == TYPE_TKEY;
}

static int gather_record(struct gathering *g, const struct message_reader *reader,
                         const struct message_record *record)
{
    if (passed_over(record))
        return 0;
    struct gathered_record *to = &g->records[g->record_count];
    int error = message_rdata(reader, record, g->arena, &to->rdata);
    if (error)
        return error;
    if (!rdata_check(record->type, to->rdata.bytes, to->rdata.length))
        return ERR_MALFORMED;
    struct gathered_set *set = NULL;
    if (record->type == TYPE_RRSIG)
        set = look_back(g->out, record, covered_type(&to->rdata));
    to->is_signature = set != NULL;
    if (!set)
        set = look_back(g->out, record, record->type);
    if (!set)
        set = add_set(g, record);
    if (!set)
        return ERR_NOMEM;
    to->set = (size_t)(set - g->out->sets);
    if (record->ttl_s < set->rrset.ttl_s)
        set->rrset.ttl_s = record->ttl_s;
    uint16_t *count = to->is_signature ? &set->rrset.sig_count : &set->rrset.count;
    ++*count;
    g->record_count++;
    return 0;
}

/* Gives each set its arrays: the records in order of arrival. */
static int distribute(struct gathering *g)
{
    struct gathered *out = g->out;
    struct rdata *room = arena_alloc(g->arena, (g->record_count + 1) * sizeof *room);
    struct rdata **next = arena_alloc(g->arena, (2 * out->count + 1) * sizeof *next);
    if (!room || !next)
        return ERR_NOMEM;
    for (size_t i = 0; i < out->count; i++) {
        struct rrset *set = &out->sets[i].rrset;
        next[2 * i] = room;
        set->rdatas = room;
        room += set->count;
        next[2 * i + 1] = room;
        set->sigs = set->sig_count ? room : NULL;
        room += set->sig_count;
    }
    for (size_t i = 0; i < g->record_count; i++) {
        const struct gathered_record *record = &g->records[i];
        *next[2 * record->set + record->is_signature]++ = record->rdata;
    }
    return 0;
}

int gather_message(const uint8_t *message, size_t length, struct arena *arena, struct gathered *out)
{
    struct message_reader reader;
    int error = message_open(&reader, message, length);
    if (error)
        return error;
    size_t records = length / RECORD_BYTES_MIN + 1;
    size_t claimed = (size_t)reader.counts[0] + reader.counts[1] + reader.counts[2];
    if (claimed < records)
        records = claimed + 1;
    *out = (struct gathered){.rcode = reader.flags & 15};
    out->sets = arena_alloc(arena, records * sizeof *out->sets);
    struct gathering g = {.arena = arena, .out = out};
    g.records = arena_alloc(arena, records * sizeof *g.records);
    if (!out->sets || !g.records)
        return ERR_NOMEM;
    struct message_record record;
    int got;
    while ((got = message_next(&reader, &record)) > 0) {
        error = gather_record(&g, &reader, &record);
        if (error)
            return error;
    }
    return got < 0 ? got : distribute(&g);
}

struct gathered_set *gathered_find(const struct gathered *gathered, enum dns_section section,
                                   const uint8_t *owner, uint16_t type)
{
    for (size_t i = 0; i < gathered->count; i++) {
        struct gathered_set *set = &gathered->sets[i];
        if (set->section == section && set->rrset.type == type && name_equal(set->rrset.owner, owner))
            return set;
    }
    return NULL;
}
