/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may change a zone by hand: update-policy, and how the serial moves. */
#include <strings.h>

#include "candord/config_build.h"
#include "dns/name.h"

static const struct {
    const char *word;
    enum update_match match;
    bool has_name, names_key; /* a name follows; it is left out, or "*" or the key again */
} matches[] = {
    {"name", UPDATE_NAME, true, false},        {"subdomain", UPDATE_SUBDOMAIN, true, false},
    {"zonesub", UPDATE_ZONESUB, false, false}, {"wildcard", UPDATE_WILDCARD, true, false},
    {"self", UPDATE_SELF, true, true},         {"selfsub", UPDATE_SELFSUB, true, true},
    {"selfwild", UPDATE_SELFWILD, true, true},
};

static const uint8_t *build_name(struct builder *b, const struct conf_item *item)
{
    uint8_t *name = item ? build_alloc(b, NAME_MAX_BYTES) : NULL;
    if (!name)
        return NULL;
    if (item->kind == CONF_BLOCK || name_from_text(item->text, NULL, name) < 0) {
        conf_error(b->report, item->at, "expected a domain name in 'update-policy', found '%s'", item->text);
        return NULL;
    }
    name_to_lower(name);
    return name;
}

static bool build_types(struct builder *b, const struct conf_item *first, struct update_rule *rule)
{
    size_t count = 0;
    for (const struct conf_item *item = first; item; item = item->next)
        count++;
    uint16_t *types = build_alloc(b, count * sizeof *types);
    for (const struct conf_item *item = first; types && item; item = item->next) {
        int type = item->kind == CONF_WORD ? type_from_text(item->text) : ERR_NOT_FOUND;
        if (type < 0) {
            conf_error(b->report, item->at, "expected a type in 'update-policy', found '%s'", item->text);
            return false;
        }
        types[rule->type_count++] = (uint16_t)type;
    }
    rule->types = types;
    return types != NULL;
}

static bool find_match(struct builder *b, const struct conf_item *item, size_t *out)
{
    for (size_t i = 0; item && i < sizeof matches / sizeof *matches; i++)
        if (strcasecmp(item->text, matches[i].word) == 0) {
            *out = i;
            return true;
        }
    if (item)
        conf_error(b->report, item->at,
                   "expected name, subdomain, zonesub, wildcard, self, selfsub or selfwild in "
                   "'update-policy', found '%s'",
                   item->text);
    return false;
}

/* grant|deny IDENTITY RULETYPE [NAME] [TYPES] */
static bool build_rule(struct builder *b, const struct conf_statement *s, struct update_rule *rule)
{
    const struct conf_item *verb = s->items, *identity = verb->next,
                           *match = identity ? identity->next : NULL;
    size_t row = 0;
    if (!conf_is(verb, "grant") && !conf_is(verb, "deny")) {
        conf_error(b->report, verb->at, "expected grant or deny in 'update-policy', found '%s'", verb->text);
        return false;
    }
    if (!match) {
        conf_error(b->report, verb->at,
                   "expected 'grant' or 'deny', a key, a rule and a name in 'update-policy'");
        return false;
    }
    rule->grant = conf_is(verb, "grant");
    rule->identity = build_name(b, identity);
    if (!rule->identity || !find_match(b, match, &row))
        return false;
    struct session_key_config *key = &b->config->server.session_key;
    key->wanted |= name_equal(rule->identity, key->name);
    rule->match = matches[row].match;
    const struct conf_item *next = match->next;
    if (matches[row].has_name && !next) {
        conf_error(b->report, match->at, "expected a name after '%s' in 'update-policy'", match->text);
        return false;
    }
    if (matches[row].has_name) {
        rule->name = matches[row].names_key ? NULL : build_name(b, next);
        next = next->next;
    }
    return (rule->name || !matches[row].has_name || matches[row].names_key) && build_types(b, next, rule);
}

static void build_rules(struct builder *b, const struct conf_statement *policy, struct zone_config *zone)
{
    const struct conf_item *block = conf_block(policy);
    const struct conf_statement *first = block ? block->block : NULL;
    struct update_rules *rules = build_alloc(b, sizeof *rules);
    struct update_rule *list = build_alloc(b, conf_count(first) * sizeof *list);
    if (!rules || !list)
        return;
    for (const struct conf_statement *s = first; s; s = s->next)
        if (build_rule(b, s, &list[rules->count]))
            rules->count++;
    rules->rules = list;
    zone->update.rules = rules;
}

/* As BIND: everything in the zone, for the session key, asked from this machine. */
static void build_local(struct builder *b, const struct conf_statement *policy, struct zone_config *zone)
{
    static const struct acl_element here[] = {{.kind = ACL_LOCALHOST}};
    static const struct acl localhost = {1, here};
    static const uint16_t any[] = {TYPE_ANY};
    struct session_key_config *key = &b->config->server.session_key;
    struct update_rules *rules = build_alloc(b, sizeof *rules);
    struct update_rule *rule = build_alloc(b, sizeof *rule);
    if (!rules || !rule)
        return;
    if (!key->file)
        conf_error(b->report, policy->items->at,
                   "'update-policy local' in zone '%s' needs the session key; 'session-keyfile' says none",
                   zone->name_text);
    *rule = (struct update_rule){
        .grant = true, .identity = key->name, .match = UPDATE_ZONESUB, .types = any, .type_count = 1};
    *rules = (struct update_rules){1, rule};
    zone->update.rules = rules;
    zone->update.from = &localhost;
    key->wanted = true;
}

static enum serial_method serial_method(const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "serial-update-method");
    return conf_is(item, "unixtime") ? SERIAL_UNIXTIME
           : conf_is(item, "date")   ? SERIAL_DATE
                                     : SERIAL_INCREMENT;
}

void build_update(struct builder *b, const struct scope *scope, const struct conf_statement *list,
                  struct zone_config *zone)
{
    const struct conf_statement *policy = conf_find(list, "update-policy");
    const struct conf_statement *allow = conf_find(list, "allow-update");
    zone->update.serial_method = serial_method(scope);
    if (policy && allow)
        conf_error(b->report, allow->items->at,
                   "'allow-update' and 'update-policy' in zone '%s'; expected one of them", zone->name_text);
    if (policy && conf_block(policy))
        build_rules(b, policy, zone);
    else if (policy)
        build_local(b, policy, zone);
}
