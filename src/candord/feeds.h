/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The feeds of a daemon: when each is due, the threads that fetch and read them, and what is known of the
 * last try. What came is handed to the keeper thread as an arrival; the ETag and its like travel in the
 * arrival's tag, so that they hold for exactly the version that is kept.
 *
 * A feed is busy from the moment a thread takes it until the keeper is done with what it brought. */
#ifndef CANDORD_FEEDS_H
#define CANDORD_FEEDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "candord/snapshot.h"
#include "feed/feed.h"

struct daemon;
struct feeds;
struct job;

/* NULL: memory. No thread runs before there is a feed. */
struct feeds *feeds_new(struct daemon *daemon) MUST_CHECK;

/* The feeds are those of this configuration from now on. On the thread that keeps zones, or before it runs.
 */
void feeds_configure(struct feeds *feeds, struct config_holder *holder);

/* Fetches the feed of this name at once, in every view that has it. True: there is one, and `job` goes back
 * to the daemon's inbox when it has been fetched; false: there is none. On the keeper thread. */
bool feeds_reload(struct feeds *feeds, const uint8_t *origin, struct job *job) MUST_CHECK;

/* What is under way is given up, nothing is delivered any more. Before the keeper thread ends. */
void feeds_cancel(struct feeds *feeds);

/* Waits for the threads and frees. After feeds_cancel(), when the resolvers have been stopped (a thread may
 * wait for one), and when the keeper thread has ended. */
void feeds_free(struct feeds *feeds);

/* The last try and the next one; times are of the calendar, 0: none yet. */
struct feed_look {
    char url[512];
    enum feed_format format;
    bool busy;
    long status; /* HTTP, of the last try; 0: no answer came */
    int64_t tried_at_s, succeeded_at_s, next_at_s;
    unsigned failures;       /* in a row */
    char etag[256];          /* of the copy that we have */
    char problem[512];       /* of the last try */
    uint64_t entries, names; /* of the list that was read last */
    uint64_t skipped[FEED_SKIPS];
};

/* From any thread. False: no such feed. */
bool feeds_look(struct feeds *feeds, const char *view_name, const uint8_t *origin, struct feed_look *out);

#endif
