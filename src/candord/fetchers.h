/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bounded pool of threads for work that waits for others' servers: zone transfers, downloads. A job may
 * block as long as it likes, if it polls its cancel_fd together with whatever it waits for. */
#ifndef CANDORD_FETCHERS_H
#define CANDORD_FETCHERS_H

#include <stdbool.h>

#include "base/address.h"
#include "base/error.h"

struct fetchers;

enum fetch_state { FETCH_QUEUED, FETCH_RUNNING, FETCH_FINISHED };

/* Storage of the sender, from fetchers_submit() until done(). */
struct fetch_job {
    void (*run)(struct fetch_job *job); /* on a thread of the pool; once, also when it was cancelled before */
    void (*done)(struct fetch_job *job); /* behind run(), on the same thread: the job is the sender's again */
    struct ip_address server; /* no more than per_server jobs at a time run for one; IP_NONE: no such limit */
    unsigned per_server;      /* another number than the pool's; 0: that one */

    /* The pool's. */
    struct fetch_job *next;
    enum fetch_state state;
    int cancel_fd; /* readable when the job is to end soon; -1: none could be had */
};

/* At most `threads` jobs at a time; threads start when they are needed. NULL: memory. */
struct fetchers *fetchers_new(unsigned threads, unsigned per_server);

/* Other limits; what runs goes on. From any thread. */
void fetchers_limit(struct fetchers *fetchers, unsigned threads, unsigned per_server);

/* From any thread; not after fetchers_stop(). */
void fetchers_submit(struct fetchers *fetchers, struct fetch_job *job);

/* Makes cancel_fd readable. From any thread, while the job's storage lives. */
void fetchers_cancel(struct fetchers *fetchers, struct fetch_job *job);

/* Has the job been cancelled? On its thread. */
bool fetch_is_cancelled(const struct fetch_job *job);

/* Cancels all jobs and waits until each has been run and is done. */
void fetchers_stop(struct fetchers *fetchers);
void fetchers_free(struct fetchers *fetchers);

#endif
