/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catalog-zones { … }: the catalogs of a view, and the zones that they bring. A member is written as the zone
 * statement that an operator would have written, and read as such: what holds for other secondary zones holds
 * for it. What a catalog says never makes a configuration fail: it is told and left out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "candord/conf_value.h"
#include "candord/conf_words.h"
#include "candord/config_build.h"
#include "dns/name.h"

enum { MAX_CATALOGS = 256, DEFAULT_INTERVAL_S = 5, PRIMARIES_MAX = 32, FILE_NAME_MAX = 200 };

/* --- the statement --- */

static const struct zone_config *find_zone(const struct view_config *view, const uint8_t *name)
{
    for (size_t i = 0; i < view->zone_count; i++)
        if (name_equal(view->zones[i].name, name))
            return &view->zones[i];
    return NULL;
}

static bool is_catalog_kind(const struct zone_config *zone)
{
    return zone->kind == ZONE_PRIMARY || zone->kind == ZONE_SECONDARY;
}

static const struct conf_item *default_primaries(const struct conf_statement *s)
{
    for (const struct conf_item *item = s->items; item; item = item->next)
        if (conf_is(item, "default-primaries") || conf_is(item, "default-masters"))
            return item;
    return NULL;
}

/* The block of servers behind the word, with its port, as a statement of its own. */
static void build_defaults(struct builder *b, const struct conf_statement *s, struct catalog_config *out)
{
    const struct conf_item *word = default_primaries(s);
    struct conf_statement only = {.items = (struct conf_item *)word};
    if (word)
        build_servers(b, &only, 53, &out->primaries);
}

static bool build_catalog(struct builder *b, const struct conf_statement *s, const struct view_config *view,
                          bool inherited, struct catalog_config *out)
{
    const struct conf_item *name = s->items->next;
    uint32_t interval_s;
    if (!conf_is(s->items, "zone") || !name || name_from_text(name->text, NULL, out->origin) < 0)
        return false;
    name_to_lower(out->origin);
    const struct zone_config *zone = find_zone(view, out->origin);
    if ((!zone || !is_catalog_kind(zone)) && inherited)
        return false;
    if (!zone || !is_catalog_kind(zone)) {
        conf_error(
            b->report, name->at,
            "catalog zone '%s' is not configured; expected a zone of type secondary or primary of that "
            "name",
            name->text);
        return false;
    }
    const struct conf_item *directory = conf_option(s, "zone-directory"),
                           *memory = conf_option(s, "in-memory"),
                           *interval = conf_option(s, "min-update-interval");
    build_defaults(b, s, out);
    out->directory = build_path(b, directory ? directory->text : ".");
    if (memory && conf_bool(memory->text, &out->in_memory) != 0)
        out->in_memory = false;
    out->min_update_interval_s =
        interval && conf_duration(interval->text, &interval_s) == 0 ? interval_s : DEFAULT_INTERVAL_S;
    return true;
}

/* --- a member as a statement --- */

struct text {
    char bytes[16384];
    size_t length;
    bool full;
};

static void put(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

static void put(struct text *text, const char *format, ...)
{
    size_t room = sizeof text->bytes - text->length;
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(text->bytes + text->length, room, format, arguments);
    va_end(arguments);
    text->full |= used < 0 || (size_t)used >= room;
    text->length += text->full ? 0 : (size_t)used;
}

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*';
}

enum escape { ESCAPE_NAME /* \DDD, as in zone files */, ESCAPE_FILE };

/* A name in which nothing has a meaning for the lexer or for a path. */
static char *safe_name(const uint8_t *name, enum escape escape, char out[NAME_TEXT_MAX])
{
    char *at = out;
    for (; *name; name += *name + 1) {
        for (unsigned i = 1; i <= *name; i++)
            at += is_plain(name[i])       ? sprintf(at, "%c", name[i])
                  : escape == ESCAPE_NAME ? sprintf(at, "\\%03u", name[i])
                                          : sprintf(at, "=%02x", name[i]);
        *at++ = '.';
    }
    if (at == out)
        *at++ = '.';
    *at = 0;
    return out;
}

