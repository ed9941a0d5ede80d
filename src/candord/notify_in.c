/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NOTIFY that comes in (RFC 1996): from a primary or somebody in allow-notify it is answered at once, and the
 * main thread asks the primaries. BIND's words in the log. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/query.h"
#include "candord/secondary.h"
#include "candord/worker.h"
#include "dns/name.h"
#include "dns/tsig.h"

/* A NOTIFY, as far as it has been looked at. */
struct notify {
    struct query *q;
    struct tsig_record tsig;
    bool has_tsig;
    const struct tsig_key *key; /* that signed it, verified; NULL: none */
    struct tsig_session session;
    bool has_serial;
    uint32_t serial;
};

/* --- the signature --- */

static const struct tsig_key *key_of(const struct config *config, const struct tsig_record *record)
{
    for (size_t i = 0; i < config->key_count; i++)
        if (tsig_key_fits(&config->keys[i], record))
            return &config->keys[i];
    return NULL;
}

/* 0, or the rcode of the answer. */
static unsigned check_signature(struct notify *n)
{
    struct query *q = n->q;
    int found = tsig_find(q->packet, q->packet_length, &n->tsig);
    tsig_begin(&n->session, NULL);
    if (found <= 0)
        return found < 0 ? RCODE_FORMERR : RCODE_NOERROR;
    n->has_tsig = true;
    const struct tsig_key *key = key_of(q->snapshot->config, &n->tsig);
    if (!key)
        return RCODE_NOTAUTH;
    enum tsig_error error = tsig_verify_request(&n->session, key, q->packet, q->packet_length, &n->tsig,
                                                (uint64_t)clock_wall_s());
    if (!error)
        n->key = key;
    return error == TSIG_OK ? RCODE_NOERROR : error == TSIG_FORMERR ? RCODE_FORMERR : RCODE_NOTAUTH;
}

static void answer(struct notify *n, unsigned rcode)
{
    struct query *q = n->q;
    int error = 0;
    reply_code(q, rcode, EDE_NONE, NULL);
    if (rcode == RCODE_NOERROR && q->out_length > 2)
        q->out[2] |= DNS_AA >> 8;
    if (n->has_tsig && !n->session.key)
        error = tsig_put_badkey(&n->tsig, q->out, &q->out_length, q->out_size);
    else if (n->has_tsig)
        error = tsig_sign(&n->session, q->out, &q->out_length, q->out_size, (uint64_t)clock_wall_s());
    if (error)
        reply_none(q);
    tsig_end(&n->session);
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
    const struct acl_subject subject = {.address = n->q->client.address, .key = n->key ? n->key->name : NULL};
    return is_primary(zone, &n->q->client.address) ||
           acl_allows(zone->allow_notify, &subject, &n->q->snapshot->config->environment);
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
              n->key ? ": TSIG '" : "", n->key ? name_to_text_nodot(n->key->name, key) : "",
              n->key ? "'" : "");
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
    unsigned rcode = check_signature(&n);
    if (!rcode && (q->asked.qtype != TYPE_SOA || q->asked.qclass != CLASS_IN))
        rcode = RCODE_FORMERR;
    if (!rcode)
        rcode = q->view ? take(&n) : RCODE_REFUSED;
    answer(&n, rcode);
}
