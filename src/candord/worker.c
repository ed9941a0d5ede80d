/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/reader.h"
#include "candord/explain.h"
#include "candord/hits.h"
#include "candord/ready_table.h"
#include "candord/server_table.h"
#include "candord/signature.h"
#include "candord/tls_server.h"
#include "candord/transfer_out.h"
#include "dns/name.h"

enum { ASKED_NOTES_PER_S = 2048 }; /* for the guard */

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
    struct sketch *sketch, *hits;
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

struct serving *worker_serving(struct worker *worker)
{
    return worker->serving;
}

struct loop *worker_loop(struct worker *worker)
{
    return worker->loop;
}

struct transfers_out *worker_transfers(struct worker *worker)
{
    return &worker->transfers;
}

struct inbox *worker_inbox(struct worker *worker)
{
    return &worker->inbox;
}

_Atomic uint64_t *worker_counters(struct worker *worker)
{
    return worker->counters;
}

/* --- queries --- */

static struct query *query_take(struct worker *worker)
{
    struct query *q = worker->free;
    if (q) {
        worker->free = q->next_free;
        return q;
    }
    q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    q->worker = worker;
    q->asked_lately = worker->sketch;
    q->pending.query = q;
    arena_init(&q->arena, 2048);
    q->touched = true;
    query_clear(q);
    return q;
}

static void query_give(struct worker *worker, struct query *q)
{
    query_clear(q);
    q->next_free = worker->free;
    worker->free = q;
}

/* The query goes on living after the batch: what it borrowed becomes its own. */
static void query_detach(struct query *q)
{
    q->touched = true;
    query_keep_packet(q);
    if (q->peer) {
        q->peer_kept = *q->peer;
        q->peer = &q->peer_kept;
    }
    if (!q->holds_snapshot)
        snapshot_ref(q->snapshot);
    q->holds_snapshot = true;
}

static void deliver(struct query *q)
{
    if (q->signature)
        signature_put(q);
    bool send = !q->no_reply && q->out_length && !q->worker->ended;
    if (q->explanation) {
        explain_finish(q);
        return;
    }
    if (q->client.transport == TRANSPORT_UDP && send)
        udp_send(q->udp, q->peer, q->out, q->out_length);
    else if (q->client.transport == TRANSPORT_TCP && send)
        tcp_reply(q->tcp, q->out, q->out_length);
    else if (q->client.transport == TRANSPORT_TCP)
        tcp_no_reply(q->tcp);
}

void worker_lend_room(struct query *q)
{
    q->now_ms = loop_now_ms(q->worker->loop);
    q->out = q->worker->scratch;
    q->out_size = sizeof q->worker->scratch;
}

void worker_answer(struct query *q)
{
    deliver(q);
    query_give(q->worker, q);
}

void worker_drop(struct query *q)
{
    query_give(q->worker, q);
}

static void query_continue(struct query *q)
{
    struct worker *worker = q->worker;
    worker_lend_room(q);
    worker->counters = q->explanation ? worker->unseen : worker->counted;
    enum query_progress progress = query_resume(q);
    worker->counters = worker->counted;
    if (progress == QUERY_WAITS)
        return;
    deliver(q);
    if (q->ask_pending)
        q->answered = true; /* the ask's storage is needed until it comes back */
    else
        query_give(worker, q);
}

static struct query *query_of_timer(struct loop_timer *timer)
{
    return (struct query *)((char *)timer - offsetof(struct query, stale_timer));
}

static void patience_ended(struct loop_timer *timer)
{
    struct query *q = query_of_timer(timer);
    q->prefer_stale = true;
    query_continue(q);
}

/* How long the query waits for what it asks now before it goes on without; 0: as long as the resolver takes.
 */
static uint32_t patience_of(const struct query *q)
{
    const struct view_config *config = q->view->config;
    if (q->stage == STAGE_SERVERS)
        return servers_patience_ms(q);
    if (q->asks_alias)
        return ALIAS_PATIENCE_MS;
    bool stale = config->stale_answer_enable && config->stale_answer_client_timeout_ms > 0;
    return stale ? (uint32_t)config->stale_answer_client_timeout_ms : 0;
}

