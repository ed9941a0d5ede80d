/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dynamic update (RFC 2136): reading a message, and what it makes of a version of the zone. Pure: no socket,
 * no clock; the result is the changes that lead to the next version, all of them or none. */
#ifndef TRANSFER_UPDATE_H
#define TRANSFER_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "dns/record.h"
#include "zone/changes.h"
#include "zone/zone.h"

/* --- who may change what: update-policy --- */

enum update_match {
    UPDATE_NAME,      /* the name itself */
    UPDATE_SUBDOMAIN, /* it and what is below */
    UPDATE_ZONESUB,   /* every name of the zone */
    UPDATE_WILDCARD,  /* what the wildcard covers */
    UPDATE_SELF,      /* the name that is the key's */
    UPDATE_SELFSUB,   /* it and what is below */
    UPDATE_SELFWILD,  /* only what is below */
};

struct update_rule {
    bool grant;
    const uint8_t *identity; /* a key's name, or a wildcard for several */
    enum update_match match;
    const uint8_t *name; /* of the first four but ZONESUB; lower case */
    size_t type_count;   /* 0: all but NS, SOA, RRSIG, NSEC, NSEC3; TYPE_ANY: all but NSEC, NSEC3 */
    const uint16_t *types;
};

/* The first rule that fits decides; none: denied. */
struct update_rules {
    size_t count;
    const struct update_rule *rules;
};

/* May whoever signed with `key` (NULL: nobody signed) change records of `type` at `name`? */
bool update_rules_allow(const struct update_rules *rules, const uint8_t *zone, const uint8_t *key,
                        const uint8_t *name, uint16_t type);

/* --- the message --- */

struct update_record {
    const uint8_t *owner; /* as sent */
    uint8_t *lower;       /* the same in lower case */
    uint16_t type, rclass;
    uint32_t ttl_s;
    struct rdata rdata; /* names expanded */
};

struct update {
    struct arena arena; /* all of it */
    uint8_t zone[255];  /* lower case */
    size_t prerequisite_count, change_count;
    struct update_record *prerequisites, *changes;
};

/* Reads and looks through a message of opcode UPDATE (sections 3.1, 3.2 and 3.4.1). NULL: *rcode says why
 * (FORMERR, NOTZONE, REFUSED; SERVFAIL: memory). */
struct update *update_read(const uint8_t *message, size_t length, unsigned *rcode) MUST_CHECK;
void update_free(struct update *update);

/* --- what it makes of a zone --- */

enum serial_method { SERIAL_INCREMENT, SERIAL_UNIXTIME, SERIAL_DATE };

struct update_terms {
    const struct update_rules *rules; /* NULL: whoever got here may change everything */
    const uint8_t *key;               /* who signed; NULL: nobody */
    enum serial_method serial_method;
    uint32_t now_s; /* calendar: the serial of unixtime */
    uint32_t today; /* 20260131: the serial of date, without its two last digits */
};

/* `latest` is a version of update->zone. An rcode. With NOERROR *changes is what leads to the next version,
 * or NULL when nothing changes; the caller owns it. REFUSED: the rules; YXDOMAIN, NXRRSET …: a prerequisite;
 * SERVFAIL: memory. */
unsigned update_compute(const struct update *update, const struct zone_content *latest,
                        const struct update_terms *terms, struct zone_changes **changes) MUST_CHECK;

/* The serial after `serial`, when a version follows that has none of its own. */
uint32_t serial_next(uint32_t serial, const struct update_terms *terms);

#endif
