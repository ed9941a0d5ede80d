/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside zone/: how a zone's content lies in memory, and the one way in which the answering code looks at a
 * name, whether the content is a plain zone's or a policy zone's. */
#ifndef ZONE_CONTENT_H
#define ZONE_CONTENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "dns/record.h"
#include "zone/zone.h"

/* One name that exists; an empty non-terminal has no sets. */
struct zone_node {
    const uint8_t *name; /* lower case */
    /* By type. Each set keeps its owner's case as written. A set with count 0 only carries signatures whose
     * data is not there. */
    const struct rrset *sets;
    uint32_t set_count;
    bool below_cut; /* at or below a delegation: only glue */
};

struct zone_content {
    _Atomic unsigned references;
    struct arena arena; /* names, data and sets */
    const uint8_t *origin;
    const struct rrset *soa;
    uint64_t records;

    /* A plain zone: nodes in canonical order, and a hash table of their positions + 1 (0: free). */
    struct zone_node *nodes;
    size_t node_count;
    uint32_t *slots;
    size_t slot_mask;
    uint64_t seed;

    struct policy_zone *policy; /* a policy zone: it answers instead of the nodes */
};

/* What stands at a name. */
struct node_view {
    bool exists;
    const struct rrset *sets;
    size_t count;
};

/* Looks at `name` (lower case, within the origin). The view lives in `arena` or the content. 0 or ERR_NOMEM.
 */
int content_at(const struct zone_content *content, const uint8_t *name, struct arena *arena,
               struct node_view *out) MUST_CHECK;

/* content_at() of a policy zone (zone/policy.c). */
int content_at_policy(const struct zone_content *content, const uint8_t *name, struct arena *arena,
                      struct node_view *out) MUST_CHECK;

/* The set of a type, or NULL. A set without data is none. */
const struct rrset *view_find(const struct node_view *view, uint16_t type);

/* The NSEC of the last name at or before `name` in canonical order, or NULL (zone unsigned). */
const struct rrset *content_nsec_before(const struct zone_content *content, const uint8_t *name);

/* --- records into sets (zone/sets.c) --- */

struct set_record {
    struct set_record *next;
    const uint8_t *owner; /* as written */
    uint16_t type;
    uint32_t ttl_s;
    unsigned order; /* the set takes owner and TTL of its first record */
    struct rdata rdata;
};

/* Groups the records of one name into sets, RRSIGs beside what they cover, equal records once. The sets live
 * in `arena`, working memory comes from `scratch` (may be the same). *records counts the data kept. 0 or
 * ERR_NOMEM. */
int sets_make(const struct set_record *first, size_t count, struct arena *arena, struct arena *scratch,
              const struct rrset **out, size_t *set_count, size_t *records) MUST_CHECK;

/* --- parts of an answer (zone/additional.c, zone/proof.c) --- */

/* A section that grows in the arena. */
struct section {
    struct rrset *sets;
    size_t count, room;
};

/* One answer in the making. */
struct answering {
    const struct zone_content *content;
    struct arena *arena;
    bool dnssec;
    uint16_t qtype;
    struct section answer, authority, additional;
};

/* Appends a copy of `set` under `owner` (NULL: its own), signatures only with dnssec; not twice. 0 or
 * ERR_NOMEM. */
int section_put(struct answering *a, struct section *section, const struct rrset *set,
                const uint8_t *owner) MUST_CHECK;

/* What a walk from the apex towards a name finds. */
enum find_kind { FIND_NODE, FIND_WILDCARD, FIND_NOTHING, FIND_CUT, FIND_DNAME };

struct find {
    enum find_kind kind;
    struct node_view view;   /* of the node, the wildcard, the cut, the DNAME's owner */
    const uint8_t *encloser; /* the closest name that exists; of FIND_CUT and FIND_DNAME the owner */
    const uint8_t *wildcard; /* *.encloser, when kind is FIND_WILDCARD or FIND_NOTHING */
};

/* RFC 1034 section 4.3.2 step 3: `name` is lower case and within the origin. `parent_side`: a cut at `name`
 * itself does not count (DS). */
int content_find(const struct zone_content *content, const uint8_t *name, bool parent_side,
                 struct arena *arena, struct find *out) MUST_CHECK;

/* Addresses for the targets of what is in `section`. With `glue` only those from below cuts. */
int additional_put(struct answering *a, const struct section *section, bool glue) MUST_CHECK;

/* NSEC that prove what the answer says (RFC 4035 section 3.1.3); nothing for unsigned zones. */
int proof_nodata(struct answering *a, const uint8_t *name, const struct find *found) MUST_CHECK;
int proof_nxdomain(struct answering *a, const uint8_t *name, const struct find *found) MUST_CHECK;
int proof_wildcard(struct answering *a, const uint8_t *name) MUST_CHECK;
int proof_no_ds(struct answering *a, const struct find *cut) MUST_CHECK;

#endif