static void fill_ask(struct worker *worker, struct resolver_ask *ask, const struct view *view,
                     const uint8_t *name, uint16_t type)
{
    ask->reply_to = &worker->inbox;
    ask->name_length = (uint8_t)name_copy(ask->name, name);
    ask->qtype = type;
    ask->hash = cache_hash(view->pool->cache, ask->name, ask->name_length, type);
    ask->error = 0;
    ask->truth = NULL;
    worker->asks_out++;
}

enum query_progress query_ask(struct query *q, const uint8_t *name, uint16_t type)
{
    struct worker *worker = q->worker;
    struct serving *serving = worker->serving;
    if (atomic_fetch_add(&serving->waiting, 1) >= q->snapshot->config->server.recursive_clients) {
        atomic_fetch_sub(&serving->waiting, 1);
        metric_add(worker->counters, SERVE_LIMIT_CLIENTS, 1);
        q->ask_error = ERR_LIMIT;
        return QUERY_DONE;
    }
    metric_add(worker->counters, SERVE_CACHE_MISSES, 1);
    metric_set(worker->counters, SERVE_WAITING, ++worker->waiting);
    fill_ask(worker, &q->pending.ask, q->view, name, type);
    q->pending.ask.client =
        q->stage == STAGE_SERVERS ? (struct ip_address){.family = IP_NONE} : q->client.address;
    q->pending.ask.refresh = false;
    q->ask_pending = true;
    uint32_t patience_ms = patience_of(q);
    if (patience_ms && loop_timer_set(worker->loop, &q->stale_timer, q->now_ms + patience_ms, patience_ended))
        log_write(LOG_CLIENT, LEVEL_ERROR, "no memory for a timer");
    resolver_ask(q->view->pool->resolver, &q->pending.ask);
    return QUERY_WAITS;
}

void worker_fetch(struct worker *worker, const struct view *view, const uint8_t *name, uint16_t type)
{
    struct pending_ask *pending = worker->stopping ? NULL : calloc(1, sizeof *pending);
    if (!pending)
        return;
    metric_add(worker->counters, SERVE_PREFETCHES, 1);
    fill_ask(worker, &pending->ask, view, name, type);
    pending->ask.refresh = true;
    resolver_ask(view->pool->resolver, &pending->ask);
}

struct rights_table *worker_rights(struct worker *worker)
{
    return worker->rights;
}

struct ready_table *worker_ready(struct worker *worker)
{
    return worker->ready;
}

struct sketch *worker_sketch(struct worker *worker)
{
    return worker->sketch;
}

struct sketch *worker_hits(struct worker *worker)
{
    return worker->hits;
}

struct server_table *worker_servers(struct worker *worker)
{
    return worker->servers;
}

/* --- packets --- */

static void handle_batch(void *context, struct udp_socket *socket, struct udp_datagram *batch, size_t count)
{
    struct listener *listener = context;
    struct worker *worker = listener->worker;
    struct snapshot *snapshot = atomic_load_explicit(&worker->serving->snapshot, memory_order_consume);
    uint64_t now_ms = loop_now_ms(worker->loop);
    for (size_t i = 0; i < count; i++) {
        struct udp_datagram *datagram = &batch[i];
        struct query *q = query_take(worker);
        if (!q)
            return;
        q->client.transport = TRANSPORT_UDP;
        q->client.address = ip_from_sockaddr(&datagram->peer->address);
        q->client.port = sockaddr_port(&datagram->peer->address);
        q->client.local = datagram->peer->has_local ? datagram->peer->local : listener->address;
        q->udp = socket;
        q->peer = datagram->peer;
        q->tcp = NULL;
        q->snapshot = snapshot;
        q->now_ms = now_ms;
        q->out = datagram->reply;
        q->out_size = UDP_SEND_MAX;
        if (query_start(q, datagram->bytes, datagram->length) == QUERY_WAITS) {
            query_detach(q);
            continue;
        }
        if (q->signature)
            signature_put(q);
        datagram->reply_length = q->no_reply ? 0 : q->out_length;
        query_give(worker, q);
    }
}

