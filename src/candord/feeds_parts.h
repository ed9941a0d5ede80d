/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside the feeds: their schedule (feeds.c), one fetch (feeds_fetch.c), addresses (feeds_resolve.c). */
#ifndef CANDORD_FEEDS_PARTS_H
#define CANDORD_FEEDS_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/inbox.h"
#include "candord/daemon.h"
#include "candord/feeds.h"
#include "feed/fetch.h"

enum { FEEDS_THREADS_MAX = 4 /* one slow publisher does not hold up the others */ };

/* Fields are guarded by feeds->lock. */
struct feed_entry {
    struct feed_entry *next;
    struct feeds *feeds;
    char view_name[256];
    uint8_t origin[255];
    struct config_holder *holder; /* keeps `zone` alive */
    const struct zone_config *zone;
    bool wanted; /* while a configuration is applied; false afterwards: to be freed when not busy */
    bool busy;
    bool again;      /* asked for while it was busy */
    uint64_t due_ms; /* monotonic */
    struct feed_look look;
    struct job *waiting;      /* for the try that is due or under way, by job->next_waiting */
    struct job *waiting_next; /* for the one after it */
};

struct feeds {
    struct daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* on the monotonic clock */
    struct feed_entry *entries;
    pthread_t threads[FEEDS_THREADS_MAX];
    unsigned thread_count;
    _Atomic bool cancelled;
};

/* One fetch, on a feeds thread, with copies of what it needs. */
struct feed_run {
    struct feed_entry *entry;
    struct feeds *feeds;
    struct config_holder *holder;
    const struct zone_config *zone;
    char view_name[256];
    struct inbox *inbox; /* where the resolver answers */
};

/* Fetches, reads and delivers; feeds_done() follows in every case. */
void feeds_run(struct feed_run *run);

/* A hash of all that makes other rules of the same list. */
uint64_t feeds_settings(const struct feed_config *feed);

/* What came of a try. */
struct feed_outcome {
    int error;
    long status;
    uint32_t retry_after_s;
    const char *etag;                 /* NULL: unchanged */
    const char *problem;              /* NULL without error */
    const struct feed_report *report; /* NULL: nothing was read */
};

/* Notes the outcome and makes the entry due again; answers those who wait. The entry may be gone afterwards.
 */
void feeds_done(struct feed_entry *entry, const struct feed_outcome *outcome);

/* fetch_request.resolve; `context` is the run. Asks our own zones and recursion, never the policy. */
int feeds_addresses(void *context, const char *host, struct ip_address *out, char *problem,
                    size_t problem_size);

#endif
