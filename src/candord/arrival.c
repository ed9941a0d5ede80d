/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/arrival.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "candord/daemon.h"
#include "dns/name.h"

struct arrival *arrival_new(enum arrival_kind kind, enum arrival_source source, const char *view_name,
                            const uint8_t *origin)
{
    struct arrival *arrival = calloc(1, sizeof *arrival);
    if (!arrival)
        return NULL;
    arrival->kind = kind;
    arrival->source = source;
    snprintf(arrival->view_name, sizeof arrival->view_name, "%s", view_name);
    name_copy(arrival->origin, origin);
    return arrival;
}

void arrival_free(struct arrival *arrival)
{
    if (!arrival)
        return;
    zone_content_unref(arrival->whole);
    zone_content_unref(arrival->compared_with);
    zone_changes_free(arrival->changes);
    store_body_free(arrival->body);
    free(arrival);
}

void arrival_deliver(struct daemon *daemon, struct arrival *arrival)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job) {
        arrival->error = ERR_NOMEM;
        arrival->done(arrival);
        return;
    }
    arrival_prepare_here(daemon, arrival);
    job->kind = JOB_ARRIVAL;
    job->arrival = arrival;
    daemon_submit(daemon, job);
}

static void fail(struct arrival *arrival, int error, const char *why)
{
    arrival->error = error;
    snprintf(arrival->problem, sizeof arrival->problem, "%s", why ? why : err_text(error));
}

/* The version that the arrival makes of the latest one; NULL without error: the same. */
static struct zone_content *next_version(struct arrival *arrival, const struct zone_content *latest)
{
    struct zone_content *next = NULL;
    const char *why = NULL;
    if (arrival->kind == ARRIVAL_WHOLE && arrival->same && arrival->compared_with == latest)
        return NULL;
    if (arrival->kind == ARRIVAL_WHOLE)
        return zone_content_ref(arrival->whole);
    int error = latest ? 0 : ERR_NOT_FOUND;
    if (error)
        why = "there is no version yet that could change";
    if (!error && arrival->kind == ARRIVAL_COMPUTED)
        error = arrival->compute(arrival, latest);
    if (!error && arrival->changes)
        error = zone_content_apply(latest, arrival->changes, &next, &why);
    if (error)
        fail(arrival, error, why);
    return next;
}

static void say_taken(const struct arrival *arrival, const struct zone_content *latest)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_INFO, "zone %s/IN: serial %u (%llu records) from %s is %s",
              name_to_text_nodot(arrival->origin, name), zone_content_serial(latest),
              (unsigned long long)zone_content_records(latest), arrival->from,
              arrival->held ? "kept, not in force" : "in force");
}

/* Queries see from now on what is in force. */
static void pass_on(struct daemon *daemon, struct arrival *arrival)
{
    int error = publish(daemon, daemon->holder, arrival->problem, sizeof arrival->problem);
    if (error)
        arrival->error = error;
    else
        arrival->problem[0] = 0;
}

static void take(struct daemon *daemon, struct arrival *arrival, struct kept_zone *zone)
{
    struct zone_content *before = zone->content;
    struct zone_content *next = next_version(arrival, zone->latest);
    int error = next ? keeper_take(&daemon->keeper, zone, arrival, next) : 0;
    bool acts_again = !next && !arrival->error && keeper_confirm(&daemon->keeper, zone, arrival);
    if (error)
        fail(arrival, error, NULL);
    if (arrival->error)
        keeper_note_problem(&daemon->keeper, zone, arrival->problem);
    else if (next)
        say_taken(arrival, next);
    if (acts_again || zone->content != before)
        pass_on(daemon, arrival);
    zone_content_unref(next);
}

static void decide(struct daemon *daemon, struct arrival *arrival, struct kept_zone *zone)
{
    struct zone_content *before = zone->content;
    arrival->error = keeper_decide(&daemon->keeper, zone, arrival);
    if (zone->content != before)
        pass_on(daemon, arrival);
}

static void receive(struct daemon *daemon, struct arrival *arrival, struct kept_zone *zone)
{
    switch (arrival->kind) {
    case ARRIVAL_WHOLE:
    case ARRIVAL_CHANGES:
    case ARRIVAL_COMPUTED:
        take(daemon, arrival, zone);
        break;
    case ARRIVAL_CONFIRMED:
        if (keeper_confirm(&daemon->keeper, zone, arrival))
            pass_on(daemon, arrival);
        break;
    case ARRIVAL_EXPIRED:
        if (keeper_expire(&daemon->keeper, zone))
            pass_on(daemon, arrival);
        break;
    case ARRIVAL_FAILED:
        keeper_note_problem(&daemon->keeper, zone, arrival->problem);
        break;
    case ARRIVAL_DECIDED:
        decide(daemon, arrival, zone);
        break;
    }
}

void arrival_receive(struct daemon *daemon, struct arrival *arrival)
{
    struct kept_zone *zone =
        keeper_find(&daemon->keeper, daemon->holder->config, arrival->view_name, arrival->origin);
    if (zone)
        receive(daemon, arrival, zone);
    else
        fail(arrival, ERR_NOT_FOUND, "the zone is no longer configured");
    arrival->serial = zone && zone->latest ? zone_content_serial(zone->latest) : 0;
    arrival->done(arrival);
}