static void handle_message(void *context, struct tcp_connection *connection, const uint8_t *message,
                           size_t length)
{
    struct listener *listener = context;
    struct worker *worker = listener->worker;
    struct query *q = query_take(worker);
    if (!q) {
        tcp_no_reply(connection);
        return;
    }
    q->client.transport = TRANSPORT_TCP;
    q->client.address = ip_from_sockaddr(tcp_peer(connection));
    q->client.port = sockaddr_port(tcp_peer(connection));
    q->client.local = tcp_local(connection);
    q->udp = NULL;
    q->peer = NULL;
    q->tcp = connection;
    q->snapshot = atomic_load_explicit(&worker->serving->snapshot, memory_order_consume);
    q->now_ms = loop_now_ms(worker->loop);
    q->out = worker->scratch;
    q->out_size = sizeof worker->scratch;
    if (query_start(q, message, length) == QUERY_WAITS) {
        query_detach(q);
        return;
    }
    deliver(q);
    query_give(worker, q);
}

void worker_explain(struct worker *worker, struct explanation *explanation, const struct client *client,
                    const uint8_t *packet, size_t length)
{
    struct query *q = query_take(worker);
    if (!q) {
        explanation->job.error = ERR_NOMEM;
        inbox_post(explanation->reply_to, &explanation->job.message);
        return;
    }
    q->client = *client;
    q->explanation = explanation;
    q->udp = NULL;
    q->peer = NULL;
    q->tcp = NULL;
    q->snapshot = atomic_load_explicit(&worker->serving->snapshot, memory_order_consume);
    q->now_ms = loop_now_ms(worker->loop);
    q->out = worker->scratch;
    q->out_size = sizeof worker->scratch;
    worker->counters = worker->unseen;
    enum query_progress progress = query_start(q, packet, length);
    worker->counters = worker->counted;
    if (progress == QUERY_WAITS) {
        query_detach(q);
        return;
    }
    deliver(q);
    query_give(worker, q);
}

/* --- what comes back --- */

static void ask_returned(struct worker *worker, struct pending_ask *pending)
{
    struct query *q = pending->query;
    worker->asks_out--;
    if (!q) { /* a refresh: the cache has it */
        truth_unref(pending->ask.truth);
        free(pending);
        return;
    }
    atomic_fetch_sub(&worker->serving->waiting, 1);
    metric_set(worker->counters, SERVE_WAITING, --worker->waiting);
    loop_timer_cancel(worker->loop, &q->stale_timer);
    q->ask_pending = false;
    q->truth = pending->ask.truth;
    q->ask_error = pending->ask.error;
    if (q->answered)
        query_give(worker, q);
    else
        query_continue(q);
}

static void end_when_idle(struct worker *worker)
{
    bool idle = worker->asks_out == 0;
    for (size_t i = 0; i < worker->listener_count; i++)
        idle &= tcp_idle(worker->listeners[i].tcp);
    if (worker->stopping && idle)
        loop_stop(worker->loop);
}

static void stop_timer_fired(struct loop_timer *timer)
{
    struct worker *worker = (struct worker *)((char *)timer - offsetof(struct worker, stop_timer));
    if (worker->asks_out == 0)
        loop_stop(worker->loop); /* slow readers have had their time */
    else if (loop_timer_set(worker->loop, timer, loop_now_ms(worker->loop) + 50, stop_timer_fired))
        loop_stop(worker->loop);
}

static void begin_stop(struct worker *worker, struct worker_task *task)
{
    (void)task;
    worker->stopping = true;
    for (size_t i = 0; i < worker->listener_count; i++) {
        if (worker->listeners[i].udp)
            udp_stop(worker->listeners[i].udp);
        tcp_stop(worker->listeners[i].tcp);
    }
    transfers_out_cut(&worker->transfers);
    uint64_t due_ms = loop_now_ms(worker->loop) + atomic_load(&worker->drain_ms);
    if (loop_timer_set(worker->loop, &worker->stop_timer, due_ms, stop_timer_fired))
        loop_stop(worker->loop);
}

static void inbox_ready(struct loop_watch *watch, unsigned events)
{
    (void)events;
    struct worker *worker = (struct worker *)((char *)watch - offsetof(struct worker, inbox_watch));
    struct inbox_message *message;
    inbox_quiet(&worker->inbox);
    while ((message = inbox_take(&worker->inbox)))
        ask_returned(worker, (struct pending_ask *)message);
    end_when_idle(worker);
}

