/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What leads from a serial that somebody has to a version of ours, as far as it is kept: what an IXFR is made
 * of. Any thread that may read files. */
#ifndef CANDORD_STEPS_H
#define CANDORD_STEPS_H

#include <stdint.h>

#include "base/error.h"
#include "zone/changes.h"
#include "zone/zone.h"

struct daemon;

/* 0 with *out, which is the caller's. ERR_NOT_FOUND: the steps are not kept; or what the reading said. */
int steps_since(struct daemon *daemon, const char *view_name, const struct zone_content *content,
                uint32_t serial, struct zone_changes **out) MUST_CHECK;

#endif
