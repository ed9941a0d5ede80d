/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/secondary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "candord/secondary_round.h"
#include "dns/name.h"

/* A zone's entry for somebody who waits. */
struct waiting {
    struct waiting *next;
    struct secondary_wait *wait;
    bool next_round; /* the one under way began before he asked */
};

struct secondary {
    struct loop_timer timer; /* first */
    struct waiting *waiting;
    struct secondary *next;
    struct secondaries *all;
    char *view_name;
    struct config_holder *holder; /* keeps the next two alive */
    const struct view_config *view;
    const struct zone_config *zone;
    struct schedule schedule;
    struct round *round; /* under way, or NULL */
    bool whole;          /* the next transfer is an AXFR whatever the serial */
    bool wanted;         /* named by the configuration being applied */
    bool gone;           /* no longer configured; lives until its round is back */
    bool has_serial;
    uint32_t serial;
    char primary[512], problem[512];
    bool said_older;
};

struct secondaries {
    struct daemon *daemon;
    struct secondary *zones;
    struct fetchers *fetchers;
    unsigned per_second; /* rounds that may begin */
    uint64_t tokens_us;  /* up to here the seconds have been used */
    bool stopped;
};

enum { NO_MEMORY_MS = 10000 };

static uint64_t now_ms(void)
{
    return clock_mono_ms();
}

/* --- rounds --- */

static void begin_round(struct secondary *zone);
static void set_timer(struct secondary *zone);

static void tell(struct secondary_wait *wait, const char *problem)
{
    if (problem && !wait->failed) {
        wait->failed = true;
        snprintf(wait->problem, sizeof wait->problem, "%s", problem);
    }
    if (--wait->pending == 0)
        wait->done(wait, wait->failed ? wait->problem : NULL);
}

/* A round has ended, with what problem, or NULL. `all`: there will be no other. */
static void tell_waiting(struct secondary *zone, const char *problem, bool all)
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

static void free_secondary(struct secondary *zone)
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
    uint64_t now = now_ms();
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
        free_secondary(zone);
    } else if (zone->all->stopped) {
        schedule_abandon(&zone->schedule, now_ms());
    } else if (round->result == ROUND_CANCELLED) {
        schedule_abandon(&zone->schedule, now_ms());
        set_timer(zone);
    } else if (take_result(zone, round)) {
        begin_round(zone);
    } else {
        set_timer(zone);
        tell_waiting(zone, round->result == ROUND_FAILED ? round->problem : NULL, false);
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
        schedule_abandon(&zone->schedule, now_ms() + NO_MEMORY_MS);
        set_timer(zone);
        return;
    }
    const struct peer_config *peer = config_peer(zone->view, &zone->round->primary->endpoint.address);
    zone->round->job.per_server = peer ? peer->transfers : 0;
    primary_to_text(zone->round->primary, zone->primary, sizeof zone->primary);
    fetchers_submit(zone->all->fetchers, &zone->round->job);
}

/* --- timers --- */

/* serial-query-rate: up to a second's worth of rounds at once, then in their rate. 0, or when to come again.
 */
static uint64_t take_token(struct secondaries *all, uint64_t now)
{
    uint64_t step_us = 1000000 / all->per_second, now_us = now * 1000;
    if (all->tokens_us + 1000000 < now_us)
        all->tokens_us = now_us - 1000000;
    if (all->tokens_us + step_us > now_us)
        return (all->tokens_us + step_us) / 1000 + 1;
    all->tokens_us += step_us;
    return 0;
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
    uint64_t now = now_ms();
    if (schedule_expire(&zone->schedule, now))
        expire(zone);
    if (zone->round || zone->schedule.due_ms > now) {
        set_timer(zone);
        return;
    }
    uint64_t later_ms = take_token(zone->all, now);
    if (later_ms) {
        (void)!loop_timer_set(zone->all->daemon->loop, timer, later_ms, fire);
        return;
    }
    schedule_begin(&zone->schedule);
    begin_round(zone);
    set_timer(zone);
}

static void set_timer(struct secondary *zone)
{
    uint64_t due_ms = schedule_next_ms(&zone->schedule);
    struct loop *loop = zone->all->daemon->loop;
    if (due_ms == UINT64_MAX)
        loop_timer_cancel(loop, &zone->timer);
    else if (loop_timer_set(loop, &zone->timer, due_ms, fire))
        log_write(LOG_XFER_IN, LEVEL_ERROR, "zone %s/IN: out of memory: it is not refreshed",
                  zone->zone->name_text);
}

