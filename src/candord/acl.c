/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/acl.h"

#include "dns/name.h"

static bool is_ours(const struct acl_environment *environment, const struct ip_address *address)
{
    for (size_t i = 0; i < environment->address_count; i++)
        if (ip_equal(&environment->addresses[i], address))
            return true;
    return false;
}

static bool is_near(const struct acl_environment *environment, const struct ip_address *address)
{
    for (size_t i = 0; i < environment->network_count; i++)
        if (prefix_contains(&environment->networks[i], address))
            return true;
    return false;
}

static bool element_matches(const struct acl_element *element, const struct acl_subject *subject,
                            const struct acl_environment *environment)
{
    switch (element->kind) {
    case ACL_ANY:
        return true;
    case ACL_NONE:
        return false;
    case ACL_PREFIX:
        return prefix_contains(&element->prefix, &subject->address);
    case ACL_KEY:
        return subject->key && name_equal(subject->key, element->key);
    case ACL_NESTED:
        return acl_allows(element->nested, subject, environment);
    case ACL_LOCALHOST:
        return is_ours(environment, &subject->address);
    case ACL_LOCALNETS:
        return is_near(environment, &subject->address);
    }
    return false;
}

long acl_place(const struct acl *acl, const struct acl_subject *subject,
               const struct acl_environment *environment)
{
    for (size_t i = 0; acl && i < acl->count; i++)
        if (element_matches(&acl->elements[i], subject, environment))
            return acl->elements[i].negated ? -(long)i - 1 : (long)i + 1;
    return 0;
}

bool acl_allows(const struct acl *acl, const struct acl_subject *subject,
                const struct acl_environment *environment)
{
    return acl_place(acl, subject, environment) > 0;
}

static bool element_equal(const struct acl_element *a, const struct acl_element *b)
{
    if (a->kind != b->kind || a->negated != b->negated)
        return false;
    switch (a->kind) {
    case ACL_PREFIX:
        return a->prefix.length == b->prefix.length && ip_equal(&a->prefix.address, &b->prefix.address);
    case ACL_KEY:
        return name_equal(a->key, b->key);
    case ACL_NESTED:
        return acl_equal(a->nested, b->nested);
    default:
        return true;
    }
}

bool acl_equal(const struct acl *a, const struct acl *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = element_equal(&a->elements[i], &b->elements[i]);
    return equal;
}
