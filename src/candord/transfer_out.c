/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/transfer_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "candord/courier.h"
#include "candord/signature.h"
#include "candord/steps.h"
#include "candord/worker.h"
#include "dns/name.h"
#include "transfer/outgoing.h"

enum { MINUTE_MS = 60000 };

/* One transfer: in turn the worker's (to be sent) and the courier's (to be made), never of both. */
struct transfer_out {
    struct courier_task making;
    struct worker_task sending;
    struct query *query; /* waits until the end; the worker's, but for its signature */
    const struct transfer_out_config *config;
    struct outgoing *outgoing;
    struct zone_content *content; /* until `outgoing` is made */
    bool incremental;             /* IXFR, of who has `serial` */
    uint32_t serial;
    uint8_t qname[NAME_MAX_BYTES];         /* as asked */
    char what[16];                         /* "AXFR", "IXFR", "AXFR-style IXFR" … */
    char who[IP_TEXT_MAX + NAME_TEXT_MAX]; /* "192.0.2.1#53 (zone.test)", for the log */
    char zone[NAME_TEXT_MAX];
    uint8_t buffer[DNS_MESSAGE_MAX];
    size_t length;
    bool last, started, aborted, cut;
    int error;
    uint64_t bytes, started_ms, progress_ms;
    struct loop_timer timer;
    struct transfer_out *next; /* of the worker */
};

static void post_to_courier(struct transfer_out *t)
{
    courier_post(worker_serving(t->query->worker)->courier, &t->making);
}

/* --- the courier: messages --- */

/* The changes since what the asker has, when they are kept and worth it. */
static struct zone_changes *steps_for(struct courier *courier, const struct transfer_out *t)
{
    struct zone_changes *steps = NULL;
    if (!t->incremental || !t->config->provide_ixfr)
        return NULL;
    if (steps_since(courier_daemon(courier), t->query->view->config->name, t->content, t->serial, &steps))
        return NULL;
    uint64_t ratio = t->config->max_ixfr_percent, changes = zone_changes_count(steps);
    if (ratio && changes * 100 > ratio * zone_content_records(t->content)) {
        zone_changes_free(steps);
        return NULL;
    }
    return steps;
}

static bool is_up_to_date(const struct transfer_out *t)
{
    return t->incremental && !serial_newer(zone_content_serial(t->content), t->serial);
}

static struct outgoing_options options_of(const struct transfer_out *t)
{
    const struct query *q = t->query;
    return (struct outgoing_options){
        .form = OUTGOING_WHOLE,
        .id = q->asked.id,
        .flags = q->asked.flags & DNS_RD,
        .qname = t->qname,
        .qtype = q->asked.qtype,
        .one_answer = t->config->one_answer,
        .message_bytes = t->config->message_bytes,
        .content = t->content,
    };
}

static int begin_with(struct transfer_out *t, enum outgoing_form form, struct zone_changes *steps)
{
    static const char *const names[] = {
        [OUTGOING_WHOLE] = "AXFR-style IXFR", [OUTGOING_STEPS] = "IXFR", [OUTGOING_SOA] = "IXFR"};
    struct outgoing_options options = options_of(t);
    options.form = form;
    options.steps = steps;
    snprintf(t->what, sizeof t->what, "%s", t->incremental ? names[form] : "AXFR");
    t->outgoing = outgoing_new(&options);
    return t->outgoing ? 0 : ERR_NOMEM;
}

static int begin(struct courier *courier, struct transfer_out *t)
{
    if (is_up_to_date(t))
        return begin_with(t, OUTGOING_SOA, NULL);
    struct zone_changes *steps = steps_for(courier, t);
    return begin_with(t, steps ? OUTGOING_STEPS : OUTGOING_WHOLE, steps);
}

/* What a datagram to this client may hold. */
static size_t room_of(const struct query *q)
{
    size_t ours = q->snapshot->config->server.udp_answer_max;
    if (q->client.transport == TRANSPORT_TCP)
        return DNS_MESSAGE_MAX;
    return q->asked.udp_size < ours ? q->asked.udp_size : ours;
}

