/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zones of a daemon. Of each there are two versions: the latest, which is what its source says and the
 * base of the next changes; and the one in force, which acts and is served. They are the same one, but for
 *   - the guard, which may hold the latest: then the version before it stays in force (or what the guard made
 *     of the latest);
 *   - an operator's rollback, which pins an older one until he releases it;
 *   - expiry: the latest is kept, nothing is in force.
 * Used by one thread at a time (the keeper's), except where said. */
#ifndef CANDORD_KEEPER_H
#define CANDORD_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "candord/arrival.h"
#include "candord/snapshot.h"
#include "rpz/policy.h"
#include "zone/zone.h"

/* Why latest and in force differ. */
enum zone_hold {
    HOLD_NONE,
    HOLD_GUARD,    /* the guard holds the latest; it weighs the next one again */
    HOLD_REJECTED, /* held, and the operator has said no to this one */
    HOLD_ROLLBACK, /* the operator has put an older one in force, whatever comes */
};

enum { HOLD_REASON_MAX = 1024 };

/* Long work on a zone, as far as it has come. Written by whoever does it, read by anybody. */
enum zone_doing { DOING_NOTHING, DOING_LOAD, DOING_TRANSFER, DOING_FETCH, DOING_START };

struct zone_progress {
    _Atomic int doing; /* enum zone_doing; set last when it begins */
    _Atomic uint64_t records, bytes;
    _Atomic uint64_t total_bytes; /* 0: unknown */
    _Atomic uint64_t began_ms;    /* clock_mono_ms() */
};

/* One zone of one view. Survives reloads of the configuration as long as it is named there. Fields are
 * written by the keeper thread under keeper.lock; other threads read them under it. */
struct kept_zone {
    struct kept_zone *next;
    char *view_name;
    uint8_t origin[255];
    bool policy;                  /* how its versions are built */
    char *file;                   /* as configured; NULL: none */
    struct zone_content *latest;  /* NULL: none yet */
    struct zone_content *content; /* in force; NULL: nothing acts */
    struct zone_content *resting; /* was in force when the zone expired; acts again with it */
    enum zone_hold hold;
    char *hold_reason; /* for people; NULL with HOLD_NONE */
    bool expired;      /* the source was silent for too long; with on-expire keep the content stays */
    /* Of the latest version. */
    enum arrival_source source;
    char *from;                                 /* as arrival.from */
    char *tag;                                  /* as arrival.tag */
    int64_t latest_at_s;                        /* calendar, as all times here; 0: never */
    int64_t checked_at_s;                       /* the source last gave it, or said that it still holds */
    int64_t loaded_at_s;                        /* when the content came into force */
    uint32_t load_ms;                           /* how long it took to fetch and build */
    char *last_problem;                         /* why the last arrival or load failed; NULL: it did not */
    struct store *store;                        /* its versions on disk; NULL: it is not stored */
    char *store_problem;                        /* why they are not written; NULL: they are */
    struct store_image *image;                  /* its version to be mapped at the start; NULL: none */
    _Atomic uint64_t latest_stamp, force_stamp; /* which versions of the store; 0: it is not there */
    /* The keeper thread's. */
    int64_t store_failed_at_s;
    bool unsynced;      /* the latest version has updates by hand that `file` lacks */
    uint64_t file_mark; /* of `file` when it was last read or written */
    bool keep_expired;  /* on-expire keep */
    char *text_file;    /* is to have the latest version as text; NULL: none */
    int64_t text_at_s;  /* when that was last done */
    struct policy_counters counters;
    struct zone_progress progress;
    bool image_always;  /* however small the zone is */
    bool image_of_file; /* there is no journal: the image is what `file` says */
    bool unweighed;     /* its first version is in force, and has not been weighed yet */
    bool wanted;        /* named by the configuration being applied */
};

/* What the guard is asked before a version goes into force. */
struct weighing {
    const struct kept_zone *zone; /* its latest is the version before `next`; its content acts now */
    const char *from;             /* where the version comes from, for people */
    bool first;                   /* nothing was in force before: `next` is already, an answer only warns */
    const struct zone_changes *changes; /* from zone->latest to `next`; NULL: unknown */
    struct zone_content *next;
    /* The answer. Without a call, or untouched: it goes into force. */
    bool hold;
    struct zone_content *instead; /* with hold: a reference on what acts meanwhile; NULL: what acts now */
    char reason[HOLD_REASON_MAX];
};

struct keeper {
    pthread_mutex_t lock; /* guards the list and the fields above, for readers of other threads */
    struct kept_zone *zones;
    struct store_helper *helper; /* syncs and compacts what is stored; NULL: nobody does */
    bool out_of_memory;          /* a zone could not be loaded for this reason, since the start */
    const struct config *config; /* under which versions are taken at this moment */
    struct kept_zone *forgotten; /* no longer configured; their counters may still be written */
    /* The guard: called on the keeper thread for each version that would act. The first version of a zone is
     * never held, and is in force before it is weighed. Not called for a zone that is rolled back. NULL:
     * nothing is held. */
    void (*weigh)(void *context, struct weighing *weighing);
    void *weigh_context;
};

void keeper_init(struct keeper *keeper);
void keeper_fini(struct keeper *keeper);

/* Loads what `config` names: all zones, or only those that are new (`only_new`). A zone that does not load
 * keeps what was in force; its problem is logged and kept. A secondary zone's file is only read when there is
 * no version yet. Returns how many failed. */
unsigned keeper_load(struct keeper *keeper, const struct config *config, bool only_new);

/* Loads one zone again in all views. ERR_NOT_FOUND: no such zone with a file; or the first failure. */
int keeper_reload(struct keeper *keeper, const struct config *config, const uint8_t *origin) MUST_CHECK;

/* The zone of a view, made when `config` names it and it is not kept yet. NULL: it names none, or memory. */
struct kept_zone *keeper_find(struct keeper *keeper, const struct config *config, const char *view_name,
                              const uint8_t *origin);

/* Forgets zones that `config` no longer names. */
void keeper_forget(struct keeper *keeper, const struct config *config);

/* --- versions (keeper_take.c); queries see a change after publish() --- */

/* `next` becomes the latest version and, unless it is held, the one in force. `arrival` says where it comes
 * from; its held is set. The reference stays the caller's. 0, or memory: nothing has changed. */
int keeper_take(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival,
                struct zone_content *next) MUST_CHECK;

/* Has first versions weighed that are in force by now: to be called after publish(). */
void keeper_weigh_first(struct keeper *keeper);

/* Has images written where they are due (keeper_image.c): to be called when there are new versions; with
 * `last` when there will be none any more. */
void keeper_save_images(struct keeper *keeper, bool last);

/* The source says that the latest version still holds. True: the zone had expired, and acts again. */
bool keeper_confirm(struct keeper *keeper, struct kept_zone *zone, const struct arrival *arrival);

/* The source has been silent for too long. True: nothing is in force any more (else: on-expire keep). */
bool keeper_expire(struct keeper *keeper, struct kept_zone *zone);

/* What an operator says. 0, or ERR_INVALID with arrival->problem: there is nothing to decide. */
int keeper_decide(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival) MUST_CHECK;

/* The last arrival or load failed: `why` is kept for people; NULL: all is well. */
void keeper_note_problem(struct keeper *keeper, struct kept_zone *zone, const char *why);

/* --- what queries see (keeper_tables.c) --- */

/* The table and policy of a view from what is in force now. NULL: memory. */
struct zone_table *keeper_table(struct keeper *keeper, const struct view_config *view) MUST_CHECK;
struct policy_set *keeper_policy(struct keeper *keeper, const struct view_config *view) MUST_CHECK;

/* --- from any thread --- */

/* Visits each zone under the lock. */
void keeper_each(struct keeper *keeper, void (*each)(void *context, const struct kept_zone *zone),
                 void *context);

/* A zone as it is at this moment. */
struct zone_look {
    struct zone_content *latest;        /* references, or NULL */
    struct zone_content *content;       /* in force */
    struct store *store;                /* a reference, or NULL: it is not stored */
    uint64_t latest_stamp, force_stamp; /* which of its versions these are; 0: not stored */
    enum zone_hold hold;
    bool expired;
    enum arrival_source source;
    int64_t latest_at_s, checked_at_s;
    char from[256];
    char tag[ARRIVAL_TAG_MAX];
    struct zone_progress *progress; /* valid as long as the keeper, also when the zone is forgotten */
};

/* False: no such zone is kept (`out` is empty then). The caller ends what it got with zone_look_fini(). */
bool keeper_look(struct keeper *keeper, const char *view_name, const uint8_t *origin, struct zone_look *out);
void zone_look_fini(struct zone_look *look);

void zone_progress_begin(struct zone_progress *progress, enum zone_doing doing, uint64_t total_bytes);
void zone_progress_end(struct zone_progress *progress);

/* --- candord -t (keeper_check.c) --- */

/* Loads every zone of `config`, reports each problem as FILE:LINE: message on `out`; returns the number of
 * errors. */
unsigned keeper_check(const struct config *config, FILE *out);

/* --- inside the keeper --- */

bool keeper_is_ours(const struct zone_config *config); /* do we hold it? */
bool keeper_has_file(const struct config *config, const struct zone_config *zone);
struct kept_zone *keeper_find_kept(struct keeper *keeper, const char *view_name, const uint8_t *origin);
struct kept_zone *keeper_find_or_add(struct keeper *keeper, const char *view_name,
                                     const struct zone_config *config);
/* Makes what is kept of a zone a policy zone's, or a plain one's. */
int keeper_convert(struct keeper *keeper, struct kept_zone *zone, bool policy) MUST_CHECK;
void keeper_set_text(char **to, const char *text);

#endif
