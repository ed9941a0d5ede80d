/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The secondary zones of a daemon: when each is asked for, what came of it, when it expires. All on the main
 * thread, but for what says otherwise; the asking itself is done by threads of the pool
 * (secondary_round.h). */
#ifndef CANDORD_SECONDARY_H
#define CANDORD_SECONDARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

struct config_holder;
struct daemon;
struct secondaries;

/* NULL: memory. */
struct secondaries *secondaries_new(struct daemon *daemon);

/* A configuration is in force, and its zones are loaded. From any thread; takes effect as soon as the loop
 * runs. */
void secondaries_configure(struct secondaries *secondaries, struct config_holder *holder);

/* Begins nothing more; who waits is told. What is under way ends with fetchers_stop(), and comes back through
 * the daemon's inbox, which is to be emptied before secondaries_free(). */
void secondaries_stop(struct secondaries *secondaries);
void secondaries_free(struct secondaries *secondaries);

/* A NOTIFY was taken (RFC 1996). From any thread. */
void secondaries_notify(struct secondaries *secondaries, const char *view_name, const uint8_t *origin,
                        const union sockaddr_any *from, bool has_serial, uint32_t serial);

/* Somebody who waits for a refresh; his storage until done(). */
struct secondary_wait {
    /* Once, when all primaries that had to be asked have been: `problem` NULL, or of the first zone that
     * could not be refreshed. */
    void (*done)(struct secondary_wait *wait, const char *problem);
    unsigned pending; /* zones still to come; the rest is the secondaries' too */
    bool failed;
    char problem[512];
};

/* The operator asks: due now; with `whole` by AXFR whatever the serial. `wait` NULL: nobody waits. How many
 * zones of that name there are (one in each view); with 0 done() is not called. */
unsigned secondaries_refresh(struct secondaries *secondaries, const uint8_t *origin, bool whole,
                             struct secondary_wait *wait);

/* What is known of a zone. Times are calendar seconds, 0: never or unknown. */
struct secondary_state {
    char primary[512]; /* asked last */
    int64_t checked_at_s, transferred_at_s, next_at_s, expires_at_s;
    bool asking, expired;
    unsigned failures; /* rounds in a row */
    char problem[512]; /* of the last round; "": it was good */
};

/* False: it is no secondary zone. */
bool secondaries_look(struct secondaries *secondaries, const char *view_name, const uint8_t *origin,
                      struct secondary_state *out);

#endif
