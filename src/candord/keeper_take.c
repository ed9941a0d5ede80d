/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a version: the latest, weighed, in force; and what an operator decides about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/keeper_store.h"
#include "dns/name.h"

static void put(struct zone_content **to, struct zone_content *content)
{
    struct zone_content *old = *to;
    *to = content ? zone_content_ref(content) : NULL;
    zone_content_unref(old);
}

static void put_in_force(struct kept_zone *zone, struct zone_content *content)
{
    if (zone->content == content)
        return;
    put(&zone->content, content);
    zone->loaded_at_s = content ? clock_wall_s() : zone->loaded_at_s;
}

static void set_hold(struct kept_zone *zone, enum zone_hold hold, const char *reason)
{
    zone->hold = hold;
    keeper_set_text(&zone->hold_reason, hold ? reason : NULL);
}

/* The zone had expired: what acted then acts again. */
static void wake(struct kept_zone *zone)
{
    put_in_force(zone, zone->resting);
    put(&zone->resting, NULL);
}

/* --- a new version --- */

/* Shares and counts differ from one version to the next; what is held against them does not. */
static bool same_but_for_numbers(const char *a, const char *b)
{
    static const char numbers[] = "0123456789.,";
    while (*a && *b) {
        a += strspn(a, numbers);
        b += strspn(b, numbers);
        if (*a != *b)
            return false;
        a += *a != 0;
        b += *b != 0;
    }
    return *a == *b;
}

/* What the version does if nothing is said against it. */
static void weigh(struct keeper *keeper, struct weighing *weighing)
{
    if (keeper->weigh)
        keeper->weigh(keeper->weigh_context, weighing);
    const char *known = weighing->zone->hold_reason;
    if (!weighing->hold || (known && same_but_for_numbers(known, weighing->reason)))
        return;
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_WARN, "zone %s/IN: serial %u from %s is held: %s",
              name_to_text_nodot(weighing->zone->origin, name), zone_content_serial(weighing->next),
              weighing->from, weighing->reason);
}

static void remember(struct kept_zone *zone, const struct arrival *arrival)
{
    zone->source = arrival->source;
    keeper_set_text(&zone->from, arrival->from);
    keeper_set_text(&zone->tag, arrival->tag[0] ? arrival->tag : NULL);
    zone->latest_at_s = zone->checked_at_s = clock_wall_s();
    zone->load_ms = arrival->took_ms;
    zone->expired = false;
    keeper_set_text(&zone->last_problem, NULL);
}

/* The difference has to be from what is the latest version now. */
static void prepare(struct kept_zone *zone, struct arrival *arrival)
{
    if (arrival->kind == ARRIVAL_WHOLE && arrival->compared_with != zone->latest) {
        arrival_unprepare(arrival);
        if (zone->store)
            arrival_prepare(arrival, zone->latest, store_path(zone->store));
    }
}

static void put_taken(struct keeper *keeper, struct kept_zone *zone, const struct taking *taking)
{
    pthread_mutex_lock(&keeper->lock);
    put(&zone->latest, taking->next);
    zone->policy = zone_content_get_policy(taking->next) != NULL;
    zone->unsynced = taking->unsynced;
    zone->file_mark = taking->file_mark;
    remember(zone, taking->arrival);
    if (zone->hold != HOLD_ROLLBACK)
        set_hold(zone, taking->hold, taking->reason);
    if (!taking->hold)
        put_in_force(zone, taking->next);
    else if (taking->instead)
        put_in_force(zone, taking->instead);
    else if (!zone->content)
        wake(zone);
    put(&zone->resting, NULL);
    pthread_mutex_unlock(&keeper->lock);
}

