/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The half of the guard that looks at rules: each that came, went or changed, once. */
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/guard_parts.h"
#include "rpz/walk.h"

/* --- what stands at an owner --- */

/* A name with its place in both versions: `x` and `*.x` have one. */
struct sought {
    struct rpz_key key;
    struct owner_found old, fresh;
};

/* An owner that the changes touch. */
struct touched {
    uint8_t owner[NAME_MAX_BYTES];    /* absolute, lower case */
    uint8_t relative[NAME_MAX_BYTES]; /* to the zone */
    struct rpz_owner rule;
    const struct sought *sought;
};

/* Owners that are looked up together, as no cache holds the index of a large zone. */
struct group {
    struct weighing *w;
    size_t count, sought_count;
    struct touched list[POLICY_TOGETHER];
    struct sought sought[POLICY_TOGETHER];
};

struct looking {
    const struct rpz_owner *owner;
    struct rule_there there;
};

static void look(struct looking *l, uint16_t type, const uint8_t *rdata, size_t length)
{
    enum rpz_action action;
    if (rpz_action_decode(l->owner, type, rdata, length, &action) != RPZ_KEPT)
        return;
    if (l->there.action == RPZ_NONE) /* of records in conflict the first is the rule */
        l->there.action = action;
    if (action == RPZ_LOCAL_DATA)
        l->there.data += guard_data_hash(type, rdata, length);
}

static int look_skipped(void *context, const struct skipped_record *skipped)
{
    look(context, skipped->stored.type, skipped->rdata, skipped->stored.length);
    return 0;
}

static void look_at_entry(struct looking *l, const struct policy_zone *zone, const uint8_t *entry)
{
    enum owner_side side = l->owner->wildcard ? SIDE_WILDCARD : SIDE_EXACT;
    struct policy_record record;
    uint32_t within = 0;
    l->there.action = owner_action(*entry, side);
    while (l->there.action == RPZ_LOCAL_DATA && walk_side(zone, entry, side, &within, &record))
        look(l, record.type, record.rdata, record.rdata_length);
}

/* `found`: its place in this version. */
static struct rule_there rule_at(const struct guard_input *in, const struct policy_zone *zone,
                                 const struct touched *touched, const struct owner_found *found)
{
    struct looking l = {.owner = &touched->rule};
    if (found->entry)
        look_at_entry(&l, zone, found->entry);
    /* What two versions share of records that are no rules makes no difference between them. */
    if (in->old->skipped != in->fresh->skipped &&
        skipped_each_of(zone->skipped, touched->relative, look_skipped, &l))
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

/* `x` and `*.x` often follow each other. */
static bool is_suffix(struct weighing *w, const struct rpz_owner *rule)
{
    if (name_is_root(rule->name))
        return true;
    if (!w->in->is_public_suffix)
        return name_labels(rule->name) == 1;
    if (!w->suffix_asked[0] || !name_equal(w->suffix_asked, rule->name)) {
        name_copy(w->suffix_asked, rule->name);
        w->suffix_answer = w->in->is_public_suffix(w->in->suffixes, rule->name);
    }
    return w->suffix_answer;
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

static void ask_all(const struct group *g, const struct owners *owners)
{
    static void (*const steps[])(const struct owners *, uint32_t) = {owners_ask, owners_ask_leaf,
                                                                     owners_ask_entry};
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++)
        for (size_t i = 0; i < g->sought_count; i++) {
            const struct rpz_key *key = &g->sought[i].key;
            steps[step](owners, (uint32_t)(key->hash[key->labels] >> 32));
        }
}

static void weigh_group(struct group *g)
{
    const struct guard_input *in = g->w->in;
    ask_all(g, &in->old->owners);
    ask_all(g, &in->fresh->owners);
    for (size_t i = 0; i < g->sought_count; i++) {
        g->sought[i].old = owners_find(&in->old->owners, &g->sought[i].key);
        g->sought[i].fresh = owners_find(&in->fresh->owners, &g->sought[i].key);
    }
    for (size_t i = 0; i < g->count; i++) {
        const struct touched *touched = &g->list[i];
        weigh_rule(g->w, touched->owner, &touched->rule, rule_at(in, in->old, touched, &touched->sought->old),
                   rule_at(in, in->fresh, touched, &touched->sought->fresh));
    }
    g->count = g->sought_count = 0;
}

/* The name under which the owner's entry stands; the owner before it often has the same. */
static const struct sought *seek(struct group *g, const struct touched *touched)
{
    const uint8_t *name = touched->relative + (touched->rule.wildcard ? 2 : 0);
    struct sought *last = g->sought_count ? &g->sought[g->sought_count - 1] : NULL;
    if (last && name_equal(last->key.name, name))
        return last;
    struct sought *sought = &g->sought[g->sought_count++];
    rpz_key_init(&sought->key, name, rpz_tail_none());
    (void)rpz_key_fingerprint(&sought->key, sought->key.labels);
    return sought;
}

/* A record at `given` came or went. */
static void touch(struct group *g, const uint8_t *given)
{
    struct weighing *w = g->w;
    struct touched *touched = &g->list[g->count];
    const struct policy_zone *zone = w->in->fresh;
    size_t length = name_copy_lower(touched->owner, given);
    if (!name_is_within(touched->owner, zone->origin) || length == zone->origin_bytes ||
        !owner_set_add(&w->seen, guard_owner_hash(touched->owner), &w->no_memory) ||
        rpz_owner_decode(touched->owner, zone->origin, &touched->rule) != RPZ_KEPT)
        return;
    memcpy(touched->relative, touched->owner, length - zone->origin_bytes);
    touched->relative[length - zone->origin_bytes] = 0;
    touched->sought = seek(g, touched);
    if (++g->count == POLICY_TOGETHER)
        weigh_group(g);
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

/* The changes, or what differs if they are not known. */
static int weigh_changes(struct weighing *w)
{
    const struct guard_input *in = w->in;
    struct group group;
    int error = 0;
    group.w = w; /* the rest is large, and filled as far as it is used */
    group.count = group.sought_count = 0;
    if (!in->changes)
        error = policy_zone_diff(in->old, in->fresh, touch_change, &group);
    else
        for (size_t i = 0; i < in->change_count; i++)
            touch(&group, in->changes[i].record.owner);
    weigh_group(&group);
    return error;
}

void guard_weigh_rules(struct weighing *w)
{
    struct first first = {.w = w};
    int error = w->in->old ? weigh_changes(w) : policy_zone_each(w->in->fresh, take_record, &first);
    w->no_memory |= error != 0;
}
