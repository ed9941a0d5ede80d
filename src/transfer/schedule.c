/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transfer/schedule.h"

#include "dns/record.h"

#define NEVER UINT64_MAX

enum {
    FIRST_RETRY_S = 2,        /* of a zone without any version: then twice as long each time */
    FIRST_RETRY_MAX_S = 3600, /* and no more than this */
    BACK_OFF_MAX = 3          /* a zone that has one waits at most 2^3 times its retry */
};

static uint32_t between(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Three quarters to the whole, so that zones with equal timers spread. */
static uint64_t with_jitter_ms(uint64_t seconds, uint32_t chance)
{
    uint64_t whole_ms = seconds * 1000;
    return whole_ms - (whole_ms / 4 * (chance % 1024)) / 1024;
}

static uint64_t refresh_ms(const struct schedule *s, uint32_t chance)
{
    return with_jitter_ms(between(s->timers.refresh_s, s->options.min_refresh_s, s->options.max_refresh_s),
                          chance);
}

static uint64_t retry_ms(const struct schedule *s, uint32_t chance)
{
    unsigned doubled = s->failures ? s->failures - 1 : 0;
    if (!s->has_version) {
        uint64_t wait_s = doubled < 11 ? (uint64_t)FIRST_RETRY_S << doubled : FIRST_RETRY_MAX_S;
        uint32_t most_s =
            s->options.max_retry_s < FIRST_RETRY_MAX_S ? s->options.max_retry_s : FIRST_RETRY_MAX_S;
        return with_jitter_ms(wait_s < most_s ? wait_s : most_s, chance);
    }
    uint64_t wait_s = between(s->timers.retry_s, s->options.min_retry_s, s->options.max_retry_s);
    uint64_t grown_s = wait_s << (doubled < BACK_OFF_MAX ? doubled : BACK_OFF_MAX);
    uint64_t most_s = s->options.max_retry_s > wait_s ? s->options.max_retry_s : wait_s;
    return with_jitter_ms(grown_s < most_s ? grown_s : most_s, chance);
}

/* A zone never expires before it could have been refreshed once more (as BIND: refresh + retry). */
static void set_expiry(struct schedule *s, uint64_t now_ms)
{
    uint64_t least_s =
        (uint64_t)between(s->timers.refresh_s, s->options.min_refresh_s, s->options.max_refresh_s) +
        between(s->timers.retry_s, s->options.min_retry_s, s->options.max_retry_s);
    uint64_t expire_s = s->timers.expire_s > least_s ? s->timers.expire_s : least_s;
    s->expires_ms = now_ms + expire_s * 1000;
    s->expired = false;
}

void schedule_init(struct schedule *s, const struct schedule_options *options, uint64_t now_ms)
{
    *s = (struct schedule){
        .options = *options, .due_ms = now_ms, .expires_ms = NEVER, .notifier = options->primaries};
}

void schedule_configure(struct schedule *s, const struct schedule_options *options)
{
    s->options = *options;
    s->notifier = options->primaries;
    if (s->primary >= options->primaries)
        s->primary = 0;
}

void schedule_loaded(struct schedule *s, const struct schedule_timers *timers, uint64_t age_s,
                     uint64_t now_ms)
{
    s->has_version = true;
    s->timers = *timers;
    set_expiry(s, now_ms);
    uint64_t left_ms = s->expires_ms - now_ms;
    s->expires_ms = age_s < left_ms / 1000 ? s->expires_ms - age_s * 1000 : now_ms;
}

void schedule_begin(struct schedule *s)
{
    s->running = true;
    s->due_ms = NEVER;
    s->asked = 0;
    s->current = false;
    s->notified_again = false;
    s->primary = s->notifier < s->options.primaries ? s->notifier : 0;
}

/* The next primary in turn, if there is one that has not been asked in this round. */
static bool next_primary(struct schedule *s)
{
    s->asked++;
    if (s->asked >= s->options.primaries)
        return false;
    s->primary = (s->primary + 1) % s->options.primaries;
    return true;
}

static void end_round(struct schedule *s, uint64_t now_ms, uint64_t wait_ms)
{
    s->running = false;
    s->due_ms = now_ms + wait_ms;
    if (s->notified_again) {
        s->notified_again = false;
        s->due_ms = now_ms;
    } else {
        s->notified = s->has_wanted = false;
        s->notifier = s->options.primaries;
    }
}

static void end_well(struct schedule *s, const struct schedule_timers *timers, uint64_t now_ms,
                     uint32_t chance)
{
    s->has_version = true;
    s->timers = *timers;
    s->failures = 0;
    s->checked_ms = now_ms;
    set_expiry(s, now_ms);
    end_round(s, now_ms, refresh_ms(s, chance));
}

bool schedule_current(struct schedule *s, const struct schedule_timers *timers, uint32_t serial,
                      uint64_t now_ms, uint32_t chance)
{
    s->current = true;
    if (s->has_wanted && serial_newer(s->wanted_serial, serial) && next_primary(s)) {
        s->has_version = true;
        s->timers = *timers;
        return true;
    }
    end_well(s, timers, now_ms, chance);
    return false;
}

void schedule_transferred(struct schedule *s, const struct schedule_timers *timers, uint64_t now_ms,
                          uint32_t chance)
{
    s->transferred_ms = now_ms;
    end_well(s, timers, now_ms, chance);
}

bool schedule_failed(struct schedule *s, uint64_t now_ms, uint32_t chance)
{
    if (next_primary(s))
        return true;
    if (s->current) { /* another one has said that ours is good */
        end_well(s, &s->timers, now_ms, chance);
        return false;
    }
    s->failures++;
    end_round(s, now_ms, retry_ms(s, chance));
    return false;
}

void schedule_abandon(struct schedule *s, uint64_t now_ms)
{
    s->running = false;
    s->due_ms = now_ms;
}

bool schedule_notify(struct schedule *s, size_t notifier, bool has_serial, uint32_t serial, uint64_t now_ms)
{
    bool waiting = s->running ? s->notified_again : s->notified;
    bool newer = has_serial && (!s->has_wanted || serial_newer(serial, s->wanted_serial));
    if (newer) {
        s->has_wanted = true;
        s->wanted_serial = serial;
    }
    s->notified = true;
    s->notifier = notifier;
    if (s->running) {
        s->notified_again = true;
        return !waiting;
    }
    uint64_t earliest_ms =
        s->transferred_ms ? s->transferred_ms + (uint64_t)s->options.min_update_interval_s * 1000 : 0;
    uint64_t due_ms = now_ms > earliest_ms ? now_ms : earliest_ms;
    if (due_ms < s->due_ms)
        s->due_ms = due_ms;
    return !waiting;
}

void schedule_refresh(struct schedule *s, uint64_t now_ms)
{
    if (s->running)
        s->notified_again = true;
    else
        s->due_ms = now_ms;
}

bool schedule_expire(struct schedule *s, uint64_t now_ms)
{
    if (s->expired || now_ms < s->expires_ms)
        return false;
    s->expired = true;
    s->expires_ms = NEVER;
    return true;
}

uint64_t schedule_next_ms(const struct schedule *s)
{
    uint64_t due_ms = s->running ? NEVER : s->due_ms;
    return due_ms < s->expires_ms ? due_ms : s->expires_ms;
}