/* --- a configuration --- */

static struct secondary *find(const struct secondaries *all, const char *view_name, const uint8_t *origin)
{
    struct secondary *zone = all->zones;
    while (zone && (!name_equal(zone->zone->name, origin) || strcmp(zone->view_name, view_name) != 0))
        zone = zone->next;
    return zone;
}

static struct schedule_options options_of(const struct zone_config *zone)
{
    const struct transfer_in_config *in = &zone->transfer_in;
    return (struct schedule_options){.min_refresh_s = in->min_refresh_s,
                                     .max_refresh_s = in->max_refresh_s,
                                     .min_retry_s = in->min_retry_s,
                                     .max_retry_s = in->max_retry_s,
                                     .min_update_interval_s = in->min_update_interval_s,
                                     .primaries = zone->primaries.count};
}

/* What is there already, from a file or from the time before a restart. */
static void look_at_version(struct secondary *zone)
{
    struct zone_look look;
    keeper_look(&zone->all->daemon->keeper, zone->view_name, zone->zone->name, &look);
    if (look.latest) {
        const uint8_t *soa = zone_content_soa(look.latest)->rdatas[0].bytes;
        const struct schedule_timers timers = {soa_refresh_s(soa), soa_retry_s(soa), soa_expire_s(soa)};
        int64_t age_s = look.checked_at_s ? clock_wall_s() - look.checked_at_s : 0;
        zone->has_serial = true;
        zone->serial = zone_content_serial(look.latest);
        schedule_loaded(&zone->schedule, &timers, age_s > 0 ? (uint64_t)age_s : 0, now_ms());
    }
    zone_look_fini(&look);
}

static void use_config(struct secondary *zone, struct config_holder *holder, const struct view_config *view,
                       const struct zone_config *config)
{
    config_holder_unref(zone->holder);
    zone->holder = config_holder_ref(holder);
    zone->view = view;
    zone->zone = config;
    zone->wanted = true;
}

static void add(struct secondaries *all, struct config_holder *holder, const struct view_config *view,
                const struct zone_config *config)
{
    const struct schedule_options options = options_of(config);
    struct secondary *zone = calloc(1, sizeof *zone);
    if (zone)
        zone->view_name = strdup(view->name);
    if (!zone || !zone->view_name) {
        log_write(LOG_XFER_IN, LEVEL_ERROR, "zone %s/IN: out of memory: it is not refreshed",
                  config->name_text);
        free(zone);
        return;
    }
    zone->all = all;
    zone->next = all->zones;
    all->zones = zone;
    use_config(zone, holder, view, config);
    schedule_init(&zone->schedule, &options, now_ms());
    look_at_version(zone);
    set_timer(zone);
}

static bool same_key(const struct tsig_key *a, const struct tsig_key *b)
{
    return a == b ||
           (a && b && name_equal(a->name, b->name) && strcmp(a->algorithm, b->algorithm) == 0 &&
            a->secret_length == b->secret_length && memcmp(a->secret, b->secret, a->secret_length) == 0);
}

static bool same_primaries(const struct zone_config *a, const struct zone_config *b)
{
    bool same = a->primaries.count == b->primaries.count && a->is_policy == b->is_policy;
    for (size_t i = 0; same && i < a->primaries.count; i++) {
        const struct remote_server *one = &a->primaries.servers[i], *other = &b->primaries.servers[i];
        same = one->endpoint.port == other->endpoint.port &&
               ip_equal(&one->endpoint.address, &other->endpoint.address) && same_key(one->key, other->key) &&
               !one->tls == !other->tls && (!one->tls || strcmp(one->tls, other->tls) == 0);
    }
    return same;
}

/* A reload asks all primaries anew, as BIND does. A transfer under way goes on, unless it comes from others
 * now. */
static void change(struct secondary *zone, struct config_holder *holder, const struct view_config *view,
                   const struct zone_config *config)
{
    const struct schedule_options options = options_of(config);
    bool same = same_primaries(zone->zone, config);
    use_config(zone, holder, view, config);
    schedule_configure(&zone->schedule, &options);
    schedule_refresh(&zone->schedule, now_ms());
    if (zone->round && !same)
        fetchers_cancel(zone->all->fetchers, &zone->round->job);
    set_timer(zone);
}

