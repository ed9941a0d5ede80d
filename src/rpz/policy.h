/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict: which rule of which policy zone, if any, decides a query. Pure: facts in, verdict out; asks
 * for the facts that are missing. The whole order of precedence is here and nowhere else
 * (draft-vixie-dnsop-dns-rpz-00 section 5; doc/rpz.md states it for operators). */
#ifndef RPZ_POLICY_H
#define RPZ_POLICY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "rpz/zone.h"

/* `policy …` of a zone in response-policy. */
enum rpz_override {
    RPZ_OVERRIDE_GIVEN, /* as the rules say */
    RPZ_OVERRIDE_DISABLED,
    RPZ_OVERRIDE_PASSTHRU,
    RPZ_OVERRIDE_DROP,
    RPZ_OVERRIDE_TCP_ONLY,
    RPZ_OVERRIDE_NXDOMAIN,
    RPZ_OVERRIDE_NODATA,
    RPZ_OVERRIDE_CNAME,
};

enum { RPZ_HIT_COUNTERS = RPZ_TRIGGERS * RPZ_ACTIONS };

/* Lives beside the index, survives its versions. */
struct policy_counters {
    _Atomic uint64_t hits[RPZ_TRIGGERS][RPZ_ACTIONS];
    _Atomic uint64_t disabled_hits;
};

/* One zone "…" of response-policy, with the globals already folded in. */
struct policy_zone_options {
    uint8_t origin[255];
    enum rpz_override override;
    uint8_t override_cname[255];
    uint32_t max_policy_ttl_s; /* default 5 */
    bool recursive_only;       /* default yes: only queries with RD */
    bool log;                  /* default yes */
    bool add_soa;              /* default yes */
    bool nsip_enable, nsdname_enable;
    bool include_subdomains;          /* ours; default no */
    int ede;                          /* EDE_NONE or a code */
    struct policy_counters *counters; /* not owned; may be NULL */
};

struct policy_set_options {
    bool break_dnssec;                            /* default no */
    bool qname_wait_recurse;                      /* default yes */
    bool nsip_wait_recurse, nsdname_wait_recurse; /* default yes */
    unsigned min_ns_dots;                         /* default 1 */
    bool servfail_until_ready;                    /* default no */
};

struct policy_set_zone {
    struct policy_zone_options options;
    struct policy_zone *zone; /* NULL: not loaded yet, or expired: no rules */
    unsigned uses;            /* set by policy_set_new(): 1 << trigger for each that is in force */
};

/* One view's policy at one moment: immutable, counted by references. */
struct policy_set {
    _Atomic unsigned references;
    uint64_t generation; /* differs between any two sets of a process; never 0 */
    struct policy_set_options options;
    bool has[RPZ_TRIGGERS]; /* some zone in force has such rules (and the trigger is enabled) */
    bool ready;             /* every zone has content */
    size_t count;
    struct policy_set_zone zones[];
};

/* Makes a set of `count` zones in order of precedence; takes a reference on each content. NULL: memory. */
struct policy_set *policy_set_new(const struct policy_set_options *options,
                                  const struct policy_set_zone *zones, size_t count) MUST_CHECK;
struct policy_set *policy_set_ref(struct policy_set *set);
void policy_set_unref(struct policy_set *set);

/* --- facts --- */

struct policy_server {   /* one name server of a link's zone cuts */
    const uint8_t *name; /* lower case */
    const struct ip_address *addresses;
    size_t address_count;
};

/* One name of the CNAME/DNAME chain. */
struct policy_link {
    const uint8_t *name; /* lower case */
    /* Addresses in the A/AAAA RRset of this name in the answer (only of the type asked for; ANY: both). */
    const struct ip_address *addresses;
    size_t address_count;
    /* Name servers of the zone cuts at and above the name, down to min-ns-dots. */
    const struct policy_server *servers;
    size_t server_count;
    bool servers_known;
    /* What was found at this name carries RRSIG, NSEC or NSEC3. */
    bool is_signed;
};

