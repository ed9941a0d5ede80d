/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The half of the guard that looks at rules: each that came, went or changed, once. */
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/guard_parts.h"

/* --- what stands at an owner --- */

struct looking {
    const uint8_t *origin;
    struct rpz_owner owner;
    struct rule_there there;
};

static int look(void *context, const struct policy_record *record)
{
    struct looking *l = context;
    enum rpz_action action;
    if (rpz_action_decode(&l->owner, record->type, record->rdata, record->rdata_length, &action) != RPZ_KEPT)
        return 0;
    if (l->there.action == RPZ_NONE) /* of records in conflict the first is the rule */
        l->there.action = action;
    if (action == RPZ_LOCAL_DATA)
        l->there.data += guard_data_hash(record->type, record->rdata, record->rdata_length);
    return 0;
}

static struct rule_there rule_at(const struct guard_input *in, const struct policy_zone *zone,
                                 const uint8_t *owner, const struct rpz_owner *decoded)
{
    struct looking l = {.owner = *decoded};
    bool exists;
    if (!zone || policy_zone_at(zone, owner, &exists, look, &l))
        return (struct rule_there){RPZ_NONE, 0};
    l.there.action = guard_action(in, l.there.action);
    if (in->override != RPZ_OVERRIDE_GIVEN)
        l.there.data = 0;
    return l.there;
}

/* --- findings --- */

/* Does `a` come before `b`? */
static bool outweighs(const struct guard_finding *a, const struct guard_finding *b)
{
    if (a->queries != b->queries)
        return a->queries > b->queries;
    if (a->reason != b->reason)
        return a->reason < b->reason;
    if (name_labels(a->owner) != name_labels(b->owner))
        return name_labels(a->owner) < name_labels(b->owner);
    return name_compare(a->owner, b->owner) < 0;
}

static void keep_finding(struct guard_report *report, const struct guard_finding *finding)
{
    size_t at = report->finding_count;
    if (at == GUARD_FINDINGS_MAX) {
        if (!outweighs(finding, &report->findings[at - 1]))
            return;
        at--;
    } else {
        report->finding_count++;
    }
    for (; at && outweighs(finding, &report->findings[at - 1]); at--)
        report->findings[at] = report->findings[at - 1];
    report->findings[at] = *finding;
}

static void found(struct weighing *w, enum guard_reason reason, const uint8_t *owner,
                  const struct rpz_owner *decoded, enum rpz_action action, const uint8_t *about)
{
    enum guard_handling handling = w->in->options->handling[reason];
    if (handling == GUARD_APPLY)
        return;
    struct guard_finding finding = {.reason = reason,
                                    .trigger = decoded->trigger,
                                    .action = action,
                                    .prefix = decoded->prefix,
                                    .queries = guard_weight_of(w, owner)};
    size_t length = name_copy(finding.owner, owner);
    finding.owner[length - name_length(policy_zone_origin(w->in->fresh))] = 0;
    if (about)
        name_copy(finding.about, about);
    w->report->found[reason]++;
    keep_finding(w->report, &finding);
    if (handling == GUARD_HOLD)
        guard_note_offender(w, owner);
}

/* --- what is looked for --- */

static bool is_suffix(const struct weighing *w, const struct rpz_owner *rule)
{
    if (name_is_root(rule->name))
        return true;
    return w->in->is_public_suffix ? w->in->is_public_suffix(w->in->suffixes, rule->name)
                                   : name_labels(rule->name) == 1;
}

struct covering {
    const struct weighing *w;
    const struct rpz_owner *rule;
    const uint8_t *owner;
};

/* Is it this rule that decides about the protected name? */
static bool covers(void *context, const uint8_t *protected)
{
    const struct covering *c = context;
    const struct policy_zone *zone = c->w->in->fresh;
    struct policy_hit hit;
    uint8_t owner[NAME_MAX_BYTES];
    if (!policy_zone_match_name(zone, c->rule->trigger, protected, c->w->in->include_subdomains, &hit))
        return false;
    policy_hit_owner(zone, &hit, protected, owner);
    return name_equal(owner, c->owner);
}

