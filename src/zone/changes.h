/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leads from one version of a zone to another: the form in which an IXFR, a dynamic update or the
 * comparison of two versions reaches the versions, the journal and the servers that take the zone from us.
 *
 * The order is that of an IXFR (RFC 1995 section 4). One step: the SOA that goes, the records that go, the
 * SOA that comes, the records that come. Several steps stand one behind the other; a removed SOA begins each.
 */
#ifndef ZONE_CHANGES_H
#define ZONE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rpz/zone.h"
#include "zone/zone.h"

struct zone_changes;

/* NULL: memory. One owner; after the last addition it may be read by any thread. */
struct zone_changes *zone_changes_new(void) MUST_CHECK;
void zone_changes_free(struct zone_changes *changes);

/* Appends; the record's owner and data are copied. 0 or ERR_NOMEM. */
int zone_changes_add(struct zone_changes *changes, bool remove,
                     const struct policy_record *record) MUST_CHECK;

size_t zone_changes_count(const struct zone_changes *changes);
const struct policy_change *zone_changes_get(const struct zone_changes *changes); /* the first of them */

/* Serial of the first SOA that goes, and of the last that comes. ERR_MALFORMED: they are not steps as above.
 */
int zone_changes_serials(const struct zone_changes *changes, uint32_t *from, uint32_t *to) MUST_CHECK;

/* The version that `changes` make of `old`, which stays as it is. 0; ERR_NOT_FOUND: a record to remove is not
 * there, or ERR_INVALID: one to add has no place (*why says so); ERR_NOMEM. */
int zone_content_apply(const struct zone_content *old, const struct zone_changes *changes,
                       struct zone_content **out, const char **why) MUST_CHECK;

/* --- a version from all its records, plain zone or policy zone --- */

struct zone_draft;

/* NULL: memory. */
struct zone_draft *zone_draft_new(const uint8_t *origin, bool policy) MUST_CHECK;

/* The same with the version there is of this zone (NULL: none): a policy zone's new version shares with it
 * what does not differ, and takes little time and memory where they are much alike (rpz/zone.h). `old` is
 * needed for this call only. */
struct zone_draft *zone_draft_revise(const uint8_t *origin, bool policy,
                                     const struct zone_content *old) MUST_CHECK;
void zone_draft_free(struct zone_draft *draft);

/* 0: taken. ERR_INVALID: it has no place in the zone (*why, a static text); the caller decides how bad that
 * is. A policy zone keeps every record within it, those that are no rules too: an enum rpz_skip above 0 says
 * which sort. ERR_NOMEM. */
int zone_draft_add(struct zone_draft *draft, const struct policy_record *record, const char **why) MUST_CHECK;

/* The same for records that came together, in their order: what each one's zone_draft_add() returns and says.
 * A policy zone asks for the memory that they lead to before it needs it. */
struct zone_draft_answer {
    int result;
    const char *why;
};
void zone_draft_add_all(struct zone_draft *draft, const struct policy_record *records, size_t count,
                        struct zone_draft_answer *answers);

/* Ends the draft, also on failure. ERR_NOT_FOUND: no SOA, or (plain) no NS, as *why says. */
int zone_draft_finish(struct zone_draft *draft, struct zone_content **out, const char **why) MUST_CHECK;

#endif
