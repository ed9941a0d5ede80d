/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone of type feed: where the list is, what form it has, what its names get. */
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"
#include "feed/fetch.h"

enum {
    DEFAULT_REFRESH_S = 3600,
    DEFAULT_RETRY_S = 300,
    DEFAULT_TIMEOUT_S = 300,
    DEFAULT_MAX_BYTES = 64 << 20,
    POLITE_S = 60,
};

/* --- where --- */

static void build_url(struct builder *b, const struct scope *scope, const struct zone_config *zone,
                      struct feed_config *feed)
{
    struct fetch_url parts;
    char problem[256] = "out of memory";
    const struct conf_item *item = scope_value(scope, "url");
    if (!item) {
        conf_error(b->report, (struct conf_place){zone->config_file, zone->config_line},
                   "expected 'url' in zone '%s' of type feed", zone->name_text);
        return;
    }
    if (fetch_url_parse(item->text, &parts, problem, sizeof problem)) {
        conf_error(b->report, item->at, "expected a URL (https://host/path) after 'url', found '%s': %s",
                   item->text, problem);
        return;
    }
    if (!parts.tls)
        conf_notice(b->report, item->at,
                    "zone '%s' comes over http: whoever stands between can write its rules; use https",
                    zone->name_text);
    feed->url = item->text;
    feed->shown_url = arena_strdup(b->arena, parts.shown);
    feed->host = arena_strdup(b->arena, parts.host);
    b->report->out_of_memory |= !feed->shown_url || !feed->host;
}

static void build_ca_file(struct builder *b, const struct scope *scope, struct feed_config *feed)
{
    const struct conf_item *item = scope_value(scope, "ca-file");
    feed->ca_file = item ? build_path(b, item->text) : NULL;
}

/* --- what --- */

static void build_form(struct builder *b, const struct scope *scope, const struct zone_config *zone,
                       struct feed_config *feed)
{
    const struct conf_item *item = scope_value(scope, "format");
    int format = item ? feed_format_from_text(item->text) : ERR_NOT_FOUND;
    if (!item)
        conf_error(b->report, (struct conf_place){zone->config_file, zone->config_line},
                   "expected 'format' (rpz, domains, hosts or adblock) in zone '%s' of type feed",
                   zone->name_text);
    feed->format = format >= 0 ? (enum feed_format)format : FEED_FORMAT_RPZ;
}

static void build_cname(struct builder *b, const struct conf_item *target, struct feed_action *action)
{
    uint8_t *name = build_alloc(b, NAME_MAX_BYTES);
    if (name && target && name_from_text(target->text, NULL, name) >= 0)
        action->cname = name;
}

static void build_addresses(struct builder *b, const struct conf_item *first, struct feed_action *action)
{
    const struct conf_item *item = first;
    for (size_t i = 0; item && i < 2; i++, item = item->next)
        if (ip_from_text(item->text, &action->addresses[i]) != 0)
            action->addresses[i].family = IP_NONE;
    if (action->addresses[0].family == action->addresses[1].family)
        conf_error(b->report, first->at,
                   "expected one IPv4 and one IPv6 address after 'address', found two of one family");
}

static void build_action(struct builder *b, const struct scope *scope, struct feed_config *feed)
{
    static const struct {
        const char *word;
        enum rpz_action action;
    } actions[] = {
        {"nxdomain", RPZ_NXDOMAIN},  {"nodata", RPZ_NODATA},     {"passthru", RPZ_PASSTHRU},
        {"drop", RPZ_DROP},          {"tcp-only", RPZ_TCP_ONLY}, {"cname", RPZ_LOCAL_DATA},
        {"address", RPZ_LOCAL_DATA},
    };
    const struct conf_item *item = scope_value(scope, "action");
    feed->action.action = RPZ_NXDOMAIN;
    if (item && feed->format == FEED_FORMAT_RPZ)
        conf_error(b->report, item->at,
                   "'action' does not go with format rpz, whose rules say it themselves; 'policy' in "
                   "response-policy overrides them");
    for (size_t i = 0; item && i < sizeof actions / sizeof *actions; i++)
        if (strcasecmp(item->text, actions[i].word) == 0)
            feed->action.action = actions[i].action;
    if (conf_is(item, "cname"))
        build_cname(b, item->next, &feed->action);
    else if (conf_is(item, "address") && item->next)
        build_addresses(b, item->next, &feed->action);
    else if (item && item->next)
        conf_error(b->report, item->next->at, "expected the end of the statement after '%s', found '%s'",
                   item->text, item->next->text);
}

/* --- how often, how much --- */

static void build_limits(struct builder *b, const struct scope *scope, struct feed_config *feed)
{
    const struct conf_item *size = scope_value(scope, "max-size"), *refresh = scope_value(scope, "refresh");
    feed->refresh_s = scope_seconds(scope, "refresh", DEFAULT_REFRESH_S);
    feed->retry_s = scope_seconds(scope, "retry", DEFAULT_RETRY_S);
    feed->timeout_s = scope_seconds(scope, "timeout", DEFAULT_TIMEOUT_S);
    feed->max_bytes = DEFAULT_MAX_BYTES;
    if (size && (conf_size(size->text, &feed->max_bytes) || !feed->max_bytes))
        conf_error(b->report, size->at, "expected a size above 0 after 'max-size', found '%s'", size->text);
    if (refresh && feed->refresh_s < POLITE_S)
        conf_notice(b->report, refresh->at, "'refresh' %s: publishers shut out who asks this often",
                    refresh->text);
}

void build_feed(struct builder *b, const struct conf_statement *list, struct zone_config *zone)
{
    const struct scope scope = {{list}};
    struct feed_config *feed = build_alloc(b, sizeof *feed);
    if (!feed)
        return;
    zone->feed = feed;
    build_url(b, &scope, zone, feed);
    build_ca_file(b, &scope, feed);
    build_form(b, &scope, zone, feed);
    build_action(b, &scope, feed);
    build_limits(b, &scope, feed);
}
