/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The daemon: what is alive, and who does what.
 *
 *   main thread     signals and the control socket; never blocks for long
 *   keeper thread   loads zones, applies configurations, publishes snapshots (all that takes time)
 *   fetchers        wait for others' servers; see fetchers.h
 *   workers         serve; see worker.h
 *   resolvers       recursion; see resolve/resolver.h */
#ifndef CANDORD_DAEMON_H
#define CANDORD_DAEMON_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/inbox.h"
#include "base/metrics.h"
#include "candord/arrival.h"
#include "candord/catalogs.h"
#include "candord/config.h"
#include "candord/courier.h"
#include "candord/feeds.h"
#include "candord/fetchers.h"
#include "candord/keeper.h"
#include "candord/secondary.h"
#include "candord/session_key.h"
#include "candord/snapshot.h"
#include "candord/tls_server.h"
#include "candord/worker.h"
#include "net/loop.h"

struct daemon_options {
    const char *config_file;
    uint16_t port;       /* 0: as configured */
    const char *control; /* NULL: as configured */
    const char *user;    /* NULL: stay who we are */
};

/* What the keeper thread is asked for; see daemon_submit(). */
enum job_kind {
    JOB_RELOAD_ALL /* configuration and zones */,
    JOB_RELOAD_ZONE,
    JOB_ARRIVAL,
    JOB_CALL,
    JOB_END
};

struct job {
    struct inbox_message message;
    enum job_kind kind;
    uint8_t origin[255];                                  /* JOB_RELOAD_ZONE */
    void (*call)(struct daemon *daemon, struct job *job); /* JOB_CALL: what the keeper thread does */
    struct arrival *arrival;       /* JOB_ARRIVAL: see arrival.h, which submits these */
    int error;                     /* the result */
    char problem[512];             /* what went wrong, for people */
    void (*done)(struct job *job); /* runs on the main thread, and frees the job; NULL: nobody waits */
    void *context;
    struct job *next_waiting; /* the feeds' */
};

struct daemon {
    struct daemon_options options;
    struct loop *loop;  /* the main thread's */
    struct inbox inbox; /* jobs that are done come back here */
    struct loop_watch inbox_watch, signal_watch;
    struct metrics *metrics;
    struct serving serving;
    struct worker **workers;
    unsigned worker_count;
    struct keeper keeper;
    struct suffixes *suffixes;       /* the guard's; NULL: no list */
    struct config_holder *holder;    /* the configuration in force; the keeper thread replaces it */
    struct truth_source_pool *pools; /* the keeper thread's */
    pthread_t keeper_thread;
    bool keeper_started;
    struct job end; /* its last one */
    struct inbox keeper_inbox;
    struct courier *courier;
    struct session_key *session_key;
    struct tls_servers *tls;
    int64_t started_at_s;
    int64_t configured_at_s;
    struct control *control;
    struct feeds *feeds;
    struct catalogs *catalogs;
    struct fetchers *fetchers;   /* the threads that transfer zones */
    struct fetchers *forwarders; /* and those that pass updates on */
    struct secondaries *secondaries;
};

/* Reads the configuration, binds, loads every zone, starts all threads. 0: queries are answered. Otherwise
 * what went wrong has been logged. daemon_stop() is to be called in either case. */
int daemon_start(struct daemon *daemon, const struct daemon_options *options) MUST_CHECK;

/* Serves until SIGTERM or SIGINT. */
void daemon_run(struct daemon *daemon);

/* Drains, ends all threads, gives everything back. */
void daemon_stop(struct daemon *daemon);

/* --- jobs of the keeper thread --- */

/* Hands a job (malloc'ed, zeroed but for kind, origin, done, context) to the keeper thread. From any
 * thread. */
void daemon_submit(struct daemon *daemon, struct job *job);

/* A reference on the snapshot in force, for the main thread. */
struct snapshot *daemon_snapshot(struct daemon *daemon);

/* --- follow.c --- */

/* Follows what the catalog zones say now, as far as it is due: members appear, change and go, and are
 * published. Returns after how many milliseconds to come again; -1: when something has changed. Keeper
 * thread. */
int follow_catalogs(struct daemon *daemon);

/* The same before the first publication, with the catalogs that were kept. 0 or memory. */
int follow_at_start(struct daemon *daemon) MUST_CHECK;

/* --- publish.c --- */

/* Makes a snapshot of `holder`'s configuration with the zones in force, starts resolvers where options
 * changed, publishes it and waits until nobody reads the old one. Keeper thread (or main before the threads
 * run). */
int publish(struct daemon *daemon, struct config_holder *holder, char *problem,
            size_t problem_size) MUST_CHECK;

/* Ends resolvers that no snapshot uses any more; all of them when `all`. */
void publish_retire(struct daemon *daemon, bool all);

#endif
