/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NOTIFYs on their way: made, signed, sent in their turn, repeated, answered. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "candord/notify_parts.h"
#include "dns/message.h"
#include "dns/name.h"
#include "dns/tsig.h"
#include "net/udp.h"

enum {
    TRIES_MAX = 5,
    FIRST_WAIT_MS = 3000, /* doubled each time: about a minute and a half in all */
    NOTICE_BYTES = DNS_HEADER_BYTES + 3 * 255 + 64 + TSIG_BYTES_MAX,
};

struct sender {
    struct sender *next;
    struct ip_address source;
    struct udp_socket *socket;
};

struct notice {
    struct notice *next;
    struct notify_out *notify;
    const struct told_zone *zone;
    struct config_holder *holder; /* keeps the key */
    struct sender *sender;
    struct endpoint to;
    struct udp_peer peer;
    uint32_t serial;
    unsigned tries;
    struct loop_timer timer;
    struct tsig_session session;
    const struct tsig_key *key;
    uint8_t message[NOTICE_BYTES];
    size_t bare_length; /* without its signature */
};

static void say(const struct notice *n, enum log_level level, const char *what)
{
    char zone[NAME_TEXT_MAX], address[IP_TEXT_MAX];
    log_write(LOG_NOTIFY, level, "zone %s/IN: notify to %s#%u (serial %u): %s",
              name_to_text_nodot(n->zone->origin, zone), ip_to_text(&n->to.address, address), n->to.port,
              n->serial, what);
}

static void forget(struct notice *n)
{
    struct notice **at = &n->notify->notices;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    loop_timer_cancel(n->notify->loop, &n->timer);
    tsig_end(&n->session);
    config_holder_unref(n->holder);
    free(n);
}

void notify_drop(struct notify_out *notify, const struct told_zone *zone)
{
    for (struct notice *n = notify->notices, *next; n; n = next) {
        next = n->next;
        if (n->zone == zone)
            forget(n);
    }
}

void notify_send_fini(struct notify_out *notify)
{
    while (notify->notices)
        forget(notify->notices);
    while (notify->senders) {
        struct sender *sender = notify->senders;
        notify->senders = sender->next;
        udp_close(sender->socket);
        free(sender);
    }
}

/* --- answers --- */

static bool is_from(const struct notice *n, const struct udp_datagram *datagram)
{
    struct ip_address address = ip_from_sockaddr(&datagram->peer->address);
    return ip_equal(&address, &n->to.address) && sockaddr_port(&datagram->peer->address) == n->to.port;
}

static bool is_answer_to(const struct notice *n, const struct udp_datagram *datagram)
{
    return datagram->length >= DNS_HEADER_BYTES && n->tries && is_from(n, datagram) &&
           load_u16(datagram->bytes) == load_u16(n->message) && load_u16(datagram->bytes + 2) & DNS_QR;
}

static void take_answer(struct notice *n, const struct udp_datagram *datagram)
{
    size_t body;
    unsigned rcode = load_u16(datagram->bytes + 2) & 15;
    if (n->key &&
        tsig_verify(&n->session, datagram->bytes, datagram->length, (uint64_t)clock_wall_s(), &body) != 1)
        say(n, LEVEL_INFO, "the answer is not signed as it has to be");
    else if (rcode)
        say(n, LEVEL_INFO, rcode_to_text(rcode));
    else
        say(n, LEVEL_DEBUG, "answered");
    forget(n);
}

static void answered(void *context, struct udp_socket *socket, struct udp_datagram *batch, size_t count)
{
    struct notify_out *notify = context;
    (void)socket;
    for (size_t i = 0; i < count; i++) {
        struct notice *n = notify->notices;
        batch[i].reply_length = 0;
        while (n && !is_answer_to(n, &batch[i]))
            n = n->next;
        if (n)
            take_answer(n, &batch[i]);
    }
}

/* --- sending --- */

