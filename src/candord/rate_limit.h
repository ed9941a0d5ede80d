/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rate-limit: how many like answers a network gets a second, so that nobody can have us flood a victim whose
 * address he puts into his questions. What is counted apart: the network of the client, the kind of the
 * answer, and the name that the answer is about.
 *
 * One limiter a view, shared by all workers: SO_REUSEPORT spreads the questions of a network over them, and
 * the limits hold for the network. Entries are pairs of words that are exchanged atomically, in a table made
 * once; nobody waits for anybody, and an entry that two fight for may count one answer too many or too few.
 *
 * An entry says when its bucket will be full again. An answer moves that on by 1/rate s; one that would move
 * it beyond one second ahead is over the limit, and it is never moved beyond `window` seconds more. This is a
 * token bucket that holds one second's answers and may owe those of `window` seconds. */
#ifndef CANDORD_RATE_LIMIT_H
#define CANDORD_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "candord/config.h"

struct rate_limiter;

struct rate_answer {
    enum rate_kind kind; /* RATE_RESPONSE … RATE_ERROR */
    uint8_t rcode;       /* of an error, for the log */
    const struct ip_address *client;
    const uint8_t *name; /* that it is about, lower case; NULL: none, all of a kind are alike */
    uint16_t qtype;      /* counts for RATE_RESPONSE alone: the others look alike for all types */
};

enum rate_result { RATE_PASS, RATE_SLIP, RATE_DROP };

struct rate_judgement {
    enum rate_result result;
    bool crowded; /* an entry was given up before its time */
};

/* NULL: memory. One reference. */
struct rate_limiter *rate_limiter_new(const struct rate_limit_options *options, uint64_t seed);
struct rate_limiter *rate_limiter_ref(struct rate_limiter *limiter);
/* NULL is none. */
void rate_limiter_unref(struct rate_limiter *limiter);

/* Counts an answer over UDP. Says in the log (category rate-limit) when limiting begins and ends. Any thread;
 * does not allocate. With log-only the caller ignores the result. */
struct rate_judgement rate_limiter_judge(struct rate_limiter *limiter, const struct rate_answer *answer,
                                         uint64_t now_ms);

/* An answer over TCP, which is never limited: with qps-scale it counts as load, and its client's network,
 * whose address is nobody's invention, is spared the scaling for a window. */
void rate_limiter_see_tcp(struct rate_limiter *limiter, const struct ip_address *client, uint64_t now_ms);

/* --- shared with rate_limit_log.c --- */

enum { RATE_EPISODES = 128, RATE_EPISODE_TEXT = 400 };

/* What is limited now and has been told in the log. */
struct rate_episode {
    uint64_t tag; /* 0: free */
    uint64_t told_ms;
    char what[RATE_EPISODE_TEXT];
};

struct rate_log;

struct rate_log *rate_log_new(bool log_only);
void rate_log_free(struct rate_log *log);

/* Tells that answers of entry `tag` are limited from now on. */
void rate_log_begin(struct rate_log *log, uint64_t tag, const struct rate_answer *answer,
                    const struct ip_prefix *network, uint64_t now_ms);

/* Once a second: tells which episodes go on for long, and which have ended, as `is_over` says. */
void rate_log_look(struct rate_log *log, uint64_t now_ms,
                   bool (*is_over)(void *context, uint64_t tag, uint64_t now_ms), void *context);

#endif
