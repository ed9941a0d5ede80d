/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The name servers of a zone are told of its changes too (RFC 1996 section 3.3): their addresses come from
 * the zone, or are looked up as any other name. */
#include <stdlib.h>
#include <string.h>

#include "candord/daemon.h"
#include "candord/notify_parts.h"
#include "dns/name.h"

enum { DNS_PORT = 53 };

/* One question about one server, and what to tell him of. */
struct notify_lookup {
    struct resolver_ask ask;
    struct notify_lookup *next;
    struct told_zone *zone;
    struct truth_source_pool *pool;
    uint32_t serial;
};

/* Is that ourselves? */
static bool is_self(const struct snapshot *snapshot, const struct ip_address *address)
{
    const struct server_config *server = &snapshot->config->server;
    const struct acl_environment *environment = &snapshot->config->environment;
    bool ours = false;
    for (size_t i = 0; i < environment->address_count; i++)
        ours |= ip_equal(&environment->addresses[i], address);
    for (size_t i = 0; i < server->listen_count; i++) {
        const struct ip_address *at = &server->listen[i].address;
        const struct ip_address any = {.family = at->family};
        if (server->listen[i].port == DNS_PORT && (ip_equal(at, address) || (ours && ip_equal(at, &any))))
            return true;
    }
    return false;
}

static void send_to(struct notify_out *notify, const struct notify_subject *subject,
                    const struct ip_address *address)
{
    const struct endpoint to = {.address = *address, .port = DNS_PORT};
    if (address->family != IP_NONE && !is_self(subject->snapshot, address))
        notify_send(notify, subject, &to, NULL);
}

/* --- looking up --- */

static void forget(struct notify_out *notify, struct notify_lookup *lookup)
{
    struct notify_lookup **at = &notify->lookups;
    while (*at != lookup)
        at = &(*at)->next;
    *at = lookup->next;
    truth_unref(lookup->ask.truth);
    pool_unref(lookup->pool);
    free(lookup);
}

/* Has the zone moved on since the question was asked, another one is under way. */
static void take_addresses(struct notify_out *notify, const struct notify_lookup *lookup)
{
    struct snapshot *snapshot = daemon_snapshot(notify->daemon);
    struct notify_subject subject;
    const struct truth *truth = lookup->ask.truth;
    if (notify_subject_of(snapshot, lookup->zone, &subject) && lookup->zone->serial == lookup->serial)
        for (unsigned i = 0; i < truth->link_count; i++)
            for (unsigned a = 0; a < truth->links[i].address_count; a++)
                send_to(notify, &subject, &truth->links[i].addresses[a]);
    snapshot_unref(snapshot);
}

static void answers_ready(struct loop_watch *watch, unsigned events)
{
    struct notify_out *notify =
        (struct notify_out *)((char *)watch - offsetof(struct notify_out, answers_watch));
    struct inbox_message *message;
    (void)events;
    inbox_quiet(&notify->answers);
    while ((message = inbox_take(&notify->answers))) {
        struct notify_lookup *lookup = (struct notify_lookup *)message;
        if (!lookup->ask.error && lookup->ask.truth)
            take_addresses(notify, lookup);
        forget(notify, lookup);
    }
}

static void look_up(struct notify_out *notify, const struct notify_subject *subject, const uint8_t *name,
                    uint16_t type)
{
    struct truth_source_pool *pool = subject->view->pool;
    struct notify_lookup *lookup = calloc(1, sizeof *lookup);
    if (!lookup)
        return;
    lookup->zone = subject->zone;
    lookup->serial = subject->zone->serial;
    lookup->pool = pool_ref(pool);
    lookup->next = notify->lookups;
    notify->lookups = lookup;
    lookup->ask.reply_to = &notify->answers;
    lookup->ask.name_length = (uint8_t)name_copy(lookup->ask.name, name);
    lookup->ask.qtype = type;
    lookup->ask.hash = cache_hash(pool->cache, lookup->ask.name, lookup->ask.name_length, type);
    resolver_ask(pool->resolver, &lookup->ask);
}

int notify_servers_init(struct notify_out *notify)
{
    int error = inbox_init(&notify->answers);
    return error ? error
                 : loop_watch(notify->loop, &notify->answers_watch, notify->answers.fd, LOOP_READ,
                              answers_ready);
}

void notify_servers_fini(struct notify_out *notify)
{
    struct inbox_message *message;
    while ((message = inbox_take(&notify->answers)))
        forget(notify, (struct notify_lookup *)message);
    inbox_fini(&notify->answers);
}

/* --- the servers --- */

struct finding {
    struct notify_out *notify;
    const struct notify_subject *subject;
    bool found;
};

static int take_glue(void *context, const struct policy_record *record)
{
    struct finding *finding = context;
    struct ip_address address = rdata_address(record->type, record->rdata, record->rdata_length);
    finding->found |= address.family != IP_NONE;
    send_to(finding->notify, finding->subject, &address);
    return 0;
}

static void notify_server(struct notify_out *notify, const struct notify_subject *subject,
                          const uint8_t *server)
{
    uint8_t name[NAME_MAX_BYTES];
    struct finding finding = {notify, subject, false};
    struct arena arena;
    name_copy_lower(name, server);
    arena_init(&arena, 0);
    if (name_is_within(name, subject->zone->origin) &&
        zone_content_at(subject->content, name, &arena, take_glue, &finding))
        finding.found = true; /* memory is out: not the time for more */
    arena_fini(&arena);
    if (finding.found || name_is_root(name) || name_equal(name, (const uint8_t *)"\11localhost"))
        return;
    look_up(notify, subject, name, TYPE_A);
    look_up(notify, subject, name, TYPE_AAAA);
}

struct servers {
    struct notify_out *notify;
    const struct notify_subject *subject;
    const uint8_t *primary; /* the SOA's, who is left out; or NULL */
};

static int take_server(void *context, const struct policy_record *record)
{
    struct servers *servers = context;
    if (record->type == TYPE_NS && !(servers->primary && name_equal(record->rdata, servers->primary)))
        notify_server(servers->notify, servers->subject, record->rdata);
    return 0;
}

void notify_servers(struct notify_out *notify, const struct notify_subject *subject)
{
    const uint8_t *primary = zone_content_soa(subject->content)->rdatas[0].bytes;
    struct servers servers = {notify, subject, subject->config->transfer_out.notify_to_soa ? NULL : primary};
    struct arena arena;
    arena_init(&arena, 0);
    int error = zone_content_at(subject->content, subject->zone->origin, &arena, take_server, &servers);
    (void)error; /* memory: the servers will see the change when they refresh */
    arena_fini(&arena);
}
