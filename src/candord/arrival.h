/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Something that has come for a zone: a transfer, a feed's new copy, an update by hand, an operator's
 * decision. Whoever fetched it builds as much as can be built on his own thread and hands it over; the keeper
 * thread alone decides what becomes of it, one arrival after the other:
 *
 *   latest version <- arrival     what the source says now, the base of the next IXFR or update
 *   weighed (the guard)           may it go into force? If not, latest stays behind, the old version acts
 *   stored (the journal)          written before anybody sees it
 *   in force, published           the policy set and the zone table of all queries from now on
 *   passed on                     NOTIFY to those who take the zone from us */
#ifndef CANDORD_ARRIVAL_H
#define CANDORD_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"
#include "zone/changes.h"
#include "zone/zone.h"

struct daemon;

enum arrival_kind {
    ARRIVAL_WHOLE,     /* a version from all its records */
    ARRIVAL_CHANGES,   /* what leads from the latest version to the next */
    ARRIVAL_COMPUTED,  /* `compute` makes the changes from the latest version, on the keeper thread */
    ARRIVAL_CONFIRMED, /* nothing new: the source says that the latest version still holds */
    ARRIVAL_EXPIRED,   /* the source has been silent for too long (SOA expire) */
    ARRIVAL_FAILED,    /* it could not be had, as `problem` says: for people, nothing changes */
    ARRIVAL_DECIDED,   /* an operator's `decision` */
};

enum arrival_decision {
    DECISION_RELEASE,  /* the latest version goes into force, held or rolled back as it may be */
    DECISION_REJECT,   /* what is held is not wanted; the next version is weighed again */
    DECISION_ROLLBACK, /* `whole`, an older version, is in force until a release */
};

enum { ARRIVAL_TAG_MAX = 1024 };

enum arrival_source { ARRIVAL_FILE, ARRIVAL_TRANSFER, ARRIVAL_FEED, ARRIVAL_UPDATE, ARRIVAL_OPERATOR };

struct arrival {
    /* Filled by the sender. */
    enum arrival_kind kind;
    enum arrival_source source;
    char view_name[256];
    uint8_t origin[255];
    char from[256];               /* for people: "192.0.2.1#53 (key k)", a URL, a file */
    struct zone_content *whole;   /* ARRIVAL_WHOLE: a reference that goes over */
    struct zone_changes *changes; /* ARRIVAL_CHANGES: goes over. In one step or several, as they are stored */
    uint64_t bytes;               /* as received; 0: unknown */
    uint32_t took_ms;             /* for fetching and building */
    /* What the source gave to be told the next time (a feed's ETag …): kept with the latest version, also
     * over a restart, and found in struct zone_look. */
    char tag[ARRIVAL_TAG_MAX];
    uint64_t file_mark;             /* ARRIVAL_FILE: which file it was (keeper_store.h) */
    enum arrival_decision decision; /* ARRIVAL_DECIDED */
    uint64_t wanted_stamp;          /* DECISION_ROLLBACK: which stored version `whole` is */

    /* ARRIVAL_COMPUTED: looks at `latest` and sets `changes` (NULL: nothing to change). A negative result
     * ends the arrival with that error. */
    int (*compute)(struct arrival *arrival, const struct zone_content *latest);

    /* Called once on the keeper thread when all is done; frees the arrival. It must not wait. */
    void (*done)(struct arrival *arrival);
    void *context;

    /* Filled by arrival_deliver() on the sender's thread, for zones that are stored. */
    struct zone_content *compared_with; /* ARRIVAL_WHOLE: `changes` lead from this latest version */
    bool same;                          /* no difference at all */
    struct store_body *body;            /* as it will be stored; NULL: not made */
    bool body_whole;

    /* Filled by the keeper before done(). */
    int error; /* 0: taken, in force or held. ERR_NOT_FOUND: a record to remove was not there, or there
                * is no such zone any more; ERR_INVALID: as `problem` says */
    char problem[512]; /* for people, when error is not 0 */
    bool held;         /* taken, but not in force: the guard holds it, or the zone is rolled back */
    uint32_t serial;   /* of the latest version now; 0 without one */
};

/* NULL: memory. */
struct arrival *arrival_new(enum arrival_kind kind, enum arrival_source source, const char *view_name,
                            const uint8_t *origin) MUST_CHECK;

/* Gives back what was not taken over, and the arrival. */
void arrival_free(struct arrival *arrival);

/* Hands over to the keeper thread. From any thread. When memory is out, done() is called at once, here. */
void arrival_deliver(struct daemon *daemon, struct arrival *arrival);

/* What can be done ahead: the difference from `latest` (may be NULL), the bytes to be stored at `path`. Any
 * thread; failing is no harm. arrival_unprepare() takes it back: `latest` has changed meanwhile. */
void arrival_prepare(struct arrival *arrival, struct zone_content *latest, const char *path);
void arrival_unprepare(struct arrival *arrival);
void arrival_prepare_here(struct daemon *daemon, struct arrival *arrival); /* with what the keeper has */

/* On the keeper thread: all of the above, and done(). */
void arrival_receive(struct daemon *daemon, struct arrival *arrival);

#endif
