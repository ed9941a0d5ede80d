/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A catalog zone (RFC 9432, version 2): a zone whose records say which zones there are. Pure. */
#ifndef ZONE_CATALOG_H
#define ZONE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "zone/zone.h"

/* A server that a member is transferred from, as BIND's property `primaries.ext` names it. */
struct catalog_primary {
    const uint8_t *label; /* of `label.primaries.ext`; NULL: without one */
    struct ip_address address;
    const char *key; /* name of a TSIG key, from the TXT beside it; NULL: none */
    struct catalog_primary *next;
};

struct catalog_group {
    const char *text;
    struct catalog_group *next;
};

/* One of an APL's (RFC 3123). */
struct catalog_prefix {
    struct ip_prefix prefix;
    bool negated;
};

/* Who may ask about members, or take them: BIND's properties `allow-query.ext` and `allow-transfer.ext`. */
struct catalog_access {
    bool given; /* with count 0: nobody */
    size_t count;
    const struct catalog_prefix *prefixes; /* the first that contains the address decides */
};

struct catalog_member {
    const uint8_t *unique; /* the label: length byte and bytes, lower case. Another one: another zone (5.4) */
    const uint8_t *name;   /* lower case; NULL while only properties have been seen */
    const uint8_t *coo;    /* the catalog that may take the member over (4.4.1); NULL: none */
    struct catalog_group *groups;          /* 4.4.2 */
    struct catalog_primary *primaries;     /* the member's own; NULL: the catalog's */
    struct catalog_access query, transfer; /* the member's own, if given */
    struct catalog_member *next;
};

struct catalog {
    struct arena arena;
    uint8_t origin[255];
    size_t count;
    const struct catalog_member **members; /* by name, in canonical order; each name once */
    struct catalog_primary *primaries;     /* for all members */
    struct catalog_access query, transfer; /* the same */
    size_t ignored;                        /* members of a name that another one has already */
    uint64_t hash;                         /* of all that is said here: equal catalogs, equal number */
};

/* Reads the catalog. 0; ERR_MALFORMED: it is broken and must not be followed (section 5.1), as `problem`
 * says; ERR_NOMEM. */
int catalog_read(const struct zone_content *content, struct catalog **out, char *problem,
                 size_t problem_size) MUST_CHECK;
void catalog_free(struct catalog *catalog);

/* The member of a name, or NULL. */
const struct catalog_member *catalog_find(const struct catalog *catalog, const uint8_t *name);

/* Is the member in this group? */
bool catalog_in_group(const struct catalog_member *member, const char *group);

#endif