static void put_server(struct text *text, const struct ip_address *address, uint16_t port, const char *key,
                       const char *tls)
{
    char buffer[IP_TEXT_MAX];
    put(text, "%s port %u", ip_to_text(address, buffer), port);
    if (key)
        put(text, " key \"%s\"", key);
    if (tls)
        put(text, " tls \"%s\"", tls);
    put(text, "; ");
}

static struct conf_place place_of(const struct catalog_list *list)
{
    return (struct conf_place){list->file, 0};
}

/* The catalog's own word about servers; a key that is not configured cannot be used. */
static unsigned put_given(struct builder *b, const struct catalog_list *list, struct text *text,
                          const struct catalog_primary *primary)
{
    unsigned count = 0;
    for (; primary && count < PRIMARIES_MAX; primary = primary->next) {
        const struct tsig_key *key = primary->key ? find_key(b, primary->key) : NULL;
        char name[NAME_TEXT_MAX];
        if (primary->key && !key) {
            conf_notice(b->report, place_of(list), "it names the key '%.100s', which is not configured",
                        primary->key);
            continue;
        }
        put_server(text, &primary->address, 53, key ? safe_name(key->name, ESCAPE_NAME, name) : NULL, NULL);
        count++;
    }
    return count;
}

static unsigned put_defaults(struct text *text, const struct remote_servers *servers)
{
    char name[NAME_TEXT_MAX];
    for (size_t i = 0; i < servers->count && i < PRIMARIES_MAX; i++) {
        const struct remote_server *server = &servers->servers[i];
        put_server(text, &server->endpoint.address, server->endpoint.port,
                   server->key ? safe_name(server->key->name, ESCAPE_NAME, name) : NULL, server->tls);
    }
    return (unsigned)servers->count;
}

static void put_file(struct text *text, const struct view_config *view, const struct catalog_config *catalog,
                     const uint8_t *member)
{
    char catalog_name[NAME_TEXT_MAX], name[NAME_TEXT_MAX];
    uint64_t hash = hash_bytes(hash_bytes(1, view->name, strlen(view->name)), member, name_length(member));
    safe_name(catalog->origin, ESCAPE_FILE, catalog_name);
    safe_name(member, ESCAPE_FILE, name);
    hash = hash_bytes(hash, catalog->origin, name_length(catalog->origin));
    if (strlen(catalog_name) + strlen(name) < FILE_NAME_MAX)
        put(text, " file \"%s/catalog-%s%s%08x.db\";", catalog->directory, catalog_name, name,
            (unsigned)hash);
    else
        put(text, " file \"%s/catalog-%016llx.db\";", catalog->directory, (unsigned long long)hash);
}

static void put_access(struct text *text, const char *word, const struct catalog_access *own,
                       const struct catalog_access *of_all)
{
    const struct catalog_access *access = own->given ? own : of_all;
    char prefix[IP_TEXT_MAX];
    if (!access->given)
        return;
    put(text, " %s { ", word);
    for (size_t i = 0; i < access->count; i++)
        put(text, "%s%s; ", access->prefixes[i].negated ? "!" : "",
            prefix_to_text(&access->prefixes[i].prefix, prefix));
    put(text, "%s};", access->count ? "" : "none; ");
}

/* False: it says no server, or too much. */
static bool write_member(struct builder *b, const struct view_config *view,
                         const struct catalog_config *catalog, const struct catalog_list *list,
                         const struct catalog_member *member, struct text *text)
{
    char name[NAME_TEXT_MAX];
    *text = (struct text){.length = 0};
    put(text, "zone \"%s\" { type secondary; primaries { ", safe_name(member->name, ESCAPE_NAME, name));
    unsigned servers =
        put_given(b, list, text, member->primaries ? member->primaries : list->catalog->primaries);
    if (!servers)
        servers = put_defaults(text, &catalog->primaries);
    put(text, "};");
    if (!catalog->in_memory)
        put_file(text, view, catalog, member->name);
    put_access(text, "allow-query", &member->query, &list->catalog->query);
    put_access(text, "allow-transfer", &member->transfer, &list->catalog->transfer);
    put(text, " };\n");
    if (!servers)
        conf_notice(b->report, place_of(list), "its member '%s' has no primaries: left out", name);
    return servers && !text->full;
}

