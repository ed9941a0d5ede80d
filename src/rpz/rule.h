/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One record of a policy zone <-> one rule: the owner's encoding of the trigger and the data's encoding of
 * the action (draft-vixie-dnsop-dns-rpz-00 sections 3 and 4). Pure. */
#ifndef RPZ_RULE_H
#define RPZ_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

/* In order of precedence within a zone (section 5). */
enum rpz_trigger { RPZ_CLIENT_IP, RPZ_QNAME, RPZ_IP, RPZ_NSDNAME, RPZ_NSIP, RPZ_TRIGGERS };

enum rpz_action {
    RPZ_NONE,       /* no rule */
    RPZ_NXDOMAIN,   /* CNAME . */
    RPZ_NODATA,     /* CNAME *. */
    RPZ_PASSTHRU,   /* CNAME rpz-passthru., or to the owner without the zone (old form; not for wildcards) */
    RPZ_DROP,       /* CNAME rpz-drop. */
    RPZ_TCP_ONLY,   /* CNAME rpz-tcp-only. */
    RPZ_LOCAL_DATA, /* any other records, a CNAME elsewhere among them */
    RPZ_ACTIONS
};

/* Why a record is no rule. Counted per zone; names in rpz_skip_text(). */
enum rpz_skip {
    RPZ_KEPT,             /* a rule */
    RPZ_SKIP_APEX_SOA_NS, /* the zone's own SOA and NS: not a mistake, not counted as skipped */
    RPZ_SKIP_APEX_DATA,   /* other data at the apex: inert */
    RPZ_SKIP_OUT_OF_ZONE,
    RPZ_SKIP_CLASS,          /* not IN */
    RPZ_SKIP_TYPE,           /* DNSSEC types, DNAME, NS or SOA below the apex */
    RPZ_SKIP_BARE_TRIGGER,   /* the owner `rpz-ip` itself */
    RPZ_SKIP_PREFIX_LENGTH,  /* missing, 0, too long, leading zero */
    RPZ_SKIP_ADDRESS,        /* octets or words that are none */
    RPZ_SKIP_HOST_BITS,      /* bits set below the prefix */
    RPZ_SKIP_RDATA,          /* data that is malformed for its type */
    RPZ_SKIP_SPECIAL_TARGET, /* CNAME to an unknown rpz-* name */
    RPZ_SKIP_CONFLICT,       /* second CNAME, or CNAME beside other data: the first is kept */
    RPZ_SKIP_NAME_TOO_LONG,  /* cannot stand below the zone's own name */
    RPZ_SKIPS
};

/* What an owner says. */
struct rpz_owner {
    enum rpz_trigger trigger;
    /* QNAME, NSDNAME: the name that triggers, lower case, absolute, without `*.` and without rpz-nsdname.
     * Address triggers: the labels of the prefix, as they were written. */
    uint8_t name[255];
    uint8_t name_length;
    bool wildcard;
    /* CLIENT_IP, IP, NSIP. */
    struct ip_prefix prefix;
    bool noncanonical; /* an IPv6 spelling that BIND would reject; accepted with a note */
};

/* Decodes `owner`, a name within `origin` but not the origin itself. Returns RPZ_KEPT or the reason. */
enum rpz_skip rpz_owner_decode(const uint8_t *owner, const uint8_t *origin, struct rpz_owner *out);

/* The owner name of a rule, below `origin`, canonical form. Returns its length or ERR_SPACE. */
int rpz_owner_encode(const struct rpz_owner *rule, const uint8_t *origin, uint8_t out[255]) MUST_CHECK;

/* What a record's data says for the trigger `owner`. RPZ_KEPT with *action set, or the reason it is skipped.
 */
enum rpz_skip rpz_action_decode(const struct rpz_owner *owner, uint16_t type, const uint8_t *rdata,
                                uint16_t rdata_length, enum rpz_action *action);

/* What the last label of an owner, below the origin, says (`label` points at its length byte); QNAME for any
 * label that is not one of the four special ones. */
enum rpz_trigger rpz_trigger_of_label(const uint8_t *label);

/* Can records of this type be rules? DNSSEC's, DNAME, NS and SOA cannot. */
bool rpz_type_is_rule(uint16_t type);

/* What the target of a CNAME says by itself: a special action, RPZ_LOCAL_DATA for an ordinary name; RPZ_KEPT,
 * or RPZ_SKIP_SPECIAL_TARGET. */
enum rpz_skip rpz_target_decode(const uint8_t *target, enum rpz_action *action);

/* BIND's words: "CLIENT-IP" "QNAME" "IP" "NSDNAME" "NSIP"; "NXDOMAIN" "NODATA" "PASSTHRU" "DROP" "TCP-ONLY"
 * "Local-Data". */
const char *rpz_trigger_text(enum rpz_trigger trigger);
const char *rpz_action_text(enum rpz_action action);
/* "host-bits": for counters and messages. */
const char *rpz_skip_text(enum rpz_skip skip);

#endif
