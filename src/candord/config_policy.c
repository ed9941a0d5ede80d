/* SPDX-License-Identifier: GPL-3.0-or-later */
/* response-policy { … } -> the policy zones of a view and what holds for all of them. */
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/consts.h"
#include "dns/name.h"

enum { MAX_POLICY_ZONES = 1024 /* per view; BIND stops at 64 */ };

static const struct {
    const char *word;
    int value;
} overrides[] =
    {
        {"given", RPZ_OVERRIDE_GIVEN},       {"disabled", RPZ_OVERRIDE_DISABLED},
        {"passthru", RPZ_OVERRIDE_PASSTHRU}, {"no-op", RPZ_OVERRIDE_PASSTHRU},
        {"drop", RPZ_OVERRIDE_DROP},         {"tcp-only", RPZ_OVERRIDE_TCP_ONLY},
        {"nxdomain", RPZ_OVERRIDE_NXDOMAIN}, {"nodata", RPZ_OVERRIDE_NODATA},
        {"cname", RPZ_OVERRIDE_CNAME},
},
  edes[] = {
      {"none", EDE_NONE},         {"forged", EDE_FORGED},     {"blocked", EDE_BLOCKED},
      {"censored", EDE_CENSORED}, {"filtered", EDE_FILTERED}, {"prohibited", EDE_PROHIBITED},
};

static bool option_bool(const struct conf_statement *s, const char *word, bool otherwise)
{
    bool value;
    const struct conf_item *item = conf_option(s, word);
    return item && conf_bool(item->text, &value) == 0 ? value : otherwise;
}

static uint32_t option_seconds(const struct conf_statement *s, const char *word, uint32_t otherwise)
{
    uint32_t value;
    const struct conf_item *item = conf_option(s, word);
    return item && conf_duration(item->text, &value) == 0 ? value : otherwise;
}

/* A zone's name may be any word, so options are looked for behind it. */
static struct conf_statement behind_name(const struct conf_statement *zone)
{
    return (struct conf_statement){.items = conf_item_at(zone, 1)->next};
}

/* `policy cname` says what the record would say in a rule: "." and "*." are no targets. */
static enum rpz_override cname_override(const struct conf_item *domain, struct policy_zone_options *out)
{
    static const uint8_t star[] = {1, '*', 0};
    if (!domain || name_from_text(domain->text, NULL, out->override_cname) < 0)
        return RPZ_OVERRIDE_GIVEN;
    if (name_is_root(out->override_cname))
        return RPZ_OVERRIDE_NXDOMAIN;
    return name_equal(out->override_cname, star) ? RPZ_OVERRIDE_NODATA : RPZ_OVERRIDE_CNAME;
}

/* The statement of a zone inside the block, and that of response-policy itself, whose options are the
 * defaults of the zones. */
static void read_zone_options(const struct conf_statement *zone, const struct conf_statement *all,
                              struct policy_zone_options *out)
{
    const struct conf_statement behind = behind_name(zone);
    const struct conf_item *policy = conf_option(&behind, "policy"), *ede = conf_option(&behind, "ede");
    for (size_t i = 0; policy && i < sizeof overrides / sizeof *overrides; i++)
        if (strcasecmp(policy->text, overrides[i].word) == 0)
            out->override = (enum rpz_override)overrides[i].value;
    if (out->override == RPZ_OVERRIDE_CNAME)
        out->override = cname_override(policy->next, out);
    out->ede = EDE_NONE;
    for (size_t i = 0; ede && i < sizeof edes / sizeof *edes; i++)
        if (strcasecmp(ede->text, edes[i].word) == 0)
            out->ede = edes[i].value;
    out->max_policy_ttl_s =
        option_seconds(&behind, "max-policy-ttl", option_seconds(all, "max-policy-ttl", 5));
    out->recursive_only = option_bool(&behind, "recursive-only", option_bool(all, "recursive-only", true));
    out->add_soa = option_bool(&behind, "add-soa", option_bool(all, "add-soa", true));
    out->nsip_enable = option_bool(&behind, "nsip-enable", option_bool(all, "nsip-enable", true));
    out->nsdname_enable = option_bool(&behind, "nsdname-enable", option_bool(all, "nsdname-enable", true));
    out->log = option_bool(&behind, "log", true);
    out->include_subdomains = option_bool(&behind, "include-subdomains", false);
}

static struct zone_config *find_policy_zone(struct view_config *view, const uint8_t *name)
{
    struct zone_config *zones = (struct zone_config *)view->zones; /* still being built */
    for (size_t i = 0; i < view->zone_count; i++)
        if (name_equal(zones[i].name, name))
            return &zones[i];
    return NULL;
}

static bool holds_data(const struct zone_config *zone)
{
    return zone->kind == ZONE_PRIMARY || zone->kind == ZONE_SECONDARY || zone->kind == ZONE_FEED;
}

static bool is_listed(const struct view_config *view, const uint8_t *origin)
{
    for (size_t i = 0; i < view->policy_zone_count; i++)
        if (name_equal(view->policy_zones[i].origin, origin))
            return true;
    return false;
}

/* response-policy in options holds for every view, whether or not it has the zone (as in BIND); one written
 * in the view itself is a mistake. */
static void missing_zone(struct builder *b, const struct conf_item *name, const struct view_config *view,
                         bool inherited)
{
    if (inherited)
        conf_notice(b->report, name->at, "view '%s' has no zone '%s': its policy does not hold there",
                    view->name, name->text);
    else
        conf_error(
            b->report, name->at,
            "policy zone '%s' is not configured; expected a zone of type primary, secondary or feed of that "
            "name",
            name->text);
}

