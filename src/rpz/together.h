/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that come together: what they are, and the memory that their owners lead to, asked for all at once.
 * Inside rpz/ only. */
#ifndef RPZ_TOGETHER_H
#define RPZ_TOGETHER_H

#include "rpz/builder.h"

struct together {
    size_t count;
    unsigned keys_used;
    const struct owners *owners; /* where they are looked up */
    const struct rpz_tail *tail;
    bool with_above;                     /* the names above them too */
    enum rpz_skip skip[POLICY_TOGETHER]; /* RPZ_KEPT: a rule, and `in` has its key */
    struct incoming in[POLICY_TOGETHER];
    struct rpz_key keys[POLICY_TOGETHER];
};

/* Classifies up to POLICY_TOGETHER records, of which those of one name that follow each other share a key,
 * and asks for the memory. The records must outlast `t`. */
void together_begin(struct together *t, const struct policy_builder *builder,
                    const struct policy_record *records, size_t count);

#endif