/* A file that was read has all that there is; what came by hand, the file lacks. */
static struct taking taking_of(const struct kept_zone *zone, struct arrival *arrival,
                               struct zone_content *next, const struct weighing *weighing)
{
    bool pinned = zone->hold == HOLD_ROLLBACK;
    struct taking taking = {.arrival = arrival,
                            .next = next,
                            .instead = weighing->instead,
                            .hold = pinned           ? HOLD_ROLLBACK
                                    : weighing->hold ? HOLD_GUARD
                                                     : HOLD_NONE,
                            .reason = pinned ? zone->hold_reason : weighing->reason,
                            .unsynced = zone->unsynced,
                            .file_mark = zone->file_mark};
    if (arrival->source == ARRIVAL_UPDATE)
        taking.unsynced = true;
    if (arrival->source == ARRIVAL_FILE) {
        taking.unsynced = false;
        taking.file_mark = arrival->file_mark;
    }
    return taking;
}

void keeper_weigh_first(struct keeper *keeper)
{
    for (struct kept_zone *zone = keeper->zones; zone; zone = zone->next) {
        if (!zone->unweighed || !zone->content)
            continue;
        struct weighing weighing = {
            .zone = zone, .from = zone->from ?: zone->file, .first = true, .next = zone->content};
        zone->unweighed = false;
        if (keeper->weigh)
            keeper->weigh(keeper->weigh_context, &weighing);
        zone_content_unref(weighing.instead);
    }
}

int keeper_take(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival,
                struct zone_content *next)
{
    prepare(zone, arrival);
    struct weighing weighing = {
        .zone = zone, .from = arrival->from, .changes = arrival->changes, .next = next};
    zone->unweighed = !zone->content && !zone->resting;
    if (zone->hold != HOLD_ROLLBACK && !zone->unweighed)
        weigh(keeper, &weighing);
    struct taking taking = taking_of(zone, arrival, next, &weighing);
    arrival->held = taking.hold != HOLD_NONE;
    keeper_store_version(keeper, zone, &taking);
    put_taken(keeper, zone, &taking);
    keeper_write_text(keeper, zone);
    zone_content_unref(weighing.instead);
    return 0;
}

/* --- the source speaks of what we have, or is silent --- */

bool keeper_confirm(struct keeper *keeper, struct kept_zone *zone, const struct arrival *arrival)
{
    pthread_mutex_lock(&keeper->lock);
    bool acts_again = zone->expired && zone->resting;
    zone->checked_at_s = clock_wall_s();
    zone->expired = false;
    if (arrival->tag[0])
        keeper_set_text(&zone->tag, arrival->tag);
    keeper_set_text(&zone->last_problem, NULL);
    if (acts_again)
        wake(zone);
    pthread_mutex_unlock(&keeper->lock);
    keeper_store_state(keeper, zone);
    return acts_again;
}

bool keeper_expire(struct keeper *keeper, struct kept_zone *zone)
{
    char name[NAME_TEXT_MAX];
    if (zone->expired || !zone->latest)
        return false;
    log_write(LOG_ZONELOAD, LEVEL_ERROR, "zone %s/IN: expired: its source has been silent for too long; %s",
              name_to_text_nodot(zone->origin, name),
              zone->keep_expired ? "its last version goes on (on-expire keep)"
                                 : "its rules and answers stop");
    pthread_mutex_lock(&keeper->lock);
    zone->expired = true;
    if (!zone->keep_expired) {
        put(&zone->resting, zone->content);
        put_in_force(zone, NULL);
    }
    pthread_mutex_unlock(&keeper->lock);
    keeper_store_state(keeper, zone);
    return !zone->keep_expired;
}

void keeper_note_problem(struct keeper *keeper, struct kept_zone *zone, const char *why)
{
    pthread_mutex_lock(&keeper->lock);
    keeper_set_text(&zone->last_problem, why);
    pthread_mutex_unlock(&keeper->lock);
}

/* --- an operator decides --- */

static int cannot(struct arrival *arrival, const char *why)
{
    snprintf(arrival->problem, sizeof arrival->problem, "%s", why);
    return ERR_INVALID;
}

