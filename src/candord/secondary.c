/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "candord/secondary_parts.h"

enum { NO_MEMORY_MS = 10000 };

/* --- rounds --- */

static void begin_round(struct secondary *zone);

static void tell(struct secondary_wait *wait, const char *problem)
{
    if (problem && !wait->failed) {
        wait->failed = true;
        snprintf(wait->problem, sizeof wait->problem, "%s", problem);
    }
    if (--wait->pending == 0)
        wait->done(wait, wait->failed ? wait->problem : NULL);
}

void secondary_tell_waiting(struct secondary *zone, const char *problem, bool all)
{
    struct waiting *list = zone->waiting;
    zone->waiting = NULL;
    while (list) {
        struct waiting *waiting = list;
        list = waiting->next;
        if (waiting->next_round && !all) {
            waiting->next_round = false;
            waiting->next = zone->waiting;
            zone->waiting = waiting;
        } else {
            tell(waiting->wait, problem);
            free(waiting);
        }
    }
}

void secondary_free(struct secondary *zone)
{
    config_holder_unref(zone->holder);
    free(zone->view_name);
    free(zone);
}

static void nothing_more(struct arrival *arrival)
{
    arrival_free(arrival);
}

static void tell_keeper(const struct secondary *zone, enum arrival_kind kind, const char *problem)
{
    struct arrival *arrival = arrival_new(kind, ARRIVAL_TRANSFER, zone->view_name, zone->zone->name);
    if (!arrival)
        return;
    snprintf(arrival->from, sizeof arrival->from, "%.255s", zone->primary);
    snprintf(arrival->problem, sizeof arrival->problem, "%s", problem);
    arrival->done = nothing_more;
    arrival_deliver(zone->all->daemon, arrival);
}

/* The same trouble is told once, however often it comes. */
static void note_problem(struct secondary *zone, const char *problem)
{
    char text[sizeof zone->problem];
    snprintf(text, sizeof text, "%.200s: %.300s", zone->primary, problem);
    if (strcmp(text, zone->problem) == 0)
        return;
    memcpy(zone->problem, text, sizeof text);
    log_write(LOG_XFER_IN, LEVEL_ERROR, "transfer of '%s/IN' from %s: failed: %s%s", zone->zone->name_text,
              zone->primary, problem, zone->has_serial ? "; the version in force stays" : "");
    tell_keeper(zone, ARRIVAL_FAILED, text);
}

static void note_success(struct secondary *zone, const struct round *round)
{
    if (zone->problem[0])
        log_write(LOG_XFER_IN, LEVEL_NOTICE, "zone %s/IN: %s answers as it should again",
                  zone->zone->name_text, zone->primary);
    zone->problem[0] = 0;
    if (round->has_serial) {
        zone->has_serial = true;
        zone->serial = round->serial;
    }
    bool told = zone->said_older || zone->zone->transfer_in.multi_primary;
    if (round->older && !told)
        log_write(LOG_XFER_IN, LEVEL_WARN,
                  "zone %s/IN: serial number (%u) received from primary %s < ours (%u)",
                  zone->zone->name_text, round->their_serial, zone->primary, round->serial);
    zone->said_older = round->older;
}

/* True: another primary is to be asked in this round. */
static bool take_result(struct secondary *zone, const struct round *round)
{
    uint64_t now = secondary_now_ms();
    switch (round->result) {
    case ROUND_CURRENT:
        note_success(zone, round);
        return schedule_current(&zone->schedule, &round->timers, round->serial, now, random_u32());
    case ROUND_TRANSFERRED:
        note_success(zone, round);
        zone->whole = false;
        schedule_transferred(&zone->schedule, &round->timers, now, random_u32());
        return false;
    default:
        note_problem(zone, round->problem);
        return schedule_failed(&zone->schedule, now, random_u32());
    }
}

/* On the main thread: the pool is done with a round. */
static void round_back(struct job *job)
{
    struct round *round = job->context;
    struct secondary *zone = round->context;
    zone->round = NULL;
    if (zone->gone) {
        secondary_free(zone);
    } else if (zone->all->stopped) {
        schedule_abandon(&zone->schedule, secondary_now_ms());
    } else if (round->result == ROUND_CANCELLED) {
        schedule_abandon(&zone->schedule, secondary_now_ms());
        secondary_set_timer(zone);
    } else if (take_result(zone, round)) {
        begin_round(zone);
    } else {
        secondary_set_timer(zone);
        secondary_tell_waiting(zone, round->result == ROUND_FAILED ? round->problem : NULL, false);
    }
    config_holder_unref(round->holder);
    free(round);
}

