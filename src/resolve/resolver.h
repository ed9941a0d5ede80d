/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recursion: questions in, truths out. Runs on one or two threads of its own (libunbound behind recursor.c,
 * the only file that knows it); fed by inboxes, answering into the inbox of the asker. Identical questions
 * are joined; what libunbound lacks is here: time limits, caps in all, per zone, per client, failure cache,
 * serve-stale, prefetch, EDE (docs: doc/resolver.md). A dead zone never holds up another question.
 *
 * Every good answer goes into the cache, and every failure for servfail-ttl; but a failure never takes the
 * place of a truth that may still be served stale: that one gets its refresh_failed_ms set instead. */
#ifndef RESOLVE_RESOLVER_H
#define RESOLVE_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "base/inbox.h"
#include "base/metrics.h"
#include "resolve/cache.h"
#include "resolve/truth.h"

struct endpoint {
    struct ip_address address;
    uint16_t port;
};

enum forward_mode {
    FORWARD_NONE, /* recursion as usual, below a zone that is forwarded */
    FORWARD_ONLY,
    FORWARD_FIRST,
    STUB /* ask these as authorities */,
    STUB_PRIME /* ask these for the NS set, then those */
};

struct forward_zone {
    uint8_t origin[255];
    enum forward_mode mode;
    const struct endpoint *servers;
    size_t server_count;
};

struct resolver_options {
    unsigned threads;           /* 1 or 2 */
    bool validate;              /* dnssec-validation: with neither of the next two by the system's root key */
    const char *anchor_file;    /* RFC 5011 state of the root, read and written, made when missing; stands
                                   for the root's among `anchors`. NULL: none */
    const char *const *anchors; /* trust-anchors as DS or DNSKEY lines */
    size_t anchor_count;
    const uint8_t *const *insecure; /* validate-except: names below which nothing is validated */
    size_t insecure_count;
    const struct ip_prefix *avoid; /* server { bogus yes; }: never asked */
    size_t avoid_count;
    const char *hints_file;              /* NULL: built in */
    const struct forward_zone *forwards; /* "." among them for global forwarders */
    size_t forward_count;
    bool qname_minimization, qname_minimization_strict;
    bool synthesize;     /* synth-from-dnssec: denials from what is validated (RFC 8198) */
    bool accept_expired; /* signatures count whatever their dates are */
    bool telemetry;      /* tell the root which keys are trusted (RFC 8145) */
    const struct ip_address *query_source_v4, *query_source_v6; /* NULL: any */
    bool use_v4, use_v6;
    uint32_t max_cache_ttl_s, max_negative_ttl_s, min_cache_ttl_s;
    uint32_t servfail_ttl_ms;   /* servfail-ttl; 0: off */
    uint32_t max_stale_ttl_s;   /* 0: no serve-stale */
    uint32_t query_timeout_ms;  /* resolver-query-timeout: then the asker gets SERVFAIL */
    unsigned max_outstanding;   /* recursive-clients: questions in flight in all */
    unsigned max_per_zone;      /* fetches-per-zone; 0: only the moving bound of limits.h */
    unsigned max_joined;        /* clients-per-query: askers that wait for one question; 0: no limit */
    size_t unbound_cache_bytes; /* for libunbound's own caches, all threads together */
    /* Is there something in what was found that may not come from outside? Then the question fails, with
     * EDE_BLOCKED. Called with `denied` on the resolver's threads. NULL: nothing is denied. */
    bool (*denies)(const void *denied, const struct truth *truth);
    const void *denied;
};

struct resolver;

/* A question under way. Storage of the asker, who must keep it until it comes back to his inbox. */
struct resolver_ask {
    struct inbox_message message; /* comes back through here */
    struct inbox *reply_to;
    uint8_t name[255]; /* lower case */
    uint8_t name_length;
    uint16_t qtype;
    uint64_t hash;            /* cache_hash() */
    bool refresh;             /* prefetch or stale refresh: ask though the cache has something */
    struct ip_address client; /* for caps; IP_NONE for questions of our own */
    /* Filled in when it comes back: */
    int error;           /* 0; ERR_LIMIT: a cap was hit; ERR_NOMEM; ERR_CLOSED: shutting down */
    struct truth *truth; /* when error is 0: the asker owns one reference. A failure is a truth too, also when
                            time ran out. NULL otherwise. */
    bool zone_full;      /* with ERR_LIMIT: the cap of its zone (fetches-per-zone) */
    struct resolver_ask *next_joined; /* the resolver's */
    uint64_t deadline_ms;             /* the resolver's */
};

/* Starts the threads. The options are copied. *out, or an error and a message in `problem` (what and why). */
int resolver_start(const struct resolver_options *options, struct cache *cache, struct metrics *metrics,
                   struct resolver **out, char *problem, size_t problem_size) MUST_CHECK;

/* Every ask comes back (ERR_CLOSED); then the threads end. The asker goes on emptying his inbox meanwhile. */
void resolver_stop(struct resolver *resolver);

/* Asks. From any thread; never blocks. The answer also goes into the cache (but not one that lives for 0
 * seconds: that is for those who waited). Not after resolver_stop(). */
void resolver_ask(struct resolver *resolver, struct resolver_ask *ask);

/* Forgets what libunbound has cached of its own (it has no finer flush: a new context is made aside and
 * swapped in). From any thread. */
void resolver_flush(struct resolver *resolver);

#endif
