/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The four answers of a monitoring plugin. The values are the exit codes. */
#ifndef PLUGIN_STATE_H
#define PLUGIN_STATE_H

enum plugin_state { STATE_OK = 0, STATE_WARNING = 1, STATE_CRITICAL = 2, STATE_UNKNOWN = 3 };

/* "OK", "WARNING", "CRITICAL", "UNKNOWN". */
const char *state_text(enum plugin_state state);

/* The worse of two, in the order OK < UNKNOWN < WARNING < CRITICAL: what is known to be bad wins over what
 * is not known. */
enum plugin_state state_worse(enum plugin_state a, enum plugin_state b);

#endif
