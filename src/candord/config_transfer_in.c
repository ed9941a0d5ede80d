/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How zones come from their primaries: tls and server blocks, limits, timers (RFC 1034, 5936, 9103). */
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"

enum {
    DAY_S = 86400,
    MINUTES_MAX = 40320, /* BIND's bound: 28 days */
};

/* --- tls --- */

static const char *tls_path(struct builder *b, const struct scope *scope, const char *word)
{
    const struct conf_item *item = scope_value(scope, word);
    return item ? build_path(b, item->text) : NULL;
}

static const char *tls_text(const struct scope *scope, const char *word)
{
    const struct conf_item *item = scope_value(scope, word);
    return item ? item->text : NULL;
}

/* To primaries TLS 1.3 is always spoken: RFC 9103 section 8.1 wants it. */
static void build_protocols(struct builder *b, const struct scope *scope, struct tls_config *tls)
{
    const struct conf_statement *protocols = scope_find(scope, "protocols");
    const struct conf_item *block = protocols ? conf_block(protocols) : NULL;
    tls->protocols_given = protocols != NULL;
    for (const struct conf_statement *s = block ? block->block : NULL; s; s = s->next) {
        if (conf_is(s->items, "TLSv1.2"))
            tls->allow_1_2 = true;
        else if (conf_is(s->items, "TLSv1.3"))
            tls->allow_1_3 = true;
        else
            conf_error(b->report, s->items->at, "expected TLSv1.2 or TLSv1.3 in 'protocols', found '%s'",
                       s->items->text);
    }
}

static bool build_one_tls(struct builder *b, const struct conf_statement *s, struct tls_config *tls)
{
    const struct conf_item *name = s->items->next, *block = conf_block(s);
    if (!name || !block || name->kind == CONF_BLOCK)
        return false;
    if (strcasecmp(name->text, "ephemeral") == 0 || strcasecmp(name->text, "none") == 0) {
        conf_error(b->report, name->at, "tls '%s' is built in; expected another name", name->text);
        return false;
    }
    struct scope scope = {{block->block}};
    tls->name = name->text;
    tls->ca_file = tls_path(b, &scope, "ca-file");
    tls->cert_file = tls_path(b, &scope, "cert-file");
    tls->key_file = tls_path(b, &scope, "key-file");
    tls->remote_hostname = tls_text(&scope, "remote-hostname");
    tls->ciphers = tls_text(&scope, "ciphers");
    tls->prefer_server_ciphers = scope_bool(&scope, "prefer-server-ciphers", false);
    tls->session_tickets = scope_bool(&scope, "session-tickets", true);
    build_protocols(b, &scope, tls);
    if (!tls->cert_file != !tls->key_file)
        conf_error(b->report, name->at, "expected 'cert-file' and 'key-file' together in tls '%s'",
                   name->text);
    return true;
}

void build_tls(struct builder *b)
{
    size_t room = 0;
    for (const struct conf_statement *s = conf_find(b->top, "tls"); s; s = conf_find_next(s, "tls"))
        room++;
    struct tls_config *list = build_alloc(b, room * sizeof *list);
    b->config->tls = list;
    for (const struct conf_statement *s = conf_find(b->top, "tls"); s && list; s = conf_find_next(s, "tls")) {
        struct tls_config *tls = &list[b->config->tls_count];
        if (!build_one_tls(b, s, tls))
            continue;
        if (config_tls(b->config, tls->name))
            conf_error(b->report, s->items->next->at, "tls '%s' a second time", tls->name);
        else
            b->config->tls_count++;
    }
}

const struct tls_config *config_tls(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->tls_count; i++)
        if (strcasecmp(config->tls[i].name, name) == 0)
            return &config->tls[i];
    return NULL;
}

/* --- server --- */

static int peer_bool(const struct scope *scope, const char *word)
{
    return scope_find(scope, word) ? scope_bool(scope, word, false) : -1;
}

static struct ip_address source_address(const struct scope *scope, const char *word)
{
    struct ip_address address = {.family = IP_NONE};
    const struct conf_item *item = scope_value(scope, word);
    if (!item || ip_from_text(item->text, &address) != 0)
        address.family = IP_NONE; /* `*` */
    return address;
}

static const struct tsig_key *peer_key(struct builder *b, const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "keys");
    if (item && item->kind == CONF_BLOCK)
        item = item->block ? item->block->items : NULL;
    const struct tsig_key *key = item ? find_key(b, item->text) : NULL;
    if (item && !key)
        conf_error(b->report, item->at, "undefined key '%s'", item->text);
    return key;
}

