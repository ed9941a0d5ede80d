/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone "x" { … } of every type, and what the recursor learns from them: forwards, stubs, hints. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"

static const struct {
    const char *type;
    enum zone_kind kind;
} kinds[] = {
    {"primary", ZONE_PRIMARY},     {"master", ZONE_PRIMARY},
    {"secondary", ZONE_SECONDARY}, {"slave", ZONE_SECONDARY},
    {"hint", ZONE_HINT},           {"forward", ZONE_FORWARD},
    {"stub", ZONE_STUB},           {"static-stub", ZONE_STATIC_STUB},
    {"feed", ZONE_FEED},
};

static bool zone_type(struct builder *b, const struct conf_statement *type, enum zone_kind *kind)
{
    const struct conf_item *item = type ? type->items->next : NULL;
    if (!item)
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcasecmp(item->text, kinds[i].type) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    if (strcasecmp(item->text, "mirror") == 0)
        conf_notice(b->report, item->at,
                    "a zone of type mirror has no effect: the recursor asks its servers");
    else if (strcasecmp(item->text, "delegation-only") == 0)
        conf_notice(b->report, item->at, "a zone of type delegation-only has no effect");
    else if (strcasecmp(item->text, "redirect") == 0)
        conf_error(b->report, item->at, "type redirect is not supported; a policy zone can do it");
    return false;
}

/* --- what belongs to each kind --- */

static enum forward_mode forward_mode(const struct conf_item *item)
{
    return conf_is(item, "only") ? FORWARD_ONLY : FORWARD_FIRST;
}

/* `forward` of options is not inherited (as in BIND). */
static void build_forwarding(struct builder *b, const struct conf_statement *list, struct zone_config *zone)
{
    const struct conf_statement *forwarders = conf_find(list, "forwarders");
    const struct conf_statement *forward = conf_find(list, "forward");
    if (!forwarders && forward)
        conf_error(b->report, forward->items->at, "'forward' without 'forwarders' in zone '%s'",
                   zone->name_text);
    if (!forwarders)
        return;
    build_endpoints(b, forwarders, 53, &zone->servers, &zone->server_count);
    zone->forward = zone->server_count ? forward_mode(forward ? forward->items->next : NULL) : FORWARD_NONE;
}

static void build_stub(struct builder *b, struct zone_config *zone)
{
    size_t count = zone->primaries.count;
    struct endpoint *servers = build_alloc(b, count * sizeof *servers);
    for (size_t i = 0; servers && i < count; i++)
        servers[i] = zone->primaries.servers[i].endpoint;
    zone->servers = servers;
    zone->server_count = servers ? count : 0;
    zone->forward = STUB_PRIME;
}

static void build_static_stub(struct builder *b, const struct conf_statement *list, struct zone_config *zone)
{
    const struct conf_statement *addresses = conf_find(list, "server-addresses");
    if (addresses)
        build_endpoints(b, addresses, 53, &zone->servers, &zone->server_count);
    if (!zone->server_count)
        conf_error(b->report, (struct conf_place){zone->config_file, zone->config_line},
                   "expected 'server-addresses' in zone '%s' of type static-stub", zone->name_text);
    zone->forward = STUB;
}

static void build_file(struct builder *b, const struct conf_statement *list, struct zone_config *zone)
{
    const struct conf_statement *file = conf_find(list, "file");
    bool needed = zone->kind == ZONE_PRIMARY || zone->kind == ZONE_HINT;
    if (file && file->items->next)
        zone->file = build_path(b, file->items->next->text);
    else if (needed)
        conf_error(b->report, (struct conf_place){zone->config_file, zone->config_line},
                   "expected 'file' in zone '%s' of type %s", zone->name_text,
                   zone->kind == ZONE_HINT ? "hint" : "primary");
}

static void build_format(struct builder *b, const struct scope *scope, struct zone_config *zone)
{
    const struct conf_item *format = scope_value(scope, "masterfile-format");
    zone->masterfile_text = true;
    if (format && strcasecmp(format->text, "text") != 0)
        conf_error(b->report, format->at,
                   "expected text after 'masterfile-format', found '%s', which only BIND "
                   "reads (named-compilezone converts it)",
                   format->text);
}

