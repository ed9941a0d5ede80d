/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict of the guard: what the two halves have found (guard_traffic.c, guard_rules.c) against the
 * limits, and the version that is left without what offends. */
#include "rpz/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "rpz/guard_parts.h"

struct guard_options guard_defaults(void)
{
    return (struct guard_options){
        .on = true,
        .max_affected_percent = 10,
        .min_queries = 10000,
        .max_change_percent = 50,
        .min_changed_rules = 1000,
        .max_prefix_v4 = 8,
        .max_prefix_v6 = 20,
        .handling = {[GUARD_AFFECTED] = GUARD_HOLD,
                     [GUARD_SUFFIX] = GUARD_HOLD,
                     [GUARD_PROTECTED] = GUARD_HOLD,
                     [GUARD_WIDE_PREFIX] = GUARD_WARN,
                     [GUARD_CHANGE] = GUARD_HOLD,
                     [GUARD_EMPTIED] = GUARD_WARN},
    };
}

enum rpz_action guard_action(const struct guard_input *in, enum rpz_action given)
{
    static const enum rpz_action instead[] = {
        [RPZ_OVERRIDE_DISABLED] = RPZ_PASSTHRU, [RPZ_OVERRIDE_PASSTHRU] = RPZ_PASSTHRU,
        [RPZ_OVERRIDE_DROP] = RPZ_DROP,         [RPZ_OVERRIDE_TCP_ONLY] = RPZ_TCP_ONLY,
        [RPZ_OVERRIDE_NXDOMAIN] = RPZ_NXDOMAIN, [RPZ_OVERRIDE_NODATA] = RPZ_NODATA,
        [RPZ_OVERRIDE_CNAME] = RPZ_LOCAL_DATA,
    };
    return given == RPZ_NONE || in->override == RPZ_OVERRIDE_GIVEN ? given : instead[in->override];
}

unsigned guard_harm(enum rpz_action action)
{
    return action == RPZ_NONE || action == RPZ_PASSTHRU ? 0 : action == RPZ_TCP_ONLY ? 1 : 2;
}

uint64_t guard_owner_hash(const uint8_t *owner)
{
    uint64_t hash = hash_bytes(1, owner, name_length(owner));
    return hash ? hash : 1;
}

/* --- owners that were met --- */

static void set_place(struct owner_set *set, uint64_t hash)
{
    size_t at = hash & (set->size - 1);
    while (set->slots[at])
        at = (at + 1) & (set->size - 1);
    set->slots[at] = hash;
}

static bool set_grow(struct owner_set *set)
{
    struct owner_set larger = {.count = set->count, .size = set->size ? 2 * set->size : 1024};
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < set->size; i++)
        if (set->slots[i])
            set_place(&larger, set->slots[i]);
    free(set->slots);
    *set = larger;
    return true;
}

bool owner_set_add(struct owner_set *set, uint64_t hash, bool *no_memory)
{
    if (2 * set->count >= set->size && !set_grow(set)) {
        *no_memory = true;
        return false;
    }
    for (size_t at = hash & (set->size - 1); set->slots[at]; at = (at + 1) & (set->size - 1))
        if (set->slots[at] == hash)
            return false;
    set->count++;
    set_place(set, hash);
    return true;
}

/* --- limits --- */

static uint64_t rules_of(const struct policy_zone *zone)
{
    struct policy_zone_counts counts;
    uint64_t rules = 0;
    if (!zone)
        return 0;
    policy_zone_count(zone, &counts);
    for (int i = 0; i < RPZ_TRIGGERS; i++)
        rules += counts.rules[i];
    return rules;
}

static bool over_percent(uint64_t part, uint64_t whole, unsigned percent)
{
    return percent != GUARD_NO_LIMIT && part * 100 > whole * percent;
}

static bool too_much_affected(const struct weighing *w)
{
    const struct guard_report *report = w->report;
    const struct guard_options *options = w->in->options;
    if (report->held_on)
        return true;
    return !report->too_few_queries &&
           over_percent(report->affected, report->queries, options->max_affected_percent);
}

/* Of nothing there is no percentage: a zone without rules may be filled. */
static bool too_much_changed(const struct weighing *w)
{
    const struct guard_report *report = w->report;
    const struct guard_options *options = w->in->options;
    uint64_t changes = report->added + report->removed + report->changed;
    return report->old_rules && changes >= options->min_changed_rules &&
           over_percent(changes, report->old_rules, options->max_change_percent);
}

static void judge(const struct weighing *w)
{
    struct guard_report *report = w->report;
    const bool offends[GUARD_REASONS] = {
        [GUARD_AFFECTED] = too_much_affected(w),
        [GUARD_SUFFIX] = report->found[GUARD_SUFFIX] > 0,
        [GUARD_PROTECTED] = report->found[GUARD_PROTECTED] > 0,
        [GUARD_WIDE_PREFIX] = report->found[GUARD_WIDE_PREFIX] > 0,
        [GUARD_CHANGE] = too_much_changed(w),
        [GUARD_EMPTIED] = report->old_rules && !report->rules,
    };
    for (unsigned i = 0; i < GUARD_REASONS; i++) {
        enum guard_handling handling = offends[i] ? w->in->options->handling[i] : GUARD_APPLY;
        if (handling == GUARD_HOLD && !report->first_load)
            report->held |= 1u << i;
        else if (handling != GUARD_APPLY)
            report->warned |= 1u << i;
    }
    report->verdict = report->held ? GUARD_HELD : report->warned ? GUARD_PASSES_WARNED : GUARD_PASSES;
}

