/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views; without any in the file there is one, "_default", that holds all. */
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"

/* The three lists stand in for each other as in BIND: recursion for the cache, the cache for recursion, then
 * allow-query for both; this machine and its networks when none is given. */
static void build_access(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct acl *query = scope_acl(b, scope, "allow-query", NULL);
    const struct acl *cache = scope_acl(b, scope, "allow-query-cache", NULL);
    const struct acl *recursion = scope_acl(b, scope, "allow-recursion", NULL);
    view->allow_query = query ?: &acl_any;
    view->allow_query_cache = cache ?: recursion ?: query ?: &acl_local;
    view->allow_recursion = recursion ?: cache ?: query ?: &acl_local;
    view->allow_query_on = scope_acl(b, scope, "allow-query-on", &acl_any);
    view->allow_recursion_on =
        scope_acl(b, scope, "allow-recursion-on", scope_acl(b, scope, "allow-query-cache-on", &acl_any));
    view->allow_query_cache_on =
        scope_acl(b, scope, "allow-query-cache-on", scope_acl(b, scope, "allow-recursion-on", &acl_any));
    if (!view->recursion) {
        view->allow_recursion = &acl_none;
        view->allow_query_cache = cache ?: &acl_none;
    }
}

static enum minimal_responses build_minimal(const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "minimal-responses");
    bool yes;
    if (conf_is(item, "no-auth"))
        return MINIMAL_NO_AUTH;
    if (!item || conf_bool(item->text, &yes) != 0)
        return MINIMAL_NO_AUTH_RECURSIVE;
    return yes ? MINIMAL_YES : MINIMAL_NO;
}

static void build_stale(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_item *timeout = scope_value(scope, "stale-answer-client-timeout");
    uint32_t milliseconds;
    view->stale_answer_enable = scope_bool(scope, "stale-answer-enable", false);
    view->stale_answer_ttl_s = scope_seconds_within(b, scope, "stale-answer-ttl", 30, 1, 604800);
    view->stale_refresh_time_s = scope_seconds(scope, "stale-refresh-time", 30);
    view->stale_answer_client_timeout_ms = -1;
    if (timeout && conf_number(timeout->text, &milliseconds) == 0)
        view->stale_answer_client_timeout_ms = milliseconds > 60000 ? 60000 : (int32_t)milliseconds;
    if (view->stale_answer_enable && !scope_bool(scope, "stale-cache-enable", false))
        conf_notice(b->report, scope_find(scope, "stale-answer-enable")->items->at,
                    "'stale-answer-enable yes' has no effect without 'stale-cache-enable yes'");
}

/* fetches-per-zone N [drop|fail]: drop is BIND's default. */
static bool drops_when_zone_full(const struct scope *scope)
{
    const struct conf_item *most = scope_value(scope, "fetches-per-zone");
    uint32_t value;
    return most && conf_number(most->text, &value) == 0 && value && !conf_is(most->next, "fail");
}

static void build_prefetch(const struct scope *scope, struct view_config *view)
{
    const struct conf_item *trigger = scope_value(scope, "prefetch");
    uint32_t value;
    view->prefetch_trigger_s = 2;
    view->prefetch_eligible_s = 9;
    if (trigger && conf_number(trigger->text, &value) == 0)
        view->prefetch_trigger_s = value;
    if (trigger && trigger->next && conf_number(trigger->next->text, &value) == 0)
        view->prefetch_eligible_s = value;
    if (view->prefetch_trigger_s > 10) /* BIND's bound */
        view->prefetch_trigger_s = 10;
    if (view->prefetch_eligible_s < view->prefetch_trigger_s + 6) /* BIND: at least six seconds apart */
        view->prefetch_eligible_s = view->prefetch_trigger_s + 6;
}

