/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For tests: changes of the zone z. from text, as an IXFR brings them. */
#ifndef TEST_CHANGETEXT_H
#define TEST_CHANGETEXT_H

#include "zonetext.h"

#include "zone/changes.h"

struct changes_of_text {
    struct zone_changes *changes;
    bool remove;
};

static inline int add_change(void *context, const struct zonefile_record *r)
{
    const struct changes_of_text *to = context;
    struct policy_record record = {r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length};
    return zone_changes_add(to->changes, to->remove, &record);
}

static inline void change(struct zone_changes *changes, bool remove, const char *text)
{
    struct changes_of_text to = {changes, remove};
    struct zonefile_options options = {.origin = name_of("z."),
                                       .default_ttl_s = 300,
                                       .record = add_change,
                                       .problem = fail_on_problem,
                                       .context = &to};
    assert_int_equal(zonefile_read_text(text, strlen(text), "test", &options), 0);
}

#endif
