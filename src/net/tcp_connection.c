/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "net/tcp_parts.h"

/* --- bytes that wait --- */

static void bytes_free(struct tcp_bytes *bytes)
{
    free(bytes->bytes);
    *bytes = (struct tcp_bytes){0};
}

/* Makes room for `length` more: moves what is there to the front where that is cheap, or grows by half. */
static int bytes_reserve(struct tcp_bytes *bytes, size_t length)
{
    size_t used = tcp_bytes_used(bytes);
    if (bytes->capacity - bytes->end >= length)
        return 0;
    if (bytes->capacity - used >= length && bytes->start >= used) {
        memmove(bytes->bytes, bytes->bytes + bytes->start, used);
        bytes->start = 0;
        bytes->end = used;
        return 0;
    }
    size_t capacity = bytes->end + length + used / 2;
    uint8_t *grown = realloc(bytes->bytes, capacity);
    if (!grown)
        return ERR_NOMEM;
    bytes->bytes = grown;
    bytes->capacity = capacity;
    return 0;
}

static int bytes_append(struct tcp_bytes *bytes, const void *from, size_t length)
{
    int error = bytes_reserve(bytes, length);
    if (error)
        return error;
    if (length)
        memcpy(bytes->bytes + bytes->end, from, length);
    bytes->end += length;
    return 0;
}

static void bytes_consume(struct tcp_bytes *bytes, size_t length)
{
    bytes->start += length;
    if (bytes->start == bytes->end)
        bytes_free(bytes);
}

/* --- the end --- */

static void drop_reference(struct tcp_connection *connection)
{
    if (--connection->references)
        return;
    cds_list_del(&connection->all);
    bytes_free(&connection->input);
    bytes_free(&connection->output);
    free(connection);
}

/* One call for each tcp_on_drained(). The callee may send, arm it again, or give up. */
static void call_drained(struct tcp_connection *connection)
{
    void (*drained)(void *) = connection->drained;
    connection->drained = NULL;
    if (drained)
        drained(connection->drained_context);
}

static void set_wait(struct tcp_connection *connection, enum tcp_wait wait, bool anew)
{
    if (connection->wait == wait && !anew)
        return;
    struct tcp_server *server = connection->server;
    cds_list_del_init(&connection->waiting);
    connection->wait = wait;
    connection->since_ms = loop_now_ms(server->loop);
    if (wait != TCP_WAIT_NONE)
        cds_list_add_tail(&connection->waiting, wait == TCP_WAIT_IDLE ? &server->idle : &server->reading);
}