static void run_tasks(struct worker *worker)
{
    struct inbox_message *message;
    inbox_quiet(&worker->tasks);
    while ((message = inbox_take(&worker->tasks)))
        ((struct worker_task *)message)->run(worker, (struct worker_task *)message);
}

static void tasks_ready(struct loop_watch *watch, unsigned events)
{
    (void)events;
    struct worker *worker = (struct worker *)((char *)watch - offsetof(struct worker, tasks_watch));
    run_tasks(worker);
    end_when_idle(worker);
}

void worker_post(struct worker *worker, struct worker_task *task)
{
    inbox_post(&worker->tasks, &task->message);
}

/* --- life --- */

static int open_listener(struct worker *worker, const struct listen_address *at, char *problem,
                         size_t problem_size)
{
    struct listener *listener = &worker->listeners[worker->listener_count];
    char text[IP_TEXT_MAX];
    *listener =
        (struct listener){.worker = worker, .address = at->address, .port = at->port, .tls = at->tls != NULL};
    int error = at->tls ? 0 : udp_open(&at->address, at->port, true, &listener->udp);
    if (!error)
        error = tcp_open(&at->address, at->port, true, &listener->tcp);
    if (!error && at->tls)
        tcp_set_channel(listener->tcp, &tls_channel_ops, tls_servers_find(worker->serving->tls, at->tls));
    if (error) {
        snprintf(problem, problem_size, "cannot listen on %s#%u: %s", ip_to_text(&at->address, text),
                 at->port, err_text(error));
        if (listener->udp)
            udp_close(listener->udp);
        return error;
    }
    if (worker->index == 0)
        log_write(LOG_NETWORK, LEVEL_INFO, "listening on %s#%u%s%s", ip_to_text(&at->address, text), at->port,
                  at->tls ? " with tls " : "", at->tls ? at->tls : "");
    worker->listener_count++;
    return 0;
}

/* As in BIND, an address that this machine does not have (no IPv6, say) is not listened on; the others are.
 */
static bool is_missing_address(int error)
{
    return error == err_from_errno(EADDRNOTAVAIL) || error == err_from_errno(EAFNOSUPPORT);
}

static int open_listeners(struct worker *worker, const struct server_config *config, char *problem,
                          size_t problem_size)
{
    int error = 0;
    for (size_t i = 0; i < config->listen_count && !error; i++) {
        error = open_listener(worker, &config->listen[i], problem, problem_size);
        if (is_missing_address(error) && config->listen_count > 1) {
            if (worker->index == 0)
                log_write(LOG_NETWORK, LEVEL_WARN, "%s", problem);
            error = 0;
        }
    }
    return !error && config->listen_count && !worker->listener_count ? err_from_errno(EADDRNOTAVAIL) : error;
}

static struct tcp_limits limits_of(const struct server_config *config)
{
    unsigned share = config->tcp_clients / (config->workers ? config->workers : 1);
    return (struct tcp_limits){
        .connections = share ? share : 1,
        .idle_ms = config->tcp_idle_ms,
        .message_ms = config->tcp_message_ms,
        .write_stall_ms = config->tcp_message_ms,
        .write_queue_bytes = config->tcp_write_queue_bytes,
        .in_flight = config->tcp_pipeline,
        .lifetime_ms = config->tcp_lifetime_ms,
        .connections_per_client = config->tcp_clients_per_address,
    };
}

int worker_new(struct serving *serving, const struct server_config *config, unsigned index,
               struct worker **out, char *problem, size_t problem_size)
{
    struct worker *worker = calloc(1, sizeof *worker);
    struct metric_block *block = metrics_add_block(serving->metrics, &serve_metrics);
    int error = worker && block ? inbox_init(&worker->inbox) : ERR_NOMEM;
    if (!error)
        error = inbox_init(&worker->tasks);
    snprintf(problem, problem_size, "%s", err_text(error));
    if (error) {
        free(worker);
        return error;
    }
    worker->serving = serving;
    worker->index = index;
    worker->counters = worker->counted = metric_values(block);
    worker->tcp_limits = limits_of(config);
    worker->loop = loop_new();
    worker->servers = server_table_new();
    worker->rights = rights_table_new();
    worker->ready = ready_table_new(random_u64());
    worker->sketch = sketch_new(random_u64(), ASKED_NOTES_PER_S);
    worker->hits = sketch_new(random_u64(), HITS_NOTES_PER_S);
    worker->listeners = calloc(config->listen_count ? config->listen_count : 1, sizeof *worker->listeners);
    if (!worker->loop || !worker->listeners || !worker->servers || !worker->rights || !worker->ready ||
        !worker->sketch || !worker->hits)
        error = ERR_NOMEM;
    if (!error)
        error = open_listeners(worker, config, problem, problem_size);
    if (error)
        worker_free(worker);
    else
        *out = worker;
    return error;
}

