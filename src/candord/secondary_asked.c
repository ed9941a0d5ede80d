/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What others want of secondary zones: a primary says NOTIFY, an operator refresh, or asks how they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "candord/secondary_parts.h"

/* --- NOTIFY and the operator --- */

static size_t primary_number(const struct zone_config *zone, const union sockaddr_any *from)
{
    struct ip_address address = ip_from_sockaddr(from);
    size_t number = 0;
    while (number < zone->primaries.count &&
           !ip_equal(&zone->primaries.servers[number].endpoint.address, &address))
        number++;
    return number;
}

/* BIND's words. */
static void say_notified(const struct secondary *zone, const struct notice *notice, const char *what)
{
    char from[IP_TEXT_MAX];
    sockaddr_to_text(&notice->from, from);
    if (notice->has_serial)
        log_write(LOG_NOTIFY, LEVEL_INFO, "zone %s/IN: notify from %s: serial %u%s", zone->zone->name_text,
                  from, notice->serial, what);
    else
        log_write(LOG_NOTIFY, LEVEL_INFO, "zone %s/IN: notify from %s: no serial%s", zone->zone->name_text,
                  from, what);
}

static void notified(struct job *job)
{
    struct notice *notice = (struct notice *)job;
    struct secondaries *all = notice->all;
    struct secondary *zone = all->stopped ? NULL : secondary_find(all, notice->view_name, notice->origin);
    if (zone && notice->has_serial && zone->has_serial && !zone->schedule.expired &&
        !serial_newer(notice->serial, zone->serial)) {
        say_notified(zone, notice, ": zone is up to date");
    } else if (zone) {
        bool first = schedule_notify(&zone->schedule, primary_number(zone->zone, &notice->from),
                                     notice->has_serial, notice->serial, secondary_now_ms());
        say_notified(zone, notice, first ? "" : ": refresh in progress, refresh check queued");
        secondary_set_timer(zone);
    }
    free(notice);
}

void secondaries_notify(struct secondaries *all, const char *view_name, const uint8_t *origin,
                        const union sockaddr_any *from, bool has_serial, uint32_t serial)
{
    struct notice *notice = secondary_notice(all, notified);
    if (!notice)
        return; /* the next refresh will find out */
    snprintf(notice->view_name, sizeof notice->view_name, "%s", view_name);
    name_copy(notice->origin, origin);
    notice->from = *from;
    notice->has_serial = has_serial;
    notice->serial = serial;
    inbox_post(&all->daemon->inbox, &notice->job.message);
}

static void add_waiting(struct secondary *zone, struct secondary_wait *wait)
{
    struct waiting *waiting = wait ? malloc(sizeof *waiting) : NULL;
    if (!waiting)
        return;
    *waiting = (struct waiting){zone->waiting, wait, zone->round != NULL};
    zone->waiting = waiting;
    wait->pending++;
}

unsigned secondaries_refresh(struct secondaries *all, const uint8_t *origin, bool whole,
                             struct secondary_wait *wait)
{
    unsigned count = 0;
    if (wait)
        wait->pending = 0;
    for (struct secondary *zone = all->zones; zone; zone = zone->next) {
        if (!name_equal(zone->zone->name, origin))
            continue;
        zone->whole |= whole;
        add_waiting(zone, wait);
        schedule_refresh(&zone->schedule, secondary_now_ms());
        secondary_set_timer(zone);
        count++;
    }
    if (count && wait && wait->pending == 0) /* memory */
        wait->done(wait, "out of memory");
    return count;
}

/* --- what is known --- */

static int64_t wall_s(uint64_t mono_ms)
{
    if (mono_ms == 0 || mono_ms == UINT64_MAX)
        return 0;
    return clock_wall_s() + ((int64_t)mono_ms - (int64_t)secondary_now_ms()) / 1000;
}

bool secondaries_look(struct secondaries *all, const char *view_name, const uint8_t *origin,
                      struct secondary_state *out)
{
    const struct secondary *zone = secondary_find(all, view_name, origin);
    *out = (struct secondary_state){0};
    if (!zone)
        return false;
    snprintf(out->primary, sizeof out->primary, "%s", zone->primary);
    snprintf(out->problem, sizeof out->problem, "%s", zone->problem);
    out->checked_at_s = wall_s(zone->schedule.checked_ms);
    out->transferred_at_s = wall_s(zone->schedule.transferred_ms);
    out->next_at_s = wall_s(zone->schedule.due_ms);
    out->expires_at_s = wall_s(zone->schedule.expires_ms);
    out->asking = zone->round != NULL;
    out->expired = zone->schedule.expired;
    out->failures = zone->schedule.failures;
    return true;
}
