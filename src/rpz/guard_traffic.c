/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The half of the guard that looks at traffic: each name that was asked lately against the old version and
 * the new one. Only rules with the trigger QNAME are seen so: which addresses and servers a name leads to,
 * the summary does not know. PASSTHRU and no rule are the same here: what a later zone makes of it is not
 * this version's doing. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "rpz/guard_parts.h"
#include "rpz/version.h"

uint64_t guard_data_hash(uint16_t type, const uint8_t *rdata, size_t length)
{
    return hash_bytes(type, rdata, length);
}

static int add_data(void *context, const struct rrset *rrset)
{
    uint64_t *sum = context;
    for (unsigned i = 0; i < rrset->count; i++)
        *sum += guard_data_hash(rrset->type, rrset->rdatas[i].bytes, rrset->rdatas[i].length);
    return 0;
}

static struct rule_there match(const struct weighing *w, const struct policy_zone *zone, struct rpz_key *key,
                               struct policy_hit *hit)
{
    struct rule_there there = {RPZ_NONE, 0};
    if (!zone || !policy_zone_match_key(zone, RPZ_QNAME, key, w->in->include_subdomains, hit))
        return there;
    there.action = guard_action(w->in, hit->action);
    if (there.action == RPZ_PASSTHRU)
        there.action = RPZ_NONE;
    if (hit->action == RPZ_LOCAL_DATA && w->in->override == RPZ_OVERRIDE_GIVEN &&
        policy_hit_data(zone, hit, add_data, &there.data))
        there.data = 0;
    return there;
}

/* The rule of the new version that answers the name differently counts its queries. */
static void add_weight(struct weighing *w, const struct policy_hit *hit, const struct asked_name *asked)
{
    struct rule_weight weight = {.queries = asked->queries};
    policy_hit_owner(w->in->fresh, hit, asked->name, weight.owner);
    weight.owner_hash = guard_owner_hash(weight.owner);
    w->weights[w->weight_count++] = weight;
}

/* Keeps the most asked ones, in order. */
static void note_name(struct guard_report *report, const struct asked_name *asked, enum rpz_action before,
                      enum rpz_action after)
{
    struct guard_name *names = report->names;
    size_t at = report->name_count;
    if (at == GUARD_NAMES_MAX && asked->queries <= names[at - 1].queries)
        return;
    if (at == GUARD_NAMES_MAX)
        at--;
    else
        report->name_count++;
    for (; at && names[at - 1].queries < asked->queries; at--)
        names[at] = names[at - 1];
    names[at].queries = asked->queries;
    names[at].before = before;
    names[at].after = after;
    name_copy(names[at].name, asked->name);
}

static bool weigh_name(struct weighing *w, const struct asked_name *asked)
{
    struct policy_hit old_hit, hit;
    struct rpz_key key; /* one for both: its hashes are made once */
    rpz_key_init(&key, asked->name, rpz_key_tail(RPZ_QNAME));
    struct rule_there before = match(w, w->in->old, &key, &old_hit);
    struct rule_there after = match(w, w->in->fresh, &key, &hit);
    if (before.action == after.action && before.data == after.data)
        return false;
    note_name(w->report, asked, before.action, after.action);
    if (guard_harm(after.action) && w->weights)
        add_weight(w, &hit, asked);
    return true;
}

static int by_owner(const void *a, const void *b)
{
    const struct rule_weight *x = a, *y = b;
    return (x->owner_hash > y->owner_hash) - (x->owner_hash < y->owner_hash);
}

static void sum_weights(struct weighing *w)
{
    size_t kept = 0;
    if (w->weight_count)
        qsort(w->weights, w->weight_count, sizeof *w->weights, by_owner);
    for (size_t i = 0; i < w->weight_count; i++)
        if (kept && w->weights[kept - 1].owner_hash == w->weights[i].owner_hash)
            w->weights[kept - 1].queries += w->weights[i].queries;
        else
            w->weights[kept++] = w->weights[i];
    w->weight_count = kept;
}

uint64_t guard_weight_of(const struct weighing *w, const uint8_t *owner)
{
    const struct rule_weight wanted = {.owner_hash = guard_owner_hash(owner)};
    const struct rule_weight *found =
        w->weight_count ? bsearch(&wanted, w->weights, w->weight_count, sizeof wanted, by_owner) : NULL;
    return found ? found->queries : 0;
}

static uint64_t weigh_names(struct weighing *w, const struct asked_name *names, size_t count)
{
    uint64_t affected = 0;
    w->weights = malloc((count + 1) * sizeof *w->weights);
    w->no_memory |= !w->weights;
    for (size_t i = 0; i < count; i++)
        if (weigh_name(w, &names[i]))
            affected += names[i].queries;
    sum_weights(w);
    return affected;
}

void guard_weigh_traffic(struct weighing *w)
{
    const struct guard_input *in = w->in;
    struct guard_report *report = w->report;
    report->queries = in->asked ? in->asked->queries : 0;
    report->step = in->asked ? in->asked->step : 0;
    report->too_few_queries = report->queries < in->options->min_queries;
    report->held_on = in->held_for_traffic && report->too_few_queries;
    if (report->queries)
        report->affected = weigh_names(w, in->asked->names, in->asked->count);
}
