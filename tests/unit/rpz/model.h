/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy zone as the rules of doc/rpz.md state it, the slow way: a list of records and of rules, searched
 * from one end to the other. The index is compared with it. */
#ifndef TESTS_RPZ_MODEL_H
#define TESTS_RPZ_MODEL_H

#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/zone.h"

enum { MODEL_RECORDS = 400, MODEL_RDATA = 64 };

struct model_record {
    uint8_t owner[NAME_MAX_BYTES];
    uint16_t type;
    uint32_t ttl_s;
    uint8_t rdata[MODEL_RDATA];
    uint16_t rdata_length;
    enum rpz_skip skip;
    struct rpz_owner decoded; /* of a rule */
    enum rpz_action action;
};

/* Records in the order in which they were added, identical ones once. */
struct model {
    uint8_t origin[NAME_MAX_BYTES];
    struct model_record records[MODEL_RECORDS];
    size_t count;
};

/* A small generator: the same numbers for the same seed on every machine. */
struct dice {
    uint64_t state;
};
uint32_t dice_below(struct dice *dice, uint32_t bound);
bool dice_percent(struct dice *dice, unsigned percent);

void model_init(struct model *model, const char *origin);

/* Reads "owner ttl type data": data is an address (A), a name (CNAME, NS), text (TXT); "SOA n" has serial n.
 */
void model_record_from_text(struct model_record *out, const uint8_t *origin, const char *text);

/* Adds a record; returns the reason why it is no rule, as policy_builder_add() should. */
enum rpz_skip model_add(struct model *model, const struct model_record *record);
void model_add_text(struct model *model, const char *text);

/* Removes the record with equal owner, type and data; false: there is none. What the others are is not judged
 * again: use model_rejudge(). */
bool model_remove(struct model *model, const struct model_record *record);
void model_rejudge(struct model *model);

/* Moves what is skipped behind the rules: what is in force stays so when a change removes something else. */
void model_rules_first(struct model *model);

struct policy_record model_policy_record(const struct model_record *record);
/* The version with these records; where a test is built with THROUGH_IMAGES, through an image. */
struct policy_zone *model_build(const struct model *model);

/* The rule that matches, or NULL. */
const struct model_record *model_match_name(const struct model *model, enum rpz_trigger trigger,
                                            const uint8_t *name, bool include_subdomains);
const struct model_record *model_match_address(const struct model *model, enum rpz_trigger trigger,
                                               const struct ip_address *address);
/* With the old PASSTHRU of a CNAME to the name itself. */
enum rpz_action model_action(const struct model_record *rule, const uint8_t *name);

/* A random record: small alphabet, every kind of rule and of mistake. */
void model_random_record(struct dice *dice, const uint8_t *origin, struct model_record *out);
void model_random_name(struct dice *dice, uint8_t out[NAME_MAX_BYTES]);
struct ip_address model_random_address(struct dice *dice);

/* Fails unless the zone holds exactly the model's records. */
void model_assert_same(const struct model *model, const struct policy_zone *zone);

/* Bytes of the name `text`, valid until the sixteenth next call. */
const uint8_t *wire(const char *text);

#endif
