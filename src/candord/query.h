/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of one query, from packet to answer. This is the one place where truth and policy meet:
 *
 *   query_start.c  parse, access, what may be asked
 *   short_way.c  what is in the cache, and policy over it
 *   query.c     the long way: truth, verdict, answer, in stages
 *   chain.c     the truth about a name, stitched from zones of ours and recursion
 *   rewrite.c   what a verdict makes of the answer
 *   remembered.c  what policy said of the same question before; ready_make.c: in bytes
 *   servers.c   the name servers of a name, for NSDNAME and NSIP rules
 *   reply.c     the bytes that go out
 *
 * A query belongs to one worker thread. Most are answered in one go; one that has to wait for recursion keeps
 * a reference on its snapshot and is continued when the answer comes. */
#ifndef CANDORD_QUERY_H
#define CANDORD_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "candord/counters.h"
#include "candord/rights.h"
#include "candord/snapshot.h"
#include "dns/cookie.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/query.h"
#include "net/loop.h"
#include "net/tcp.h"
#include "net/udp.h"
#include "rpz/sketch.h"

struct worker;
struct explanation;
struct ready_form;
struct signature;
struct zone_table_entry;

enum transport { TRANSPORT_UDP, TRANSPORT_TCP };

/* Who asks, and by which way; the address is the client's own, also when a proxy stands between. */
struct client {
    enum transport transport;
    struct ip_address address;
    uint16_t port;
    struct ip_address local; /* the address that was asked */
};

/* The answer as records, when it is not one cached truth copied as it is. */
struct answer {
    uint8_t rcode;
    bool authoritative;
    bool authentic; /* every part of it is validated */
    bool bogus;     /* some part failed validation */
    bool is_signed; /* some part carries RRSIG, NSEC or NSEC3 */
    bool failed;
    int ede;
    const char *ede_text;
    struct rrset *sets[3]; /* by section, in the query's arena */
    uint16_t count[3], room[3];
};

enum { CHAIN_MAX = 20, CHAIN_HOPS_MAX = 16 };
enum { ALIAS_PATIENCE_MS = 1500 /* for learning that a name which cannot be resolved is an alias */ };

/* The names that an answer goes through, with what policy wants to know of each. */
struct chain {
    struct policy_link links[CHAIN_MAX];
    uint16_t answers_before[CHAIN_MAX]; /* answer RRsets that led to the link */
    uint8_t zone_labels[CHAIN_MAX];     /* of the zone that the name is in; ZONE_NOT_PROVEN (truth.h) */
    unsigned count;
};

/* A question to the resolver; `query` is NULL for a refresh that nobody waits for. */
struct pending_ask {
    struct resolver_ask ask;
    struct query *query;
};

enum query_progress {
    QUERY_DONE,
    QUERY_WAITS,
    QUERY_OPEN, /* of query_receive(): its answer is still to be looked for */
};

enum query_stage {
    STAGE_TRUTH,   /* gathering the truth about the question */
    STAGE_SERVERS, /* gathering the name servers of a chain name */
    STAGE_TARGET,  /* gathering the truth about the target of a policy's CNAME */
    STAGE_DNS64,   /* gathering the A records to synthesize from */
};

struct query {
    struct worker *worker;
    struct query *next_free;
    struct sketch *asked_lately; /* the worker's summary of what clients ask */

    /* The packet and where it came from. Borrowed until the query waits, then copied. */
    struct client client;
    const struct udp_peer *peer;
    struct udp_socket *udp;
    struct tcp_connection *tcp;
    struct udp_peer peer_kept;
    const uint8_t *packet;
    size_t packet_length;
    bool holds_packet;
    struct dns_query asked;
    uint8_t name[NAME_MAX_BYTES]; /* lower case */
    uint8_t name_length;
    /* Set where the short way is tried. */
    struct digest digest; /* of name and type, as the cache has it */
    uint64_t hash;        /* that leads to its places */
    struct truth *ahead;  /* what query_look_ahead() has found under that hash; NULL: nothing */

    /* The world it sees. */
    struct snapshot *snapshot;
    const struct view *view;
    struct rights rights;
    bool holds_snapshot;
    struct signature *signature; /* of a signed question (signature.h), in the arena; else NULL */
    const uint8_t *key;          /* whose signature is good: the key's name; else NULL */
    bool recursion_allowed;      /* the client may have it */
    bool may_recurse;            /* and asked for it (RD) */
    bool policed;                /* policy may apply (access, RD) */
    bool is_short;               /* the short way may be tried: its hash is known */
    uint64_t now_ms, started_ms;