static int release(struct kept_zone *zone, struct arrival *arrival)
{
    char name[NAME_TEXT_MAX];
    if (!zone->hold)
        return cannot(arrival, "nothing is held");
    set_hold(zone, HOLD_NONE, NULL);
    if (!zone->expired || zone->keep_expired)
        put_in_force(zone, zone->latest);
    zone->force_stamp = zone->latest_stamp;
    log_write(LOG_ZONELOAD, LEVEL_NOTICE, "zone %s/IN: serial %u is released and in force",
              name_to_text_nodot(zone->origin, name), zone_content_serial(zone->latest));
    return 0;
}

static int reject(struct kept_zone *zone, struct arrival *arrival)
{
    char name[NAME_TEXT_MAX];
    if (zone->hold != HOLD_GUARD)
        return cannot(arrival, "nothing is held that could be rejected");
    zone->hold = HOLD_REJECTED;
    log_write(LOG_ZONELOAD, LEVEL_NOTICE, "zone %s/IN: serial %u is rejected",
              name_to_text_nodot(zone->origin, name), zone_content_serial(zone->latest));
    return 0;
}

static int roll_back(struct kept_zone *zone, struct arrival *arrival)
{
    char name[NAME_TEXT_MAX], reason[128];
    if (!arrival->whole || !zone->store || zone->expired)
        return cannot(arrival, zone->expired ? "the zone has expired" : "no such version is kept");
    if ((zone_content_get_policy(arrival->whole) != NULL) != zone->policy)
        return cannot(arrival, "the zone's configuration has changed; try again");
    snprintf(reason, sizeof reason, "rolled back by the operator from serial %u to %u",
             zone_content_serial(zone->latest), zone_content_serial(arrival->whole));
    set_hold(zone, HOLD_ROLLBACK, reason);
    put_in_force(zone, arrival->whole);
    zone->force_stamp = arrival->wanted_stamp;
    log_write(LOG_ZONELOAD, LEVEL_NOTICE, "zone %s/IN: %s; until it is released",
              name_to_text_nodot(zone->origin, name), reason);
    return 0;
}

int keeper_decide(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival)
{
    static int (*const decisions[])(struct kept_zone *, struct arrival *) = {
        [DECISION_RELEASE] = release, [DECISION_REJECT] = reject, [DECISION_ROLLBACK] = roll_back};
    pthread_mutex_lock(&keeper->lock);
    int error = decisions[arrival->decision](zone, arrival);
    pthread_mutex_unlock(&keeper->lock);
    if (!error)
        keeper_store_state(keeper, zone);
    return error;
}

/* --- another sort of zone --- */

static int add_to_draft(void *context, const struct policy_record *record)
{
    const char *why;
    int result = zone_draft_add(context, record, &why);
    return result == ERR_NOMEM ? result : 0;
}

/* NULL stays NULL. */
static int convert(struct zone_content *from, bool policy, struct zone_content **out)
{
    const char *why;
    *out = NULL;
    if (!from)
        return 0;
    struct zone_draft *draft = zone_draft_new(zone_content_origin(from), policy);
    int error = draft ? zone_content_each(from, add_to_draft, draft) : ERR_NOMEM;
    if (error)
        zone_draft_free(draft);
    return error ? error : zone_draft_finish(draft, out, &why);
}

int keeper_convert(struct keeper *keeper, struct kept_zone *zone, bool policy)
{
    struct zone_content **const places[] = {&zone->latest, &zone->content, &zone->resting};
    struct zone_content *made[3] = {NULL};
    int error = 0;
    if (zone->policy == policy)
        return 0;
    for (size_t i = 0; i < 3 && !error; i++)
        if (i == 1 && zone->content == zone->latest && made[0])
            made[i] = zone_content_ref(made[0]);
        else
            error = convert(*places[i], policy, &made[i]);
    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < 3 && !error; i++)
        put(places[i], made[i]);
    zone->policy = error ? zone->policy : policy;
    pthread_mutex_unlock(&keeper->lock);
    for (size_t i = 0; i < 3; i++)
        zone_content_unref(made[i]);
    if (zone->store && !error)
        store_set_policy(zone->store, policy);
    return error;
}
