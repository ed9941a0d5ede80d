/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the recursor is to leave out: names without validation, servers that are never asked. */
#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"

static void build_insecure(struct builder *b, const struct scope *scope, struct resolver_options *resolver)
{
    const struct conf_statement *except = scope_find(scope, "validate-except");
    const struct conf_item *block = except ? conf_block(except) : NULL;
    const uint8_t **names = build_alloc(b, (block ? conf_count(block->block) : 0) * sizeof *names);
    resolver->insecure = names;
    for (const struct conf_statement *s = names && block ? block->block : NULL; s; s = s->next) {
        uint8_t *name = build_alloc(b, NAME_MAX_BYTES);
        if (!name || s->items->kind > CONF_QUOTED || name_from_text(s->items->text, NULL, name) < 0)
            continue;
        name_to_lower(name);
        names[resolver->insecure_count++] = name;
    }
}

/* A server block of the view wins over one of the same prefix outside. */
static bool is_known(const struct ip_prefix *prefix, const struct ip_prefix *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (known[i].length == prefix->length && ip_equal(&known[i].address, &prefix->address))
            return true;
    return false;
}

static void read_server(struct builder *b, const struct conf_statement *s, struct ip_prefix *seen,
                        size_t *seen_count, size_t own_from, struct ip_prefix *avoid, size_t *avoid_count)
{
    const struct conf_item *item = s->items->next, *block = conf_block(s);
    struct ip_prefix prefix;
    if (!item || !block || prefix_from_text(item->text, &prefix) != 0)
        return;
    if (is_known(&prefix, seen + own_from, *seen_count - own_from))
        conf_error(b->report, item->at, "server '%s' a second time", item->text);
    else if (!is_known(&prefix, seen, *seen_count)) {
        struct scope scope = {{block->block}};
        seen[(*seen_count)++] = prefix;
        if (scope_bool(&scope, "bogus", false))
            avoid[(*avoid_count)++] = prefix;
    }
}

/* Of blackhole what the recursor can be told: prefixes; a list with ! in it is for clients alone. */
static size_t add_blackhole(const struct acl *blackhole, struct ip_prefix *avoid)
{
    size_t count = 0;
    for (size_t i = 0; i < blackhole->count; i++)
        if (blackhole->elements[i].negated)
            return 0;
        else if (blackhole->elements[i].kind == ACL_PREFIX)
            avoid[count++] = blackhole->elements[i].prefix;
    return count;
}

static void build_avoid(struct builder *b, const struct scope *scope, struct resolver_options *resolver)
{
    const struct conf_statement *lists[] = {scope->lists[0], b->top};
    const struct acl *blackhole = b->config->server.blackhole;
    size_t room = conf_count(lists[0]) + conf_count(lists[1]) + blackhole->count, seen_count = 0;
    struct ip_prefix *seen = build_alloc(b, room * sizeof *seen),
                     *avoid = build_alloc(b, room * sizeof *avoid);
    resolver->avoid = avoid;
    resolver->avoid_count = avoid ? add_blackhole(blackhole, avoid) : 0;
    for (size_t l = 0; seen && avoid && l < 2; l++) {
        size_t own_from = seen_count;
        for (const struct conf_statement *s = conf_find(lists[l], "server"); s;
             s = conf_find_next(s, "server"))
            read_server(b, s, seen, &seen_count, own_from, avoid, &resolver->avoid_count);
    }
}

void build_exceptions(struct builder *b, const struct scope *scope, struct resolver_options *resolver)
{
    build_insecure(b, scope, resolver);
    build_avoid(b, scope, resolver);
}
