/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "rpz/judge.h"
#include "rpz/policy.h"

static uint64_t next_generation(void)
{
    static _Atomic uint64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

/* A bit per trigger. */
static unsigned uses_of(const struct policy_set_zone *zone)
{
    unsigned uses = 0;
    for (enum rpz_trigger t = 0; zone->zone && t < RPZ_TRIGGERS; t++)
        if (policy_zone_has(zone->zone, t))
            uses |= RPZ_BIT(t);
    if (!zone->options.nsip_enable)
        uses &= ~RPZ_BIT(RPZ_NSIP);
    if (!zone->options.nsdname_enable)
        uses &= ~RPZ_BIT(RPZ_NSDNAME);
    return uses;
}

struct policy_set *policy_set_new(const struct policy_set_options *options,
                                  const struct policy_set_zone *zones, size_t count)
{
    struct policy_set *set = calloc(1, sizeof *set + count * sizeof *zones);
    if (!set)
        return NULL;
    set->references = 1;
    set->generation = next_generation();
    set->options = *options;
    set->ready = true;
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        set->zones[i] = zones[i];
        set->zones[i].uses = uses_of(&zones[i]);
        set->ready &= zones[i].zone != NULL;
        if (zones[i].zone)
            policy_zone_ref(zones[i].zone);
        for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
            set->has[t] |= (set->zones[i].uses & RPZ_BIT(t)) != 0;
    }
    return set;
}

struct policy_set *policy_set_ref(struct policy_set *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void policy_set_unref(struct policy_set *set)
{
    if (!set || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        policy_zone_unref(set->zones[i].zone);
    free(set);
}
