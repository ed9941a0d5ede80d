/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A builder that compares what comes with the version there is (policy_builder_revise() in zone.h). Inside
 * rpz/ only. */
#ifndef RPZ_REVISE_H
#define RPZ_REVISE_H

#include "rpz/builder.h"

/* What policy_builder_add() does with a rule while the builder has a revision; as builder_add_rule(). The
 * revision may be over afterwards. */
int revision_add(struct policy_builder *builder, const struct incoming *in) MUST_CHECK;

/* Where it looks records up. */
const struct owners *revision_owners(const struct revision *revision);

/* policy_builder_finish() of a builder that has a revision. */
int revision_finish(struct policy_builder *builder, struct policy_zone **out) MUST_CHECK;

/* Gives the revision up, if there is one. */
void revision_end(struct policy_builder *builder);

#endif
