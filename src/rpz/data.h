/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of rules that are kept in full (local data, uncommon TTLs, old forms): equal data is kept once,
 * however many rules have it. Inside rpz/ only. */
#ifndef RPZ_DATA_H
#define RPZ_DATA_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "dns/record.h"
#include "rpz/owners.h"
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

struct data {
    struct pages blob;  /* per distinct data: uint32_t bytes, then the records */
    struct pages pairs; /* uint32_t[SIDES]: number + 1 of each side's data; 0: none. Entries refer to these */
    struct pages views; /* rule_data[count], then rrsets and rdatas */
    uint32_t count;
};

/* What stands at one side of an extended entry, by the entry's reference; NULL: nothing. */
static inline const struct rule_data *data_get(const struct data *data, uint32_t reference,
                                               enum owner_side side)
{
    uint32_t number = pages_u32(&data->pairs, (size_t)reference * SIDES)[side];
    return number ? (const struct rule_data *)(const void *)data->views.base + number - 1 : NULL;
}

/* --- building ------------------------------------------------------------------------------------------ */

struct data_draft {
    struct data data;
    struct set known_data, known_pairs;
    struct pages offsets; /* uint32_t: where in the blob each distinct data is */
    struct pages scratch;
};

/* A record to be kept; sorted by type before it is given. */
struct data_record {
    struct stored stored;
    const uint8_t *rdata;
};

/* Keeps `count` records of one side: the number of the data + 1, or a negative error. */
int64_t data_draft_keep(struct data_draft *draft, const struct data_record *records, size_t count) MUST_CHECK;

/* The reference for an entry with these two sides (numbers from data_draft_keep(), or 0). */
int64_t data_draft_pair(struct data_draft *draft, const uint32_t numbers[SIDES]) MUST_CHECK;

/* Makes the data readable and ends the draft, also on failure. */
int data_settle(struct data_draft *draft, struct data *out) MUST_CHECK;
void data_draft_free(struct data_draft *draft);
void data_free(struct data *data);

#endif