    /* The answer under way. */
    bool touched; /* what follows is in use: the query went further than the short way */
    enum query_stage stage;
    struct arena arena;
    struct answer answer;
    struct chain chain;
    uint8_t current[NAME_MAX_BYTES]; /* the name whose truth is wanted next */
    unsigned hops;
    bool truth_done;
    const struct zone_content *first_zone; /* of ours, that the first name is in; else NULL */
    bool asks_alias;                       /* the name's data could not be had: is it at least an alias? */
    bool alias_from_cache;                 /* only what the cache holds of that is wanted */
    struct truth *sole_truth;              /* held: all of the answer's truth is this one */
    bool servers_incomplete;               /* not every name server could be looked up: no memo */
    struct truth *truth;                   /* held: came back from the resolver */
    int ask_error;
    struct pending_ask pending;
    bool ask_pending;
    bool prefer_stale; /* waiting took too long: go on with what is there */
    struct policy_verdict verdict;
    bool verdict_known;
    bool verdict_waits;   /* policy asked for more facts: it goes on from there */
    bool verdict_is_rule; /* a passthru, as the query still goes on */
    bool rewritten;
    const uint8_t *target;      /* of the policy's CNAME, in the arena; NULL: none */
    uint16_t target_after;      /* answer RRsets up to and with that CNAME */
    struct answer before_dns64; /* what goes out when there is nothing to synthesize */
    struct server_walk *walk;   /* STAGE_SERVERS */

    /* Waiting. */
    struct explanation *explanation; /* asked by the operator: see explain.h; else NULL */
    struct loop_timer stale_timer;
    bool answered; /* a stale answer went out; only the truth's return is awaited */

    /* Out. */
    uint8_t *out;
    size_t out_size;   /* of the buffer */
    size_t out_length; /* 0 and no_reply: nothing is sent */
    bool no_reply;
    uint8_t cookie[COOKIE_WHOLE_BYTES];
    uint8_t cookie_length; /* 0: the answer has none */
};

/* Begins with a packet; client, peer or tcp, worker, snapshot, now_ms, out and out_size are set. QUERY_DONE:
 * the answer is in out (or no_reply). QUERY_WAITS: the query has copied what it needs and comes back through
 * query_resume(). */
enum query_progress query_start(struct query *query, const uint8_t *packet, size_t length);

/* The same in steps, for questions that came together: each is received; of those that are open then, what
 * they will need is looked for, and asked for from memory; then they are answered, in the same read-side
 * section. */
enum query_progress query_receive(struct query *query, const uint8_t *packet, size_t length);
void query_look_ahead(struct query *query);
enum query_progress query_answer(struct query *query);

/* Goes on after the resolver's answer came (truth, ask_error), or stale-answer-client-timeout ran out; out
 * and out_size are set anew. */
enum query_progress query_resume(struct query *query);

/* Makes the packet, and what points into it, the query's own: before anything is kept that names the
 * question. */
void query_keep_packet(struct query *query);

/* Releases what the query holds, for its next use. */
void query_clear(struct query *query);

/* --- query.c --- */

/* What may be asked is; `zone`: of ours, that the name is in, or NULL; `truth`: fresh, in the cache, or NULL.
 */
enum query_progress query_decide(struct query *query, const struct zone_table_entry *zone,
                                 struct truth *truth);

/* What policy wants to know, but for what is known of the answer. */
struct policy_facts query_facts(const struct query *query);

/* What policy says to these facts, in query->verdict: what was judged before more facts came is not judged
 * again. */
enum policy_step query_judge(struct query *query, const struct policy_facts *facts);

/* --- short_way.c --- */

/* Sets query->digest and hash, and asks for the place in the cache that it leads to. */
void short_way_open(struct query *query);

/* Answers what policy judged before. *truth: the fresh one in the cache, or NULL. */
bool short_way_answer(struct query *query, struct truth **truth);

/* Answers from a fresh truth about a name that is in no zone of ours. False: the long way has to be taken. */
bool short_way_judge(struct query *query, struct truth *truth, enum query_progress *progress);

/* The same for one that has just come back (query->truth): it need not be taken apart and put together again.
 * False: the long way goes on with it. */
bool short_way_returned(struct query *query, enum query_progress *progress);

/* --- chain.c --- */

/* Gathers the truth about query->current into answer and chain. QUERY_WAITS after having asked the resolver.
 */
enum query_progress chain_gather(struct query *query);

/* Begins a new gathering at `name`, keeping what is in the answer. */
void chain_restart(struct query *query, const uint8_t *name);

/* Adds a truth's records to the answer: all of them, or those before link `upto`. 0 or ERR_NOMEM. */
int answer_add_truth(struct query *query, const struct truth *truth, unsigned upto) MUST_CHECK;

int answer_add(struct query *query, enum dns_section section, const struct rrset *set) MUST_CHECK;

/* --- rewrite.c --- */

/* Carries out query->verdict on the answer gathered so far (or on none). QUERY_WAITS while the target of a
 * CNAME is looked up. */
enum query_progress rewrite_begin(struct query *query);
/* When the target's truth is complete. QUERY_WAITS: its A records are wanted as well (STAGE_DNS64). */
enum query_progress rewrite_finish(struct query *query);

/* Does the verdict leave the answer as it is (PASSTHRU, or TCP-ONLY over TCP)? */
bool rewrite_lets_pass(struct query *query);

