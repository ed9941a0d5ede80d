/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When each feed is due, and the threads that take what is due. */
#include "candord/feeds_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "dns/name.h"

enum { DAY_S = 86400, SPREAD_PARTS = 10, BACKOFF_DOUBLINGS_MAX = 12 };

struct feeds *feeds_new(struct daemon *daemon)
{
    pthread_condattr_t attributes;
    pthread_mutexattr_t again;
    struct feeds *feeds = calloc(1, sizeof *feeds);
    if (!feeds)
        return NULL;
    feeds->daemon = daemon;
    pthread_mutexattr_init(&again);
    /* Without memory an arrival is done while it is being delivered: feeds_done() under the lock. */
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&feeds->lock, &again);
    pthread_mutexattr_destroy(&again);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&feeds->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return feeds;
}

/* --- the entries; all under the lock --- */

static void answer_jobs(struct feed_entry *entry, struct job *jobs, int error, const char *problem)
{
    while (jobs) {
        struct job *next = jobs->next_waiting;
        jobs->error = error;
        snprintf(jobs->problem, sizeof jobs->problem, "%s", problem ? problem : "");
        inbox_post(&entry->feeds->daemon->inbox, &jobs->message);
        jobs = next;
    }
}

static void free_entry(struct feed_entry *entry)
{
    answer_jobs(entry, entry->waiting, ERR_CLOSED, "the feed is no longer configured");
    answer_jobs(entry, entry->waiting_next, ERR_CLOSED, "the feed is no longer configured");
    config_holder_unref(entry->holder);
    free(entry);
}

/* Frees what no configuration names and no thread has in hand. */
static void sweep(struct feeds *feeds)
{
    for (struct feed_entry **at = &feeds->entries; *at;) {
        struct feed_entry *entry = *at;
        if (entry->wanted || entry->busy) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        free_entry(entry);
    }
}

static struct feed_entry *find(struct feeds *feeds, const char *view_name, const uint8_t *origin)
{
    struct feed_entry *entry = feeds->entries;
    while (entry && (strcmp(entry->view_name, view_name) != 0 || !name_equal(entry->origin, origin)))
        entry = entry->next;
    return entry;
}

/* Wall clock, for people, of a moment of the monotonic one. */
static void set_due(struct feed_entry *entry, uint64_t in_ms)
{
    entry->due_ms = clock_mono_ms() + in_ms;
    entry->look.next_at_s = clock_wall_s() + (int64_t)((in_ms + 999) / 1000);
}

/* Many resolvers do not ask one publisher at the same moment. */
static uint64_t spread_ms(uint64_t seconds)
{
    uint64_t all_ms = seconds * 1000, part_ms = all_ms / SPREAD_PARTS;
    return all_ms - part_ms + random_below((uint32_t)(2 * part_ms + 1));
}

/* --- configuration --- */

/* A version that is kept and was looked after less than a refresh ago can wait for the rest of it. */
static uint64_t first_wait_ms(struct feeds *feeds, const struct feed_entry *entry)
{
    struct zone_look look;
    bool kept = keeper_look(&feeds->daemon->keeper, entry->view_name, entry->origin, &look);
    int64_t age_s = clock_wall_s() - look.checked_at_s;
    bool young = kept && look.latest && look.source == ARRIVAL_FEED && age_s >= 0 &&
                 age_s < (int64_t)entry->zone->feed->refresh_s;
    zone_look_fini(&look);
    return young ? spread_ms(entry->zone->feed->refresh_s - (uint64_t)age_s) : 0;
}

static void describe(struct feed_entry *entry)
{
    snprintf(entry->look.url, sizeof entry->look.url, "%s", entry->zone->feed->shown_url);
    entry->look.format = entry->zone->feed->format;
}

/* Any change of the configuration of a feed makes it due: the operator wants to see what it does. */
static void update_entry(struct feed_entry *entry, struct config_holder *holder,
                         const struct zone_config *zone)
{
    bool same = feeds_settings(entry->zone->feed) == feeds_settings(zone->feed);
    struct config_holder *old = entry->holder;
    entry->holder = config_holder_ref(holder);
    entry->zone = zone;
    entry->wanted = true;
    config_holder_unref(old);
    describe(entry);
    entry->again |= !same && entry->busy;
    if (!same)
        set_due(entry, 0);
}