/* The next place in the order. */
static void add_zone(struct view_config *view, struct zone_config *config, const struct conf_statement *zone,
                     const struct conf_statement *all)
{
    struct policy_zone_options *out =
        (struct policy_zone_options *)&view->policy_zones[view->policy_zone_count++]; /* being built */
    config->is_policy = true;
    name_copy(out->origin, config->name);
    read_zone_options(zone, all, out);
}

static void read_zone(struct builder *b, const struct conf_statement *zone, const struct conf_statement *all,
                      struct view_config *view, bool inherited)
{
    const struct conf_item *name = zone->items->next;
    uint8_t origin[NAME_MAX_BYTES];
    if (!name || name->kind > CONF_QUOTED || name_from_text(name->text, NULL, origin) < 0)
        return;
    name_to_lower(origin);
    struct zone_config *config = find_policy_zone(view, origin);
    const struct conf_statement behind = {.items = name->next};
    const struct conf_item *group = conf_option(&behind, "group");
    if (group)
        conf_error(b->report, group->at, "'group' goes with catalog, not with zone");
    if (!config || !holds_data(config))
        missing_zone(b, name, view, inherited);
    else if (is_listed(view, origin))
        conf_error(b->report, name->at, "policy zone '%s' a second time", name->text);
    else
        add_zone(view, config, zone, all);
}

static bool has_catalog(const struct view_config *view, const uint8_t *origin)
{
    for (size_t i = 0; i < view->catalog_count; i++)
        if (name_equal(view->catalogs[i].origin, origin))
            return true;
    return false;
}

/* The members of a catalog (of one of its groups) that have no place yet, in the order of their names. */
static void read_catalog(struct builder *b, const struct conf_statement *s, const struct conf_statement *all,
                         struct view_config *view, bool inherited)
{
    const struct conf_item *name = s->items->next, *group = conf_option(s, "group");
    struct zone_config *zones = (struct zone_config *)view->zones; /* still being built */
    uint8_t origin[NAME_MAX_BYTES];
    if (!name || name->kind > CONF_QUOTED || name_from_text(name->text, NULL, origin) < 0)
        return;
    if (!has_catalog(view, origin) && !inherited)
        conf_error(b->report, name->at, "catalog '%s' does not stand in catalog-zones", name->text);
    for (size_t i = 0; i < view->zone_count; i++) {
        bool ours = zones[i].catalog && name_equal(zones[i].catalog, origin) &&
                    (!group || catalog_in_group(zones[i].member, group->text));
        if (ours && !is_listed(view, zones[i].name) && view->policy_zone_count < MAX_POLICY_ZONES)
            add_zone(view, &zones[i], s, all);
        else if (ours && view->policy_zone_count == MAX_POLICY_ZONES)
            conf_notice(b->report, name->at, "more than %d policy zones: '%s' has no place", MAX_POLICY_ZONES,
                        zones[i].name_text);
    }
}

static size_t count_members(const struct view_config *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->zone_count; i++)
        count += view->zones[i].catalog != NULL;
    return count;
}

void build_policy(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *all = scope_find(scope, "response-policy");
    const struct conf_item *block = all ? conf_block(all) : NULL;
    static const struct conf_item no_item = {.text = ""};
    static const struct conf_statement none = {.items = (struct conf_item *)&no_item};
    const struct conf_statement *global = all ?: &none;
    size_t count = block ? conf_count(block->block) : 0;
    struct policy_zone_options *zones = build_alloc(b, (count + count_members(view)) * sizeof *zones);
    view->policy = (struct policy_set_options){
        .break_dnssec = option_bool(global, "break-dnssec", false),
        .qname_wait_recurse = option_bool(global, "qname-wait-recurse", true),
        .nsip_wait_recurse = option_bool(global, "nsip-wait-recurse", true),
        .nsdname_wait_recurse = option_bool(global, "nsdname-wait-recurse", true),
        .servfail_until_ready = option_bool(global, "servfail-until-ready", false),
        .min_ns_dots = 1,
    };
    bool inherited = !conf_find(scope->lists[0], "response-policy") && strcmp(view->name, "_default") != 0;
    const struct conf_item *dots = conf_option(global, "min-ns-dots");
    uint32_t value;
    if (dots && conf_number(dots->text, &value) == 0)
        view->policy.min_ns_dots = value;
    view->nameserver_lookups = scope_number(scope, "nameserver-lookups", 40);
    view->nameserver_lookup_ms = scope_number(scope, "nameserver-lookup-time", 4000);
    view->nameserver_lookup_forwarded = scope_bool(scope, "nameserver-lookup-forwarded", true);
    view->policy_zones = zones;
    if (count > MAX_POLICY_ZONES)
        conf_error(b->report, all->items->at, "%zu policy zones; expected at most %d", count,
                   MAX_POLICY_ZONES);
    for (const struct conf_statement *z = zones && block ? block->block : NULL; z; z = z->next)
        if (conf_is(z->items, "catalog"))
            read_catalog(b, z, global, view, inherited);
        else
            read_zone(b, z, global, view, inherited);
    for (size_t i = 0; i < view->zone_count; i++)
        ((struct zone_config *)view->zones)[i].member = NULL; /* it goes with the catalog */
}
