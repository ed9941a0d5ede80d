/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The records of a policy zone that are no rules: what its apex has besides the SOA, and what was skipped.
 * Kept in the order in which they came. Never changes once it is settled; versions share it until a delta
 * touches one of its records. Inside rpz/ only. */
#ifndef RPZ_SKIPPED_H
#define RPZ_SKIPPED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "rpz/data.h"
#include "rpz/pages.h"
#include "rpz/set.h"

struct skipped {
    _Atomic unsigned references;
    struct pages records; /* the owner relative to the zone, lower case; struct stored; RDATA */
    struct pages index;   /* uint64_t: hash of the owner << 32 | offset; in order */
    struct pages above;   /* uint64_t: hash of each name that stands above an owner; in order */
};

struct skipped_record {
    const uint8_t *owner; /* relative */
    struct stored stored;
    const uint8_t *rdata;
    size_t next; /* offset of the record behind it */
};

static inline struct skipped_record skipped_at(const struct skipped *skipped, size_t offset)
{
    struct skipped_record record = {.owner = skipped->records.base + offset};
    const uint8_t *at = record.owner + name_length(record.owner);
    record.stored = stored_at(at);
    record.rdata = at + sizeof record.stored;
    record.next = (size_t)(record.rdata + record.stored.length - skipped->records.base);
    return record;
}

/* An empty one, to be added to. NULL: memory is out. */
struct skipped *skipped_new(void);
struct skipped *skipped_ref(struct skipped *skipped);
void skipped_unref(struct skipped *skipped);

/* Adds a record unless it is there already. 1: added; 0: it was there; or a negative error. `known` is of the
 * builder. */
int skipped_add(struct skipped *skipped, struct set *known, const uint8_t *owner, const struct stored *stored,
                const uint8_t *rdata) MUST_CHECK;

/* Makes the index, unless it is there. 0 or ERR_NOMEM. */
int skipped_settle(struct skipped *skipped) MUST_CHECK;

/* The three parts as they were settled by a program with the same seed. Names that are longer than
 * `name_most` bytes do not fit below the zone's. 0, memory, or ERR_MALFORMED: they are none. */
struct skipped_parts {
    const uint8_t *records, *index, *above;
    size_t records_bytes, index_bytes, above_bytes;
};
int skipped_restore(const struct skipped_parts *parts, size_t name_most, struct skipped **out) MUST_CHECK;

/* Calls `each` for the records of one relative owner. */
int skipped_each_of(const struct skipped *skipped, const uint8_t *owner,
                    int (*each)(void *context, const struct skipped_record *record),
                    void *context) MUST_CHECK;

/* Does a record stand below this relative name? */
bool skipped_is_below(const struct skipped *skipped, const uint8_t *name);

#endif
