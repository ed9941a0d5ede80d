/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What -v says of an observation. Pure. */
#ifndef CHECK_VERBOSE_H
#define CHECK_VERBOSE_H

#include "check_http_onion/probe.h"

/* Both in the arena, not yet made safe; NULL when memory is out. */
char *verbose_observation(struct arena *arena, const struct options *options, const struct observation *seen);
char *verbose_redirect(struct arena *arena, const struct target *next);

#endif
