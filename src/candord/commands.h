/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operator can ask of a running daemon, over the control socket: the table of verbs. */
#ifndef CANDORD_COMMANDS_H
#define CANDORD_COMMANDS_H

#include <stddef.h>

#include "base/error.h"
#include "candord/daemon.h"

/* Opens the control socket on the main thread's loop and sets daemon->control. 0, or an error with its reason
 * in `problem` (another daemon listens there, the folder cannot be made …). */
int commands_open(struct daemon *daemon, const char *path, char *problem, size_t problem_size) MUST_CHECK;

/* Closes it and removes the socket; sets daemon->control to NULL. */
void commands_close(struct daemon *daemon);

#endif
