/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One primary asked once for one zone, on a thread of the pool: has the zone changed, and if so the transfer,
 * down to the version's being in force. Inside the secondary files. */
#ifndef CANDORD_SECONDARY_ROUND_H
#define CANDORD_SECONDARY_ROUND_H

#include "candord/daemon.h"
#include "candord/fetchers.h"
#include "transfer/schedule.h"

enum round_result { ROUND_FAILED, ROUND_CURRENT, ROUND_TRANSFERRED, ROUND_CANCELLED };

struct round {
    struct fetch_job job; /* first */
    struct job back;      /* brings it back to the main thread */
    struct daemon *daemon;
    struct config_holder *holder; /* a reference: keeps the next three alive */
    const struct view_config *view;
    const struct zone_config *zone;
    const struct remote_server *primary;
    bool whole; /* AXFR, whatever the serial: the operator wants it */
    /* The result. */
    enum round_result result;
    bool has_timers;
    struct schedule_timers timers;
    bool has_serial;
    uint32_t serial; /* of the version that we have now */
    bool older;      /* the primary's serial is older than ours */
    uint32_t their_serial;
    char problem[512]; /* ROUND_FAILED: why, for people */
    void *context;     /* the sender's */
};

/* fetch_job.run of a round. */
void round_run(struct fetch_job *job);

/* "192.0.2.1#53", with " (key k)" and " over TLS". */
void primary_to_text(const struct remote_server *primary, char *out, size_t size);

#endif
