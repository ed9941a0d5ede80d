/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones that we hold and answer for: one immutable version of a zone's content, and the answer to a question
 * from it. A policy zone's content stays in rpz/ and is answered through the same door. Reading is safe for
 * any number of threads. */
#ifndef ZONE_ZONE_H
#define ZONE_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "dns/record.h"
#include "rpz/zone.h"

struct zone_content; /* refcounted, immutable */
struct zone_builder;

struct zone_builder *zone_builder_new(const uint8_t *origin);
void zone_builder_free(struct zone_builder *builder);

/* Adds a record; an identical one twice is one. 0; ERR_INVALID with *why set to a static text (out of zone,
 * CNAME beside other data, class): the record is left out; or memory. */
int zone_builder_add(struct zone_builder *builder, const uint8_t *owner, uint16_t type, uint16_t rclass,
                     uint32_t ttl_s, const uint8_t *rdata, uint16_t rdata_length,
                     const char **why) MUST_CHECK;

/* Ends the builder. ERR_NOT_FOUND: no SOA, or no NS at the apex (*why says which). */
int zone_builder_finish(struct zone_builder *builder, struct zone_content **out, const char **why) MUST_CHECK;

/* A zone without data but SOA and NS, as BIND's empty zones (RFC 6303). NULL: memory. */
struct zone_content *zone_content_empty(const uint8_t *origin) MUST_CHECK;

/* The content of a policy zone, seen as a zone. Takes a reference. NULL: memory. */
struct zone_content *zone_content_policy(struct policy_zone *policy) MUST_CHECK;

struct zone_content *zone_content_ref(struct zone_content *content);
void zone_content_unref(struct zone_content *content);

const uint8_t *zone_content_origin(const struct zone_content *content);
const struct rrset *zone_content_soa(const struct zone_content *content);
uint32_t zone_content_serial(const struct zone_content *content);
uint64_t zone_content_records(const struct zone_content *content);
size_t zone_content_bytes(const struct zone_content *content);
/* NULL when the content is not a policy zone's. */
struct policy_zone *zone_content_get_policy(const struct zone_content *content);

/* --- answering (RFC 1034 section 4.3.2, 4592, 6672) --- */

enum zone_result {
    ZONE_ANSWER, /* data, or CNAMEs that end in data of this zone */
    ZONE_NODATA,
    ZONE_NXDOMAIN,
    ZONE_DELEGATION, /* the name is below a cut: authority has NS, additional has glue */
    ZONE_CNAME_OUT,  /* the chain leaves the zone: ask for `target` elsewhere */
    ZONE_LOOP,       /* a CNAME loop or more than ZONE_CHAIN_MAX CNAMEs: SERVFAIL with what is in `answer` */
    ZONE_YXDOMAIN,   /* a DNAME makes a name that is too long (RFC 6672 section 2.2) */
};

enum { ZONE_CHAIN_MAX = 11 /* CNAMEs that are followed: BIND's max-query-restarts */ };

struct zone_answer {
    enum zone_result result;
    struct rrset
        *answer; /* owners are set: the query name for wildcards; DNAME's synthesized CNAME included */
    size_t answer_count;
    struct rrset *authority; /* SOA (TTL = min(TTL, minimum)) for negatives, NS for a delegation, NSEC of a
                              * signed zone with `dnssec`, else empty */
    size_t authority_count;
    struct rrset *additional; /* addresses that we hold for NS, MX, SRV targets */
    size_t additional_count;
    const uint8_t *target; /* ZONE_CNAME_OUT */
};

/* Answers (qname, qtype) from the content. `qname` is within its origin, case as asked. Everything in *out
 * lives in `arena` or the content. With `dnssec` RRSIGs of the zone come along. 0 or ERR_NOMEM. */
int zone_content_answer(const struct zone_content *content, const uint8_t *qname, uint16_t qtype, bool dnssec,
                        struct arena *arena, struct zone_answer *out) MUST_CHECK;

/* Adds to a ZONE_ANSWER or ZONE_CNAME_OUT what `minimal-responses` may leave out: the zone's NS into
 * authority and their addresses into additional, unless they are in the answer. Nothing for other results.
 * BIND does so for questions without RD, and only from the zone that the query name is in. 0 or ERR_NOMEM. */
int zone_content_add_authority(const struct zone_content *content, uint16_t qtype, bool dnssec,
                               struct arena *arena, struct zone_answer *answer) MUST_CHECK;

/* Calls `each` for every record, SOA first. */
int zone_content_each(const struct zone_content *content,
                      int (*each)(void *context, const struct policy_record *record),
                      void *context) MUST_CHECK;

/* Calls `each` for the records that stand at exactly `name` (lower case, within the origin); their memory is
 * the content's or `arena`'s. Stops at a non-zero result and returns it, or ERR_NOMEM. */
int zone_content_at(const struct zone_content *content, const uint8_t *name, struct arena *arena,
                    int (*each)(void *context, const struct policy_record *record), void *context) MUST_CHECK;

/* A place in a walk over every record, which can be left and taken up again; starts as {0}. It fits only the
 * content that it began with. */
struct zone_walk {
    struct policy_cursor policy;
    size_t node, set, record;
    bool past_soa;
};

/* Goes on with the walk, in the order of zone_content_each(). A non-zero result pauses: it is returned, and
 * the record that it was given for is the first of the next call. 0: the end. */
int zone_content_walk(const struct zone_content *content, struct zone_walk *walk,
                      int (*each)(void *context, const struct policy_record *record),
                      void *context) MUST_CHECK;

#endif
