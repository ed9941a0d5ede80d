/* SPDX-License-Identifier: GPL-3.0-or-later */
/* update-policy: who may change what. The rules are BIND's (its manual, "Dynamic Update Policies"). */
#include "dns/name.h"
#include "transfer/update.h"

static bool is_below(const uint8_t *name, const uint8_t *ancestor)
{
    return name_labels(name) > name_labels(ancestor) && name_is_within(name, ancestor);
}

static bool covers(const uint8_t *wildcard, const uint8_t *name)
{
    return name_is_wildcard(wildcard) && is_below(name, name_skip(wildcard, 1));
}

static bool type_fits(const struct update_rule *rule, uint16_t type)
{
    bool of_signer = type == TYPE_NSEC || type == TYPE_NSEC3;
    if (!rule->type_count)
        return !of_signer && type != TYPE_NS && type != TYPE_SOA && type != TYPE_RRSIG;
    for (size_t i = 0; i < rule->type_count; i++)
        if (rule->types[i] == type || (rule->types[i] == TYPE_ANY && !of_signer))
            return true;
    return false;
}

static bool name_fits(const struct update_rule *rule, const uint8_t *zone, const uint8_t *key,
                      const uint8_t *name)
{
    switch (rule->match) {
    case UPDATE_NAME:
        return name_equal(name, rule->name);
    case UPDATE_SUBDOMAIN:
        return name_is_within(name, rule->name);
    case UPDATE_ZONESUB:
        return name_is_within(name, zone);
    case UPDATE_WILDCARD:
        return covers(rule->name, name);
    case UPDATE_SELF:
        return name_equal(name, key);
    case UPDATE_SELFSUB:
        return name_is_within(name, key);
    case UPDATE_SELFWILD:
        return is_below(name, key);
    }
    return false;
}

bool update_rules_allow(const struct update_rules *rules, const uint8_t *zone, const uint8_t *key,
                        const uint8_t *name, uint16_t type)
{
    for (size_t i = 0; key && i < rules->count; i++) {
        const struct update_rule *rule = &rules->rules[i];
        bool who = name_equal(rule->identity, key) || covers(rule->identity, key);
        if (who && name_fits(rule, zone, key, name) && type_fits(rule, type))
            return rule->grant;
    }
    return false;
}
