/* SPDX-License-Identifier: GPL-3.0-or-later */
/* guard { … } and protect { … }: what a new version of a zone must not do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"

/* --- guard --- */

static enum guard_handling handling(const struct scope *scope, const char *word,
                                    enum guard_handling otherwise)
{
    const struct conf_item *item = scope_value(scope, word);
    if (!item)
        return otherwise;
    return conf_is(item, "hold") ? GUARD_HOLD : conf_is(item, "warn") ? GUARD_WARN : GUARD_APPLY;
}

static unsigned percent(const struct scope *scope, const char *word, unsigned otherwise)
{
    const struct conf_item *item = scope_value(scope, word);
    unsigned value;
    if (!item)
        return otherwise;
    return conf_percent(item->text, &value) == 0 && value < GUARD_NO_LIMIT ? value : GUARD_NO_LIMIT;
}

static void read_guard(const struct conf_statement *list, struct guard_options *out)
{
    const struct scope scope = {{list}};
    const struct guard_options defaults = guard_defaults();
    out->drop_offenders = conf_is(scope_value(&scope, "on-hold"), "apply-without-offenders");
    out->max_affected_percent = percent(&scope, "max-affected-queries", defaults.max_affected_percent);
    out->min_queries = scope_number(&scope, "min-queries", (uint32_t)defaults.min_queries);
    out->max_change_percent = percent(&scope, "max-change", defaults.max_change_percent);
    out->min_changed_rules = scope_number(&scope, "min-changed-rules", (uint32_t)defaults.min_changed_rules);
    out->max_prefix_v4 = scope_number(&scope, "max-prefix-v4", defaults.max_prefix_v4);
    out->max_prefix_v6 = scope_number(&scope, "max-prefix-v6", defaults.max_prefix_v6);
    static const struct {
        const char *word;
        enum guard_reason reason;
    } words[] = {
        {"suffix-rules", GUARD_SUFFIX},
        {"protected", GUARD_PROTECTED},
        {"wide-prefixes", GUARD_WIDE_PREFIX},
        {"emptied-zone", GUARD_EMPTIED},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        out->handling[words[i].reason] = handling(&scope, words[i].word, defaults.handling[words[i].reason]);
}

/* --- protect --- */

enum { LINE_MAX_BYTES = 4096, PROTECTED_MAX = 1000000 };

/* Names as they are gathered: chunks in the arena, then one array. */
struct gathering {
    struct builder *b;
    struct protected_name *names;
    size_t count, room;
};

static void add_name(struct gathering *g, const uint8_t *name, unsigned how)
{
    if (g->count == g->room) {
        size_t room = g->room ? 2 * g->room : 64;
        struct protected_name *larger = realloc(g->names, room * sizeof *larger);
        if (!larger) {
            g->b->report->out_of_memory = true;
            return;
        }
        g->names = larger;
        g->room = room;
    }
    uint8_t *copy = arena_copy(g->b->arena, name, name_length(name));
    if (!copy) {
        g->b->report->out_of_memory = true;
        return;
    }
    name_to_lower(copy);
    g->names[g->count++] = (struct protected_name){copy, (uint8_t)how};
}

/* The name of a line: without comment and blanks, and behind the last comma ("1,example.org": the lists of
 * popular names have a rank in front). */
static char *name_of_line(char *line)
{
    line[strcspn(line, "#\r\n")] = 0;
    char *comma = strrchr(line, ','), *start = comma ? comma + 1 : line;
    start += strspn(start, " \t");
    start[strcspn(start, " \t")] = 0;
    return start;
}

static void read_line(struct gathering *g, const char *path, unsigned line, char *text, unsigned how)
{
    uint8_t name[NAME_MAX_BYTES];
    const char *name_text = name_of_line(text);
    if (!*name_text)
        return;
    if (g->count >= PROTECTED_MAX)
        conf_error(g->b->report, (struct conf_place){path, line}, "expected at most %d protected names",
                   PROTECTED_MAX);
    else if (name_from_text(name_text, NULL, name) < 0)
        conf_error(g->b->report, (struct conf_place){path, line}, "expected a domain name, found '%s'",
                   name_text);
    else
        add_name(g, name, how);
}

/* Reads the names of a file, one a line. */
static void read_file(struct gathering *g, const struct conf_item *item, unsigned how)
{
    char text[LINE_MAX_BYTES];
    const char *path = build_path(g->b, item->text);
    FILE *file = path ? fopen(path, "re") : NULL;
    if (!file) {
        if (path)
            conf_error(g->b->report, item->at, "expected a file of names that can be read, found '%s': %s",
                       path, strerror(errno));
        return;
    }
    unsigned errors = g->b->report->errors, line = 0;
    while (g->b->report->errors < errors + 10 && fgets(text, sizeof text, file))
        read_line(g, path, ++line, text, how);
    if (ferror(file))
        conf_error(g->b->report, item->at, "'%s' cannot be read: %s", path, strerror(errno));
    fclose(file);
}

static unsigned how_of(const struct conf_item *item)
{
    static const struct {
        const char *word;
        unsigned how;
    } words[] = {{"exact", PROTECT_EXACT}, {"above", PROTECT_ABOVE}, {"below", PROTECT_BELOW}};
    unsigned how = 0;
    for (; item; item = item->next)
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (conf_is(item, words[i].word))
                how |= words[i].how;
    return how ? how : PROTECT_ALL;
}

static void read_entry(struct gathering *g, const struct conf_statement *entry)
{
    const struct conf_item *first = entry->items;
    uint8_t name[NAME_MAX_BYTES];
    if (first->kind == CONF_WORD && conf_is(first, "file") && first->next)
        read_file(g, first->next, how_of(first->next->next));
    else if (first->kind != CONF_WORD && first->kind != CONF_QUOTED)
        return; /* has been reported */
    else if (name_from_text(first->text, NULL, name) < 0)
        conf_error(g->b->report, first->at, "expected a domain name, found '%s'", first->text);
    else
        add_name(g, name, how_of(first->next));
}

static const struct protected_names *read_protect(struct builder *b, const struct scope *scope)
{
    struct gathering g = {.b = b};
    for (size_t l = 0; l < sizeof scope->lists / sizeof *scope->lists; l++) {
        const struct conf_statement *s = scope->lists[l] ? conf_find(scope->lists[l], "protect") : NULL;
        const struct conf_item *block = s ? conf_block(s) : NULL;
        for (const struct conf_statement *entry = block ? block->block : NULL; entry; entry = entry->next)
            read_entry(&g, entry);
    }
    struct protected_names *made = build_alloc(b, sizeof *made);
    struct protected_name *names = build_alloc(b, (g.count + 1) * sizeof *names);
    if (made && names) {
        if (g.count)
            memcpy(names, g.names, g.count * sizeof *names);
        protected_init(made, names, g.count);
    }
    free(g.names);
    return made;
}

/* Most zones have no list of their own: they share that of their view and of options, which is read once. */
static const struct protected_names *protected_names(struct builder *b, const struct scope *scope)
{
    if (scope->lists[0] && conf_find(scope->lists[0], "protect"))
        return read_protect(b, scope);
    const struct scope outer = {{scope->lists[1], scope->lists[2]}};
    if (!b->protected_names || b->protected_of != outer.lists[0]) {
        b->protected_names = read_protect(b, &outer);
        b->protected_of = outer.lists[0];
    }
    return b->protected_names;
}

/* Zones that others fill are guarded unless it is switched off; those that the operator writes himself when
 * he says so. */
void build_guard(struct builder *b, const struct scope *scope, struct zone_config *zone)
{
    const struct conf_statement *guard = scope_find(scope, "guard");
    const struct conf_item *block = guard ? conf_block(guard) : NULL;
    zone->guard.options = guard_defaults();
    zone->guard.options.on = guard ? block != NULL : zone->kind == ZONE_SECONDARY || zone->kind == ZONE_FEED;
    if (block)
        read_guard(block->block, &zone->guard.options);
    zone->guard.protected = protected_names(b, scope);
}

void check_guard(struct builder *b, const struct scope *scope, const struct view_config *view)
{
    const struct conf_statement *protect = view->policy_zone_count ? scope_find(scope, "protect") : NULL;
    for (size_t i = 0; protect && i < view->zone_count; i++)
        if (view->zones[i].is_policy && view->zones[i].guard.options.on)
            return;
    if (protect)
        conf_notice(b->report, protect->items->at,
                    "'protect' has no effect in view '%s': none of its policy zones is guarded (guard { };)",
                    view->name);
}
