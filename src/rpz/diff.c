/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leads from one version to another: a walk through each, asking the other one. */
#include "rpz/walk.h"

static bool is_same(const struct policy_record *a, const struct policy_record *b)
{
    return a->type == b->type && a->ttl_s == b->ttl_s && a->rdata_length == b->rdata_length &&
           memcmp(a->rdata, b->rdata, a->rdata_length) == 0;
}

static int see(void *context, const struct policy_record *record)
{
    return is_same(context, record);
}

static bool has(const struct policy_zone *zone, struct policy_record *record)
{
    bool exists;
    return policy_zone_at(zone, record->owner, &exists, see, record) == 1;
}

/* The records of `from` that `other` lacks. */
static int tell_missing(const struct policy_zone *from, const struct policy_zone *other, bool remove,
                        int (*each)(void *context, const struct policy_change *change), void *context)
{
    struct walker walker = {.zone = from};
    struct policy_change change = {.remove = remove};
    int result = 0;
    while (!result && walker_next(&walker, &change.record))
        if (!has(other, &change.record))
            result = each(context, &change);
    return result;
}

int policy_zone_diff(const struct policy_zone *old, const struct policy_zone *new,
                     int (*each)(void *context, const struct policy_change *change), void *context)
{
    if (old == new)
        return 0;
    int result = tell_missing(old, new, true, each, context);
    return result ? result : tell_missing(new, old, false, each, context);
}