static struct sender *sender_for(struct notify_out *notify, const struct ip_address *source)
{
    struct sender *sender = notify->senders;
    while (sender && !ip_equal(&sender->source, source))
        sender = sender->next;
    if (sender || !(sender = calloc(1, sizeof *sender)))
        return sender;
    sender->source = *source;
    int error = udp_open(source, 0, false, &sender->socket);
    if (!error && (error = udp_serve(sender->socket, notify->loop, answered, notify)) != 0)
        udp_close(sender->socket);
    if (error) {
        char address[IP_TEXT_MAX];
        log_write(LOG_NOTIFY, LEVEL_ERROR, "cannot send from %s: %s", ip_to_text(source, address),
                  err_text(error));
        free(sender);
        return NULL;
    }
    sender->next = notify->senders;
    notify->senders = sender;
    return sender;
}

static void try(struct loop_timer *timer)
{
    struct notice *n = (struct notice *)((char *)timer - offsetof(struct notice, timer));
    size_t length = n->bare_length;
    if (n->tries == TRIES_MAX) {
        say(n, LEVEL_WARN, "no answer");
        forget(n);
        return;
    }
    store_u16(n->message, (uint16_t)random_u64());
    store_u16(n->message + 10, 0); /* the signature of the try before is overwritten */
    tsig_end(&n->session);
    tsig_begin(&n->session, n->key);
    uint64_t due_ms = loop_now_ms(n->notify->loop) + ((uint64_t)FIRST_WAIT_MS << n->tries);
    if (tsig_sign(&n->session, n->message, &length, sizeof n->message, (uint64_t)clock_wall_s()) ||
        loop_timer_set(n->notify->loop, &n->timer, due_ms, try)) {
        forget(n);
        return;
    }
    n->tries++;
    udp_send(n->sender->socket, &n->peer, n->message, length);
}

static void write_message(struct notice *n, const struct zone_content *content)
{
    struct message_writer m;
    message_begin(&m, n->message, sizeof n->message - TSIG_BYTES_MAX, 0, OPCODE_NOTIFY << 11 | DNS_AA);
    /* It has room for three names and the numbers, so neither can fail. */
    if (message_put_question(&m, zone_content_origin(content), TYPE_SOA, CLASS_IN) == 0 &&
        message_put_rrset(&m, SECTION_ANSWER, zone_content_soa(content), false) == 0)
        n->bare_length = message_finish(&m, RCODE_NOERROR);
}

/* Each has its turn, so that a thousand zones do not become a thousand datagrams at once. */
static uint64_t next_turn_ms(struct notify_out *notify)
{
    uint64_t now_ms = loop_now_ms(notify->loop),
             turn_ms = notify->free_ms > now_ms ? notify->free_ms : now_ms;
    notify->free_ms = turn_ms + 1000 / (notify->per_second ? notify->per_second : 1);
    return turn_ms;
}

static bool is_under_way(const struct notify_out *notify, const struct told_zone *zone,
                         const struct endpoint *to)
{
    const struct notice *n = notify->notices;
    while (n && !(n->zone == zone && n->to.port == to->port && ip_equal(&n->to.address, &to->address)))
        n = n->next;
    return n != NULL;
}

void notify_send(struct notify_out *notify, const struct notify_subject *subject, const struct endpoint *to,
                 const struct tsig_key *key)
{
    const struct transfer_out_config *config = &subject->config->transfer_out;
    const struct ip_address *source = &config->notify_source[to->address.family == IP_V6];
    if (is_under_way(notify, subject->zone, to))
        return; /* by another name */
    struct sender *sender = sender_for(notify, source);
    struct notice *n = sender ? calloc(1, sizeof *n) : NULL;
    if (!n)
        return;
    n->notify = notify;
    n->zone = subject->zone;
    n->holder = config_holder_ref(subject->snapshot->holder);
    n->sender = sender;
    n->to = *to;
    n->key = key;
    n->serial = zone_content_serial(subject->content);
    n->peer.address_length = ip_to_sockaddr(&to->address, to->port, &n->peer.address);
    write_message(n, subject->content);
    n->next = notify->notices;
    notify->notices = n;
    if (!n->bare_length || loop_timer_set(notify->loop, &n->timer, next_turn_ms(notify), try))
        forget(n);
}
