/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NOTIFY that comes in (RFC 1996): from a primary or somebody in allow-notify it is answered at once, and the
 * main thread asks the primaries. BIND's words in the log. */
#include <string.h>

#include "base/log.h"
#include "candord/query.h"
#include "candord/secondary.h"
#include "candord/worker.h"
#include "dns/name.h"

/* A NOTIFY, as far as it has been looked at. */
struct notify {
    struct query *q;
    bool has_serial;
    uint32_t serial;
};

static void answer(struct query *q, unsigned rcode)
{
    reply_code(q, rcode, EDE_NONE, NULL);
    if (rcode == RCODE_NOERROR && q->out_length > 2)
        q->out[2] |= DNS_AA >> 8;
}

/* --- who may say so --- */

static bool is_primary(const struct zone_config *zone, const struct ip_address *client)
{
    for (size_t i = 0; i < zone->primaries.count; i++)
        if (ip_equal(&zone->primaries.servers[i].endpoint.address, client))
            return true;
    return false;
}

static bool may_notify(const struct notify *n, const struct zone_config *zone)
{
    return is_primary(zone, &n->q->client.address) || query_allowed(n->q, zone->allow_notify);
}

/* The serial that the primary has, as a hint in the answer section (RFC 1996 section 3.7). */
static void read_serial(struct notify *n)
{
    struct message_reader m;
    struct message_record record;
    struct rdata soa;
    struct query *q = n->q;
    if (message_open(&m, q->packet, q->packet_length) || message_next(&m, &record) != 1)
        return;
    if (record.section != SECTION_ANSWER || record.type != TYPE_SOA || !name_equal(record.owner, q->name) ||
        message_rdata(&m, &record, &q->arena, &soa))
        return;
    n->has_serial = true;
    n->serial = soa_serial(soa.bytes);
}

static void from_text(const struct query *q, union sockaddr_any *from, char text[IP_TEXT_MAX])
{
    if (q->tcp)
        *from = *tcp_peer(q->tcp);
    else
        *from = q->peer->address;
    sockaddr_to_text(from, text);
}

/* --- the whole --- */

static unsigned take(struct notify *n)
{
    struct query *q = n->q;
    union sockaddr_any from;
    char from_name[IP_TEXT_MAX], zone_name[NAME_TEXT_MAX], key[NAME_TEXT_MAX];
    from_text(q, &from, from_name);
    name_to_text_nodot(q->name, zone_name);
    const struct zone_table_entry *entry = zone_table_find(q->view->zones, q->name, false);
    const struct zone_config *zone = entry && name_equal(entry->origin, q->name) ? entry->owner : NULL;
    if (!zone) {
        log_write(LOG_NOTIFY, LEVEL_NOTICE, "client %s: received notify for zone '%s': not authoritative",
                  from_name, zone_name);
        return RCODE_NOTAUTH;
    }
    log_write(LOG_NOTIFY, LEVEL_INFO, "client %s: received notify for zone '%s'%s%s%s", from_name, zone_name,
              q->key ? ": TSIG '" : "", q->key ? name_to_text_nodot(q->key, key) : "", q->key ? "'" : "");
    if (zone->kind != ZONE_SECONDARY)
        return RCODE_NOERROR; /* as BIND: our own word is the last */
    if (!may_notify(n, zone)) {
        log_write(LOG_NOTIFY, LEVEL_INFO, "zone %s/IN: refused notify from non-primary: %s", zone_name,
                  from_name);
        return RCODE_REFUSED;
    }
    read_serial(n);
    secondaries_notify(worker_serving(q->worker)->secondaries, q->view->config->name, q->name, &from,
                       n->has_serial, n->serial);
    return RCODE_NOERROR;
}

void query_notify(struct query *q)
{
    struct notify n = {.q = q};
    q->name_length = q->asked.qname_length;
    name_copy_lower_known(q->name, q->asked.qname, q->name_length);
    bool of_soa = q->asked.qtype == TYPE_SOA && q->asked.qclass == CLASS_IN;
    unsigned rcode = of_soa ? RCODE_NOERROR : RCODE_FORMERR;
    if (!rcode)
        rcode = q->view ? take(&n) : RCODE_REFUSED;
    answer(q, rcode);
}
