/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What concerns servers that take zones from us: transfers and NOTIFY. */
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"

enum { MINUTE_MS = 60000, TIME_MAX_MINUTES = 40320 /* four weeks, as BIND */ };

static enum notify_mode notify_mode(const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "notify");
    bool yes;
    if (conf_is(item, "explicit"))
        return NOTIFY_EXPLICIT;
    if (conf_is(item, "primary-only") || conf_is(item, "master-only"))
        return NOTIFY_PRIMARY_ONLY;
    return !item || conf_bool(item->text, &yes) != 0 || yes ? NOTIFY_YES : NOTIFY_NO;
}

/* `*`, or nothing: the system chooses. */
static struct ip_address source(const struct scope *scope, const char *word, enum ip_family family)
{
    const struct conf_item *item = scope_value(scope, word);
    struct ip_address address;
    if (item && ip_from_text(item->text, &address) == 0)
        return address;
    return (struct ip_address){.family = family};
}

static unsigned ixfr_percent(const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "max-ixfr-ratio");
    unsigned percent;
    if (conf_is(item, "unlimited"))
        return 0;
    return item && conf_percent(item->text, &percent) == 0 && percent ? percent : 100;
}

/* allow-transfer port N transport tcp|tls: through no other door. */
static void build_door(struct builder *b, const struct scope *scope, struct transfer_out_config *out)
{
    const struct conf_statement *allow = scope_find(scope, "allow-transfer");
    const struct conf_item *transport = allow ? conf_option(allow, "transport") : NULL;
    const struct conf_item *port = allow ? conf_option(allow, "port") : NULL;
    if (port && conf_port(port->text, &out->port) != 0)
        out->port = 0;
    if (!transport)
        return;
    out->transport = strcasecmp(transport->text, "tcp") == 0 ? TRANSFER_TCP : TRANSFER_TLS;
    if (out->transport == TRANSFER_TLS && strcasecmp(transport->text, "tls") != 0)
        conf_error(b->report, transport->at, "expected tcp or tls after 'transport', found '%s'",
                   transport->text);
}

void build_transfer_out(struct builder *b, const struct scope *scope, struct zone_config *zone)
{
    struct transfer_out_config *out = &zone->transfer_out;
    out->allow_given = scope_find(scope, "allow-transfer") != NULL;
    build_door(b, scope, out);
    out->provide_ixfr = scope_bool(scope, "provide-ixfr", true);
    out->max_ixfr_percent = ixfr_percent(scope);
    out->one_answer = conf_is(scope_value(scope, "transfer-format"), "one-answer");
    out->message_bytes = scope_number_within(b, scope, "transfer-message-size", 20480, 512, 65535);
    out->max_time_ms =
        (uint64_t)scope_number_within(b, scope, "max-transfer-time-out", 120, 1, TIME_MAX_MINUTES) *
        MINUTE_MS;
    out->max_idle_ms =
        (uint64_t)scope_number_within(b, scope, "max-transfer-idle-out", 60, 1, TIME_MAX_MINUTES) * MINUTE_MS;
    out->notify = notify_mode(scope);
    out->notify_given = scope_find(scope, "notify") != NULL;
    out->notify_to_soa = scope_bool(scope, "notify-to-soa", false);
    out->notify_delay_ms = scope_number(scope, "notify-delay", 5) * 1000ull;
    out->notify_source[0] = source(scope, "notify-source", IP_V4);
    out->notify_source[1] = source(scope, "notify-source-v6", IP_V6);
}

void build_transfers_out(struct builder *b, const struct scope *scope)
{
    struct server_config *server = &b->config->server;
    server->transfers_out = scope_number(scope, "transfers-out", 10);
    server->notify_rate = scope_number_within(b, scope, "notify-rate", 20, 1, 1000);
    server->startup_notify_rate = scope_number_within(b, scope, "startup-notify-rate", 20, 1, 1000);
}
