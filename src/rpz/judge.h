/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verdict and its explanation share. Inside rpz/ only. */
#ifndef RPZ_JUDGE_H
#define RPZ_JUDGE_H

#include "rpz/policy.h"

#define RPZ_BIT(trigger) (1u << (trigger))

/* May rules of the query name act before the answer is known? */
bool policy_may_precede_answer(const struct policy_set *set, const struct policy_facts *facts);

/* What was found at the link is signed, and the client wants to validate it: no rule is for that link. */
bool policy_link_is_protected(const struct policy_set *set, const struct policy_facts *facts, size_t link);

/* The answer at the link is known, and rules may be applied to it. */
bool policy_link_is_usable(const struct policy_facts *facts, size_t link);

/* The zone has rules that are in force, and is for queries like this. */
bool policy_zone_concerns(const struct policy_set_zone *zone, const struct policy_facts *facts);

/* Of two address rules, does `a` come before `b`? */
bool policy_prefix_wins(const struct policy_hit *a, const struct policy_hit *b);

/* Fills in what follows from match->hit and the zone's options. */
void policy_match_complete(const struct policy_set *set, unsigned zone, unsigned link,
                           struct policy_match *match);

#endif