/* Logs and counts a match (also one of a disabled zone). */
void rewrite_note(struct query *query, const struct policy_match *match, bool disabled);

/* --- remembered.c --- */

/* No rule concerns the truth, which is in no zone of ours: remembers that, if it holds for other clients. */
void remember_clean(const struct query *query, struct truth *truth);

/* Answers with what the rule of query->verdict makes by itself, if it is one for the question's own name that
 * does; counts and logs it, and remembers what holds for others who ask the same. `truth`: the fresh one in
 * the cache, or NULL. False: nothing is done. */
bool answer_verdict(struct query *query, struct truth *truth);

/* Answers with what a rule for the question's own name made of it before; counts and logs the match as it did
 * then. False: nothing is remembered that may go out. */
bool answer_remembered(struct query *query, struct truth *truth);

/* The form of what the rule of query->verdict answers by itself, made if it is not in the worker's table.
 * NULL: the answer takes more than the rule, or is too large for a form. */
const struct ready_form *ready_form_of_verdict(struct query *query);

/* Can a fresh cached truth be answered from without gathering (policed failures and chains that may lead into
 * zones of ours cannot)? */
bool truth_is_short(const struct query *query, const struct truth *truth);

/* --- dns64.c --- */

/* Does the answer call for synthesis (RFC 6147)? Then a gathering of A records is begun (STAGE_DNS64). */
bool dns64_wanted(struct query *query);
/* When the A records are there. */
void dns64_finish(struct query *query);

/* Is AAAA asked for, by a client for whom it may be synthesized? */
bool dns64_usable(const struct query *query);
/* Turns the A records of the answer into AAAA; *made: there are some now. 0 or ERR_NOMEM. */
int dns64_convert(struct query *query, uint32_t max_ttl_s, bool *made) MUST_CHECK;

/* --- servers.c --- */

/* Finds the name servers of chain link `link`; fills its servers. */
enum query_progress servers_gather(struct query *query, unsigned link);

/* How long the look-up under way may still take; at least 1. */
uint32_t servers_patience_ms(const struct query *query);

/* --- reply.c --- */

/* Writes query->answer. */
void reply_answer(struct query *query);
/* Writes a cached truth as it is. */
void reply_truth(struct query *query, const struct truth *truth);
/* Writes an answer without records but a ready one in additional (NULL: none). False: it does not fit. */
bool reply_denial(struct query *query, unsigned rcode, const struct ready_record *additional, int ede,
                  const char *ede_text) MUST_CHECK;
/* Writes an answer that is ready. False: it does not fit, or the client asks for more than it has. */
bool reply_ready(struct query *query, const struct ready_form *form) MUST_CHECK;
/* Writes an answer that is only a code, with an EDE if not EDE_NONE. */
void reply_code(struct query *query, unsigned rcode, int ede, const char *text);
/* Writes an empty answer with TC. */
void reply_truncated(struct query *query, unsigned rcode);
/* Writes the answer to a question of class CH; false when it is none that we know. */
bool reply_chaos(struct query *query);
/* Nothing goes out. */
void reply_none(struct query *query);

/* --- rate_limit_reply.c --- */

/* Counts the answer in out against rate-limit, for a client whose rights are `limited`: it stays, is cut to
 * TC, or does not go out (no_reply). */
void reply_limit(struct query *query);

/* --- order.c --- */

/* Puts addresses of the answer in out in the order that rrset-order and sortlist want; `turn` grows with each
 * answer. */
void reply_order(struct query *query, unsigned turn);

/* --- padding.c --- */

/* Pads the answer in out, for a question over TCP or TLS that has the padding option. */
void reply_pad(struct query *query);

/* --- notify_in.c --- */

/* Answers a NOTIFY, and passes it on when it may come from there. */
void query_notify(struct query *query);

/* --- access --- */

/* Does an access list let this client pass, by his address or his key? */
bool query_allowed(const struct query *query, const struct acl *acl);

/* Ends with an answer that is only a code; query_refuse() counts what access lists refuse. */
enum query_progress query_done_code(struct query *query, unsigned rcode, int ede, const char *text);
enum query_progress query_refuse(struct query *query);

/* --- worker.c --- */

/* For a query that waited for something else than the resolver, on its worker's thread. Lends it room for its
 * answer (out, out_size); */
void worker_lend_room(struct query *query);
/* sends what is in out, or nothing (no_reply), and ends it; */
void worker_answer(struct query *query);
/* ends one of which nothing is to be sent any more: its TCP message has been ended. */
void worker_drop(struct query *query);

/* Asks the resolver of the view for (name, type). Returns QUERY_WAITS, or QUERY_DONE with ask_error set when
 * a bound was hit at once. */
enum query_progress query_ask(struct query *query, const uint8_t *name, uint16_t type);

/* Asks for (name, type) with nobody waiting: what comes goes into the cache. */
void worker_fetch(struct worker *worker, const struct view *view, const uint8_t *name, uint16_t type);

_Atomic uint64_t *worker_counters(struct worker *worker);

#endif