static int make_next(struct transfer_out *t)
{
    size_t room = room_of(t->query);
    if (t->query->signature)
        room -= signature_room(t->query, room);
    return outgoing_next(t->outgoing, t->buffer, room, &t->length, &t->last);
}

/* What does not fit into a datagram is the SOA alone: the asker comes back over TCP (RFC 1995 section 2). */
static int make_datagram(struct transfer_out *t)
{
    int error = make_next(t);
    if ((!error && t->last) || (error && error != ERR_SPACE))
        return error;
    outgoing_free(t->outgoing);
    error = begin_with(t, OUTGOING_SOA, NULL);
    return error ? error : make_next(t);
}

static void make(struct courier *courier, struct courier_task *task)
{
    struct transfer_out *t = (struct transfer_out *)task;
    t->error = t->outgoing ? 0 : begin(courier, t);
    if (!t->error)
        t->error = t->query->client.transport == TRANSPORT_UDP ? make_datagram(t) : make_next(t);
    if (!t->error && t->query->client.transport == TRANSPORT_TCP)
        t->error = signature_sign(t->query->signature, t->buffer, &t->length, sizeof t->buffer);
    worker_post(t->query->worker, &t->sending);
}

/* --- the worker: the end --- */

static struct transfer_out **list_of(struct worker *worker)
{
    return &worker_transfers(worker)->first;
}

/* The transfer that the connection is busy with; others on it wait their turn. */
static struct transfer_out *first_on(struct worker *worker, const struct tcp_connection *connection)
{
    struct transfer_out *t = *list_of(worker);
    while (t && t->query->tcp != connection)
        t = t->next;
    return t;
}

static void say_end(const struct transfer_out *t)
{
    uint64_t took_ms = t->query->now_ms - t->started_ms;
    if (t->error || t->aborted)
        log_write(LOG_XFER_OUT, LEVEL_WARN, "client %s: transfer of '%s/IN': %s broken off: %s", t->who,
                  t->zone, t->what, t->error ? err_text(t->error) : "it took too long");
    else
        log_write(
            LOG_XFER_OUT, LEVEL_INFO,
            "client %s: transfer of '%s/IN': %s ended: %llu messages, %llu records, %llu bytes, %llu.%03llu "
            "secs (serial %u)",
            t->who, t->zone, t->what, (unsigned long long)outgoing_messages(t->outgoing),
            (unsigned long long)outgoing_records(t->outgoing), (unsigned long long)t->bytes,
            (unsigned long long)took_ms / 1000, (unsigned long long)took_ms % 1000,
            zone_content_serial(t->content));
}

static void finish_tcp(struct transfer_out *t);

/* The next on the connection begins; one that is to end does so without having begun. */
static void begin_waiting(struct worker *worker, const struct tcp_connection *connection)
{
    struct transfer_out *next = connection ? first_on(worker, connection) : NULL;
    if (next && next->aborted)
        finish_tcp(next);
    else if (next)
        post_to_courier(next);
}

/* Off the list, and all given back. The query has been answered or dropped. */
static void end(struct transfer_out *t, struct worker *worker, const struct tcp_connection *connection)
{
    struct transfer_out **at = list_of(worker);
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    atomic_fetch_sub(&worker_serving(worker)->transfers_out, 1);
    outgoing_free(t->outgoing);
    zone_content_unref(t->content);
    free(t);
    begin_waiting(worker, connection);
}

static void finish_tcp(struct transfer_out *t)
{
    struct query *q = t->query;
    struct worker *worker = q->worker;
    struct tcp_connection *connection = q->tcp;
    bool broken = t->error || t->aborted;
    loop_timer_cancel(worker_loop(worker), &t->timer);
    q->now_ms = loop_now_ms(worker_loop(worker));
    if (t->outgoing)
        say_end(t);
    worker_drop(q);
    end(t, worker, connection);
    if (broken)
        tcp_cut_off(connection); /* half a zone is none */
    tcp_no_reply(connection);
}

/* --- the worker: bytes --- */

static void send_part(struct transfer_out *t);

static void drained(void *context)
{
    send_part(context);
}

