/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The other end of the control socket (doc/control.md): one request, lines of progress, one answer. */
#ifndef CANDORCTL_CLIENT_H
#define CANDORCTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"

/* Asks and waits. 0 with the daemon's last line in *answer ({"ok", …}), which the caller releases; or an
 * error of the connection. `progress` is called for lines before it; it may be NULL. */
int client_ask(const char *path, const json_t *request, void (*progress)(const json_t *progress),
               json_t **answer) MUST_CHECK;

/* Why there is no daemon, for people: what is wrong with `path` and what to do. */
void client_print_trouble(const char *path, int error);

#endif