static void build_servers_of(struct builder *b, const struct conf_statement *list, struct zone_config *zone)
{
    const struct conf_statement *primaries = conf_find(list, "primaries") ?: conf_find(list, "masters");
    bool needed = zone->kind == ZONE_SECONDARY || zone->kind == ZONE_STUB;
    build_servers(b, primaries, 53, &zone->primaries);
    if (needed && !zone->primaries.count)
        conf_error(b->report, (struct conf_place){zone->config_file, zone->config_line},
                   "expected 'primaries' with an address in zone '%s'", zone->name_text);
}

static void build_body(struct builder *b, const struct scope *outer, const struct conf_statement *list,
                       struct zone_config *zone)
{
    struct scope scope = {{list, outer->lists[0], outer->lists[1]}};
    zone->allow_query = scope_acl(b, &scope, "allow-query", &acl_any);
    zone->allow_query_on = scope_acl(b, &scope, "allow-query-on", &acl_any);
    zone->allow_transfer = scope_acl(b, &scope, "allow-transfer", &acl_any);
    zone->allow_notify = scope_acl(b, &scope, "allow-notify", &acl_none);
    zone->allow_update = scope_acl(b, &scope, "allow-update", &acl_none);
    zone->allow_update_forwarding = scope_acl(b, &scope, "allow-update-forwarding", &acl_none);
    build_transfer_out(b, &scope, zone);
    build_update(b, &scope, list, zone);
    build_guard(b, &scope, zone);
    build_file(b, list, zone);
    build_format(b, &scope, zone);
    build_servers_of(b, list, zone);
    build_transfer_in(b, &scope, zone);
    build_servers(b, scope_find(&scope, "also-notify"), 53, &zone->also_notify);
    if (zone->kind == ZONE_STUB)
        build_stub(b, zone);
    else if (zone->kind == ZONE_FEED)
        build_feed(b, list, zone);
    else if (zone->kind == ZONE_STATIC_STUB)
        build_static_stub(b, list, zone);
    else
        build_forwarding(b, list, zone);
    build_store(b, &scope, zone);
}

static const struct zone_config *find_zone(const struct zone_config *zones, size_t count, const uint8_t *name)
{
    for (size_t i = 0; i < count; i++)
        if (name_equal(zones[i].name, name))
            return &zones[i];
    return NULL;
}

/* A zone that another view has: the same once more, as part of this view. */
static bool copy_from_view(struct builder *b, const struct conf_item *name, const struct conf_item *view_name,
                           struct zone_config *zone)
{
    for (size_t i = 0; view_name && i < b->config->view_count; i++) {
        const struct view_config *view = &b->config->views[i];
        const struct zone_config *other = strcmp(view->name, view_name->text) == 0
                                              ? find_zone(view->zones, view->zone_count, zone->name)
                                              : NULL;
        if (other && other != zone) {
            *zone = *other;
            zone->is_policy = false; /* this view's response-policy says */
            return true;
        }
    }
    if (view_name)
        conf_error(b->report, view_name->at,
                   "expected a view before this one that has the zone '%s', found '%s'", name->text,
                   view_name->text);
    return false;
}

static void name_zone(struct builder *b, const struct conf_statement *s, struct zone_config *zone)
{
    char text[NAME_TEXT_MAX];
    name_to_lower(zone->name);
    zone->config_file = s->items->at.file;
    zone->config_line = s->items->at.line;
    zone->name_text = arena_strdup(b->arena, name_to_text_nodot(zone->name, text));
    if (!zone->name_text) {
        b->report->out_of_memory = true;
        zone->name_text = "";
    }
}

bool build_zone(struct builder *b, const struct scope *scope, const struct conf_statement *s,
                struct zone_config *zone)
{
    const struct conf_item *name = s->items->next, *class = conf_item_at(s, 2), *block = conf_block(s);
    if (!name || !block || name->kind == CONF_BLOCK || name_from_text(name->text, NULL, zone->name) < 0)
        return false;
    name_zone(b, s, zone);
    if (class && class->kind != CONF_BLOCK && strcasecmp(class->text, "IN") != 0) {
        conf_error(b->report, class->at, "expected class IN in zone '%s', found '%s'", name->text,
                   class->text);
        return false;
    }
    const struct conf_statement *in_view = conf_find(block->block, "in-view");
    if (in_view)
        return copy_from_view(b, name, in_view->items->next, zone);
    if (!zone_type(b, conf_find(block->block, "type"), &zone->kind))
        return false;
    if (zone->kind == ZONE_HINT && !name_is_root(zone->name)) {
        conf_notice(b->report, name->at, "zone '%s' of type hint has no effect: only \".\" has hints",
                    name->text);
        return false;
    }
    build_body(b, scope, block->block, zone);
    return true;
}