static void add_entry(struct feeds *feeds, struct config_holder *holder, const char *view_name,
                      const struct zone_config *zone)
{
    struct feed_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return;
    snprintf(entry->view_name, sizeof entry->view_name, "%s", view_name);
    name_copy(entry->origin, zone->name);
    entry->feeds = feeds;
    entry->holder = config_holder_ref(holder);
    entry->zone = zone;
    entry->wanted = true;
    describe(entry);
    set_due(entry, first_wait_ms(feeds, entry));
    entry->next = feeds->entries;
    feeds->entries = entry;
}

static void take_view(struct feeds *feeds, struct config_holder *holder, const struct view_config *view)
{
    for (size_t i = 0; i < view->zone_count; i++) {
        const struct zone_config *zone = &view->zones[i];
        struct feed_entry *entry = zone->kind == ZONE_FEED ? find(feeds, view->name, zone->name) : NULL;
        if (entry)
            update_entry(entry, holder, zone);
        else if (zone->kind == ZONE_FEED)
            add_entry(feeds, holder, view->name, zone);
    }
}

/* --- the threads --- */

static struct feed_entry *next_due(struct feeds *feeds)
{
    struct feed_entry *first = NULL;
    for (struct feed_entry *entry = feeds->entries; entry; entry = entry->next)
        if (entry->wanted && !entry->busy && (!first || entry->due_ms < first->due_ms))
            first = entry;
    return first;
}

static void wait_until(struct feeds *feeds, const struct feed_entry *entry)
{
    if (!entry) {
        pthread_cond_wait(&feeds->changed, &feeds->lock);
        return;
    }
    struct timespec until = {.tv_sec = (time_t)(entry->due_ms / 1000),
                             .tv_nsec = (long)(entry->due_ms % 1000) * 1000000};
    pthread_cond_timedwait(&feeds->changed, &feeds->lock, &until);
}

/* Takes the entry in hand, and does the work without the lock. */
static void work(struct feeds *feeds, struct feed_entry *entry, struct inbox *inbox)
{
    struct feed_run run = {.entry = entry,
                           .feeds = feeds,
                           .holder = config_holder_ref(entry->holder),
                           .zone = entry->zone,
                           .inbox = inbox};
    memcpy(run.view_name, entry->view_name, sizeof run.view_name);
    entry->busy = entry->look.busy = true;
    entry->again = false;
    entry->look.tried_at_s = clock_wall_s();
    pthread_mutex_unlock(&feeds->lock);
    feeds_run(&run);
    config_holder_unref(run.holder);
    pthread_mutex_lock(&feeds->lock);
}

static void *run_thread(void *context)
{
    struct feeds *feeds = context;
    struct inbox inbox;
    if (inbox_init(&inbox))
        return NULL;
    rcu_register_thread();
    rcu_thread_offline();
    pthread_mutex_lock(&feeds->lock);
    while (!atomic_load(&feeds->cancelled)) {
        struct feed_entry *entry = next_due(feeds);
        if (entry && entry->due_ms <= clock_mono_ms())
            work(feeds, entry, &inbox);
        else
            wait_until(feeds, entry);
    }
    pthread_mutex_unlock(&feeds->lock);
    rcu_unregister_thread();
    inbox_fini(&inbox);
    return NULL;
}

static void start_threads(struct feeds *feeds)
{
    unsigned wanted = 0;
    for (const struct feed_entry *entry = feeds->entries; entry; entry = entry->next)
        wanted++;
    wanted = wanted < FEEDS_THREADS_MAX ? wanted : FEEDS_THREADS_MAX;
    while (feeds->thread_count < wanted) {
        int failed = pthread_create(&feeds->threads[feeds->thread_count], NULL, run_thread, feeds);
        if (failed) {
            log_write(LOG_XFER_IN, LEVEL_ERROR, "no thread for feeds: %s", strerror(failed));
            return;
        }
        feeds->thread_count++;
    }
}

void feeds_configure(struct feeds *feeds, struct config_holder *holder)
{
    pthread_mutex_lock(&feeds->lock);
    for (struct feed_entry *entry = feeds->entries; entry; entry = entry->next)
        entry->wanted = false;
    for (size_t i = 0; i < holder->config->view_count; i++)
        take_view(feeds, holder, &holder->config->views[i]);
    sweep(feeds);
    start_threads(feeds);
    pthread_cond_broadcast(&feeds->changed);
    pthread_mutex_unlock(&feeds->lock);
}

/* --- the end of a try --- */

