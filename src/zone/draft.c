/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records of a zone of either sort on their way to a version. */
#include <stdlib.h>

#include "rpz/skipped.h"
#include "zone/changes.h"

struct zone_draft {
    struct zone_builder *plain; /* one of the two */
    struct policy_builder *policy;
};

struct zone_draft *zone_draft_new(const uint8_t *origin, bool policy)
{
    return zone_draft_revise(origin, policy, NULL);
}

struct zone_draft *zone_draft_revise(const uint8_t *origin, bool policy, const struct zone_content *old)
{
    struct zone_draft *draft = calloc(1, sizeof *draft);
    struct policy_zone *before = old ? zone_content_get_policy(old) : NULL;
    if (!draft)
        return NULL;
    if (policy)
        draft->policy = before ? policy_builder_revise(before) : policy_builder_new(origin);
    else
        draft->plain = zone_builder_new(origin);
    if (!draft->policy && !draft->plain) {
        free(draft);
        draft = NULL;
    }
    return draft;
}

void zone_draft_free(struct zone_draft *draft)
{
    if (!draft)
        return;
    zone_builder_free(draft->plain);
    policy_builder_free(draft->policy);
    free(draft);
}

static int say_why(int skip, const char **why)
{
    if (skip != RPZ_SKIP_OUT_OF_ZONE && skip != RPZ_SKIP_CLASS)
        return skip;
    *why = rpz_skip_text((enum rpz_skip)skip);
    return ERR_INVALID;
}

int zone_draft_add(struct zone_draft *draft, const struct policy_record *record, const char **why)
{
    *why = NULL;
    if (draft->policy)
        return say_why(policy_builder_add(draft->policy, record), why);
    return zone_builder_add(draft->plain, record->owner, record->type, record->rclass, record->ttl_s,
                            record->rdata, record->rdata_length, why);
}

void zone_draft_add_all(struct zone_draft *draft, const struct policy_record *records, size_t count,
                        struct zone_draft_answer *answers)
{
    int results[POLICY_TOGETHER];
    for (size_t at = 0; at < count && draft->policy; at += POLICY_TOGETHER) {
        size_t some = count - at < POLICY_TOGETHER ? count - at : POLICY_TOGETHER;
        policy_builder_add_all(draft->policy, records + at, some, results);
        for (size_t i = 0; i < some; i++) {
            answers[at + i].why = NULL;
            answers[at + i].result = say_why(results[i], &answers[at + i].why);
        }
    }
    for (size_t i = 0; i < count && !draft->policy; i++)
        answers[i].result = zone_draft_add(draft, &records[i], &answers[i].why);
}

static int finish_policy(struct policy_builder *builder, struct zone_content **out, const char **why)
{
    struct policy_zone *zone = NULL;
    int error = policy_builder_finish(builder, &zone);
    *why = error == ERR_NOT_FOUND ? "no SOA at the zone's own name" : err_text(error);
    if (error)
        return error;
    *out = zone_content_policy(zone);
    policy_zone_unref(zone);
    return *out ? 0 : ERR_NOMEM;
}

int zone_draft_finish(struct zone_draft *draft, struct zone_content **out, const char **why)
{
    int error =
        draft->policy ? finish_policy(draft->policy, out, why) : zone_builder_finish(draft->plain, out, why);
    free(draft);
    return error;
}
