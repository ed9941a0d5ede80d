/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a version: the latest, weighed, in force; and what an operator decides about it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/keeper.h"
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
    weighing->hold &= weighing->zone->content != NULL;
    const char *known = weighing->zone->hold_reason;
    if (!weighing->hold || (known && same_but_for_numbers(known, weighing->reason)))
        return;
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_WARN, "zone %s/IN: serial %u from %s is held: %s",
              name_to_text_nodot(weighing->zone->origin, name), zone_content_serial(weighing->next),
              weighing->arrival->from, weighing->reason);
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

int keeper_take(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival,
                struct zone_content *next)
{
    struct weighing weighing = {.zone = zone, .arrival = arrival, .changes = arrival->changes, .next = next};
    bool pinned = zone->hold == HOLD_ROLLBACK;
    if (!pinned)
        weigh(keeper, &weighing);
    arrival->held = pinned || weighing.hold;
    pthread_mutex_lock(&keeper->lock);
    put(&zone->latest, next);
    zone->policy = zone_content_get_policy(next) != NULL;
    remember(zone, arrival);
    if (!pinned)
        set_hold(zone, weighing.hold ? HOLD_GUARD : HOLD_NONE, weighing.reason);
    if (!arrival->held)
        put_in_force(zone, next);
    else if (weighing.instead)
        put_in_force(zone, weighing.instead);
    pthread_mutex_unlock(&keeper->lock);
    zone_content_unref(weighing.instead);
    return 0;
}

/* --- the source speaks of what we have, or is silent --- */

bool keeper_confirm(struct keeper *keeper, struct kept_zone *zone, const struct arrival *arrival)
{
    pthread_mutex_lock(&keeper->lock);
    bool acts_again = zone->expired && !zone->content && zone->latest;
    zone->checked_at_s = clock_wall_s();
    zone->expired = false;
    if (arrival->tag[0])
        keeper_set_text(&zone->tag, arrival->tag);
    keeper_set_text(&zone->last_problem, NULL);
    if (acts_again)
        put_in_force(zone, zone->latest);
    pthread_mutex_unlock(&keeper->lock);
    return acts_again;
}

bool keeper_expire(struct keeper *keeper, struct kept_zone *zone)
{
    char name[NAME_TEXT_MAX];
    if (zone->expired || !zone->latest)
        return false;
    log_write(LOG_ZONELOAD, LEVEL_ERROR,
              "zone %s/IN: expired: its source has been silent for too long; its rules and answers stop",
              name_to_text_nodot(zone->origin, name));
    pthread_mutex_lock(&keeper->lock);
    zone->expired = true;
    put_in_force(zone, NULL);
    pthread_mutex_unlock(&keeper->lock);
    return true;
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
    if (!zone->expired)
        put_in_force(zone, zone->latest);
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

int keeper_decide(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival)
{
    pthread_mutex_lock(&keeper->lock);
    int error = arrival->decision == DECISION_RELEASE  ? release(zone, arrival)
                : arrival->decision == DECISION_REJECT ? reject(zone, arrival)
                                                       : cannot(arrival, "no older version is kept");
    pthread_mutex_unlock(&keeper->lock);
    return error;
}
