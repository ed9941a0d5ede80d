/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zones of a daemon: loads them, keeps what is known of each, and makes the tables and policy sets that
 * queries see. Used by one thread at a time (the keeper's), except where said. */
#ifndef CANDORD_KEEPER_H
#define CANDORD_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "candord/snapshot.h"
#include "rpz/policy.h"
#include "zone/zone.h"

/* One zone of one view. Survives reloads of the configuration as long as it is named there. */
struct kept_zone {
    struct kept_zone *next;
    char *view_name;
    uint8_t origin[255];
    bool policy;
    char *file;                   /* absolute */
    struct zone_content *content; /* in force; NULL: none yet */
    int64_t loaded_at_s;          /* calendar; 0: never */
    uint32_t load_ms;             /* how long the last load took */
    char *last_problem;           /* why the last load failed; NULL: it did not */
    struct policy_counters counters;
    _Atomic uint64_t progress_bytes, progress_records;
    _Atomic bool loading;
    bool wanted; /* named by the configuration being applied */
};

struct keeper {
    pthread_mutex_t lock; /* guards the list and the fields above, for readers of other threads */
    struct kept_zone *zones;
    struct kept_zone *forgotten; /* no longer configured; their counters may still be written */
};

void keeper_init(struct keeper *keeper);
void keeper_fini(struct keeper *keeper);

/* Loads what `config` names: all zones, or only those that are new (`only_new`). A zone that does not load
 * keeps what was in force; its problem is logged and kept. Returns how many failed. */
unsigned keeper_load(struct keeper *keeper, const struct config *config, bool only_new);

/* Loads one zone again in all views. ERR_NOT_FOUND: no such zone with a file; or the first failure. */
int keeper_reload(struct keeper *keeper, const struct config *config, const uint8_t *origin) MUST_CHECK;

/* The zone of a view, made when `config` names it and it is not kept yet. NULL: it names none, or memory. */
struct kept_zone *keeper_find(struct keeper *keeper, const struct config *config, const char *view_name,
                              const uint8_t *origin);

/* Puts a version in force (NULL: none any more); takes the reference over. Queries see it after publish(). */
void keeper_put(struct keeper *keeper, struct kept_zone *zone, struct zone_content *content);

/* Forgets zones that `config` no longer names. */
void keeper_forget(struct keeper *keeper, const struct config *config);

/* The table and policy of a view from what is in force now. NULL: memory. */
struct zone_table *keeper_table(struct keeper *keeper, const struct view_config *view) MUST_CHECK;
struct policy_set *keeper_policy(struct keeper *keeper, const struct view_config *view) MUST_CHECK;

/* Visits each zone under the lock. From any thread. */
void keeper_each(struct keeper *keeper, void (*each)(void *context, const struct kept_zone *zone),
                 void *context);

/* For `candord -t`: loads every zone of `config`, reports each problem as FILE:LINE: message on `out`;
 * returns the number of errors. */
unsigned keeper_check(const struct config *config, FILE *out);

#endif
