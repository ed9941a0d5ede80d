/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a builder: records of a policy zone -> a version of it. Entries are written where they will
 * stay (owners.h); the records of extended ones wait in `records` until all are known. Inside rpz/ only. */
#ifndef RPZ_BUILDER_H
#define RPZ_BUILDER_H

#include "rpz/version.h"

/* A record of an extended side. */
struct raw_record {
    uint32_t next; /* offset of the side's next, 0: none */
    uint32_t side; /* extension << 1 | side */
    struct stored stored;
    uint8_t rdata[];
};

struct extension {
    uint32_t entry;
    uint32_t first[SIDES], last[SIDES]; /* raw records */
};

struct address_note {
    uint32_t entry;
    enum rpz_trigger trigger;
    struct ip_prefix prefix;
};

struct policy_builder {
    uint8_t origin[NAME_MAX_BYTES];
    size_t origin_bytes;
    struct owners_draft owners;
    struct pages records, extensions, addresses;
    struct set known_records, known_skipped;
    struct skipped skipped;
    struct data_draft data;
    uint32_t usual_ttls[OWNER_USUAL_TTLS];
    unsigned usual_count;
    bool soa_seen, ns_seen;
    struct policy_zone_counts counts;
};

/* A record on its way in. */
struct incoming {
    const struct policy_record *record;
    uint8_t owner[NAME_MAX_BYTES]; /* lower case, relative to the zone */
    const uint8_t *name;           /* the owner without `*.` */
    const uint8_t *last;           /* its last label */
    enum owner_side side;
    enum rpz_trigger trigger;
    enum rpz_action action;
    bool old_passthru, noncanonical;
    struct ip_prefix prefix;
};

/* Says what `in->record` is and fills in the rest. RPZ_KEPT: a rule. */
enum rpz_skip incoming_classify(const struct policy_builder *builder, struct incoming *in);

static inline struct extension *extension_at(const struct policy_builder *builder, uint32_t number)
{
    return (struct extension *)(void *)builder->extensions.base + number;
}

static inline struct raw_record *raw_at(const struct policy_builder *builder, uint32_t offset)
{
    return (struct raw_record *)(void *)(builder->records.base + offset);
}

/* Frees what only building needed. */
void builder_free_scratch(struct policy_builder *builder);

#endif
