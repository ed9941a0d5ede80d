/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the daemon share: daemon.c (its beginning, signals), daemon_jobs.c (the keeper thread),
 * daemon_places.c (what needs rights), daemon_stop.c (its end). Inside candord/ only. */
#ifndef CANDORD_DAEMON_PARTS_H
#define CANDORD_DAEMON_PARTS_H

#include "candord/daemon.h"

/* --- daemon.c --- */

/* Tells the service manager, if there is one: READY=1, RELOADING=1, STOPPING=1. */
void daemon_tell(const char *state);

/* --- daemon_jobs.c --- */

/* Reads the configuration file; what is wrong with it goes into the log. `whole`: with all members of
 * catalogs, those that begin anew too. *out with one reference; ERR_INVALID, ERR_NOMEM. */
int daemon_read_config(struct daemon *daemon, bool whole, struct config_holder **out) MUST_CHECK;

/* Says in the log for which views break-dnssec no lets clients past policy. */
void daemon_warn_of_escapes(const struct config *config);

/* The keeper thread. `context`: the daemon. */
void *daemon_keep(void *context);

/* Jobs that are done come back to the main thread. */
void daemon_jobs_done(struct loop_watch *watch, unsigned events);

/* --- daemon_places.c --- */

/* As many descriptors as there may be. */
void daemon_raise_limits(void);

/* Sockets, the control socket, the pid file, keys; then another user, if one is named. What fails is in the
 * log. */
int daemon_take_places(struct daemon *daemon, const struct config *config) MUST_CHECK;

int daemon_start_workers(struct daemon *daemon) MUST_CHECK;

#endif