static void build_empty_zones(struct builder *b, const struct scope *scope, struct view_config *view)
{
    size_t room = 0, count = 0;
    for (size_t l = 0; l < 2; l++)
        room += conf_count(scope->lists[l]);
    const uint8_t **names = build_alloc(b, room * sizeof *names);
    view->empty_zones = scope_bool(scope, "empty-zones-enable", true);
    view->disabled_empty = names;
    for (size_t l = 0; names && l < 2; l++)
        for (const struct conf_statement *s = conf_find(scope->lists[l], "disable-empty-zone"); s;
             s = conf_find_next(s, "disable-empty-zone")) {
            uint8_t *name = build_alloc(b, NAME_MAX_BYTES);
            if (!name || !s->items->next || name_from_text(s->items->next->text, NULL, name) < 0)
                continue;
            name_to_lower(name);
            names[count++] = name;
        }
    view->disabled_empty_count = count;
}

static void build_view(struct builder *b, const struct scope *scope, const struct conf_statement *list,
                       struct view_config *view)
{
    view->match_clients = scope_acl(b, scope, "match-clients", &acl_any);
    view->match_destinations = scope_acl(b, scope, "match-destinations", &acl_any);
    view->match_recursive_only = scope_bool(scope, "match-recursive-only", false);
    view->recursion = scope_bool(scope, "recursion", true);
    build_access(b, scope, view);
    view->minimal_responses = build_minimal(scope);
    view->minimal_any = scope_bool(scope, "minimal-any", false);
    build_stale(b, scope, view);
    view->drop_when_zone_full = drops_when_zone_full(scope);
    build_prefetch(scope, view);
    build_empty_zones(b, scope, view);
    build_resolver(b, scope, view);
    build_peers(b, scope, view);
    build_zones(b, scope, list, view);
    build_catalogs(b, scope, view);
    build_policy(b, scope, view);
    check_guard(b, scope, view);
    build_dns64(b, scope, view);
    build_order(b, scope, view);
    build_padding(b, scope, view);
    build_rate_limit(b, scope, view);
}

/* CH views answer nothing of ours; version.bind and its like are answered in every view. */
static bool is_class_in(const struct conf_statement *s)
{
    const struct conf_item *class = conf_item_at(s, 2);
    return !class || class->kind == CONF_BLOCK || strcasecmp(class->text, "IN") == 0;
}

static void build_named_view(struct builder *b, const struct conf_statement *s, struct view_config *views)
{
    const struct conf_item *name = s->items->next, *block = conf_block(s);
    if (!name || !block || name->kind == CONF_BLOCK)
        return;
    if (!is_class_in(s)) {
        conf_notice(b->report, s->items->at, "view '%s' has no effect: only class IN is served", name->text);
        return;
    }
    for (size_t i = 0; i < b->config->view_count; i++)
        if (strcmp(views[i].name, name->text) == 0) {
            conf_error(b->report, name->at, "view '%s' a second time", name->text);
            return;
        }
    struct view_config *view = &views[b->config->view_count++];
    struct scope scope = {{block->block, b->options}};
    view->name = name->text;
    build_view(b, &scope, block->block, view);
}

static void build_default_view(struct builder *b, const struct conf_statement *list, struct view_config *view)
{
    struct scope scope = {{NULL, b->options}};
    view->name = "_default";
    b->config->view_count = 1;
    build_view(b, &scope, list, view);
}

void build_views(struct builder *b)
{
    const struct conf_statement *first = conf_find(b->top, "view");
    struct view_config *views = build_alloc(b, (conf_count(first) + 1) * sizeof *views);
    if (!views)
        return;
    b->config->views = views;
    if (!first) {
        build_default_view(b, b->top, views);
        return;
    }
    for (const struct conf_statement *zone = conf_find(b->top, "zone"); zone;
         zone = conf_find_next(zone, "zone"))
        conf_error(b->report, zone->items->at,
                   "expected every zone inside a view, because the file has views");
    for (const struct conf_statement *s = first; s; s = conf_find_next(s, "view"))
        build_named_view(b, s, views);
    if (!b->config->view_count) /* only views of other classes */
        build_default_view(b, NULL, views);
}
