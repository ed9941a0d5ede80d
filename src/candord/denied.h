/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What may not be answered from outside (BIND's deny-answer-addresses and deny-answer-aliases): a name of
 * somebody else's that has an address inside our network, or is an alias of a name of ours, so that a browser
 * takes the two for one site (DNS rebinding). Zones that we hold say what they like. */
#ifndef CANDORD_DENIED_H
#define CANDORD_DENIED_H

#include "candord/acl.h"
#include "resolve/truth.h"

/* A name here stands for itself and all names below it. */
struct denied_names {
    const uint8_t *const *names; /* lower case */
    size_t count;
};

/* The configuration's; immutable. */
struct denied_answers {
    const struct acl *addresses;
    const struct acl_environment *environment;
    struct denied_names addresses_except; /* by the name that has the address */
    struct denied_names aliases;        /* what an alias may not stand for, unless it is one of them itself */
    struct denied_names aliases_except; /* by the name of the alias */
};

/* For struct resolver_options: is something in the truth denied? Logs what it is. From any thread. */
bool denied_find(const void *denied, const struct truth *truth);

/* Do they say the same? Either may be NULL. */
bool denied_equal(const struct denied_answers *a, const struct denied_answers *b);

#endif
