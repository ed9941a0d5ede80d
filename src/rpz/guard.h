/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Do no harm: weighs a new version of a policy zone against the one in force, before it goes into force. What
 * would it block that nobody can have meant, how much of the zone does it change, what would it have done to
 * the questions of the last hour? Pure: versions in, a report out; who decides what becomes of the version
 * reads the verdict (candord/). One thread per weighing.
 *
 * A rule counts as harm by its action: NXDOMAIN, NODATA, DROP and local data take an answer away, TCP-ONLY
 * makes it slower, PASSTHRU does no harm. Only what gets worse is held against a version: a rule that was in
 * force already is no news, whatever it covers. */
#ifndef RPZ_GUARD_H
#define RPZ_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rpz/policy.h"
#include "rpz/protect.h"
#include "rpz/sketch.h"
#include "rpz/zone.h"

/* In the order in which they are told. */
enum guard_reason {
    GUARD_AFFECTED,    /* too many of the queries asked lately would be answered differently */
    GUARD_SUFFIX,      /* a rule for the root, or a name of the public suffix list (a TLD is one) */
    GUARD_PROTECTED,   /* a rule hits a protected name */
    GUARD_WIDE_PREFIX, /* a rule for a whole block of addresses, wider than the limit */
    GUARD_CHANGE,      /* too much of the zone changes at once */
    GUARD_EMPTIED,     /* all rules go */
    GUARD_REASONS
};

/* What a finding leads to. */
enum guard_handling { GUARD_APPLY, GUARD_WARN, GUARD_HOLD };

enum guard_verdict { GUARD_PASSES, GUARD_PASSES_WARNED, GUARD_HELD };

enum { GUARD_NO_LIMIT = UINT16_MAX /* as a percentage */ };

struct guard_options {
    bool on;                                     /* false: nothing is weighed */
    bool drop_offenders;                         /* on-hold apply-without-offenders */
    unsigned max_affected_percent;               /* default 10 */
    uint64_t min_queries;                        /* for that; default 10,000 */
    unsigned max_change_percent;                 /* default 50 */
    uint64_t min_changed_rules;                  /* for that; default 1,000 */
    unsigned max_prefix_v4, max_prefix_v6;       /* bits; shorter ones are too wide. Default 8 and 20 */
    enum guard_handling handling[GUARD_REASONS]; /* default hold; GUARD_WIDE_PREFIX and GUARD_EMPTIED warn */
};

/* The defaults, switched on. */
struct guard_options guard_defaults(void);

struct guard_input {
    const struct guard_options *options;
    const struct policy_zone *old; /* in force; NULL: none yet, a first load */
    const struct policy_zone *fresh;
    /* What leads from old to fresh, if it is known; else NULL, and the versions are compared. */
    const struct policy_change *changes;
    size_t change_count;
    bool include_subdomains; /* as the zone is configured */
    enum rpz_override override;
    /* Is this name (lower case) in the public suffix list? NULL: only names of one label are. */
    bool (*is_public_suffix)(const void *context, const uint8_t *name);
    const void *suffixes;
    const struct protected_names *protected; /* NULL: none */
    const struct asked *asked;               /* NULL: nothing is known */
    /* The version before was held for the traffic that it touched: as long as too few queries have been seen
     * (the program was started anew) to weigh that again, its successors are held as well. */
    bool held_for_traffic;
};

enum { GUARD_FINDINGS_MAX = 20, GUARD_NAMES_MAX = 10 };

/* A rule that is held against the version. */
struct guard_finding {
    enum guard_reason reason;
    uint8_t owner[255]; /* in the zone, without its origin's labels: "*.fr" */
    enum rpz_trigger trigger;
    enum rpz_action action;
    struct ip_prefix prefix; /* of the address triggers */
    uint8_t about[255];      /* GUARD_PROTECTED: the protected name */
    uint64_t queries;        /* to names whose answers it changes */
};

/* A name that is asked, and would be answered differently. */
struct guard_name {
    uint8_t name[255];
    uint64_t queries;
    enum rpz_action before, after;
};

struct guard_report {
    enum guard_verdict verdict;
    bool first_load;
    unsigned held, warned; /* 1 << reason each */
    uint32_t old_serial, serial;
    uint64_t old_rules, rules;        /* in all */
    uint64_t added, removed, changed; /* rules; changed: another action or other data */
    uint64_t queries, affected, step; /* asked lately; of those answered differently; see rpz/sketch.h */
    bool too_few_queries;             /* fewer than min_queries */
    bool held_on;                     /* held_for_traffic, and still too few queries */
    uint64_t found[GUARD_REASONS];    /* rules */
    uint64_t dropped;                 /* for the caller of guard_without_offenders() */
    size_t finding_count;             /* those that change the most answers, then those that cover most */
    struct guard_finding findings[GUARD_FINDINGS_MAX];
    size_t name_count; /* the most asked first */
    struct guard_name names[GUARD_NAMES_MAX];
};

/* Weighs. 0 or ERR_NOMEM. */
int guard_weigh(const struct guard_input *input, struct guard_report *report) MUST_CHECK;

enum { GUARD_DROPPED_MAX = 10000 };

/* Makes of a version that is held one without the rules for which it is (what stood in their place in the old
 * one stays); *dropped: how many. 0; ERR_REFUSED: it would still be held, or more than GUARD_DROPPED_MAX
 * rules would have to go; ERR_NOMEM. */
int guard_without_offenders(const struct guard_input *input, struct policy_zone **out,
                            uint64_t *dropped) MUST_CHECK;

/* --- in words (rpz/guard_text.c) --- */

enum { GUARD_TEXT_MAX = 2048 };

/* "public-suffix" */
const char *guard_reason_text(enum guard_reason reason);

/* What is said of one reason, without a final dot: "would change the answer to 12 % of the last hour's
 * queries; the largest: www.example.fr, 8140 queries". `out` has GUARD_TEXT_MAX bytes. Returns `out`. */
const char *guard_sentence(const struct guard_report *report, enum guard_reason reason, char *out);

/* The rule of a finding as people write it: "*.fr", "10.0.0.0/7.rpz-ip". `out` has GUARD_TEXT_MAX bytes. */
const char *guard_rule_text(const struct guard_finding *finding, char *out);

/* The report as a JSON object (doc/control.md, simulate), malloc'ed; NULL: memory. */
char *guard_report_json(const struct guard_report *report) MUST_CHECK;

#endif
