/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A worker's packets in and answers out. */
#include <stdlib.h>

#include "candord/explain.h"
#include "candord/hits.h"
#include "candord/signature.h"
#include "candord/worker_parts.h"

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

void worker_give(struct worker *worker, struct query *q)
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

static void look_last(struct query *q)
{
    if (q->rights.ordered)
        reply_order(q, q->worker->turn++);
    if (q->rights.limited)
        reply_limit(q);
    if (q->asked.wants_padding && q->client.transport == TRANSPORT_TCP)
        reply_pad(q);
    if (q->signature)
        signature_put(q);
}

void worker_deliver(struct query *q)
{
    if (q->rights.last_look || q->asked.wants_padding)
        look_last(q);
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
    worker_deliver(q);
    worker_give(q->worker, q);
}

void worker_drop(struct query *q)
{
    worker_give(q->worker, q);
}

/* --- packets --- */

enum { TOGETHER = 16 /* questions of a batch that are answered side by side */ };

static enum query_progress receive(struct listener *listener, struct udp_socket *socket,
                                   struct udp_datagram *datagram, struct query *q)
{
    q->client.transport = TRANSPORT_UDP;
    q->client.address = ip_from_sockaddr(&datagram->peer->address);
    q->client.port = sockaddr_port(&datagram->peer->address);
    q->client.local = datagram->peer->has_local ? datagram->peer->local : listener->address;
    q->udp = socket;
    q->peer = datagram->peer;
    q->tcp = NULL;
    q->snapshot = atomic_load_explicit(&listener->worker->serving->snapshot, memory_order_consume);
    q->now_ms = loop_now_ms(listener->worker->loop);
    q->out = datagram->reply;
    q->out_size = UDP_SEND_MAX;
    return query_receive(q, datagram->bytes, datagram->length);
}

static void settle(struct udp_datagram *datagram, struct query *q, enum query_progress progress)
{
    if (progress == QUERY_WAITS) {
        query_detach(q);
        return;
    }
    if (__builtin_expect(q->rights.last_look, 0))
        look_last(q);
    datagram->reply_length = q->no_reply ? 0 : q->out_length;
    worker_give(q->worker, q);
}

/* All are received before the first is answered; meanwhile what they need is on its way from memory. */
static void answer_together(struct listener *listener, struct udp_socket *socket,
                            struct udp_datagram *datagrams, size_t count)
{
    struct query *queries[TOGETHER];
    enum query_progress progress[TOGETHER];
    size_t taken = 0;
    for (; taken < count && (queries[taken] = query_take(listener->worker)); taken++)
        progress[taken] = receive(listener, socket, &datagrams[taken], queries[taken]);
    for (size_t i = 0; i < taken; i++)
        if (progress[i] == QUERY_OPEN)
            query_look_ahead(queries[i]);
    for (size_t i = 0; i < taken; i++) {
        if (progress[i] == QUERY_OPEN)
            progress[i] = query_answer(queries[i]);
        settle(&datagrams[i], queries[i], progress[i]);
    }
    hit_run_end(&listener->worker->hit_run);
}

void worker_udp_batch(void *context, struct udp_socket *socket, struct udp_datagram *batch, size_t count)
{
    for (size_t i = 0; i < count; i += TOGETHER)
        answer_together(context, socket, batch + i, count - i < TOGETHER ? count - i : TOGETHER);
}

void worker_tcp_message(void *context, struct tcp_connection *connection, const uint8_t *message,
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
    enum query_progress progress = query_start(q, message, length);
    hit_run_end(&worker->hit_run);
    if (progress == QUERY_WAITS) {
        query_detach(q);
        return;
    }
    worker_deliver(q);
    worker_give(worker, q);
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
    worker_deliver(q);
    worker_give(worker, q);
}
