/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a secondary zone asks its primaries, which of them, and when it stops being answered (RFC 1034
 * section 4.3.5, RFC 1996, RFC 7314). Pure: time and chance are the caller's. */
#ifndef TRANSFER_SCHEDULE_H
#define TRANSFER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schedule_options {
    uint32_t min_refresh_s, max_refresh_s, min_retry_s, max_retry_s;
    uint32_t min_update_interval_s; /* between the end of one transfer and the next that a NOTIFY asks for */
    size_t primaries;               /* how many there are; at least 1 */
};

/* What an SOA says. */
struct schedule_timers {
    uint32_t refresh_s, retry_s, expire_s;
};

struct schedule {
    struct schedule_options options;
    bool has_version; /* there is something to refresh, with these timers */
    struct schedule_timers timers;
    uint64_t due_ms;         /* when to ask next; UINT64_MAX while asking */
    uint64_t expires_ms;     /* UINT64_MAX: never, or it has expired */
    uint64_t checked_ms;     /* when a primary last said how things are; 0: never */
    uint64_t transferred_ms; /* when a new version last came; 0: never */
    bool expired;
    bool running;
    unsigned failures;   /* rounds in a row */
    size_t primary;      /* the one being asked, or asked last */
    size_t asked;        /* primaries asked in this round */
    size_t notifier;     /* of the NOTIFY that made this round; `primaries`: none of them */
    bool notified;       /* one came */
    bool notified_again; /* one came while asking: ask again afterwards */
    bool has_wanted;
    uint32_t wanted_serial; /* that a NOTIFY spoke of */
    bool current;           /* in this round a primary had nothing newer than we have */
};

/* A zone without a version: it is due at once. */
void schedule_init(struct schedule *schedule, const struct schedule_options *options, uint64_t now_ms);

/* Other options (a new configuration); what is known stays. */
void schedule_configure(struct schedule *schedule, const struct schedule_options *options);

/* A version is there already, which was last confirmed `age_s` ago: it is due at once all the same. */
void schedule_loaded(struct schedule *schedule, const struct schedule_timers *timers, uint64_t age_s,
                     uint64_t now_ms);

/* Due: begins a round with the primary that sent the NOTIFY, or the first. */
void schedule_begin(struct schedule *schedule);

/* The primary had nothing newer than `serial`, which is ours. True: ask the next one (schedule->primary), for
 * a NOTIFY spoke of a newer serial. False: the round is over, and good. */
bool schedule_current(struct schedule *schedule, const struct schedule_timers *timers, uint32_t serial,
                      uint64_t now_ms, uint32_t chance);

/* A new version has come; the round is over. */
void schedule_transferred(struct schedule *schedule, const struct schedule_timers *timers, uint64_t now_ms,
                          uint32_t chance);

/* The primary did not do. True: ask the next one. False: all have been asked; the round is over. */
bool schedule_failed(struct schedule *schedule, uint64_t now_ms, uint32_t chance);

/* The round was ended from outside and says nothing: it is due again at once. */
void schedule_abandon(struct schedule *schedule, uint64_t now_ms);

/* A NOTIFY came from primary number `notifier` (options.primaries: from another address), or an operator
 * asks. True: due_ms may have changed. False: one is waiting already. */
bool schedule_notify(struct schedule *schedule, size_t notifier, bool has_serial, uint32_t serial,
                     uint64_t now_ms);

/* The operator asks for a refresh: due now, whatever the interval. */
void schedule_refresh(struct schedule *schedule, uint64_t now_ms);

/* Has its time run out? Says so once. */
bool schedule_expire(struct schedule *schedule, uint64_t now_ms);

/* When something is to be done next; UINT64_MAX: nothing by itself. */
uint64_t schedule_next_ms(const struct schedule *schedule);

#endif
