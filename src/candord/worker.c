/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "base/log.h"
#include "base/random.h"
#include "base/reader.h"
#include "candord/cookie_table.h"
#include "candord/hits.h"
#include "candord/ready_table.h"
#include "candord/server_table.h"
#include "candord/tls_server.h"
#include "candord/worker_parts.h"

enum { ASKED_NOTES_PER_S = 512 }; /* for the guard */

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

struct rights_table *worker_rights(struct worker *worker)
{
    return worker->rights;
}

struct cookie_table *worker_cookies(struct worker *worker)
{
    return worker->cookies;
}

struct hit_run *worker_hit_run(struct worker *worker)
{
    return &worker->hit_run;
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

/* --- what comes back --- */

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
        worker_ask_returned(worker, (struct pending_ask *)message);
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
    worker->cookies = cookie_table_new(serving->cookie_secret, random_u64());
    worker->ready = ready_table_new(random_u64());
    worker->sketch = sketch_new(random_u64(), ASKED_NOTES_PER_S);
    worker->hits = sketch_new(random_u64(), HITS_NOTES_PER_S);
    worker->listeners = calloc(config->listen_count ? config->listen_count : 1, sizeof *worker->listeners);
    if (!worker->loop || !worker->listeners || !worker->servers || !worker->rights || !worker->cookies ||
        !worker->ready || !worker->sketch || !worker->hits)
        error = ERR_NOMEM;
    snprintf(problem, problem_size, "%s", err_text(error));
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
            error = udp_serve(listener->udp, worker->loop, worker_udp_batch, listener);
        if (!error)
            error = tcp_serve(listener->tcp, worker->loop, &worker->tcp_limits, worker_tcp_message, listener);
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
    if (!worker->started)
        return;
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
    cookie_table_free(worker->cookies);
    ready_table_free(worker->ready);
    sketch_free(worker->sketch);
    sketch_free(worker->hits);
    if (worker->loop)
        loop_free(worker->loop);
    inbox_fini(&worker->inbox);
    inbox_fini(&worker->tasks);
    free(worker);
}