/* --- what the recursor learns --- */

static bool is_forward(const struct zone_config *zone)
{
    return zone->kind == ZONE_FORWARD || zone->kind == ZONE_STUB || zone->kind == ZONE_STATIC_STUB;
}

static void build_global_forward(struct builder *b, const struct scope *scope, struct forward_zone *forward)
{
    const struct conf_statement *forwarders = scope_find(scope, "forwarders");
    const struct conf_statement *mode = scope_find(scope, "forward");
    if (mode && !forwarders)
        conf_error(b->report, mode->items->at, "'forward' without 'forwarders'");
    if (!forwarders)
        return;
    build_endpoints(b, forwarders, 53, &forward->servers, &forward->server_count);
    forward->mode = forward_mode(scope_value(scope, "forward"));
}

static void build_forwards(struct builder *b, const struct scope *scope, struct view_config *view)
{
    struct forward_zone *forwards = build_alloc(b, (view->zone_count + 1) * sizeof *forwards);
    size_t count = 0;
    if (!forwards)
        return;
    const struct zone_config *root = find_zone(view->zones, view->zone_count, (const uint8_t *)"");
    build_global_forward(b, scope, &forwards[0]);
    if (forwards[0].server_count && (!root || root->kind == ZONE_HINT))
        count = 1;
    if (root && root->kind == ZONE_HINT)
        view->resolver.hints_file = root->file;
    for (size_t i = 0; i < view->zone_count; i++) {
        const struct zone_config *zone = &view->zones[i];
        if (!is_forward(zone))
            continue;
        struct forward_zone *forward = &forwards[count++];
        *forward = (struct forward_zone){
            .mode = zone->forward, .servers = zone->servers, .server_count = zone->server_count};
        name_copy(forward->origin, zone->name);
    }
    view->resolver.forwards = forwards;
    view->resolver.forward_count = count;
}

/* Names of the zones so far, so that many zones do not cost their square. */
struct zone_index {
    uint32_t *slots; /* number of a zone + 1; 0: free */
    size_t mask;
};

static bool index_init(struct zone_index *index, size_t zones)
{
    size_t size = 16;
    while (size < 2 * zones)
        size *= 2;
    index->slots = calloc(size, sizeof *index->slots);
    index->mask = size - 1;
    return index->slots != NULL;
}

/* The zone of this name that is there already, else NULL: then this one is. */
static const struct zone_config *index_add(struct zone_index *index, const struct zone_config *zones,
                                           size_t number)
{
    const uint8_t *name = zones[number].name;
    size_t at = name_hash_lower(0, name, name_length(name)) & index->mask;
    for (; index->slots[at]; at = (at + 1) & index->mask)
        if (name_equal(zones[index->slots[at] - 1].name, name))
            return &zones[index->slots[at] - 1];
    index->slots[at] = (uint32_t)number + 1;
    return NULL;
}

static void add_zone(struct builder *b, const struct scope *scope, const struct conf_statement *s,
                     struct zone_config *zones, struct zone_index *index, size_t *count)
{
    struct zone_config *zone = &zones[*count];
    memset(zone, 0, sizeof *zone);
    if (!build_zone(b, scope, s, zone))
        return;
    const struct zone_config *other = index_add(index, zones, *count);
    if (other)
        conf_error(b->report, s->items->at, "zone '%s' a second time; it stands in %s:%u already",
                   zone->name_text, other->config_file, other->config_line);
    else
        ++*count;
}

void build_zones(struct builder *b, const struct scope *scope, const struct conf_statement *list,
                 struct view_config *view)
{
    size_t room = conf_count(list);
    struct zone_config *zones = build_alloc(b, room * sizeof *zones);
    struct zone_index index;
    if (!zones || !index_init(&index, room)) {
        b->report->out_of_memory = true;
        return;
    }
    view->zones = zones;
    for (const struct conf_statement *s = conf_find(list, "zone"); s; s = conf_find_next(s, "zone"))
        add_zone(b, scope, s, zones, &index, &view->zone_count);
    free(index.slots);
    build_forwards(b, scope, view);
}
