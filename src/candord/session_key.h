/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session key: a TSIG key made anew at each start and left in a file that only we and root can read, so
 * that `nsupdate -l` on this machine may change zones with `update-policy local`. Called by one thread at a
 * time; the key itself is constant from start to end, for all threads. */
#ifndef CANDORD_SESSION_KEY_H
#define CANDORD_SESSION_KEY_H

#include "base/error.h"
#include "candord/config.h"

struct session_key;

/* 0 with *out: a random key, in memory only; or ERR_NOMEM. */
int session_key_new(const struct session_key_config *config, struct session_key **out) MUST_CHECK;

/* Lives as long as the session key. */
const struct tsig_key *session_key_tsig(const struct session_key *key);

/* Writes the file (mode 0600, aside and renamed; its directory is made if missing) when the configuration
 * wants it and it has not been written; `user` (or NULL) becomes its owner. 0, or an error of the system that
 * has been logged. */
int session_key_publish(struct session_key *key, const struct session_key_config *config,
                        const char *user) MUST_CHECK;

/* Removes the file if it is still ours. */
void session_key_free(struct session_key *key);

#endif