void tcp_connection_close(struct tcp_connection *connection)
{
    struct tcp_server *server = connection->server;
    if (!connection->open)
        return;
    connection->open = false;
    loop_unwatch(server->loop, &connection->watch);
    if (connection->channel)
        tcp_channel_end(connection);
    /* Unread input would turn the close into a reset, which destroys answers still under way. */
    (void)!recv(connection->watch.fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
    close(connection->watch.fd);
    set_wait(connection, TCP_WAIT_NONE, false);
    cds_list_del_init(&connection->writing);
    cds_list_del_init(&connection->client);
    cds_list_del(&connection->all);
    cds_list_add_tail(&connection->all, &server->gone);
    tcp_add(&server->open_now, (uint64_t)-1);
    bytes_free(&connection->output);
    if (!connection->busy)
        bytes_free(&connection->input);
    call_drained(connection);
    drop_reference(connection);
}

static void cut_off(struct tcp_connection *connection)
{
    tcp_add(&connection->server->closed_slow, 1);
    tcp_connection_close(connection);
}

/* --- output --- */

static ssize_t send_some(struct tcp_connection *connection, struct iovec *parts, size_t count)
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
    ssize_t sent;
    do
        sent = sendmsg(connection->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && (errno == EAGAIN || errno == ENOBUFS) ? 0 : sent;
}

/* From now on it is watched whether the client takes something. */
static void watch_progress(struct tcp_connection *connection)
{
    struct tcp_server *server = connection->server;
    if (!cds_list_empty(&connection->writing))
        return;
    connection->progress_ms = loop_now_ms(server->loop);
    cds_list_add_tail(&connection->writing, &server->writing);
}

/* What could not be written waits. */
static void hold_output(struct tcp_connection *connection, const void *bytes, size_t length)
{
    struct tcp_server *server = connection->server;
    if (!connection->open || !length)
        return;
    watch_progress(connection);
    if (tcp_bytes_used(&connection->output) + length > server->limits.write_queue_bytes ||
        bytes_append(&connection->output, bytes, length) != 0)
        cut_off(connection);
}

/* Writes directly what can be written, with nothing waiting before it; the rest is held. */
static void send_or_hold(struct tcp_connection *connection, struct iovec *parts, size_t count)
{
    ssize_t sent = send_some(connection, parts, count);
    if (sent < 0) {
        tcp_connection_close(connection);
        return;
    }
    size_t done = (size_t)sent;
    for (size_t i = 0; i < count; i++) {
        size_t skip = done < parts[i].iov_len ? done : parts[i].iov_len;
        done -= skip;
        hold_output(connection, (uint8_t *)parts[i].iov_base + skip, parts[i].iov_len - skip);
    }
}

void tcp_connection_put(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    struct iovec part = {(void *)(uintptr_t)bytes, length};
    if (tcp_bytes_used(&connection->output))
        hold_output(connection, bytes, length);
    else
        send_or_hold(connection, &part, 1);
}

static void flush_cork(struct tcp_server *server)
{
    struct iovec part = {server->cork, server->cork_used};
    server->cork_used = 0;
    if (!part.iov_len || !server->corked->open)
        return;
    if (server->corked->channel)
        tcp_channel_write(server->corked, server->cork, part.iov_len);
    else
        send_or_hold(server->corked, &part, 1);
}

static bool gather_in_cork(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    struct tcp_server *server = connection->server;
    if (server->corked != connection)
        return false;
    if (server->cork_used + 2 + length > server->cork_limit)
        flush_cork(server);
    if (tcp_bytes_used(&connection->output) || !connection->open)
        return false;
    store_u16(server->cork + server->cork_used, (uint16_t)length);
    memcpy(server->cork + server->cork_used + 2, bytes, length);
    server->cork_used += 2 + length;
    return true;
}

/* Prefix and message in one piece where there is room to put them together. */
static void send_through_channel(struct tcp_connection *connection, const uint8_t prefix[2],
                                 const uint8_t *bytes, size_t length)
{
    struct tcp_server *server = connection->server;
    if (!server->corked) {
        memcpy(server->cork, prefix, 2);
        memcpy(server->cork + 2, bytes, length);
        tcp_channel_write(connection, server->cork, 2 + length);
        return;
    }
    tcp_channel_write(connection, prefix, 2);
    if (connection->open)
        tcp_channel_write(connection, bytes, length);
}

static void send_message(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    assert(length <= TCP_MESSAGE_MAX);
    uint8_t prefix[2] = {(uint8_t)(length >> 8), (uint8_t)length};
    if (!connection->open || gather_in_cork(connection, bytes, length))
        return;
    if (connection->channel) {
        send_through_channel(connection, prefix, bytes, length);
        return;
    }
    struct iovec parts[2] = {{prefix, 2}, {(void *)(uintptr_t)bytes, length}};
    if (!tcp_bytes_used(&connection->output)) {
        send_or_hold(connection, parts, 2);
        return;
    }
    hold_output(connection, prefix, 2);
    hold_output(connection, bytes, length);
}

static void output_moved(struct tcp_connection *connection, size_t sent)
{
    struct tcp_server *server = connection->server;
    bytes_consume(&connection->output, sent);
    cds_list_del_init(&connection->writing);
    if (tcp_bytes_used(&connection->output)) {
        connection->progress_ms = loop_now_ms(server->loop);
        cds_list_add_tail(&connection->writing, &server->writing);
    }
}

/* The descriptor takes more. */
static void write_waiting(struct tcp_connection *connection)
{
    struct tcp_bytes *output = &connection->output;
    struct iovec part = {output->bytes + output->start, tcp_bytes_used(output)};
    ssize_t sent = part.iov_len ? send_some(connection, &part, 1) : 0;
    if (sent < 0) {
        tcp_connection_close(connection);
        return;
    }
    if (sent)
        output_moved(connection, (size_t)sent);
    if (!tcp_bytes_used(output))
        cds_list_del_init(&connection->writing);
    if (tcp_bytes_used(output) <= connection->server->limits.write_queue_bytes / 4)
        call_drained(connection);
}

/* --- input --- */

/* A client that does not read its answers gets no more of them made. */
static bool may_deliver(const struct tcp_connection *connection)
{
    const struct tcp_limits *limits = &connection->server->limits;
    return connection->open && !connection->draining && connection->in_flight < limits->in_flight &&
           tcp_bytes_used(&connection->output) <= limits->write_queue_bytes / 2;
}

/* Length of the first message with its prefix; 2 while the prefix is not whole. */
static size_t framed_length(const uint8_t *bytes, size_t length)
{
    return length < 2 ? 2 : 2 + (size_t)load_u16(bytes);
}

static bool holds_message(const struct tcp_bytes *input)
{
    size_t used = tcp_bytes_used(input);
    return used >= 2 && used >= framed_length(input->bytes + input->start, used);
}

/* Hands whole messages over, as long as it may. Returns how many bytes they took. */
static size_t deliver(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    struct tcp_server *server = connection->server;
    size_t at = 0;
    while (may_deliver(connection) && length - at >= 2) {
        size_t framed = framed_length(bytes + at, length - at);
        if (length - at < framed)
            break;
        connection->in_flight++;
        connection->references++;
        tcp_add(&server->messages, 1);
        server->message(server->context, connection, bytes + at + 2, framed - 2);
        at += framed;
    }
    return at;
}

/* Delivers with the answers that come at once gathered into few writes. */
static size_t deliver_corked(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    struct tcp_server *server = connection->server;
    bool cork = !server->corked; /* not when called from within another connection's delivery */
    connection->busy = true;
    if (cork)
        server->corked = connection;
    size_t taken = deliver(connection, bytes, length);
    if (cork) {
        flush_cork(server);
        server->corked = NULL;
    }
    connection->busy = false;
    if (taken && connection->open)
        set_wait(connection, TCP_WAIT_NONE, false); /* what comes next is counted anew */
    return taken;
}

static void deliver_held(struct tcp_connection *connection)
{
    struct tcp_bytes *input = &connection->input;
    size_t taken = deliver_corked(connection, input->bytes + input->start, tcp_bytes_used(input));
    bytes_consume(input, taken);
    if (!connection->open)
        bytes_free(input);
}

/* Where a message has begun, no more than its rest is read, into memory that grows as the bytes come: a
 * length alone costs nothing. */
static ssize_t read_rest(struct tcp_connection *connection)
{
    struct tcp_bytes *input = &connection->input;
    size_t used = tcp_bytes_used(input);
    size_t rest = framed_length(input->bytes + input->start, used) - used;
    size_t room = rest < used + 512 ? rest : used + 512;
    if (bytes_reserve(input, room) != 0)
        return -1;
    ssize_t got = recv(connection->watch.fd, input->bytes + input->end, room, MSG_DONTWAIT);
    if (got > 0)
        input->end += (size_t)got;
    return got;
}

void tcp_connection_take(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    size_t taken = tcp_bytes_used(&connection->input) ? 0 : deliver_corked(connection, bytes, length);
    if (connection->open && bytes_append(&connection->input, bytes + taken, length - taken) != 0)
        tcp_connection_close(connection);
}

static ssize_t read_fresh(struct tcp_connection *connection)
{
    uint8_t *scratch = connection->server->scratch;
    ssize_t got = recv(connection->watch.fd, scratch, TCP_READ_BYTES, MSG_DONTWAIT);
    if (got > 0)
        tcp_connection_take(connection, scratch, (size_t)got);
    return got;
}

static void read_more(struct tcp_connection *connection)
{
    ssize_t got = connection->channel                  ? tcp_channel_read(connection)
                  : tcp_bytes_used(&connection->input) ? read_rest(connection)
                                                       : read_fresh(connection);
    if (!connection->open)
        return;
    if (got == 0)
        connection->ended = true;
    else if (got < 0 && errno != EAGAIN && errno != EINTR)
        tcp_connection_close(connection);
}

/* --- what follows from what happened --- */

static enum tcp_wait what_time_counts(const struct tcp_connection *connection)
{
    if (connection->channel && !connection->ended &&
        !connection->server->channel->is_ready(connection->channel))
        return TCP_WAIT_MESSAGE; /* a handshake */
    bool owed = connection->in_flight || tcp_bytes_used(&connection->output);
    if (tcp_bytes_used(&connection->input) && !connection->ended)
        return may_deliver(connection) ? TCP_WAIT_MESSAGE : TCP_WAIT_NONE;
    return owed ? TCP_WAIT_NONE : TCP_WAIT_IDLE;
}

static void settle_open(struct tcp_connection *connection)
{
    bool output = tcp_bytes_used(&connection->output) > 0;
    if ((connection->ended || connection->draining) && !connection->in_flight && !output) {
        tcp_connection_close(connection);
        return;
    }
    set_wait(connection, what_time_counts(connection), false);
    bool input = may_deliver(connection) && !connection->ended;
    unsigned events = (input ? LOOP_READ : 0u) | (output || connection->drained ? LOOP_WRITE : 0u);
    if (loop_rewatch(connection->server->loop, &connection->watch, events) != 0)
        tcp_connection_close(connection);
}

void tcp_connection_settle(struct tcp_connection *connection)
{
    if (connection->busy || !connection->open)
        return;
    connection->references++;
    while (may_deliver(connection) && holds_message(&connection->input))
        deliver_held(connection);
    if (connection->open)
        settle_open(connection);
    drop_reference(connection);
}

void tcp_connection_ready(struct loop_watch *watch, unsigned events)
{
    struct tcp_connection *connection = (struct tcp_connection *)watch;
    connection->references++;
    connection->part_bytes = 0;
    if (events & LOOP_ERROR)
        tcp_connection_close(connection);
    if (connection->open && events & LOOP_WRITE)
        write_waiting(connection);
    if (events & LOOP_READ && may_deliver(connection) && !connection->ended)
        read_more(connection);
    tcp_connection_settle(connection);
    drop_reference(connection);
}

/* --- answers --- */

static void message_done(struct tcp_connection *connection)
{
    assert(connection->in_flight > 0);
    connection->in_flight--;
    tcp_connection_settle(connection);
    drop_reference(connection);
}

void tcp_reply(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    send_message(connection, bytes, length);
    message_done(connection);
}

void tcp_cut_off(struct tcp_connection *connection)
{
    tcp_connection_close(connection);
}

void tcp_no_reply(struct tcp_connection *connection)
{
    message_done(connection);
}

int tcp_reply_part(struct tcp_connection *connection, const uint8_t *bytes, size_t length)
{
    if (!connection->open)
        return ERR_CLOSED;
    if (tcp_bytes_used(&connection->output) > connection->server->limits.write_queue_bytes / 4 ||
        connection->part_bytes > TCP_TURN_BYTES)
        return ERR_AGAIN;
    connection->part_bytes += length;
    send_message(connection, bytes, length);
    tcp_connection_settle(connection);
    return connection->open ? 0 : ERR_CLOSED;
}

void tcp_on_drained(struct tcp_connection *connection, void (*drained)(void *context), void *context)
{
    connection->drained = drained;
    connection->drained_context = context;
    if (connection->open)
        watch_progress(connection); /* the kernel may be full with nothing waiting here */
    tcp_connection_settle(connection);
}

const union sockaddr_any *tcp_peer(const struct tcp_connection *connection)
{
    return &connection->peer;
}

struct ip_address tcp_local(const struct tcp_connection *connection)
{
    return connection->local;
}

uint16_t tcp_local_port(const struct tcp_connection *connection)
{
    return connection->local_port;
}

bool tcp_has_channel(const struct tcp_connection *connection)
{
    return connection->channelled;
}
