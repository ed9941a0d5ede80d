/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the collecting and the checking half of the lint. Inside rpz/ only. */
#ifndef RPZ_LINT_PARTS_H
#define RPZ_LINT_PARTS_H

#include "base/arena.h"
#include "rpz/lint.h"

/* One record that is a rule with a name (QNAME, NSDNAME). */
struct lint_rule {
    const uint8_t *name; /* what it triggers on, without `*.` */
    const uint8_t *rdata;
    const char *file;
    uint64_t line;
    uint16_t rdata_length, type;
    uint8_t trigger, action;
    bool wildcard;
};

struct lint {
    struct lint_options options;
    struct arena arena;
    struct lint_rule *rules;
    size_t count, room;
    bool has_address_rules; /* or NSDNAME: a passthru may be meant against those */
};

/* Reports a finding about `owner`. */
void lint_say(const struct lint *lint, enum lint_kind kind, const char *file, uint64_t line,
              const uint8_t *owner, const char *format, ...) PRINTF_LIKE(6, 7);

/* The whole-zone checks (lint_check.c); sorts the rules. */
void lint_check(struct lint *lint);

#endif
