/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A TCP server of messages with a two-byte length before each (RFC 1035 section 4.2.2), pipelined and
 * answered in any order (RFC 7766). Limits: connections in all and per client address, idle time, whole time
 * of a message, bytes waiting to be written (a slow reader is cut off), messages in flight. Knows no DNS. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "net/loop.h"

struct tcp_server;
struct tcp_connection;

/* A time of 0: no limit. Times are kept to about an eighth. */
struct tcp_limits {
    unsigned connections; /* in all; the one idle longest is closed for a new one when it is over */
    unsigned connections_per_client; /* 0: no limit */
    uint32_t idle_ms;                /* nothing read and nothing owed */
    uint32_t message_ms;             /* from a message's first byte to its last */
    uint32_t lifetime_ms;            /* then it is answered what it asked, and closed */
    uint32_t write_stall_ms;         /* no progress in writing */
    size_t write_queue_bytes; /* per connection; above it the client is cut off; at least two messages */
    unsigned in_flight;       /* messages not answered yet, per connection; above it reading pauses */
};

struct tcp_counters {
    uint64_t accepted, closed_idle, closed_slow, closed_limit, refused_limit, messages;
    uint64_t open_now;
    /* closed_slow: message_ms, write_stall_ms or write_queue_bytes; closed_limit: lifetime_ms, or made room
     */
};

/* A message has come. The callee answers with tcp_reply() or gives up with tcp_no_reply(), now or later, once
 * per message; the connection stays valid until then, even when the client went away. */
typedef void tcp_message_fn(void *context, struct tcp_connection *connection, const uint8_t *message,
                            size_t length);

/* What may stand between a connection's bytes and its messages: TLS. net/ moves the bytes, the channel makes
 * of them what it does. All is called on the loop's thread. */
struct tcp_channel_ops {
    void *(*begin)(void *context); /* for a new connection; NULL: it is closed */
    /* Bytes have come from the peer: the channel takes them all. 0 or ERR_NOMEM. */
    int (*receive)(void *channel, const uint8_t *bytes, size_t length);
    /* Gives out what they contain. The number of bytes; 0: no more until others come; ERR_CLOSED: the peer
     * says that no more will come; another error: the connection has to end. */
    long (*read)(void *channel, uint8_t *to, size_t room);
    /* Takes bytes that are meant for the peer. 0 or an error. */
    int (*write)(void *channel, const uint8_t *bytes, size_t length);
    /* What is to go to the peer as it is, valid until sent(); NULL: nothing. */
    const uint8_t *(*pending)(void *channel, size_t *length);
    void (*sent)(void *channel);
    bool (*is_ready)(const void *channel); /* the two ends have agreed (the handshake is over) */
    void (*finish)(void *channel);         /* says good-bye to the peer: see pending() */
    void (*end)(void *channel);
};

int tcp_open(const struct ip_address *address, uint16_t port, bool reuse_port,
             struct tcp_server **out) MUST_CHECK;
uint16_t tcp_port(const struct tcp_server *server);

/* Every connection gets a channel. Before tcp_serve(); `ops` and `context` outlive the connections. The time
 * for a handshake is message_ms. */
void tcp_set_channel(struct tcp_server *server, const struct tcp_channel_ops *ops, void *context);

/* Begins to serve on a loop; the limits are copied. */
int tcp_serve(struct tcp_server *server, struct loop *loop, const struct tcp_limits *limits,
              tcp_message_fn *message, void *context) MUST_CHECK;

/* Queues an answer (copied) for a message. */
void tcp_reply(struct tcp_connection *connection, const uint8_t *bytes, size_t length);

/* A part of an answer of several messages (a zone transfer); end with tcp_reply(). ERR_AGAIN: the queue is
 * full, ask again in `drained`; ERR_CLOSED: the client is gone, end with tcp_no_reply(). */
int tcp_reply_part(struct tcp_connection *connection, const uint8_t *bytes, size_t length) MUST_CHECK;

/* `drained` is called once, from the loop: when there is room, or when the client is gone. One per
 * connection: a second transfer on it has to wait for the first. */
void tcp_on_drained(struct tcp_connection *connection, void (*drained)(void *context), void *context);

/* Closes the connection at once, what waits to be written is lost; `drained` is called. Messages under way
 * are still to be ended. */
void tcp_cut_off(struct tcp_connection *connection);

/* This message gets no answer. */
void tcp_no_reply(struct tcp_connection *connection);

const union sockaddr_any *tcp_peer(const struct tcp_connection *connection);
struct ip_address tcp_local(const struct tcp_connection *connection);
uint16_t tcp_local_port(const struct tcp_connection *connection);
/* Does a channel stand between? */
bool tcp_has_channel(const struct tcp_connection *connection);

void tcp_count(const struct tcp_server *server, struct tcp_counters *out);

/* No new connections and messages; what is owed is still written. Counting stays possible. */
void tcp_stop(struct tcp_server *server);
/* True when nothing is owed any more. */
bool tcp_idle(const struct tcp_server *server);
/* Also with messages that are not answered yet: their connections live until they are. */
void tcp_close(struct tcp_server *server);

#endif
