/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of policy that are ready to be copied: question -> the rule that decides it and the bytes behind
 * the question. A rule for the question's own name makes the same answer for everybody who asks alike, so a
 * name that is asked for again costs what a clean cached one does. One worker's own; bounded; knows nothing
 * of how an answer is judged or made (remembered.c does). */
#ifndef CANDORD_READY_TABLE_H
#define CANDORD_READY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpz/policy.h"

enum {
    READY_TABLE_ENTRIES = 16384,
    READY_BYTES = 200, /* name, records and OPT of one answer; what is larger is made anew each time */
};

/* What an answer depends on, beside its question's letter case and the header bits that are echoed. */
struct ready_key {
    uint64_t hash;        /* of name and type */
    uint64_t snapshot_id; /* what was made under another one is never found */
    const uint8_t *name;  /* lower case */
    uint8_t name_length;
    uint8_t view;
    bool dnssec_ok;
    uint16_t qtype;
};

struct ready_answer {
    uint64_t hash, snapshot_id;
    uint64_t wanted; /* of a pair's first: hash of the question that was last turned away from it */
    uint64_t put_at; /* counts what was put */
    uint16_t qtype;
    uint8_t name_length, view;
    bool dnssec_ok;
    bool needs_truth; /* it was the cached truth that let the rule act: see remembered.c */
    uint8_t rcode;
    uint8_t opt_length;
    uint16_t length; /* of the records */
    uint16_t counts[3];
    struct policy_match match; /* its name is the copy in `bytes` */
    uint8_t bytes[READY_BYTES];
};

struct ready_table;

/* NULL: memory. Pages that hold no answer yet take none. */
struct ready_table *ready_table_new(void);
void ready_table_free(struct ready_table *table);

/* The records; the OPT, with no options but EDE, stands behind them. */
static inline const uint8_t *ready_records(const struct ready_answer *ready)
{
    return ready->bytes + ready->name_length;
}

/* What is remembered for the question, or NULL; valid until the next ready_table_put(). */
const struct ready_answer *ready_table_find(const struct ready_table *table, const struct ready_key *key);

/* Is the question worth its place? Where both of its places are taken, only when it comes twice before
 * another that wants them: names that are asked once do not drive out those that are asked often. */
bool ready_table_wants(struct ready_table *table, const struct ready_key *key);

/* Remembers an answer in place of what is there: `from` with its match, rcode, counts, needs_truth and the
 * lengths; `records` has `length` bytes, `opt` opt_length. False: it is too large. */
bool ready_table_put(struct ready_table *table, const struct ready_key *key, const struct ready_answer *from,
                     const uint8_t *records, const uint8_t *opt) MUST_CHECK;

#endif
