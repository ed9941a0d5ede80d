/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/message.h"
#include "dns/query.h"

struct held {
    uint8_t bytes[512];
    size_t length;
    union sockaddr_any from;
    socklen_t from_length;
};

static const uint8_t soa_rdata[] = {1,  'm', 0, 1, 'h', 0, 0, 0,  0,   1, 0, 0, 14,
                                    16, 0,   0, 2, 88,  0, 1, 81, 128, 0, 0, 0, 30};

static size_t compose(struct authority *a, const struct dns_query *query, uint8_t *out)
{
    struct message_writer m;
    uint8_t address[4] = {192, 0, 2, 0};
    struct rdata rdata = {4, address};
    struct rrset set = {.owner = query->qname, .type = TYPE_A, .ttl_s = atomic_load(&a->ttl_s), .count = 1};
    set.rdatas = &rdata;
    message_begin(&m, out, 512, query->id, DNS_QR | DNS_AA | DNS_RA | (query->flags & DNS_RD));
    int error = message_put_question(&m, query->qname, query->qtype, CLASS_IN);
    enum dns_section section = SECTION_ANSWER;
    bool refuses = atomic_load(&a->mode) == AUTHORITY_REFUSES;
    if (query->qtype == TYPE_A) {
        address[3] = (uint8_t)(atomic_fetch_add(&a->asked, 1) + 1);
    } else {
        section = SECTION_AUTHORITY;
        set.owner = query->qname;
        set.type = TYPE_SOA;
        rdata = (struct rdata){sizeof soa_rdata, soa_rdata};
    }
    if (!error && !refuses)
        error = message_put_rrset(&m, section, &set, false);
    if (error)
        abort();
    return message_finish(&m, refuses ? RCODE_REFUSED : RCODE_NOERROR);
}

static void answer(struct authority *a, const struct held *got)
{
    struct dns_query query;
    uint8_t out[512];
    if (query_parse(got->bytes, got->length, &query) != QUERY_OK)
        return;
    size_t length = compose(a, &query, out);
    sendto(a->fd, out, length, 0, &got->from.any, got->from_length);
}

static void *serve(void *context)
{
    struct authority *a = context;
    struct held *held = calloc(AUTHORITY_HELD_MAX, sizeof *held), got;
    size_t held_count = 0;
    while (!atomic_load(&a->stop)) {
        struct pollfd wait = {.fd = a->fd, .events = POLLIN};
        int ready = poll(&wait, 1, 10);
        int mode = atomic_load(&a->mode);
        while (mode == AUTHORITY_ANSWERS && held_count)
            answer(a, &held[--held_count]);
        if (ready != 1)
            continue;
        got.from_length = sizeof got.from;
        ssize_t length = recvfrom(a->fd, got.bytes, sizeof got.bytes, 0, &got.from.any, &got.from_length);
        got.length = length > 0 ? (size_t)length : 0;
        if (mode == AUTHORITY_ANSWERS || mode == AUTHORITY_REFUSES)
            answer(a, &got);
        else if (mode == AUTHORITY_HOLDS && held_count < AUTHORITY_HELD_MAX)
            held[held_count++] = got;
    }
    free(held);
    return NULL;
}

void authority_start(struct authority *a, uint32_t ttl_s)
{
    union sockaddr_any at;
    socklen_t length;
    memset(a, 0, sizeof *a);
    atomic_init(&a->ttl_s, ttl_s);
    if (ip_from_text("127.0.0.1", &a->endpoint.address))
        abort();
    length = ip_to_sockaddr(&a->endpoint.address, 0, &at);
    a->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (a->fd < 0 || bind(a->fd, &at.any, length) || getsockname(a->fd, &at.any, &length))
        abort();
    a->endpoint.port = sockaddr_port(&at);
    if (pthread_create(&a->thread, NULL, serve, a))
        abort();
}

void authority_end(struct authority *a)
{
    atomic_store(&a->stop, true);
    pthread_join(a->thread, NULL);
    close(a->fd);
}
