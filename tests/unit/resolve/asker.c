/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "asker.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "base/arena.h"
#include "base/clock.h"
#include "dns/name.h"
#include "dns/record.h"

struct resolver_options asker_options(void)
{
    return (struct resolver_options){
        .threads = 1,
        .use_v4 = true,
        .qname_minimization = true,
        .synthesize = true,
        .max_cache_ttl_s = 86400,
        .max_negative_ttl_s = 3600,
        .servfail_ttl_ms = 1000,
        .query_timeout_ms = 8000,
        .max_outstanding = 100,
        .unbound_cache_bytes = 8 << 20,
    };
}

int asker_open(struct asker *asker, const struct resolver_options *options)
{
    memset(asker, 0, sizeof *asker);
    asker->cache = cache_new(4 << 20);
    asker->metrics = metrics_new();
    int error = inbox_init(&asker->inbox);
    if (!error)
        error = resolver_start(options, asker->cache, asker->metrics, &asker->resolver, asker->problem,
                               sizeof asker->problem);
    return error;
}

void asker_close(struct asker *asker)
{
    struct resolver_ask *ask;
    rcu_thread_offline();
    resolver_stop(asker->resolver);
    rcu_thread_online();
    while ((ask = asker_next(asker, 0))) {
        truth_unref(ask->truth);
        free(ask);
    }
    cache_free(asker->cache);
    metrics_free(asker->metrics);
    inbox_fini(&asker->inbox);
}

struct resolver_ask *asker_post(struct asker *asker, const char *name, uint16_t qtype, bool refresh)
{
    struct resolver_ask *ask = calloc(1, sizeof *ask);
    int length = name_from_text(name, NULL, ask->name);
    if (length < 0)
        abort();
    name_to_lower(ask->name);
    ask->name_length = (uint8_t)length;
    ask->qtype = qtype;
    ask->refresh = refresh;
    ask->client = (struct ip_address){.family = IP_V4, .bytes = {192, 0, 2, 1}};
    ask->reply_to = &asker->inbox;
    ask->hash = cache_hash(asker->cache, ask->name, ask->name_length, qtype);
    resolver_ask(asker->resolver, ask);
    return ask;
}

struct resolver_ask *asker_next(struct asker *asker, int timeout_ms)
{
    struct inbox_message *message = inbox_take(&asker->inbox);
    uint64_t end_ms = clock_mono_ms() + (uint64_t)timeout_ms;
    rcu_thread_offline();
    while (!message && clock_mono_ms() < end_ms) {
        struct pollfd wait = {.fd = asker->inbox.fd, .events = POLLIN};
        poll(&wait, 1, (int)(end_ms - clock_mono_ms()));
        inbox_quiet(&asker->inbox);
        message = inbox_take(&asker->inbox);
    }
    rcu_thread_online();
    return (struct resolver_ask *)message;
}

static struct answer_shown ask_and_wait(struct asker *asker, const char *name, uint16_t qtype, bool refresh)
{
    uint64_t start_ms = clock_mono_ms();
    asker_post(asker, name, qtype, refresh);
    struct resolver_ask *ask = asker_next(asker, 30000);
    if (!ask)
        return (struct answer_shown){.error = ERR_TIMEOUT};
    struct answer_shown shown = {ask->error, ask->truth, clock_mono_ms() - start_ms};
    free(ask);
    return shown;
}

struct answer_shown asker_ask(struct asker *asker, const char *name, uint16_t qtype)
{
    return ask_and_wait(asker, name, qtype, false);
}

struct answer_shown asker_refresh(struct asker *asker, const char *name, uint16_t qtype)
{
    return ask_and_wait(asker, name, qtype, true);
}

struct truth *asker_cached(struct asker *asker, const char *name, uint16_t qtype)
{
    uint8_t wire[255];
    int length = name_from_text(name, NULL, wire);
    if (length < 0)
        abort();
    uint64_t hash = cache_hash(asker->cache, wire, (size_t)length, qtype);
    return cache_find(asker->cache, hash, wire, (size_t)length, qtype);
}

struct metric_wanted {
    const char *name;
    uint64_t value;
};

static void visit_metric(void *context, const char *room, const struct metric_def *def, uint64_t value)
{
    struct metric_wanted *wanted = context;
    if (strcmp(room, "resolver") == 0 && strcmp(def->name, wanted->name) == 0)
        wanted->value = value;
}

uint64_t asker_metric(struct asker *asker, const char *name)
{
    struct metric_wanted wanted = {name, 0};
    metrics_read(asker->metrics, visit_metric, &wanted);
    return wanted.value;
}

/* The message that a client would get: header, question, wire. */
static size_t whole_message(const struct truth *truth, const struct truth_wire *wire, uint8_t *to)
{
    memset(to, 0, 12);
    store_u16(to + 4, 1);
    for (unsigned i = 0; i < 3; i++)
        store_u16(to + 6 + 2 * i, wire->counts[i]);
    memcpy(to + 12, truth->name, truth->name_length);
    size_t at = 12u + truth->name_length;
    store_u16(to + at, truth->qtype);
    store_u16(to + at + 2, 1);
    truth_copy_wire(truth, wire, truth->fetched_ms, 0, to + at + 4);
    return at + 4 + wire->length;
}

const char *wire_text(const struct truth *truth, const struct truth_wire *wire)
{
    static char text[1 << 17];
    static uint8_t message[70000];
    size_t length = whole_message(truth, wire, message), used = 0;
    struct message_reader reader;
    struct message_record record;
    struct arena arena;
    struct rdata rdata;
    char name[NAME_TEXT_MAX], data[8192];
    int got = message_open(&reader, message, length);
    arena_init(&arena, 0);
    text[0] = 0;
    while (got == 0 && (got = message_next(&reader, &record)) == 1) {
        got = message_rdata(&reader, &record, &arena, &rdata);
        if (got)
            break;
        rdata_to_text(record.type, rdata.bytes, rdata.length, data, sizeof data);
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%d %s %u %s %s\n", record.section,
                             name_to_text(record.owner, name), record.ttl_s, type_to_text(record.type), data);
        got = 0;
    }
    arena_fini(&arena);
    return got < 0 ? "malformed" : text;
}
