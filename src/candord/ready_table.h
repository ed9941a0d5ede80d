/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What policy answered, kept so that the same question costs no search and no writing of records.
 *
 *   forms      the bytes behind the question that a rule's action or data makes. They do not depend on the
 *              question's name (owners are pointers to it), so thousands of names share one
 *   questions  name, type, DO and view -> the form of its answer, 16 bytes each
 *
 * A rule for the question's own name makes the same answer for everybody who asks alike, so a name that is
 * asked for again costs what a clean cached one does. One worker's own; bounded: 4 MiB of questions, 1 MiB of
 * forms, 0.3 MiB beside. Knows nothing of how an answer is judged or made (remembered.c, ready_make.c).
 *
 * A question is known by 96 bits of a keyed digest of its name, not by the name: with a full table one in
 * 2^78 names that are asked for the first time would be taken for another. */
#ifndef CANDORD_READY_TABLE_H
#define CANDORD_READY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

enum {
    READY_QUESTIONS = 262144,
    READY_GROUP = 4, /* places that a question can be in: one cache line */
    READY_FORMS = 4096,
    READY_BYTES = 208, /* records and OPT of one form; what is larger is made anew each time */
};

/* What an answer depends on, beside its question's letter case and the header bits that are echoed. */
struct ready_key {
    struct digest digest; /* of name and type, keyed with what no client knows */
    uint64_t hash;        /* one of its hashes, at least 2 */
    uint64_t snapshot_id; /* what was made under another one is never found */
    uint16_t view;
    bool dnssec_ok;
};

/* What a form is made from. */
struct ready_source {
    uint64_t snapshot_id;
    const void *data; /* stands for the records of the rule; NULL: its action says all */
    uint32_t zone;    /* of the view's policy */
    uint16_t view;
    uint16_t qtype;   /* 0: the answer is the same for all */
    uint8_t action;   /* enum rpz_action */
    bool needs_truth; /* the rule may act only where the cached truth says so: see remembered.c */
};

struct ready_form {
    uint32_t id; /* never 0; the table's */
    uint8_t rcode;
    uint8_t opt_length;
    uint16_t length; /* of the records */
    uint16_t counts[3];
    struct ready_source from;
    uint8_t bytes[READY_BYTES]; /* the records, then the OPT: no options but EDE, DO not set */
};

struct ready_table;

/* NULL: memory. Pages that hold nothing yet take none. */
struct ready_table *ready_table_new(uint64_t seed);
void ready_table_free(struct ready_table *table);

/* What is remembered for the question, or NULL; valid until the next ready_table_add(). */
const struct ready_form *ready_table_find(const struct ready_table *table, const struct ready_key *key);

/* Asks for the place of a question with this hash, so that it is there when it is looked for. */
void ready_table_prefetch(const struct ready_table *table, uint64_t hash);

/* The form made from this, or NULL; valid until the next ready_table_add(). */
const struct ready_form *ready_table_form(const struct ready_table *table, const struct ready_source *from);

/* Takes in a copy of a form, in place of the oldest one. Returns it. */
const struct ready_form *ready_table_add(struct ready_table *table, const struct ready_form *form);

/* The question is answered by this form, which is in the table. Where all places of the question are taken it
 * is remembered only when it comes twice before another that wants one: names that are asked once do not
 * drive out those that are asked often. */
void ready_table_put(struct ready_table *table, const struct ready_key *key, const struct ready_form *form);

#endif