static void take_view(struct secondaries *all, struct config_holder *holder, const struct view_config *view)
{
    for (size_t i = 0; i < view->zone_count; i++) {
        const struct zone_config *config = &view->zones[i];
        if (config->kind != ZONE_SECONDARY || !config->primaries.count)
            continue;
        struct secondary *zone = find(all, view->name, config->name);
        if (zone)
            change(zone, holder, view, config);
        else
            add(all, holder, view, config);
    }
}

static void drop(struct secondaries *all, struct secondary *zone)
{
    loop_timer_cancel(all->daemon->loop, &zone->timer);
    tell_waiting(zone, "the zone is no longer configured", true);
    zone->gone = true;
    if (zone->round)
        fetchers_cancel(all->fetchers, &zone->round->job);
    else
        free_secondary(zone);
}

static void drop_unwanted(struct secondaries *all)
{
    for (struct secondary **at = &all->zones; *at;) {
        struct secondary *zone = *at;
        if (zone->wanted) {
            at = &zone->next;
        } else {
            *at = zone->next;
            drop(all, zone);
        }
    }
}

/* A message to the main thread. */
struct notice {
    struct job job; /* first */
    struct secondaries *all;
    struct config_holder *holder;
    char view_name[256];
    uint8_t origin[NAME_MAX_BYTES];
    union sockaddr_any from;
    bool has_serial;
    uint32_t serial;
};

static void configure(struct job *job)
{
    struct notice *notice = (struct notice *)job;
    struct secondaries *all = notice->all;
    const struct config *config = notice->holder->config;
    const struct transfers_in_config *limits = &config->server.transfers_in;
    if (!all->stopped) {
        all->per_second = limits->queries_per_second;
        fetchers_limit(all->fetchers, limits->threads, limits->per_server);
        for (struct secondary *zone = all->zones; zone; zone = zone->next)
            zone->wanted = false;
        for (size_t v = 0; v < config->view_count; v++)
            take_view(all, notice->holder, &config->views[v]);
        drop_unwanted(all);
    }
    config_holder_unref(notice->holder);
    free(notice);
}

static struct notice *new_notice(struct secondaries *all, void (*done)(struct job *job))
{
    struct notice *notice = calloc(1, sizeof *notice);
    if (!notice)
        return NULL;
    notice->job.done = done;
    notice->all = all;
    return notice;
}

void secondaries_configure(struct secondaries *all, struct config_holder *holder)
{
    struct notice *notice = new_notice(all, configure);
    if (!notice) {
        log_write(LOG_XFER_IN, LEVEL_ERROR, "out of memory: secondary zones stay as they were configured");
        return;
    }
    notice->holder = config_holder_ref(holder);
    inbox_post(&all->daemon->inbox, &notice->job.message);
}

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
    struct secondary *zone = all->stopped ? NULL : find(all, notice->view_name, notice->origin);
    if (zone && notice->has_serial && zone->has_serial && !zone->schedule.expired &&
        !serial_newer(notice->serial, zone->serial)) {
        say_notified(zone, notice, ": zone is up to date");
    } else if (zone) {
        bool first = schedule_notify(&zone->schedule, primary_number(zone->zone, &notice->from),
                                     notice->has_serial, notice->serial, now_ms());
        say_notified(zone, notice, first ? "" : ": refresh in progress, refresh check queued");
        set_timer(zone);
    }
    free(notice);
}

void secondaries_notify(struct secondaries *all, const char *view_name, const uint8_t *origin,
                        const union sockaddr_any *from, bool has_serial, uint32_t serial)
{
    struct notice *notice = new_notice(all, notified);
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
        schedule_refresh(&zone->schedule, now_ms());
        set_timer(zone);
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
    return clock_wall_s() + ((int64_t)mono_ms - (int64_t)now_ms()) / 1000;
}

bool secondaries_look(struct secondaries *all, const char *view_name, const uint8_t *origin,
                      struct secondary_state *out)
{
    const struct secondary *zone = find(all, view_name, origin);
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
        tell_waiting(zone, "candord is stopping", true);
    }
}

void secondaries_free(struct secondaries *all)
{
    if (!all)
        return;
    while (all->zones) {
        struct secondary *zone = all->zones;
        all->zones = zone->next;
        free_secondary(zone);
    }
    free(all);
}