static void build_peer(struct builder *b, const struct conf_statement *s, struct peer_config *peers,
                       size_t *count)
{
    const struct conf_item *prefix = s->items->next, *block = conf_block(s);
    struct peer_config *peer = &peers[*count];
    if (!prefix || !block || prefix->kind == CONF_BLOCK || prefix_from_text(prefix->text, &peer->prefix) != 0)
        return;
    struct scope scope = {{block->block}};
    peer->key = peer_key(b, &scope);
    peer->request_ixfr = peer_bool(&scope, "request-ixfr");
    peer->request_expire = peer_bool(&scope, "request-expire");
    peer->source_v4 = source_address(&scope, "transfer-source");
    peer->source_v6 = source_address(&scope, "transfer-source-v6");
    peer->transfers = scope_number(&scope, "transfers", 0);
    ++*count;
}

void build_peers(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *lists[] = {scope->lists[0], b->top};
    struct peer_config *peers = build_alloc(b, (conf_count(lists[0]) + conf_count(lists[1])) * sizeof *peers);
    view->peers = peers;
    for (size_t l = 0; peers && l < 2; l++)
        for (const struct conf_statement *s = conf_find(lists[l], "server"); s;
             s = conf_find_next(s, "server"))
            build_peer(b, s, peers, &view->peer_count);
}

const struct peer_config *config_peer(const struct view_config *view, const struct ip_address *address)
{
    const struct peer_config *closest = NULL;
    for (size_t i = 0; i < view->peer_count; i++)
        if (prefix_contains(&view->peers[i].prefix, address) &&
            (!closest || view->peers[i].prefix.length > closest->prefix.length))
            closest = &view->peers[i];
    return closest;
}

/* --- zones --- */

static uint32_t minutes(struct builder *b, const struct scope *scope, const char *word, uint32_t otherwise)
{
    return 60 * scope_number_within(b, scope, word, otherwise, 1, MINUTES_MAX);
}

/* BIND refuses 0. */
static uint32_t not_zero(struct builder *b, const struct scope *scope, const char *word, uint32_t otherwise)
{
    uint32_t value = scope_number(scope, word, otherwise);
    if (value == 0)
        conf_error(b->report, scope_value(scope, word)->at, "expected a number above 0 after '%s'", word);
    return value;
}

static void build_times(struct builder *b, const struct scope *scope, struct transfer_in_config *in)
{
    in->max_time_s = minutes(b, scope, "max-transfer-time-in", 120);
    in->max_idle_s = minutes(b, scope, "max-transfer-idle-in", 60);
    /* The defaults are BIND's. */
    in->min_refresh_s = not_zero(b, scope, "min-refresh-time", 300);
    in->max_refresh_s = not_zero(b, scope, "max-refresh-time", 4 * 7 * DAY_S);
    in->min_retry_s = not_zero(b, scope, "min-retry-time", 500);
    in->max_retry_s = not_zero(b, scope, "max-retry-time", 2 * 7 * DAY_S);
    if (in->max_refresh_s < in->min_refresh_s)
        in->max_refresh_s = in->min_refresh_s;
    if (in->max_retry_s < in->min_retry_s)
        in->max_retry_s = in->min_retry_s;
}

void build_transfer_in(struct builder *b, const struct scope *scope, struct zone_config *zone)
{
    struct transfer_in_config *in = &zone->transfer_in;
    in->request_ixfr = scope_bool(scope, "request-ixfr", true);
    in->request_expire = scope_bool(scope, "request-expire", true);
    in->try_tcp_refresh = scope_bool(scope, "try-tcp-refresh", true);
    in->multi_primary = scope_bool(scope, "multi-master", false);
    in->source_v4 = source_address(scope, "transfer-source");
    in->source_v6 = source_address(scope, "transfer-source-v6");
    in->max_records = scope_number(scope, "max-records", 0);
    build_times(b, scope, in);
}

/* --- the server --- */

void build_transfers_in(struct builder *b, const struct scope *scope)
{
    struct transfers_in_config *in = &b->config->server.transfers_in;
    in->threads = scope_number_within(b, scope, "transfers-in", 10, 1, 1000);
    in->per_server = scope_number_within(b, scope, "transfers-per-ns", 2, 1, 1000);
    in->queries_per_second = scope_number_within(b, scope, "serial-query-rate", 20, 1, 100000);
}
