/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What of a configuration takes a restart: sockets, threads and what they were given once. */
#ifndef CANDORD_CONFIG_RESTART_H
#define CANDORD_CONFIG_RESTART_H

#include "candord/config.h"

/* Calls `each` with every word whose value is not the same in both and will be in force after a restart only.
 * Pure. */
void config_restart_words(const struct config *in_force, const struct config *read,
                          void (*each)(void *context, const char *word), void *context);

#endif
