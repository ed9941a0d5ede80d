/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the guard share. Inside rpz/ only. */
#ifndef RPZ_GUARD_PARTS_H
#define RPZ_GUARD_PARTS_H

#include "base/arena.h"
#include "rpz/guard.h"
#include "rpz/pages.h"

/* How many queries one rule of the new version answers differently. */
struct rule_weight {
    uint64_t owner_hash;
    uint64_t queries;
    uint8_t owner[255]; /* absolute */
};

/* Hashes of owners that were met; 0 is free. */
struct owner_set {
    uint64_t *slots;
    size_t count, size;
};

/* Adds; false: it is there already, or memory is out (*no_memory is set then). */
bool owner_set_add(struct owner_set *set, uint64_t hash, bool *no_memory);

struct weighing {
    const struct guard_input *in;
    struct guard_report *report;
    /* The rules behind the affected queries, by hash; in guard_traffic.c. */
    struct rule_weight *weights;
    size_t weight_count;
    struct owner_set seen; /* owners that were looked at */
    /* The last name that was looked for in the list of public suffixes, and whether it is there. */
    uint8_t suffix_asked[255];
    bool suffix_answer;
    /* Absolute owners of the rules for which the version is held, one behind the other; at most
     * GUARD_DROPPED_MAX + 1. Kept with `keep_offenders`. */
    bool keep_offenders;
    struct pages offenders;
    struct owner_set offending;
    size_t offender_count;
    bool no_memory;
};

/* What a rule does here: `policy …` of the zone's configuration may say otherwise than the rule. */
enum rpz_action guard_action(const struct guard_input *in, enum rpz_action given);

/* How bad an action is: what gets worse is held against a version. */
unsigned guard_harm(enum rpz_action action);

uint64_t guard_owner_hash(const uint8_t *owner);

/* The asked names against both versions: report->queries, affected, names; the weights of rules. */
void guard_weigh_traffic(struct weighing *w);

/* Queries that the rule at `owner` (absolute, lower case) answers differently. */
uint64_t guard_weight_of(const struct weighing *w, const uint8_t *owner);

/* What changes, rule by rule: report->added …, found, findings. */
void guard_weigh_rules(struct weighing *w);

void guard_note_offender(struct weighing *w, const uint8_t *owner);

/* What stands at an owner: the rule's action, and a sum over its data that does not depend on their order. */
struct rule_there {
    enum rpz_action action;
    uint64_t data;
};

/* One record's part of that sum. */
uint64_t guard_data_hash(uint16_t type, const uint8_t *rdata, size_t length);

#endif
