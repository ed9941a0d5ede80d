/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What tcp.c (the listener and its limits) and tcp_connection.c (bytes in, bytes out) share. Not for others.
 */
#ifndef NET_TCP_PARTS_H
#define NET_TCP_PARTS_H

#include <stdatomic.h>
#include <urcu/list.h>

#include "net/tcp.h"

enum {
    TCP_MESSAGE_MAX = 65535,
    TCP_READ_BYTES = 16384,   /* read at once; so much may wait while a connection is paused */
    TCP_CORK_BYTES = 131072,  /* answers gathered while one connection's questions are worked through */
    TCP_TURN_BYTES = 1 << 20, /* parts of one answer, then others have their turn */
};

/* What time is counting for. Each wait has one limit for all, so a list in order of `since_ms` is enough, and
 * a message costs no timer. */
enum tcp_wait { TCP_WAIT_NONE, TCP_WAIT_IDLE, TCP_WAIT_MESSAGE };

/* Bytes that wait, in memory that exists only while there are any. */
struct tcp_bytes {
    uint8_t *bytes;
    size_t start, end, capacity;
};

struct tcp_connection {
    struct loop_watch watch;      /* first: ready() casts back */
    struct tcp_server *server;    /* NULL: closed by tcp_close(), answers are still to come */
    struct cds_list_head all;     /* in server->open by age, or in server->gone */
    struct cds_list_head waiting; /* by enum tcp_wait */
    struct cds_list_head writing; /* linked while output waits */
    struct cds_list_head client;  /* in the bucket of its address */
    enum tcp_wait wait;
    uint64_t opened_ms, since_ms, progress_ms;
    unsigned references; /* one while open, one for each message not answered, one while worked on */
    unsigned in_flight;
    bool open;
    bool busy;     /* its input is being worked through: no freeing of what the callee looks at */
    bool ended;    /* the client sends no more */
    bool draining; /* we take no more */
    struct tcp_bytes input, output;
    void *channel; /* of server->channel, while open; NULL: none */
    bool channelled;
    uint16_t local_port;
    size_t part_bytes; /* sent by tcp_reply_part() in this round */
    void (*drained)(void *context);
    void *drained_context;
    struct ip_address local;
    union sockaddr_any peer;
};

struct tcp_server {
    struct loop_watch watch; /* first */
    struct loop *loop;
    struct loop_timer tick;
    uint64_t tick_ms;
    int fd; /* -1: stopped */
    bool watching, stopped;
    uint16_t port;
    struct tcp_limits limits;
    tcp_message_fn *message;
    void *context;
    const struct tcp_channel_ops *channel; /* NULL: none */
    void *channel_context;
    uint8_t *plain; /* what has come out of a channel, TCP_READ_BYTES; NULL without channels */
    struct cds_list_head open, gone, idle, reading, writing;
    struct cds_list_head *clients; /* buckets by address */
    size_t client_mask;
    uint64_t seed;
    _Atomic uint64_t accepted, closed_idle, closed_slow, closed_limit, refused_limit, messages, open_now;
    struct tcp_connection *corked; /* whose answers gather in `cork` */
    size_t cork_used, cork_limit;
    uint8_t cork[TCP_CORK_BYTES];
    uint8_t scratch[TCP_READ_BYTES];
};

static inline void tcp_add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

static inline size_t tcp_bytes_used(const struct tcp_bytes *bytes)
{
    return bytes->end - bytes->start;
}

/* What the loop calls for a connection. */
void tcp_connection_ready(struct loop_watch *watch, unsigned events);

/* Looks at what has changed: delivers what was held back, closes what is done, sets waits and events. May
 * free the connection. */
void tcp_connection_settle(struct tcp_connection *connection);

/* Sends bytes as they are, or lets them wait. May close. */
void tcp_connection_put(struct tcp_connection *connection, const uint8_t *bytes, size_t length);

/* Bytes of messages have come: delivers what it may, keeps the rest. May close. */
void tcp_connection_take(struct tcp_connection *connection, const uint8_t *bytes, size_t length);

/* --- tcp_channel.c --- */

/* Reads from the peer through the channel. As recv(2). */
ssize_t tcp_channel_read(struct tcp_connection *connection);

/* Sends to the peer through the channel. May close. */
void tcp_channel_write(struct tcp_connection *connection, const uint8_t *bytes, size_t length);

/* The last that happens to a channel: says good-bye if that is possible, without waiting. */
void tcp_channel_end(struct tcp_connection *connection);

/* Closes the descriptor; the object goes when its last message is answered. */
void tcp_connection_close(struct tcp_connection *connection);

#endif