/* --- members of a view --- */

static void add_member(struct builder *b, const struct scope *scope, struct view_config *view,
                       const struct catalog_config *catalog, const struct catalog_list *list,
                       const struct catalog_member *member, size_t configured)
{
    struct text text;
    char name[NAME_TEXT_MAX];
    struct zone_config *zone = (struct zone_config *)&view->zones[view->zone_count]; /* being built */
    for (size_t i = 0; i < configured; i++)
        if (name_equal(view->zones[i].name, member->name)) {
            conf_notice(b->report, place_of(list),
                        "zone '%s' stands in the configuration (%s:%u): that of the catalog is left out",
                        name_to_text_nodot(member->name, name), view->zones[i].config_file,
                        view->zones[i].config_line);
            return;
        }
    if (!write_member(b, view, catalog, list, member, &text))
        return;
    const struct conf_statement *statement = conf_parse_text(
        text.bytes, text.length, arena_strdup(b->arena, list->file) ?: "catalog", b->arena, b->report);
    memset(zone, 0, sizeof *zone);
    if (!statement || !build_zone(b, scope, statement, zone))
        return;
    zone->catalog = catalog->origin;
    zone->member = member;
    view->zone_count++;
}

static const struct catalog_list *find_list(const struct builder *b, const struct view_config *view,
                                            const uint8_t *origin)
{
    for (size_t i = 0; i < b->read->catalog_count; i++)
        if (strcmp(b->read->catalogs[i].view_name, view->name) == 0 &&
            name_equal(b->read->catalogs[i].catalog->origin, origin))
            return &b->read->catalogs[i];
    return NULL;
}

/* Room behind the configured zones for what the catalogs bring. */
static bool make_room(struct builder *b, struct view_config *view)
{
    size_t members = 0;
    for (size_t i = 0; i < view->catalog_count; i++) {
        const struct catalog_list *list = find_list(b, view, view->catalogs[i].origin);
        members += list ? list->count : 0;
    }
    struct zone_config *zones = members ? build_alloc(b, (view->zone_count + members) * sizeof *zones) : NULL;
    if (zones && view->zone_count)
        memcpy(zones, view->zones, view->zone_count * sizeof *zones);
    view->zones = zones ? zones : view->zones;
    return zones;
}

static void add_members(struct builder *b, const struct scope *scope, struct view_config *view)
{
    size_t configured = view->zone_count;
    if (!make_room(b, view))
        return;
    for (size_t i = 0; i < view->catalog_count; i++) {
        const struct catalog_list *list = find_list(b, view, view->catalogs[i].origin);
        for (size_t k = 0; list && k < list->count; k++)
            add_member(b, scope, view, &view->catalogs[i], list, list->members[k], configured);
    }
}

void build_catalogs(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *all = scope_find(scope, "catalog-zones");
    const struct conf_item *block = all ? conf_block(all) : NULL;
    size_t count = block ? conf_count(block->block) : 0;
    bool inherited = !conf_find(scope->lists[0], "catalog-zones") && strcmp(view->name, "_default") != 0;
    if (!count)
        return;
    if (count > MAX_CATALOGS) {
        conf_error(b->report, all->items->at, "%zu catalogs; expected at most %d", count, MAX_CATALOGS);
        return;
    }
    struct catalog_config *catalogs = build_alloc(b, count * sizeof *catalogs);
    view->catalogs = catalogs;
    for (const struct conf_statement *s = catalogs ? block->block : NULL; s; s = s->next)
        if (build_catalog(b, s, view, inherited, &catalogs[view->catalog_count]))
            view->catalog_count++;
    add_members(b, scope, view);
}
