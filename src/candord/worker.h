/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread that serves: its own sockets (SO_REUSEPORT), its own loop, its own counters, and the queries
 * that wait. */
#ifndef CANDORD_WORKER_H
#define CANDORD_WORKER_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "base/metrics.h"
#include "candord/query.h"
#include "candord/snapshot.h"

/* What all workers of a daemon share. */
struct serving {
    struct snapshot *_Atomic snapshot; /* read inside RCU sections */
    struct metrics *metrics;
    _Atomic unsigned waiting; /* queries that wait, all workers: recursive-clients */
    _Atomic bool querylog;
    uint8_t cookie_secret[16];
    struct secondaries *secondaries; /* whom a NOTIFY is passed to */
    _Atomic unsigned transfers_out;  /* under way, all workers */
    _Atomic unsigned updates;        /* the same */
    struct fetchers *forwarders;     /* threads that pass updates on */
    struct daemon *daemon;           /* for arrival_deliver() */
    struct courier *courier;
    struct tls_servers *tls;            /* what listeners show; NULL: none */
    const struct tsig_key *session_key; /* for the local administrator; NULL: none */
    struct server_table *servers;       /* zone cut -> name servers, for NSDNAME and NSIP rules */
};

struct worker;
struct cookie_table;
struct explanation;
struct fetchers;
struct courier;
struct daemon;
struct loop;
struct tls_servers;
struct transfers_out;

/* Something to be done on a worker's thread; storage of the sender until it runs. */
struct worker_task {
    struct inbox_message message;
    void (*run)(struct worker *worker, struct worker_task *task);
};

/* Opens the sockets (so that rights can be dropped afterwards). *out, or an error with the address in
 * `problem`. */
int worker_new(struct serving *serving, const struct server_config *config, unsigned index,
               struct worker **out, char *problem, size_t problem_size) MUST_CHECK;

/* Starts its thread. */
int worker_start(struct worker *worker) MUST_CHECK;

/* Stops accepting; what waits is still answered, for at most `drain_ms`. From any thread; worker_join()
 * waits. */
void worker_stop(struct worker *worker, unsigned drain_ms);
void worker_join(struct worker *worker);
void worker_free(struct worker *worker);

/* From any thread. */
void worker_post(struct worker *worker, struct worker_task *task);

/* On the worker's thread: lets a question of the operator go the way of a client's (explain.h). */
void worker_explain(struct worker *worker, struct explanation *explanation, const struct client *client,
                    const uint8_t *packet, size_t length);

/* Adds what its sockets have counted. From any thread, while the worker lives. */
void worker_count(const struct worker *worker, struct udp_counters *udp, struct tcp_counters *tcp,
                  struct tcp_counters *tls);

/* For the query path. */
struct serving *worker_serving(struct worker *worker);

/* The worker's memory of who may have what. */
struct rights_table *worker_rights(struct worker *worker);

/* The worker's memory of the cookies that it gave. */
struct cookie_table *worker_cookies(struct worker *worker);

/* The worker's ready answers of policy. */
struct ready_table *worker_ready(struct worker *worker);

/* The worker's table of zone cuts and their name servers. */
struct server_table *worker_servers(struct worker *worker);

/* Its summary of what clients ask: read from any thread. */
struct sketch *worker_sketch(struct worker *worker);

/* Hits that its zone's counter has not been told yet (hits.h). */
struct hit_run {
    _Atomic uint64_t *of; /* looked at only while count is not 0 */
    uint64_t count;
};
struct hit_run *worker_hit_run(struct worker *worker);

/* Its summary of which rules act (hits.h): read from any thread. */
struct sketch *worker_hits(struct worker *worker);

struct loop *worker_loop(struct worker *worker);
struct transfers_out *worker_transfers(struct worker *worker);

/* The worker's inbox: where the resolver's answers come back. */
struct inbox *worker_inbox(struct worker *worker);

#endif
