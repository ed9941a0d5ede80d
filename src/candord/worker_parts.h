/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of a worker share: worker.c (its life), worker_receive.c (packets in, answers out),
 * worker_ask.c (what waits for the resolver). Inside candord/ only. */
#ifndef CANDORD_WORKER_PARTS_H
#define CANDORD_WORKER_PARTS_H

#include <pthread.h>

#include "candord/transfer_out.h"
#include "candord/worker.h"

struct listener {
    struct worker *worker;
    struct udp_socket *udp; /* NULL where TLS is spoken */
    struct tcp_server *tcp;
    bool tls;
    struct ip_address address;
    uint16_t port;
};

struct worker {
    struct serving *serving;
    unsigned index;
    pthread_t thread;
    bool started;
    struct loop *loop;
    struct server_table *servers;
    struct rights_table *rights;
    struct ready_table *ready;
    struct cookie_table *cookies;
    struct sketch *sketch, *hits;
    struct hit_run hit_run;
    struct inbox inbox;
    struct loop_watch inbox_watch;
    struct listener *listeners;
    size_t listener_count;
    struct tcp_limits tcp_limits;
    _Atomic uint64_t
        *counters; /* what is counted in now: `counted`, or `unseen` for the operator's questions */
    _Atomic uint64_t *counted, unseen[SERVE_METRICS];
    struct query *free;
    unsigned waiting;  /* queries of ours that wait */
    unsigned turn;     /* answers put in order, for rrset-order */
    unsigned asks_out; /* asks that have not come back */
    struct transfers_out transfers;
    struct inbox tasks;
    struct loop_watch tasks_watch;
    struct worker_task stop_task;
    _Atomic unsigned drain_ms;
    bool stopping, ended; /* ended: the sockets are closed */
    struct loop_timer stop_timer;
    uint8_t scratch[DNS_MESSAGE_MAX];
};

/* --- worker_receive.c --- */

/* Handed to udp_serve() and tcp_serve(); the context is a listener. */
void worker_udp_batch(void *context, struct udp_socket *socket, struct udp_datagram *batch, size_t count);
void worker_tcp_message(void *context, struct tcp_connection *connection, const uint8_t *message,
                        size_t length);

/* The query has ended: it is cleared and used again. */
void worker_give(struct worker *worker, struct query *query);

/* Sends what is in out, or nothing. */
void worker_deliver(struct query *query);

/* --- worker_ask.c --- */

void worker_ask_returned(struct worker *worker, struct pending_ask *pending);

#endif
