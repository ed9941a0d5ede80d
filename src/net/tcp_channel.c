/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections with a channel: what comes from the peer goes through it to the messages, and back. */
#include <sys/socket.h>

#include "net/tcp_parts.h"

static void flush(struct tcp_connection *connection)
{
    const struct tcp_channel_ops *ops = connection->server->channel;
    const uint8_t *bytes;
    size_t length;
    while (connection->open && (bytes = ops->pending(connection->channel, &length))) {
        tcp_connection_put(connection, bytes, length);
        if (connection->open)
            ops->sent(connection->channel);
    }
}

/* All that the bytes contain is taken out, so that nothing waits where nobody sees it; it is hardly more than
 * what was read. Returns as ops->read(). */
static long take_all(struct tcp_connection *connection)
{
    struct tcp_server *server = connection->server;
    long got;
    do {
        got = server->channel->read(connection->channel, server->plain, TCP_READ_BYTES);
        if (got > 0)
            tcp_connection_take(connection, server->plain, (size_t)got);
    } while (got > 0 && connection->open);
    return got;
}

ssize_t tcp_channel_read(struct tcp_connection *connection)
{
    struct tcp_server *server = connection->server;
    ssize_t got = recv(connection->watch.fd, server->scratch, TCP_READ_BYTES, MSG_DONTWAIT);
    if (got <= 0)
        return got;
    long result = server->channel->receive(connection->channel, server->scratch, (size_t)got);
    if (!result)
        result = take_all(connection);
    if (connection->open)
        flush(connection); /* also what says why it ends */
    if (connection->open && result == ERR_CLOSED)
        connection->ended = true;
    else if (connection->open && result < 0)
        tcp_connection_close(connection);
    return got;
}

void tcp_channel_write(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    if (connection->server->channel->write(connection->channel, bytes, length) != 0)
        tcp_connection_close(connection);
    else
        flush(connection);
}

void tcp_channel_end(struct tcp_connection *connection)
{
    const struct tcp_channel_ops *ops = connection->server->channel;
    const uint8_t *bytes;
    size_t length;
    if (!tcp_bytes_used(&connection->output)) { /* or it would stand in the middle of something */
        ops->finish(connection->channel);
        bytes = ops->pending(connection->channel, &length);
        if (bytes)
            (void)!send(connection->watch.fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ops->end(connection->channel);
    connection->channel = NULL;
}
