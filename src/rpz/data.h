/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of rules that are kept in full (local data, uncommon TTLs, old forms), of all versions of one
 * lineage: equal data is kept once, however many rules have it, and goes with the last leaf that names it.
 * Data is named by a number, which extended entries carry. Reading takes no lock; keeping and dropping is for
 * who holds the lineage's. Inside rpz/ only. */
#ifndef RPZ_DATA_H
#define RPZ_DATA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dns/name.h"
#include "dns/record.h"
#include "rpz/heap.h"
#include "rpz/pages.h"
#include "rpz/set.h"

/* A record's fixed part, as it stands unaligned in front of its RDATA. */
struct stored {
    uint32_t ttl_s;
    uint16_t type, length;
};

static inline struct stored stored_at(const uint8_t *at)
{
    struct stored stored;
    memcpy(&stored, at, sizeof stored);
    return stored;
}

/* One side's data, ready to be read. */
struct rule_data {
    const struct rrset *rrsets; /* owner NULL */
    const uint8_t *cname;       /* target, when it is a CNAME */
    const uint8_t *records;     /* struct stored and RDATA, one after the other */
    uint32_t records_bytes;
    uint32_t ttl_s; /* the smallest */
    uint32_t rrset_count;
};

struct datum {
    struct rule_data *data; /* with what it points to one block of the heap */
    uint32_t references;    /* of entries, one for each leaf that they are in */
};

enum { DATA_CHUNKS = 24, DATA_CHUNK_FIRST = 64 };

struct data {
    struct datum *chunks[DATA_CHUNKS]; /* each twice as long as the one before; they never move */
    uint32_t count;                    /* numbers that were ever given */
    struct pages unused;               /* uint32_t: numbers to be given again */
    struct set known;
    struct heap *heap;
    size_t bytes; /* of the heap, and of records in an image */
    struct pages scratch;
    uint32_t mapped, listed; /* the first numbers: of data in an image; of those that `known` has */
    uint8_t *views;          /* room for more of them */
    size_t views_left;
};

static inline struct datum *data_at(const struct data *data, uint32_t number)
{
    uint32_t place = number + DATA_CHUNK_FIRST;
    unsigned chunk = 31 - (unsigned)__builtin_clz(place) - 6;
    return data->chunks[chunk] + (place - ((uint32_t)DATA_CHUNK_FIRST << chunk));
}

static inline const struct rule_data *data_get(const struct data *data, uint32_t number)
{
    return data_at(data, number)->data;
}

/* A record to be kept; sorted by type before it is given. */
struct data_record {
    struct stored stored;
    const uint8_t *rdata;
};

/* Numbers data whose records lie in an image, one after the other and before all that is kept here; it goes
 * with the lineage. 0, memory, or ERR_MALFORMED: these are no records of a rule. */
int data_map(struct data *data, const uint8_t *records, size_t bytes) MUST_CHECK;

/* The number of the data with these records, with one reference more; or a negative error. */
int64_t data_keep(struct data *data, const struct data_record *records, size_t count) MUST_CHECK;

static inline void data_ref(struct data *data, uint32_t number)
{
    data_at(data, number)->references++;
}

/* How many records. */
size_t data_records(const struct rule_data *data);

void data_drop(struct data *data, uint32_t number);

/* Gives back all but what is in the heap. */
void data_free(struct data *data);

#endif