static void note_progress(struct transfer_out *t)
{
    if (!t->started)
        log_write(LOG_XFER_OUT, LEVEL_INFO, "client %s: transfer of '%s/IN': %s started (serial %u)", t->who,
                  t->zone, t->what, zone_content_serial(t->content));
    t->started = true;
    t->bytes += t->length;
    t->progress_ms = loop_now_ms(worker_loop(t->query->worker));
}

static void send_part(struct transfer_out *t)
{
    t->error = tcp_reply_part(t->query->tcp, t->buffer, t->length);
    if (t->error == ERR_AGAIN) {
        tcp_on_drained(t->query->tcp, drained, t);
        return;
    }
    if (!t->error)
        note_progress(t);
    if (t->error || t->last)
        finish_tcp(t);
    else
        post_to_courier(t);
}

static void answer_failure(struct transfer_out *t)
{
    struct query *q = t->query;
    struct worker *worker = q->worker;
    struct tcp_connection *connection = q->tcp;
    loop_timer_cancel(worker_loop(worker), &t->timer);
    say_end(t);
    worker_lend_room(q);
    reply_code(q, RCODE_SERVFAIL, EDE_NONE, NULL);
    worker_answer(q);
    end(t, worker, connection);
}

static void send_datagram(struct transfer_out *t)
{
    struct query *q = t->query;
    struct worker *worker = q->worker;
    note_progress(t);
    worker_lend_room(q);
    memcpy(q->out, t->buffer, t->length);
    q->out_length = t->length;
    say_end(t);
    worker_answer(q);
    end(t, worker, NULL);
}

/* A message has been made. */
static void made(struct worker *worker, struct worker_task *task)
{
    struct transfer_out *t = (struct transfer_out *)((char *)task - offsetof(struct transfer_out, sending));
    (void)worker;
    if (t->error && !t->started)
        answer_failure(t);
    else if (t->error)
        finish_tcp(t);
    else if (t->query->client.transport == TRANSPORT_UDP)
        send_datagram(t);
    else
        send_part(t);
}

/* --- time --- */

static uint64_t due_ms(const struct transfer_out *t)
{
    uint64_t whole = t->started_ms + t->config->max_time_ms, idle = t->progress_ms + t->config->max_idle_ms;
    return whole < idle ? whole : idle;
}

/* The connection is closed: who waits for room in it is told so at once, who waits for a message when it has
 * been made. */
static void time_over(struct loop_timer *timer)
{
    struct transfer_out *t = (struct transfer_out *)((char *)timer - offsetof(struct transfer_out, timer));
    struct loop *loop = worker_loop(t->query->worker);
    t->aborted = loop_now_ms(loop) >= due_ms(t) || loop_timer_set(loop, &t->timer, due_ms(t), time_over) != 0;
    if (t->aborted)
        tcp_cut_off(t->query->tcp);
}

/* --- the beginning --- */

/* The serial that an IXFR's asker has: the SOA in the authority section (RFC 1995 section 3). */
static bool read_serial(const struct query *q, uint32_t *serial)
{
    struct message_reader m;
    struct message_record record;
    if (message_open(&m, q->packet, q->packet_length))
        return false;
    while (message_next(&m, &record) == 1)
        if (record.section == SECTION_AUTHORITY && record.type == TYPE_SOA && record.rdata_length >= 20) {
            *serial = load_u32(record.rdata + record.rdata_length - 20);
            return true;
        }
    return false;
}

static void describe(struct transfer_out *t)
{
    const struct query *q = t->query;
    char address[IP_TEXT_MAX], key[NAME_TEXT_MAX];
    name_to_text_nodot(zone_content_origin(t->content), t->zone);
    snprintf(t->who, sizeof t->who, "%s#%u%s%s", ip_to_text(&q->client.address, address), q->client.port,
             q->key ? " key " : "", q->key ? name_to_text_nodot(q->key, key) : "");
}

/* A code, and why in the log. */
static enum query_progress deny(struct query *q, unsigned rcode, const char *why)
{
    char address[IP_TEXT_MAX], zone[NAME_TEXT_MAX];
    log_write(LOG_XFER_OUT, LEVEL_INFO, "client %s#%u: zone transfer '%s/%s/IN' denied: %s",
              ip_to_text(&q->client.address, address), q->client.port, name_to_text_nodot(q->name, zone),
              q->asked.qtype == TYPE_IXFR ? "IXFR" : "AXFR", why);
    return rcode == RCODE_REFUSED ? query_refuse(q) : query_done_code(q, rcode, EDE_NONE, NULL);
}

