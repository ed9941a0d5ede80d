/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --state FILE: since when each service fails, from one run to the next. One file serves any number of
 * services and parallel checks: it is read and replaced as a whole, under a lock. */
#ifndef CHECK_STATE_FILE_H
#define CHECK_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { STATE_KEY_MAX = 600, STATE_FILE_MAX = 1 << 20 };

enum state_event {
    EVENT_GOOD,   /* the service is up: forget */
    EVENT_BAD,    /* it fails: remember since when */
    EVENT_NOTHING /* this run tells nothing about it: leave as it is */
};

struct state_facts {
    int64_t failing_since_s; /* seconds since 1970; 0: it does not fail */
    bool was_broken;         /* the file made no sense and was set aside as FILE.broken */
    int error;               /* reading or writing failed; then nothing is known or kept */
};

/* Notes what happened to the service `key` (no white space in it) and says since when it fails. Waits for the
 * lock `timeout_ms` at most (then error is ERR_TIMEOUT). */
struct state_facts state_note(const char *path, const char *key, enum state_event event, int64_t now_s,
                              int timeout_ms);

/* The pure half. The text of a file with one service changed, into `out` of `size` bytes; `*since_s` gets
 * since when it fails. 0, ERR_MALFORMED for a text that is no state file, ERR_SPACE. */
int state_change(const char *text, const char *key, enum state_event event, int64_t now_s, char *out,
                 size_t size, int64_t *since_s) MUST_CHECK;

#endif
