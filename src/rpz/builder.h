/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a builder: records of a policy zone -> a version of it, from nothing or from another version.
 * The records of rules that are kept in full wait in `records` until all are known. Inside rpz/ only. */
#ifndef RPZ_BUILDER_H
#define RPZ_BUILDER_H

#include "rpz/version.h"

/* A record of an open side. */
struct raw_record {
    uint32_t next; /* offset of the side's next, 0: none */
    uint32_t side; /* its number */
    struct stored stored;
    uint8_t rdata[];
};

/* A side of an entry to which records may be added; the entry's reference is OWNER_OPEN | its number. */
struct open_side {
    uint32_t first, last; /* raw records */
};

struct address_note {
    uint64_t owner; /* hash */
    enum rpz_trigger trigger;
    struct ip_prefix prefix;
    bool gone;
};

struct policy_builder {
    uint8_t origin[NAME_MAX_BYTES];
    size_t origin_bytes;
    unsigned origin_labels;
    const struct policy_zone *old; /* NULL: from nothing */
    struct lineage *lineage;       /* locked, if another version has it too */
    struct owners_draft owners;
    struct pages records, sides, addresses;
    struct set known_records, known_skipped;
    struct skipped *skipped; /* NULL: still the old version's */
    uint32_t usual_ttls[OWNER_USUAL_TTLS];
    unsigned usual_count;
    struct revision *revision; /* NULL: none (revise.h) */
    bool soa_seen;
    struct stored soa;
    uint8_t *soa_rdata;
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
    struct rpz_key *key; /* of `name`, all levels hashed; NULL: not made yet */
};

/* An owner to which rules are being added, before the table of owners gets it. */
struct open_owner {
    struct rpz_key *key; /* NULL: none */
    struct leaf_spot spot;
    struct owner_entry entry;
    bool has_changed;
};

/* A builder that starts with what `old`, whose lineage is locked, has, but for the SOA. It must outlast the
 * builder. NULL: memory is out. */
struct policy_builder *policy_builder_from(const struct policy_zone *old);

/* Says what `in->record` is and fills in the rest. RPZ_KEPT: a rule. */
enum rpz_skip incoming_classify(const struct policy_builder *builder, struct incoming *in);

/* The same, and fills in all of `in`. */
enum rpz_skip builder_classify(const struct policy_builder *builder, const struct policy_record *record,
                               struct incoming *in);

/* Keeps a record that is no rule, for this reason, unless it has no place in the zone at all. Returns the
 * reason or an error. */
int builder_keep(struct policy_builder *builder, const struct incoming *in, enum rpz_skip skip) MUST_CHECK;

/* Begins with an owner, adds rules of this owner to it as builder_add_rule(), and puts it into the table. No
 * other rule comes between; `key` and `in` last until the end. */
void builder_open_owner(const struct policy_builder *builder, struct rpz_key *key, struct open_owner *out);
int builder_add_to(struct policy_builder *builder, struct open_owner *owner,
                   const struct incoming *in) MUST_CHECK;
int builder_close_owner(struct policy_builder *builder, struct open_owner *owner) MUST_CHECK;

/* Takes away the rule that it has on the side of `in`, if there is one; the version's own, none that was
 * added. */
int builder_take_from(struct policy_builder *builder, struct open_owner *owner,
                      const struct incoming *in) MUST_CHECK;

/* The entry as it stood when the owner was opened; NULL: there was none. */
const uint8_t *builder_entry(const struct policy_builder *builder, const struct open_owner *owner);

/* Adds a record that was classified as a rule. RPZ_KEPT, RPZ_SKIP_CONFLICT (it is not taken) or a negative
 * error. */
int builder_add_rule(struct policy_builder *builder, const struct incoming *in) MUST_CHECK;

/* Adds the record of a rule that a version has, whatever else it may be compared with. As above. */
int builder_add_anew(struct policy_builder *builder, const struct policy_record *record) MUST_CHECK;

/* Takes away the rule that stands at an owner, if there is one; then others may be added. `in` was classified
 * as a rule of this owner. */
int builder_clear(struct policy_builder *builder, const struct incoming *in) MUST_CHECK;

/* Copies what the old version skipped, but for the owners of which `leave` is true. */
int builder_open_skipped(struct policy_builder *builder, bool (*leave)(void *context, const uint8_t *owner),
                         void *context) MUST_CHECK;

static inline struct open_side *side_at(const struct policy_builder *builder, uint32_t number)
{
    return (struct open_side *)(void *)builder->sides.base + number;
}

static inline struct raw_record *raw_at(const struct policy_builder *builder, uint32_t offset)
{
    return (struct raw_record *)(void *)(builder->records.base + offset);
}

/* Frees what only building needed. */
void builder_free_scratch(struct policy_builder *builder);

#endif