static void say_outcome(const struct feed_entry *entry, const struct feed_outcome *outcome)
{
    const struct feed_look *look = &entry->look;
    char name[NAME_TEXT_MAX];
    name_to_text_nodot(entry->origin, name);
    if (outcome->error && strcmp(look->problem, outcome->problem) != 0)
        log_write(LOG_XFER_IN, LEVEL_ERROR, "feed %s: %s: %s; the rules in force stay", name, look->url,
                  outcome->problem);
    else if (!outcome->error && look->failures)
        log_write(LOG_XFER_IN, LEVEL_NOTICE, "feed %s: %s is there again", name, look->url);
}

static void note(struct feed_look *look, const struct feed_outcome *outcome)
{
    look->status = outcome->status;
    look->failures = outcome->error ? look->failures + 1 : 0;
    snprintf(look->problem, sizeof look->problem, "%s", outcome->error ? outcome->problem : "");
    if (!outcome->error) {
        look->succeeded_at_s = clock_wall_s();
        snprintf(look->etag, sizeof look->etag, "%s", outcome->etag ? outcome->etag : "");
    }
    if (!outcome->report)
        return;
    look->entries = outcome->report->entries;
    look->names = outcome->report->names;
    memcpy(look->skipped, outcome->report->skipped, sizeof look->skipped);
}

/* After failures twice as long each time, up to a refresh; a publisher who names a time is listened to. */
static uint64_t next_wait_ms(const struct feed_entry *entry, uint32_t retry_after_s)
{
    const struct feed_config *feed = entry->zone->feed;
    uint64_t wait_s = feed->refresh_s, asked_s = retry_after_s < DAY_S ? retry_after_s : DAY_S;
    unsigned doublings = entry->look.failures ? entry->look.failures - 1 : 0;
    if (entry->look.failures) {
        wait_s = (uint64_t)feed->retry_s
                 << (doublings < BACKOFF_DOUBLINGS_MAX ? doublings : BACKOFF_DOUBLINGS_MAX);
        wait_s = wait_s < feed->refresh_s ? wait_s : feed->refresh_s;
        wait_s = wait_s > asked_s ? wait_s : asked_s;
    }
    return spread_ms(wait_s);
}

void feeds_done(struct feed_entry *entry, const struct feed_outcome *outcome)
{
    struct feeds *feeds = entry->feeds;
    pthread_mutex_lock(&feeds->lock);
    if (outcome->error != ERR_CLOSED)
        say_outcome(entry, outcome);
    note(&entry->look, outcome);
    answer_jobs(entry, entry->waiting, outcome->error, outcome->problem);
    entry->waiting = entry->waiting_next;
    entry->waiting_next = NULL;
    entry->busy = entry->look.busy = false;
    set_due(entry, entry->again ? 0 : next_wait_ms(entry, outcome->retry_after_s));
    sweep(feeds);
    pthread_cond_broadcast(&feeds->changed);
    pthread_mutex_unlock(&feeds->lock);
}

/* --- for others --- */

bool feeds_reload(struct feeds *feeds, const uint8_t *origin, struct job *job)
{
    bool found = false;
    pthread_mutex_lock(&feeds->lock);
    for (struct feed_entry *entry = feeds->entries; entry; entry = entry->next) {
        if (!entry->wanted || !name_equal(entry->origin, origin))
            continue;
        struct job **list = entry->busy ? &entry->waiting_next : &entry->waiting;
        if (!found) {
            job->next_waiting = *list;
            *list = job;
        }
        entry->again = entry->busy;
        set_due(entry, 0);
        found = true;
    }
    pthread_cond_broadcast(&feeds->changed);
    pthread_mutex_unlock(&feeds->lock);
    return found;
}

bool feeds_look(struct feeds *feeds, const char *view_name, const uint8_t *origin, struct feed_look *out)
{
    pthread_mutex_lock(&feeds->lock);
    const struct feed_entry *entry = find(feeds, view_name, origin);
    if (entry)
        *out = entry->look;
    pthread_mutex_unlock(&feeds->lock);
    return entry;
}

void feeds_cancel(struct feeds *feeds)
{
    pthread_mutex_lock(&feeds->lock);
    atomic_store(&feeds->cancelled, true);
    pthread_cond_broadcast(&feeds->changed);
    pthread_mutex_unlock(&feeds->lock);
}

void feeds_free(struct feeds *feeds)
{
    if (!feeds)
        return;
    for (unsigned i = 0; i < feeds->thread_count; i++)
        pthread_join(feeds->threads[i], NULL);
    for (struct feed_entry *entry = feeds->entries; entry; entry = entry->next)
        entry->wanted = entry->busy = false;
    sweep(feeds);
    pthread_cond_destroy(&feeds->changed);
    pthread_mutex_destroy(&feeds->lock);
    free(feeds);
}
