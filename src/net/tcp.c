/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/random.h"
#include "net/tcp_parts.h"

enum {
    LISTEN_BACKLOG = 1024,
    ACCEPTS_PER_ROUND = 16,
    TICK_MIN_MS = 5,
    TICK_MAX_MS = 1000,
    WRITE_QUEUE_MIN_BYTES = 2 * (2 + TCP_MESSAGE_MAX),
};

/* --- opening --- */

static int open_listener(struct tcp_server *server, const struct ip_address *address, uint16_t port,
                         bool reuse_port)
{
    bool v6 = address->family == IP_V6;
    int on = 1;
    union sockaddr_any bound;
    socklen_t length = ip_to_sockaddr(address, port, &bound);
    server->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || setsockopt(server->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (reuse_port && setsockopt(server->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        (v6 && setsockopt(server->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        /* what is accepted inherits it */
        setsockopt(server->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(server->fd, &bound.any, length) != 0 || getsockname(server->fd, &bound.any, &length) != 0)
        return err_from_errno(errno);
    server->port = sockaddr_port(&bound);
    return 0;
}

int tcp_open(const struct ip_address *address, uint16_t port, bool reuse_port, struct tcp_server **out)
{
    struct tcp_server *server = calloc(1, sizeof *server);
    if (!server)
        return ERR_NOMEM;
    CDS_INIT_LIST_HEAD(&server->open);
    CDS_INIT_LIST_HEAD(&server->gone);
    CDS_INIT_LIST_HEAD(&server->idle);
    CDS_INIT_LIST_HEAD(&server->reading);
    CDS_INIT_LIST_HEAD(&server->writing);
    int error = open_listener(server, address, port, reuse_port);
    if (error)
        tcp_close(server);
    else
        *out = server;
    return error;
}

uint16_t tcp_port(const struct tcp_server *server)
{
    return server->port;
}

/* --- time --- */

static void close_counted(struct tcp_connection *connection, _Atomic uint64_t *counter)
{
    tcp_add(counter, 1);
    tcp_connection_close(connection);
}

/* Closes from the head of a list, which is in order of time, what has waited too long. */
static void expire_waiting(struct tcp_server *server, struct cds_list_head *list, uint32_t limit_ms,
                           _Atomic uint64_t *counter)
{
    uint64_t now_ms = loop_now_ms(server->loop);
    while (limit_ms && !cds_list_empty(list)) {
        struct tcp_connection *first = cds_list_entry(list->next, struct tcp_connection, waiting);
        if (first->since_ms + limit_ms > now_ms)
            return;
        close_counted(first, counter);
    }
}

static void expire_stalled(struct tcp_server *server)
{
    uint64_t now_ms = loop_now_ms(server->loop);
    while (server->limits.write_stall_ms && !cds_list_empty(&server->writing)) {
        struct tcp_connection *first = cds_list_entry(server->writing.next, struct tcp_connection, writing);
        if (first->progress_ms + server->limits.write_stall_ms > now_ms)
            return;
        close_counted(first, &server->closed_slow);
    }
}

/* Old connections end gently: what is owed is still answered. */
static void expire_old(struct tcp_server *server)
{
    struct tcp_connection *connection, *next;
    uint64_t now_ms = loop_now_ms(server->loop);
    cds_list_for_each_entry_safe(connection, next, &server->open, all)
    {
        if (connection->opened_ms + server->limits.lifetime_ms > now_ms)
            return;
        if (connection->draining)
            continue;
        connection->draining = true;
        tcp_add(&server->closed_limit, 1);
        tcp_connection_settle(connection);
    }
}

static int watch_listener(struct tcp_server *server, bool watch);

static void tick(struct loop_timer *timer)
{
    struct tcp_server *server =
        (struct tcp_server *)(void *)((char *)timer - offsetof(struct tcp_server, tick));
    const struct tcp_limits *limits = &server->limits;
    expire_waiting(server, &server->idle, limits->idle_ms, &server->closed_idle);
    expire_waiting(server, &server->reading, limits->message_ms, &server->closed_slow);
    expire_stalled(server);
    if (limits->lifetime_ms)
        expire_old(server);
    bool listening = server->stopped || watch_listener(server, true) == 0;
    if (!cds_list_empty(&server->open) || !listening)
        (void)!loop_timer_set(server->loop, timer, loop_now_ms(server->loop) + server->tick_ms, tick);
}

static int need_tick(struct tcp_server *server)
{
    if (server->tick.heap_index)
        return 0;
    return loop_timer_set(server->loop, &server->tick, loop_now_ms(server->loop) + server->tick_ms, tick);
}

/* --- accepting --- */

static int watch_listener(struct tcp_server *server, bool watch)
{
    int error = 0;
    if (watch != server->watching)
        error = loop_rewatch(server->loop, &server->watch, watch ? LOOP_READ : 0);
    if (!error)
        server->watching = watch;
    return error;
}

static struct cds_list_head *bucket_of(const struct tcp_server *server, const struct ip_address *client)
{
    return &server->clients[hash_bytes(server->seed, client->bytes, sizeof client->bytes) &
                            server->client_mask];
}

static bool client_has_too_many(const struct tcp_server *server, const struct ip_address *client)
{
    unsigned count = 0;
    struct tcp_connection *other;
    if (!server->limits.connections_per_client)
        return false;
    cds_list_for_each_entry(other, bucket_of(server, client), client)
    {
        struct ip_address address = ip_from_sockaddr(&other->peer);
        count += ip_equal(&address, client);
    }
    return count >= server->limits.connections_per_client;
}

/* The connection idle longest gives way. */
static bool make_room(struct tcp_server *server)
{
    if (cds_list_empty(&server->idle))
        return false;
    close_counted(cds_list_entry(server->idle.next, struct tcp_connection, waiting), &server->closed_limit);
    return true;
}

static bool may_enter(struct tcp_server *server, const union sockaddr_any *peer)
{
    struct ip_address client = ip_from_sockaddr(peer);
    bool full = atomic_load_explicit(&server->open_now, memory_order_relaxed) >= server->limits.connections;
    bool enter = !client_has_too_many(server, &client) && (!full || make_room(server));
    if (!enter)
        tcp_add(&server->refused_limit, 1);
    return enter;
}

static struct ip_address local_of(int fd)
{
    union sockaddr_any local = {0};
    socklen_t length = sizeof local;
    (void)!getsockname(fd, &local.any, &length);
    return ip_from_sockaddr(&local);
}

static int begin_channel(struct tcp_server *server, struct tcp_connection *connection)
{
    connection->channelled = server->channel != NULL;
    if (server->channel)
        connection->channel = server->channel->begin(server->channel_context);
    return connection->channelled && !connection->channel ? ERR_NOMEM : 0;
}

/* Takes the descriptor over. */
static int begin_connection(struct tcp_server *server, int fd, const union sockaddr_any *peer)
{
    struct tcp_connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        return ERR_NOMEM;
    int error = begin_channel(server, connection);
    if (!error)
        error = need_tick(server);
    if (!error)
        error = loop_watch(server->loop, &connection->watch, fd, LOOP_READ, tcp_connection_ready);
    if (error) {
        if (connection->channel)
            server->channel->end(connection->channel);
        free(connection);
        return error;
    }
    struct ip_address client = ip_from_sockaddr(peer);
    connection->server = server;
    connection->local_port = server->port;
    connection->peer = *peer;
    connection->local = local_of(fd);
    connection->opened_ms = connection->since_ms = loop_now_ms(server->loop);
    connection->references = 1;
    connection->open = true;
    connection->wait = TCP_WAIT_IDLE;
    cds_list_add_tail(&connection->all, &server->open);
    cds_list_add_tail(&connection->waiting, &server->idle);
    cds_list_add_tail(&connection->client, bucket_of(server, &client));
    CDS_INIT_LIST_HEAD(&connection->writing);
    tcp_add(&server->open_now, 1);
    return 0;
}

static bool out_of_resources(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Who idles gives a descriptor back, and the listener rests until the next tick. */
static void rest_listener(struct tcp_server *server)
{
    make_room(server);
    if (need_tick(server) == 0)
        (void)!watch_listener(server, false);
}

static void accept_ready(struct loop_watch *watch, unsigned events)
{
    struct tcp_server *server = (struct tcp_server *)watch;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
        union sockaddr_any peer = {0};
        socklen_t length = sizeof peer;
        int fd = accept4(server->fd, &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        /* Said also when nobody waits: then the loop has not called. */
        if (fd < 0 && i == 0 && out_of_resources(errno))
            rest_listener(server);
        if (fd < 0)
            return;
        tcp_add(&server->accepted, 1);
        if (!may_enter(server, &peer) || begin_connection(server, fd, &peer) != 0)
            close(fd);
    }
}

static int make_buckets(struct tcp_server *server)
{
    size_t count = 16;
    while (count < server->limits.connections && count < 1 << 20)
        count *= 2;
    server->clients = malloc(count * sizeof *server->clients);
    if (!server->clients)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        CDS_INIT_LIST_HEAD(&server->clients[i]);
    server->client_mask = count - 1;
    server->seed = random_u64();
    return 0;
}

static uint32_t shorter(uint32_t a, uint32_t b)
{
    return b && b < a ? b : a;
}

/* Limits are kept to about an eighth. */
static uint64_t tick_for(const struct tcp_limits *limits)
{
    uint32_t shortest_ms = shorter(
        shorter(shorter(limits->idle_ms, limits->message_ms), limits->write_stall_ms), limits->lifetime_ms);
    uint32_t ms = shortest_ms / 8;
    return ms < TICK_MIN_MS ? TICK_MIN_MS : ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
}

void tcp_set_channel(struct tcp_server *server, const struct tcp_channel_ops *ops, void *context)
{
    server->channel = ops;
    server->channel_context = context;
}

int tcp_serve(struct tcp_server *server, struct loop *loop, const struct tcp_limits *limits,
              tcp_message_fn *message, void *context)
{
    server->limits = *limits;
    if (server->limits.write_queue_bytes < WRITE_QUEUE_MIN_BYTES)
        server->limits.write_queue_bytes = WRITE_QUEUE_MIN_BYTES;
    size_t half_queue = server->limits.write_queue_bytes / 2;
    server->cork_limit = half_queue < TCP_CORK_BYTES ? half_queue : TCP_CORK_BYTES;
    server->tick_ms = tick_for(limits);
    server->message = message;
    server->context = context;
    int error = make_buckets(server);
    if (!error && server->channel && !(server->plain = malloc(TCP_READ_BYTES)))
        error = ERR_NOMEM;
    if (!error && listen(server->fd, LISTEN_BACKLOG) != 0)
        error = err_from_errno(errno);
    if (!error)
        error = loop_watch(loop, &server->watch, server->fd, LOOP_READ, accept_ready);
    if (!error) {
        server->loop = loop;
        server->watching = true;
    }
    return error;
}

/* --- counting and ending --- */

void tcp_count(const struct tcp_server *server, struct tcp_counters *out)
{
    *out = (struct tcp_counters){
        .accepted = atomic_load_explicit(&server->accepted, memory_order_relaxed),
        .closed_idle = atomic_load_explicit(&server->closed_idle, memory_order_relaxed),
        .closed_slow = atomic_load_explicit(&server->closed_slow, memory_order_relaxed),
        .closed_limit = atomic_load_explicit(&server->closed_limit, memory_order_relaxed),
        .refused_limit = atomic_load_explicit(&server->refused_limit, memory_order_relaxed),
        .messages = atomic_load_explicit(&server->messages, memory_order_relaxed),
        .open_now = atomic_load_explicit(&server->open_now, memory_order_relaxed),
    };
}

void tcp_stop(struct tcp_server *server)
{
    struct tcp_connection *connection, *next;
    if (server->stopped)
        return;
    server->stopped = true;
    if (server->loop)
        loop_unwatch(server->loop, &server->watch);
    if (server->fd >= 0)
        close(server->fd);
    server->fd = -1;
    cds_list_for_each_entry_safe(connection, next, &server->open, all)
    {
        connection->draining = true;
        tcp_connection_settle(connection);
    }
}

bool tcp_idle(const struct tcp_server *server)
{
    return server->open.next == &server->open && server->gone.next == &server->gone;
}

void tcp_close(struct tcp_server *server)
{
    struct tcp_connection *connection, *next;
    if (!server)
        return;
    tcp_stop(server);
    while (!cds_list_empty(&server->open))
        tcp_connection_close(cds_list_entry(server->open.next, struct tcp_connection, all));
    cds_list_for_each_entry_safe(connection, next, &server->gone, all)
    {
        connection->server = NULL; /* its messages will be answered into nothing */
        cds_list_del_init(&connection->all);
    }
    if (server->loop)
        loop_timer_cancel(server->loop, &server->tick);
    free(server->clients);
    free(server->plain);
    free(server);
}