static int serve(struct worker *worker)
{
    int error = loop_watch(worker->loop, &worker->inbox_watch, worker->inbox.fd, LOOP_READ, inbox_ready);
    if (!error)
        error = loop_watch(worker->loop, &worker->tasks_watch, worker->tasks.fd, LOOP_READ, tasks_ready);
    for (size_t i = 0; i < worker->listener_count && !error; i++) {
        struct listener *listener = &worker->listeners[i];
        if (listener->udp)
            error = udp_serve(listener->udp, worker->loop, handle_batch, listener);
        if (!error)
            error = tcp_serve(listener->tcp, worker->loop, &worker->tcp_limits, handle_message, listener);
    }
    return error;
}

static void *run(void *context)
{
    struct worker *worker = context;
    rcu_register_thread();
    loop_on_wait(worker->loop, reader_before_wait, reader_after_wait, NULL);
    loop_run(worker->loop);
    rcu_unregister_thread();
    return NULL;
}

int worker_start(struct worker *worker)
{
    int error = serve(worker);
    if (error)
        return error;
    int failed = pthread_create(&worker->thread, NULL, run, worker);
    if (failed)
        return err_from_errno(failed);
    char name[16];
    snprintf(name, sizeof name, "worker-%u", worker->index);
    pthread_setname_np(worker->thread, name);
    worker->started = true;
    return 0;
}

void worker_stop(struct worker *worker, unsigned drain_ms)
{
    atomic_store(&worker->drain_ms, drain_ms);
    worker->stop_task.run = begin_stop;
    worker_post(worker, &worker->stop_task);
}

void worker_join(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    worker->started = false;
}

static void add_tcp(struct tcp_counters *sum, const struct tcp_counters *one)
{
    sum->accepted += one->accepted;
    sum->closed_idle += one->closed_idle;
    sum->closed_slow += one->closed_slow;
    sum->closed_limit += one->closed_limit;
    sum->refused_limit += one->refused_limit;
    sum->messages += one->messages;
    sum->open_now += one->open_now;
}

void worker_count(const struct worker *worker, struct udp_counters *udp, struct tcp_counters *tcp,
                  struct tcp_counters *tls)
{
    for (size_t i = 0; i < worker->listener_count; i++) {
        struct udp_counters from_udp = {0};
        struct tcp_counters from_tcp;
        if (worker->listeners[i].udp)
            udp_count(worker->listeners[i].udp, &from_udp);
        tcp_count(worker->listeners[i].tcp, &from_tcp);
        udp->received += from_udp.received;
        udp->sent += from_udp.sent;
        udp->send_failed += from_udp.send_failed;
        udp->truncated_in += from_udp.truncated_in;
        add_tcp(worker->listeners[i].tls ? tls : tcp, &from_tcp);
    }
}

void worker_free(struct worker *worker)
{
    if (!worker)
        return;
    for (size_t i = 0; i < worker->listener_count; i++) {
        if (worker->listeners[i].udp)
            udp_close(worker->listeners[i].udp);
        tcp_close(worker->listeners[i].tcp);
    }
    worker->ended = true;
    run_tasks(worker); /* what comes back from other threads, which have ended */
    while (worker->free) {
        struct query *q = worker->free;
        worker->free = q->next_free;
        arena_fini(&q->arena);
        free(q);
    }
    free(worker->listeners);
    server_table_free(worker->servers);
    rights_table_free(worker->rights);
    ready_table_free(worker->ready);
    sketch_free(worker->sketch);
    sketch_free(worker->hits);
    if (worker->loop)
        loop_free(worker->loop);
    inbox_fini(&worker->inbox);
    inbox_fini(&worker->tasks);
    free(worker);
}