/* On the pool's thread. */
static void round_done(struct fetch_job *fetch)
{
    struct round *round = (struct round *)fetch;
    inbox_post(&round->daemon->inbox, &round->back.message);
}

static struct round *new_round(struct secondary *zone)
{
    struct round *round = calloc(1, sizeof *round);
    if (!round)
        return NULL;
    round->job.run = round_run;
    round->job.done = round_done;
    round->back.done = round_back;
    round->back.context = round;
    round->daemon = zone->all->daemon;
    round->holder = config_holder_ref(zone->holder);
    round->view = zone->view;
    round->zone = zone->zone;
    round->primary = &zone->zone->primaries.servers[zone->schedule.primary];
    round->job.server = round->primary->endpoint.address;
    round->whole = zone->whole;
    round->context = zone;
    return round;
}

static void begin_round(struct secondary *zone)
{
    zone->round = new_round(zone);
    if (!zone->round) {
        schedule_abandon(&zone->schedule, secondary_now_ms() + NO_MEMORY_MS);
        secondary_set_timer(zone);
        return;
    }
    const struct peer_config *peer = config_peer(zone->view, &zone->round->primary->endpoint.address);
    zone->round->job.per_server = peer ? peer->transfers : 0;
    primary_to_text(zone->round->primary, zone->primary, sizeof zone->primary);
    fetchers_submit(zone->all->fetchers, &zone->round->job);
}

/* --- timers --- */

/* serial-query-rate: up to a second's worth of rounds at once, then each has its place in their rate. When
 * the next may begin. */
static uint64_t take_place_ms(struct secondaries *all, uint64_t now)
{
    uint64_t now_us = now * 1000;
    if (all->tokens_us + 1000000 < now_us)
        all->tokens_us = now_us - 1000000;
    all->tokens_us += 1000000 / all->per_second;
    return all->tokens_us <= now_us ? now : all->tokens_us / 1000 + 1;
}

static void expire(struct secondary *zone)
{
    log_write(LOG_XFER_IN, LEVEL_WARN, "zone %s/IN: expired: no primary has confirmed it for too long",
              zone->zone->name_text);
    tell_keeper(zone, ARRIVAL_EXPIRED, "expired: no primary has confirmed it for too long");
}

static void fire(struct loop_timer *timer)
{
    struct secondary *zone = (struct secondary *)timer;
    uint64_t now = secondary_now_ms();
    if (schedule_expire(&zone->schedule, now))
        expire(zone);
    if (zone->round || zone->schedule.due_ms > now) {
        secondary_set_timer(zone);
        return;
    }
    if (!zone->has_place) {
        uint64_t place_ms = take_place_ms(zone->all, now);
        zone->has_place = true;
        if (place_ms > now && !loop_timer_set(zone->all->daemon->loop, timer, place_ms, fire))
            return;
    }
    zone->has_place = false;
    schedule_begin(&zone->schedule);
    begin_round(zone);
    secondary_set_timer(zone);
}

void secondary_set_timer(struct secondary *zone)
{
    uint64_t due_ms = schedule_next_ms(&zone->schedule);
    struct loop *loop = zone->all->daemon->loop;
    if (due_ms == UINT64_MAX)
        loop_timer_cancel(loop, &zone->timer);
    else if (loop_timer_set(loop, &zone->timer, due_ms, fire))
        log_write(LOG_XFER_IN, LEVEL_ERROR, "zone %s/IN: out of memory: it is not refreshed",
                  zone->zone->name_text);
}

struct secondary *secondary_find(const struct secondaries *all, const char *view_name, const uint8_t *origin)
{
    struct secondary *zone = all->zones;
    while (zone && (!name_equal(zone->zone->name, origin) || strcmp(zone->view_name, view_name) != 0))
        zone = zone->next;
    return zone;
}

/* --- life --- */

struct secondaries *secondaries_new(struct daemon *daemon)
{
    struct secondaries *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->daemon = daemon;
    all->per_second = 1;
    all->fetchers = daemon->fetchers;
    return all;
}

void secondaries_stop(struct secondaries *all)
{
    all->stopped = true;
    for (struct secondary *zone = all->zones; zone; zone = zone->next) {
        loop_timer_cancel(all->daemon->loop, &zone->timer);
        secondary_tell_waiting(zone, "candord is stopping", true);
    }
}

void secondaries_free(struct secondaries *all)
{
    if (!all)
        return;
    while (all->zones) {
        struct secondary *zone = all->zones;
        all->zones = zone->next;
        secondary_free(zone);
    }
    free(all);
}
