/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/denied.h"

#include "base/log.h"
#include "dns/name.h"

/* The name of the list that holds it, or NULL. */
static const uint8_t *holder_of(const struct denied_names *list, const uint8_t *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (name_is_within(name, list->names[i]))
            return list->names[i];
    return NULL;
}

static void log_denied(const char *what, const char *which, const uint8_t *owner)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_RESOLVER, LEVEL_NOTICE, "answer %s %s denied for %s", what, which,
              name_to_text_nodot(owner, name));
}

static bool address_denied(const struct denied_answers *denied, const struct truth_link *link)
{
    if (!denied->addresses->count || holder_of(&denied->addresses_except, link->name))
        return false;
    for (size_t i = 0; i < link->address_count; i++) {
        const struct acl_subject subject = {.address = link->addresses[i]};
        if (acl_allows(denied->addresses, &subject, denied->environment)) {
            char text[IP_TEXT_MAX];
            log_denied("address", ip_to_text(&link->addresses[i], text), link->name);
            return true;
        }
    }
    return false;
}

static bool alias_denied(const struct denied_answers *denied, const uint8_t *alias, const uint8_t *target)
{
    const uint8_t *holder = holder_of(&denied->aliases, target);
    if (!holder || name_is_within(alias, holder) || holder_of(&denied->aliases_except, alias))
        return false;
    char text[NAME_TEXT_MAX];
    log_denied("target", name_to_text_nodot(target, text), alias);
    return true;
}

bool denied_find(const void *context, const struct truth *truth)
{
    const struct denied_answers *denied = context;
    bool found = false;
    for (size_t i = 0; i < truth->link_count && !found; i++) {
        const struct truth_link *link = &truth->links[i];
        found = address_denied(denied, link) || (i && alias_denied(denied, link[-1].name, link->name));
    }
    return found;
}

static bool names_equal(const struct denied_names *a, const struct denied_names *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!name_equal(a->names[i], b->names[i]))
            return false;
    return true;
}

bool denied_equal(const struct denied_answers *a, const struct denied_answers *b)
{
    if (!a || !b)
        return a == b;
    return acl_equal(a->addresses, b->addresses) && names_equal(&a->addresses_except, &b->addresses_except) &&
           names_equal(&a->aliases, &b->aliases) && names_equal(&a->aliases_except, &b->aliases_except);
}