static const uint8_t *protected_by(const struct weighing *w, const struct rpz_owner *rule,
                                   const uint8_t *owner)
{
    struct covering context = {w, rule, owner};
    return protected_find(w->in->protected, rule->name, rule->wildcard || w->in->include_subdomains, covers,
                          &context);
}

static bool is_address_trigger(enum rpz_trigger trigger)
{
    return trigger != RPZ_QNAME && trigger != RPZ_NSDNAME;
}

static bool is_wide(const struct weighing *w, const struct rpz_owner *rule)
{
    const struct guard_options *options = w->in->options;
    return rule->prefix.length <
           (rule->prefix.address.family == IP_V4 ? options->max_prefix_v4 : options->max_prefix_v6);
}

static void look_for_harm(struct weighing *w, const uint8_t *owner, const struct rpz_owner *rule,
                          enum rpz_action action)
{
    if (is_address_trigger(rule->trigger)) {
        if (is_wide(w, rule))
            found(w, GUARD_WIDE_PREFIX, owner, rule, action, NULL);
        return;
    }
    if (is_suffix(w, rule))
        found(w, GUARD_SUFFIX, owner, rule, action, NULL);
    const uint8_t *about = protected_by(w, rule, owner);
    if (about)
        found(w, GUARD_PROTECTED, owner, rule, action, about);
}

/* --- each rule once --- */

static void weigh_rule(struct weighing *w, const uint8_t *owner, const struct rpz_owner *rule,
                       struct rule_there before, struct rule_there after)
{
    struct guard_report *report = w->report;
    if (before.action == RPZ_NONE)
        report->added += after.action != RPZ_NONE;
    else if (after.action == RPZ_NONE)
        report->removed++;
    else
        report->changed += before.action != after.action || before.data != after.data;
    if (guard_harm(after.action) > guard_harm(before.action))
        look_for_harm(w, owner, rule, after.action);
}

/* A record at `owner` came or went. */
static void touch(struct weighing *w, const uint8_t *given)
{
    uint8_t owner[NAME_MAX_BYTES];
    struct rpz_owner rule;
    const uint8_t *origin = policy_zone_origin(w->in->fresh);
    name_copy_lower(owner, given);
    if (!name_is_within(owner, origin) || name_equal(owner, origin) ||
        !owner_set_add(&w->seen, guard_owner_hash(owner), &w->no_memory) ||
        rpz_owner_decode(owner, origin, &rule) != RPZ_KEPT)
        return;
    weigh_rule(w, owner, &rule, rule_at(w->in, w->in->old, owner, &rule),
               rule_at(w->in, w->in->fresh, owner, &rule));
}

/* A first load: nothing to compare with, and the records of an owner stand together. */
struct first {
    struct weighing *w;
    uint8_t owner[NAME_MAX_BYTES]; /* the last rule's */
};

static int take_record(void *context, const struct policy_record *record)
{
    struct first *first = context;
    struct rpz_owner rule;
    struct rule_there after = {RPZ_NONE, 0};
    const uint8_t *origin = policy_zone_origin(first->w->in->fresh);
    bool is_rule =
        !name_equal(record->owner, origin) && !name_equal(record->owner, first->owner) &&
        name_is_within(record->owner, origin) && rpz_owner_decode(record->owner, origin, &rule) == RPZ_KEPT &&
        rpz_action_decode(&rule, record->type, record->rdata, record->rdata_length, &after.action) ==
            RPZ_KEPT;
    if (is_rule) {
        name_copy(first->owner, record->owner);
        after.action = guard_action(first->w->in, after.action);
        weigh_rule(first->w, first->owner, &rule, (struct rule_there){RPZ_NONE, 0}, after);
    }
    return 0;
}

static int touch_change(void *context, const struct policy_change *change)
{
    touch(context, change->record.owner);
    return 0;
}

void guard_weigh_rules(struct weighing *w)
{
    const struct guard_input *in = w->in;
    struct first first = {.w = w};
    int error = 0;
    if (!in->old)
        error = policy_zone_each(in->fresh, take_record, &first);
    else if (!in->changes)
        error = policy_zone_diff(in->old, in->fresh, touch_change, w);
    else
        for (size_t i = 0; i < in->change_count; i++)
            touch(w, in->changes[i].record.owner);
    w->no_memory |= error != 0;
}