struct policy_facts {
    struct ip_address client;
    bool rd;            /* the client asked for recursion, and may have it */
    bool dnssec_ok;     /* DO */
    bool answer_known;  /* recursion is done: links, addresses and signatures are true */
    bool answer_failed; /* at the last link recursion ended in SERVFAIL: with answer_known; no rewriting there
                           unless a rule may act before it */
    bool answer_bogus;  /* validation failed, and the client did not set CD: it gets SERVFAIL */
    const struct policy_link *links; /* at least the query name */
    size_t link_count;
};

/* --- verdict --- */

enum policy_step {
    POLICY_NO_RULE = 0,   /* the truth goes out */
    POLICY_RULE,          /* verdict->match decides (also PASSTHRU) */
    POLICY_NEEDS_ANSWER,  /* recurse first, then ask again with answer_known */
    POLICY_NEEDS_SERVERS, /* look up the name servers of link verdict->link, then ask again. With
                           * nsip_wait_recurse or nsdname_wait_recurse off, those that are in the cache will
                           * do */
};

struct policy_match {
    unsigned zone;                 /* index into the set */
    unsigned link;                 /* index of the chain name */
    enum rpz_action action;        /* after the zone's override; RPZ_LOCAL_DATA for override CNAME too */
    const uint8_t *override_cname; /* the target when the override is CNAME, else NULL */
    uint32_t ttl_s;                /* already capped by max-policy-ttl */
    struct policy_hit hit;         /* what was found in the zone */
    const uint8_t *name;           /* what matched: chain name or server name (borrowed from the facts) */
};

enum { POLICY_DISABLED_MAX = 8 };

/* Where a decision waits for more facts: what comes before was judged. For policy.c. */
struct policy_place {
    unsigned link, zone;
    enum rpz_trigger trigger;
    bool answer_consulted, client_judged;
};

struct policy_verdict {
    struct policy_match match; /* POLICY_RULE */
    unsigned link;             /* POLICY_NEEDS_SERVERS */
    bool before_recursion;     /* POLICY_RULE: decided without the answer */
    bool depends_on_client;    /* a CLIENT-IP rule was consulted and hit: do not memoize */
    unsigned disabled_count;   /* matches of zones with `policy disabled`: to be logged only */
    struct policy_match disabled[POLICY_DISABLED_MAX];
    struct policy_place place; /* POLICY_NEEDS_... */
};

/* Decides. Called again with more facts after POLICY_NEEDS_… (or gone on with, policy_resume()); the result
 * is the same as if all facts had been there at first. Does not count, log, allocate or touch the clock. */
enum policy_step policy_decide(const struct policy_set *set, const struct policy_facts *facts,
                               struct policy_verdict *verdict);

/* The same for a verdict that said POLICY_NEEDS_... about the same query and set: goes on where that stopped.
 * The facts are those of before and more; what `verdict` has borrowed from them is still there. */
enum policy_step policy_resume(const struct policy_set *set, const struct policy_facts *facts,
                               struct policy_verdict *verdict);

/* Is there a CLIENT-IP rule in the set that holds this address? When not, a verdict may be reused for other
 * clients of which the same is true. */
bool policy_client_concerned(const struct policy_set *set, const struct ip_address *client);

/* --- explanation --- */

enum policy_loss {
    POLICY_WINS,
    POLICY_LOST_EARLIER_NAME, /* an earlier name of the chain decided */
    POLICY_LOST_EARLIER_ZONE,
    POLICY_LOST_TRIGGER,        /* a stronger trigger of the same zone */
    POLICY_LOST_SPECIFIC,       /* a more specific rule of the same trigger */
    POLICY_LOST_DISABLED,       /* policy disabled: logged only */
    POLICY_LOST_RECURSIVE_ONLY, /* the query had no RD */
    POLICY_LOST_SIGNED,         /* DO, a signed answer, and break-dnssec no */
    POLICY_LOST_FAILED,         /* recursion failed first */
    POLICY_LOST_SWITCHED_OFF,   /* nsip-enable no, nsdname-enable no */
};

struct policy_candidate {
    struct policy_match match;
    enum policy_loss loss;
};

/* Every rule that matches the (complete) facts, strongest first, at most `max`. Returns how many were
 * written. */
size_t policy_explain(const struct policy_set *set, const struct policy_facts *facts,
                      struct policy_candidate *out, size_t max);

/* "an earlier policy zone decided": one clause. */
const char *policy_loss_text(enum policy_loss loss);

#endif
