/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Are two versions alike, whatever way each was made? */
#ifndef TESTS_RPZ_ALIKE_H
#define TESTS_RPZ_ALIKE_H

#include "model.h"

/* The same for the same records, in whatever order. */
uint64_t version_digest(const struct policy_zone *zone);

/* What stands at a relative name, existence included. */
void assert_alike_at(const struct policy_zone *a, const struct policy_zone *b, const uint8_t *name);

/* What was found for `name` (NULL: an address) in each. */
void assert_alike_hit(const struct policy_zone *a, const struct policy_zone *b, bool found_a, bool found_b,
                      const struct policy_hit *hit_a, const struct policy_hit *hit_b, const uint8_t *name);

/* So many random names and addresses. */
void assert_alike_matches(struct dice *dice, const struct policy_zone *a, const struct policy_zone *b,
                          unsigned times);

/* `left_out`: also of records that are not kept at all. */
void assert_alike_counts(const struct policy_zone *a, const struct policy_zone *b, bool left_out);

#endif
