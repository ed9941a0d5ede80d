/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The guard of a daemon: what rpz/guard.h weighs, brought together from the configuration, the public suffix
 * list and the workers' summaries of what is asked. */
#ifndef CANDORD_GUARD_H
#define CANDORD_GUARD_H

#include "candord/daemon.h"
#include "rpz/guard.h"

/* Opens the public suffix list and becomes the keeper's judge of new versions. Before any zone is loaded. */
void guard_open(struct daemon *daemon);
void guard_close(struct daemon *daemon);

/* What is weighed, and against what. */
struct guard_case {
    const struct config *config;
    const char *view_name;
    const struct zone_config *zone;
    const struct policy_zone *old; /* NULL: a first load */
    const struct policy_zone *fresh;
    const struct zone_changes *changes; /* from old to fresh, or NULL */
    const char *held_for;               /* why the version before was held; NULL: it was not */
};

/* Weighs as the zone is configured; `dropped` (may be NULL): with `on-hold apply-without-offenders`, what is
 * left of a version that is held, or NULL. 0 or ERR_NOMEM. Keeper thread. */
int guard_case_weigh(struct daemon *daemon, const struct guard_case *c, struct guard_report *report,
                     struct policy_zone **dropped) MUST_CHECK;

/* Every reason in `reasons` (1 << reason each) as "KEY: SENTENCE", with "; " between them, cut to `size`. */
void guard_say(const struct guard_report *report, unsigned reasons, char *out, size_t size);

#endif