static bool take_place(const struct query *q)
{
    struct serving *serving = worker_serving(q->worker);
    if (atomic_fetch_add(&serving->transfers_out, 1) < q->snapshot->config->server.transfers_out)
        return true;
    atomic_fetch_sub(&serving->transfers_out, 1);
    return false;
}

static void launch(struct transfer_out *t)
{
    struct worker *worker = t->query->worker;
    bool tcp = t->query->client.transport == TRANSPORT_TCP, busy = tcp && first_on(worker, t->query->tcp);
    struct transfer_out **at = list_of(worker);
    metric_add(worker_counters(worker), SERVE_TRANSFERS_OUT, 1);
    while (*at) /* in order of arrival */
        at = &(*at)->next;
    *at = t;
    if (tcp && loop_timer_set(worker_loop(worker), &t->timer, due_ms(t), time_over))
        log_write(LOG_XFER_OUT, LEVEL_ERROR, "no memory for a timer");
    if (!busy)
        post_to_courier(t);
}

static struct transfer_out *transfer_new(struct query *q, const struct zone_table_entry *zone)
{
    struct transfer_out *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->making.run = make;
    t->sending.run = made;
    t->query = q;
    t->config = &((const struct zone_config *)zone->owner)->transfer_out;
    t->content = zone_content_ref(zone->content);
    t->incremental = q->asked.qtype == TYPE_IXFR;
    t->started_ms = t->progress_ms = q->now_ms;
    name_copy(t->qname, q->asked.qname);
    describe(t);
    return t;
}

/* allow-transfer may mean one of our ports, and one transport. */
static bool through_the_right_door(const struct query *q, const struct transfer_out_config *config)
{
    bool tcp = q->client.transport == TRANSPORT_TCP;
    bool encrypted = tcp && tcp_has_channel(q->tcp);
    uint16_t port = tcp ? tcp_local_port(q->tcp) : udp_port(q->udp);
    if (config->port && config->port != port)
        return false;
    return config->transport == TRANSFER_ANY || encrypted == (config->transport == TRANSFER_TLS);
}

enum query_progress transfer_out_start(struct query *q, const struct zone_table_entry *zone)
{
    const struct zone_config *config = zone->owner;
    uint32_t serial = 0;
    if (!config || !query_allowed(q, config->allow_transfer))
        return deny(q, RCODE_REFUSED, "not in allow-transfer");
    if (!through_the_right_door(q, &config->transfer_out))
        return deny(q, RCODE_REFUSED, "allow-transfer names another port or transport");
    if (q->asked.qtype == TYPE_AXFR && q->client.transport == TRANSPORT_UDP)
        return deny(q, RCODE_FORMERR, "AXFR over UDP");
    if (q->asked.qtype == TYPE_IXFR && !read_serial(q, &serial))
        return deny(q, RCODE_FORMERR, "IXFR without an SOA");
    if (!zone->content)
        return deny(q, RCODE_SERVFAIL, "the zone is not loaded");
    if (!take_place(q))
        return deny(q, RCODE_SERVFAIL, "transfers-out transfers are under way");
    struct transfer_out *t = transfer_new(q, zone);
    if (!t) {
        atomic_fetch_sub(&worker_serving(q->worker)->transfers_out, 1);
        return deny(q, RCODE_SERVFAIL, "out of memory");
    }
    t->serial = serial;
    launch(t);
    return QUERY_WAITS;
}

void transfers_out_cut(struct transfers_out *transfers)
{
    for (struct transfer_out *t = transfers->first; t; t = t->next)
        t->aborted = true;
    struct transfer_out *t = transfers->first;
    while (t) {
        bool cut = !t->cut && t->query->client.transport == TRANSPORT_TCP;
        t->cut = true;
        if (cut)
            tcp_cut_off(t->query->tcp); /* which may end it, and those that wait behind it */
        t = cut ? transfers->first : t->next;
    }
}
