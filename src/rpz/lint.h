/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finds in a policy zone what hurts users: records that are no rules, rules that do not do what their author
 * thinks, rules that do far more. Pure: records in, findings out. One thread per lint. */
#ifndef RPZ_LINT_H
#define RPZ_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rpz/zone.h"

enum lint_kind {
    LINT_BAD_RECORD,        /* error: it is no rule and is skipped; the message says why */
    LINT_CONFLICT,          /* error: a second CNAME, or CNAME beside other data */
    LINT_NONCANONICAL,      /* an IPv6 owner that BIND skips */
    LINT_DUPLICATE,         /* the same record again */
    LINT_APEX_DATA,         /* data at the zone's own name: no rule */
    LINT_PUBLIC_SUFFIX,     /* covers a top-level domain, a public suffix, or every name */
    LINT_WIDE_PREFIX,       /* an address rule shorter than /8 or /20 (IPv6) */
    LINT_SHADOWED,          /* an existing name hides a wildcard above it (RFC 4592) */
    LINT_NO_WILDCARD,       /* the name itself, but nothing below it */
    LINT_NO_APEX,           /* what is below a name, but not the name itself */
    LINT_NEEDLESS_PASSTHRU, /* no other rule of the zone would act on it */
    LINT_CNAME_LOOP,        /* local data whose CNAMEs lead back */
    LINT_KINDS
};

struct lint_finding {
    enum lint_kind kind;
    bool error; /* else a warning */
    const char *file;
    uint64_t line;
    const uint8_t *owner; /* as in the zone */
    const char *message;  /* valid during the call */
};

struct lint_options {
    const uint8_t *origin;
    bool include_subdomains; /* then a rule covers what is below it: no LINT_NO_WILDCARD, no LINT_SHADOWED */
    /* Is this name (lower case) a public suffix? NULL: only top-level domains are. */
    bool (*is_public_suffix)(void *context, const uint8_t *name);
    void (*found)(void *context, const struct lint_finding *finding);
    void *context;
};

struct lint;

/* The options are copied. NULL: memory. */
struct lint *lint_new(const struct lint_options *options);

/* Looks at a record; what can be said at once is. `file` must last as long as the lint. 0 or ERR_NOMEM. */
int lint_add(struct lint *lint, const struct policy_record *record, const char *file,
             uint64_t line) MUST_CHECK;

/* Looks at the zone as a whole, reports, and ends the lint. */
void lint_finish(struct lint *lint);

/* "public-suffix". */
const char *lint_kind_text(enum lint_kind kind);

#endif
