/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whose fault is it? Judges an observation of an onion service that brought no whole answer: the service's,
 * this Tor's, or ours (keys, address). Pure: stored facts in, verdict out. */
#ifndef CHECK_JUDGE_TOR_H
#define CHECK_JUDGE_TOR_H

#include "base/arena.h"
#include "check_http_onion/options.h"
#include "check_http_onion/probe.h"
#include "check_http_onion/verdict.h"

/* How is the Tor that we ask through? */
enum tor_health {
    TOR_UNKNOWN,    /* nothing was asked, or nothing told */
    TOR_SEEMS_WELL, /* the control port says so */
    TOR_WELL,       /* a reference onion was reached */
    TOR_SICK        /* the control port says so, or every reference failed */
};

/* The health, and in `*why` the evidence in words (arena memory; "" for TOR_UNKNOWN). */
enum tor_health judge_health(struct arena *arena, const struct observation *seen, int64_t now_s,
                             const char **why);

/* The try that tells most of those that failed; NULL when there is none. */
const struct try_facts *telling_try(const struct observation *seen);

/* The verdict. The observation has no answered try. `now_s` is for the consensus' age. */
struct verdict judge_onion_failure(struct arena *arena, const struct options *options,
                                   const struct observation *seen, int64_t now_s);

/* The same for a clear name through --socks: check_http's texts. */
struct verdict judge_clear_failure(struct arena *arena, const struct options *options,
                                   const struct observation *seen);

#endif