/* --- weighing --- */

static void weighing_end(struct weighing *w)
{
    free(w->weights);
    free(w->seen.slots);
    free(w->offending.slots);
    pages_free(&w->offenders);
}

static int weigh(struct weighing *w)
{
    const struct guard_input *in = w->in;
    *w->report = (struct guard_report){
        .first_load = !in->old,
        .old_serial = in->old ? policy_zone_serial(in->old) : 0,
        .serial = policy_zone_serial(in->fresh),
        .old_rules = rules_of(in->old),
        .rules = rules_of(in->fresh),
    };
    if (!in->options->on)
        return 0;
    guard_weigh_traffic(w);
    guard_weigh_rules(w);
    judge(w);
    return w->no_memory ? ERR_NOMEM : 0;
}

int guard_weigh(const struct guard_input *input, struct guard_report *report)
{
    struct weighing w = {.in = input, .report = report};
    int error = weigh(&w);
    weighing_end(&w);
    return error;
}

/* --- without what offends --- */

void guard_note_offender(struct weighing *w, const uint8_t *owner)
{
    if (!w->keep_offenders || w->offender_count > GUARD_DROPPED_MAX ||
        !owner_set_add(&w->offending, guard_owner_hash(owner), &w->no_memory))
        return;
    w->offender_count++;
    w->no_memory |= pages_append(&w->offenders, owner, name_length(owner)) != 0;
}

static int by_queries(const void *a, const void *b)
{
    const struct rule_weight *x = a, *y = b;
    return (x->queries < y->queries) - (x->queries > y->queries);
}

/* The rules that touch the most queries, until the rest is within the limit. */
static void note_traffic_offenders(struct weighing *w)
{
    const struct guard_report *report = w->report;
    if (!(report->held & 1u << GUARD_AFFECTED) || !w->weight_count)
        return;
    uint64_t left = report->affected;
    qsort(w->weights, w->weight_count, sizeof *w->weights, by_queries);
    for (size_t i = 0; i < w->weight_count; i++) {
        if (!over_percent(left, report->queries, w->in->options->max_affected_percent))
            return;
        guard_note_offender(w, w->weights[i].owner);
        left -= w->weights[i].queries < left ? w->weights[i].queries : left;
    }
}

struct dropping {
    struct arena arena;
    struct pages changes; /* struct policy_change */
    bool remove;
};

static int take_record(void *context, const struct policy_record *record)
{
    struct dropping *d = context;
    struct policy_change change = {d->remove, *record};
    change.record.owner = arena_copy(&d->arena, record->owner, name_length(record->owner));
    change.record.rdata = arena_copy(&d->arena, record->rdata, record->rdata_length);
    if (!change.record.owner || !change.record.rdata)
        return ERR_NOMEM;
    return pages_append(&d->changes, &change, sizeof change);
}

/* What stands at the owner now goes; what stood there before comes back. */
static int drop_owner(struct dropping *d, const struct guard_input *in, const uint8_t *owner)
{
    bool exists;
    d->remove = true;
    int error = policy_zone_at(in->fresh, owner, &exists, take_record, d);
    d->remove = false;
    return error || !in->old ? error : policy_zone_at(in->old, owner, &exists, take_record, d);
}

static int apply_without(struct weighing *w, struct policy_zone **out)
{
    struct dropping d = {0};
    int error = 0;
    const uint8_t *owner = w->offenders.base;
    arena_init(&d.arena, 0);
    for (size_t i = 0; i < w->offender_count && !error; i++) {
        error = drop_owner(&d, w->in, owner);
        owner += name_length(owner);
    }
    if (!error)
        error = policy_zone_apply(w->in->fresh, (const struct policy_change *)(void *)d.changes.base,
                                  d.changes.used / sizeof(struct policy_change), out);
    pages_free(&d.changes);
    arena_fini(&d.arena);
    return error;
}

static int make_without(struct weighing *w, struct policy_zone **out)
{
    int error = weigh(w);
    if (error)
        return error;
    note_traffic_offenders(w);
    if (!w->offender_count || w->offender_count > GUARD_DROPPED_MAX)
        return ERR_REFUSED;
    return w->no_memory ? ERR_NOMEM : apply_without(w, out);
}

static int weigh_again(const struct guard_input *input, const struct policy_zone *rest,
                       struct guard_report *report)
{
    struct guard_input again = *input;
    again.fresh = rest;
    again.changes = NULL;
    int error = guard_weigh(&again, report);
    return !error && report->verdict == GUARD_HELD ? ERR_REFUSED : error;
}

int guard_without_offenders(const struct guard_input *input, struct policy_zone **out, uint64_t *dropped)
{
    struct guard_report *report = malloc(sizeof *report);
    struct weighing w = {.in = input, .report = report, .keep_offenders = true};
    *out = NULL;
    int error = report ? make_without(&w, out) : ERR_NOMEM;
    *dropped = w.offender_count;
    if (!error)
        error = weigh_again(input, *out, report);
    if (error && *out) {
        policy_zone_unref(*out);
        *out = NULL;
    }
    weighing_end(&w);
    free(report);
    return error;
}
