/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address match lists (BIND's `{ !10.1.0.0/16; 10/8; key k; name; localhost; }`): first match decides.
 * Immutable after building; any thread asks. Pure. */
#ifndef CANDORD_ACL_H
#define CANDORD_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

enum acl_kind {
    ACL_ANY,
    ACL_NONE,
    ACL_PREFIX,
    ACL_KEY,       /* a TSIG key's name */
    ACL_NESTED,    /* a list in braces or a named acl */
    ACL_LOCALHOST, /* this machine's addresses */
    ACL_LOCALNETS, /* and the networks on its interfaces */
};

struct acl;

struct acl_element {
    enum acl_kind kind;
    bool negated;
    struct ip_prefix prefix;
    const uint8_t *key;
    const struct acl *nested;
};

struct acl {
    size_t count;
    const struct acl_element *elements;
};

/* Addresses of this machine, read once at configuration time. */
struct acl_environment {
    const struct ip_address *addresses;
    size_t address_count;
    const struct ip_prefix *networks;
    size_t network_count;
};

struct acl_subject {
    struct ip_address address;
    const uint8_t *key; /* the verified TSIG key's name, or NULL */
};

/* Does the list allow the subject? No element matches, or NULL list: no. A negated nested list never allows
 * by itself (as BIND). */
bool acl_allows(const struct acl *acl, const struct acl_subject *subject,
                const struct acl_environment *environment);

/* Which element matches first: its place counted from 1, negative when it is negated; 0: none. */
long acl_place(const struct acl *acl, const struct acl_subject *subject,
               const struct acl_environment *environment);

/* Are they the same, element by element? */
bool acl_equal(const struct acl *a, const struct acl *b);

#endif
