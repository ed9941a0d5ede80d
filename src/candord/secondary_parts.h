/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files secondary*.c of the main thread share. Not for others. */
#ifndef CANDORD_SECONDARY_PARTS_H
#define CANDORD_SECONDARY_PARTS_H

#include "base/clock.h"
#include "candord/secondary.h"
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
    bool has_place; /* a time to begin within serial-query-rate */
};

struct secondaries {
    struct daemon *daemon;
    struct secondary *zones;
    struct fetchers *fetchers;
    unsigned per_second; /* rounds that may begin */
    uint64_t tokens_us;  /* up to here places have been given */
    bool stopped;
};

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

static inline uint64_t secondary_now_ms(void)
{
    return clock_mono_ms();
}

/* --- secondary.c --- */

struct secondary *secondary_find(const struct secondaries *all, const char *view_name, const uint8_t *origin);
void secondary_free(struct secondary *zone);

/* Has the zone looked at again when its schedule says so. */
void secondary_set_timer(struct secondary *zone);

/* A round has ended, with what problem, or NULL. `all`: there will be no other. */
void secondary_tell_waiting(struct secondary *zone, const char *problem, bool all);

/* --- secondary_configure.c --- */

/* A message to be posted to the daemon's inbox; `done` frees it. NULL: memory. */
struct notice *secondary_notice(struct secondaries *all, void (*done)(struct job *job));

#endif
