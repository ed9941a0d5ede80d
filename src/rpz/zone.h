/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy zone's content: one immutable version of all its records, indexed by trigger. Many versions may
 * live at once; each is counted by references. Reading is safe for any number of threads and takes no lock.
 *
 * Every record that was given is kept and can be enumerated exactly (names in lower case, types, data, TTLs),
 * those that are no rules as well: the zone is dumped, transferred and compared from here. */
#ifndef RPZ_ZONE_H
#define RPZ_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dns/record.h"
#include "rpz/rule.h"

struct policy_zone;
struct policy_builder;

struct policy_record {
    const uint8_t *owner; /* absolute */
    uint16_t type, rclass;
    uint32_t ttl_s;
    const uint8_t *rdata; /* uncompressed */
    uint16_t rdata_length;
};

/* --- building a version from all its records --- */

/* NULL when memory is out. `origin` is copied. */
struct policy_builder *policy_builder_new(const uint8_t *origin);

/* The same with a version of the zone at hand: records that it has, just so, are not kept a second time. The
 * version that comes of it is what policy_builder_new() would make of the same records; where they are much
 * as before the two share what does not differ, as with policy_zone_apply(), and memory and
 * policy_zone_diff() follow the difference. Where more than a few hundredths differ nothing is shared, as
 * hardly a leaf of the index would stay as it is. Nothing is locked before the end; until then a reference is
 * kept. */
struct policy_builder *policy_builder_revise(struct policy_zone *old);

void policy_builder_free(struct policy_builder *builder);

/* Adds a record, in any order; an identical one twice is one. Returns an enum rpz_skip (RPZ_KEPT = 0 and
 * above) or a negative error (memory). A skipped record is counted by its reason. */
int policy_builder_add(struct policy_builder *builder, const struct policy_record *record) MUST_CHECK;

/* The same for some records that came together, in their order: results[i] is what policy_builder_add()
 * returns for the i-th; behind an error all have it. Memory that they lead to is asked for all at once, and
 * two rules of one name that follow each other cost little more than one. */
enum { POLICY_TOGETHER = 32 };
void policy_builder_add_all(struct policy_builder *builder, const struct policy_record *records, size_t count,
                            int *results);

/* Makes the version and ends the builder, also on failure. ERR_NOT_FOUND: there is no SOA at the apex. The
 * caller holds the one reference. */
int policy_builder_finish(struct policy_builder *builder, struct policy_zone **out) MUST_CHECK;

/* --- a delta --- */

struct policy_change {
    bool remove;
    struct policy_record
        record; /* ttl_s counts for additions only; a removal takes the record with equal data */
};

/* A new version: `old` with the changes in order (an IXFR's, an update's); the old one stays as it is, and
 * the two share what does not differ: the time is proportional to the changes (and, where they touch address
 * rules or records that are no rules, to how many of those there are). It is as if the old version's other
 * records and then the additions had been loaded anew. Changes to one version and its descendants wait for
 * each other, readers for nobody. 0, ERR_NOT_FOUND (a record to remove is not there: nothing is made), or
 * memory. */
int policy_zone_apply(const struct policy_zone *old, const struct policy_change *changes, size_t count,
                      struct policy_zone **out) MUST_CHECK;

/* What leads from `old` to `new`, versions of one zone: first the removals, the old SOA before all; then the
 * additions, the new SOA before all. A changed TTL is a removal and an addition; removals carry the TTL that
 * they had. Applied to `old` it makes a version like `new`. Nothing is given for equal versions. Versions of
 * which one was made from the other by deltas are compared in the time that their differences take. Stops at
 * a non-zero result of `each` and returns it; a change is valid only during its call. */
int policy_zone_diff(const struct policy_zone *old, const struct policy_zone *new,
                     int (*each)(void *context, const struct policy_change *change),
                     void *context) MUST_CHECK;

/* --- life --- */

struct policy_zone *policy_zone_ref(struct policy_zone *zone);
void policy_zone_unref(struct policy_zone *zone);

/* --- asking --- */

const uint8_t *policy_zone_origin(const struct policy_zone *zone);
uint32_t policy_zone_serial(const struct policy_zone *zone);

