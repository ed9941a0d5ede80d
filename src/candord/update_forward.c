/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/update_forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "candord/fetchers.h"
#include "candord/link.h"
#include "candord/signature.h"
#include "candord/update.h"
#include "candord/worker.h"
#include "dns/consts.h"

enum {
    CONNECT_MS = 5000,
    ANSWER_MS = 15000, /* of each primary; BIND waits as long */
    HEADER_BYTES = 12,
};

struct forward {
    struct fetch_job job; /* first */
    struct worker_task answering;
    struct query *query; /* waits: its packet, snapshot and key stay as they are */
    const struct zone_config *zone;
    uint8_t *answer; /* of a primary, as it came; NULL: none has come */
    size_t answer_length;
    char problem[300]; /* why not */
};

bool update_may_forward(const struct query *q, const struct zone_config *zone)
{
    return zone->kind == ZONE_SECONDARY && query_allowed(q, zone->allow_update_forwarding);
}

/* --- a thread of the pool --- */

static void say_trouble(struct forward *f, const struct remote_server *primary, const char *what)
{
    char address[IP_TEXT_MAX];
    snprintf(f->problem, sizeof f->problem, "%s#%u: %s", ip_to_text(&primary->endpoint.address, address),
             primary->endpoint.port, what);
}

static struct ip_address source_for(const struct forward *f, const struct ip_address *to)
{
    const struct peer_config *peer = config_peer(f->query->view->config, to);
    const struct transfer_in_config *in = &f->zone->transfer_in;
    bool v6 = to->family == IP_V6;
    struct ip_address of_peer = {.family = IP_NONE};
    if (peer)
        of_peer = v6 ? peer->source_v6 : peer->source_v4;
    return of_peer.family != IP_NONE ? of_peer : v6 ? in->source_v6 : in->source_v4;
}

/* Is it the answer to what was sent? */
static bool is_answer(const struct query *q, const uint8_t *message, size_t length)
{
    return length >= HEADER_BYTES && memcmp(message, q->packet, 2) == 0 && message[2] & 0x80 &&
           (message[2] >> 3 & 15) == OPCODE_UPDATE;
}

/* Another primary may do better where this one has trouble of its own or does not know the zone. */
static bool is_final(const struct forward *f)
{
    if (!f->answer)
        return false;
    unsigned rcode = f->answer[3] & 15;
    return rcode != RCODE_SERVFAIL && rcode != RCODE_NOTIMP && rcode != RCODE_FORMERR &&
           rcode != RCODE_NOTAUTH;
}

static void keep_answer(struct forward *f, const uint8_t *message, size_t length)
{
    uint8_t *copy = malloc(length);
    if (!copy)
        return;
    memcpy(copy, message, length);
    free(f->answer);
    f->answer = copy;
    f->answer_length = length;
}

static int exchange(struct forward *f, struct link *link, const struct remote_server *primary)
{
    const uint8_t *message;
    size_t length;
    link->deadline_ms = clock_mono_ms() + ANSWER_MS;
    link->idle_ms = ANSWER_MS;
    int error = link_send(link, f->query->packet, f->query->packet_length);
    if (!error)
        error = link_receive(link, &message, &length);
    if (error)
        return error;
    if (is_answer(f->query, message, length))
        keep_answer(f, message, length);
    else
        say_trouble(f, primary, "a malformed answer");
    return 0;
}

static void ask(struct forward *f, const struct remote_server *primary)
{
    const struct link_options options = {
        .kind = primary->tls ? LINK_TLS : LINK_TCP,
        .to = primary->endpoint,
        .source = source_for(f, &primary->endpoint.address),
        .tls = primary->tls ? config_tls(f->query->snapshot->config, primary->tls) : NULL,
        .cancel_fd = f->job.cancel_fd,
        .connect_ms = CONNECT_MS,
    };
    struct link link = {.fd = -1};
    int error = link_open(&link, &options);
    if (!error)
        error = exchange(f, &link, primary);
    if (error)
        say_trouble(f, primary, link.problem);
    link_close(&link);
}

static void run(struct fetch_job *job)
{
    struct forward *f = (struct forward *)job;
    const struct remote_servers *primaries = &f->zone->primaries;
    for (size_t i = 0; i < primaries->count && !is_final(f) && !fetch_is_cancelled(job); i++)
        ask(f, &primaries->servers[i]);
}

static void done(struct fetch_job *job)
{
    struct forward *f = (struct forward *)job;
    worker_post(f->query->worker, &f->answering);
}

/* --- the worker's thread --- */

/* A datagram's client may not be able to take more than he said; an answer to an update is short. */
static bool fits(const struct query *q, const struct forward *f)
{
    size_t room = q->client.transport == TRANSPORT_TCP ? q->out_size
                  : q->asked.udp_size > 512            ? q->asked.udp_size
                                                       : 512;
    return f->answer && f->answer_length <= room && f->answer_length <= q->out_size;
}

static void answer(struct worker *worker, struct worker_task *task)
{
    struct forward *f = (struct forward *)((char *)task - offsetof(struct forward, answering));
    struct query *q = f->query;
    (void)worker;
    worker_lend_room(q);
    if (fits(q, f)) {
        if (q->signature)
            signature_end(q); /* the primary has signed */
        memcpy(q->out, f->answer, f->answer_length);
        q->out_length = f->answer_length;
        update_say(q, LEVEL_INFO, f->zone->name, "forwarded: %s", rcode_to_text(f->answer[3] & 15u));
    } else {
        if (signature_is_foreign(q))
            signature_end(q);
        update_say(q, LEVEL_NOTICE, f->zone->name, "not forwarded: %s", f->problem);
        reply_code(q, RCODE_SERVFAIL, EDE_NONE, NULL);
    }
    free(f->answer);
    free(f);
    update_give_place(q);
    worker_answer(q);
}

enum query_progress update_forward(struct query *q, const struct zone_config *zone)
{
    struct forward *f = calloc(1, sizeof *f);
    if (!f) {
        update_give_place(q);
        return query_done_code(q, RCODE_SERVFAIL, EDE_NONE, NULL);
    }
    query_keep_packet(q); /* before another thread reads it */
    f->job.run = run;
    f->job.done = done;
    f->job.cancel_fd = -1;
    f->answering.run = answer;
    f->query = q;
    f->zone = zone;
    snprintf(f->problem, sizeof f->problem, "no primary was asked");
    metric_add(worker_counters(q->worker), SERVE_UPDATES_FORWARDED, 1);
    fetchers_submit(worker_serving(q->worker)->forwarders, &f->job);
    return QUERY_WAITS;
}