/* The apex SOA; lives as long as the version. */
const struct rrset *policy_zone_soa(const struct policy_zone *zone);

struct policy_zone_counts {
    uint64_t records;             /* all, the apex's and the skipped among them */
    uint64_t rules[RPZ_TRIGGERS]; /* owners that are a rule, by trigger */
    uint64_t skipped[RPZ_SKIPS];  /* records, by reason */
    uint64_t noncanonical;        /* IPv6 owners accepted though BIND would not */
    size_t memory_bytes;
    bool no_ns; /* the apex has no NS: allowed, worth a warning */
};
void policy_zone_count(const struct policy_zone *zone, struct policy_zone_counts *out);

/* Does the version hold rules with this trigger? */
bool policy_zone_has(const struct policy_zone *zone, enum rpz_trigger trigger);

/* Calls `each` for every record, apex SOA first, then in an order that is the same for equal versions. Stops
 * at a non-zero result and returns it. The record is valid only during the call. */
int policy_zone_each(const struct policy_zone *zone,
                     int (*each)(void *context, const struct policy_record *record),
                     void *context) MUST_CHECK;

/* --- going through it bit by bit --- */

/* Where a walk stands; starts as {0}. A plain value: it may be copied, and kept as long as one likes, but it
 * means something only for the version (not its successors) that it was used with. */
struct policy_cursor {
    uint64_t place;
    uint32_t within;
    uint8_t part, side;
};

/* Calls `each` for the records from the cursor on, in the order of policy_zone_each(), and moves the cursor
 * behind them. A non-zero result pauses: it is returned, and the record that it was given for is the first
 * of the next call (a message was full). 0: the end was reached; a further call finds nothing more. Each step
 * takes the same time wherever the cursor stands. The record is valid only during the call. */
int policy_zone_walk(const struct policy_zone *zone, struct policy_cursor *cursor,
                     int (*each)(void *context, const struct policy_record *record),
                     void *context) MUST_CHECK;

/* What stands at an owner, for answering about the zone itself (as authority): *exists is true also for an
 * empty non-terminal. Calls `each` for the records of exactly `owner` (within the origin). */
int policy_zone_at(const struct policy_zone *zone, const uint8_t *owner, bool *exists,
                   int (*each)(void *context, const struct policy_record *record), void *context) MUST_CHECK;

/* --- matching (rpz/policy.c) --- */

/* A rule that was found. `handle` names its data inside this version. */
struct policy_hit {
    enum rpz_trigger trigger;
    enum rpz_action action;
    bool wildcard;
    uint8_t matched_labels;  /* QNAME, NSDNAME: labels of the rule's name without `*` */
    struct ip_prefix prefix; /* address triggers */
    uint32_t ttl_s;          /* of the rule's records; the smallest where they differ */
    uint64_t handle;
};

/* QNAME or NSDNAME: DNS wildcard matching (an existing name or empty non-terminal hides a shallower `*`).
 * `name` is lower case. The root never matches. With `include_subdomains` a rule also covers what is below
 * it, unless a more specific rule says otherwise. */
bool policy_zone_match_name(const struct policy_zone *zone, enum rpz_trigger trigger, const uint8_t *name,
                            bool include_subdomains, struct policy_hit *out);

/* CLIENT_IP, IP or NSIP: the longest prefix that holds `address`. */
bool policy_zone_match_address(const struct policy_zone *zone, enum rpz_trigger trigger,
                               const struct ip_address *address, struct policy_hit *out);

/* The owner of a rule that was found, as it stands in the zone ("*.example.com.rpz.test."), for logs and
 * explanations. `name` is the name that was matched (lower case; NULL for addresses). Returns the length. */
size_t policy_hit_owner(const struct policy_zone *zone, const struct policy_hit *hit, const uint8_t *name,
                        uint8_t out[255]);

/* RRsets of a LOCAL_DATA rule. Calls `each` per RRset, which lives as long as the version; its owner is not
 * set (NULL): the answer's owner is the query name. Stops at a non-zero result and returns it. */
int policy_hit_data(const struct policy_zone *zone, const struct policy_hit *hit,
                    int (*each)(void *context, const struct rrset *rrset), void *context) MUST_CHECK;

#endif
