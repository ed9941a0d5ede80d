/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feed's zone from bytes that are at hand: its file, and what configuration says of it. */
#ifndef CANDORD_FEEDS_FILE_H
#define CANDORD_FEEDS_FILE_H

#include <stddef.h>

#include "candord/config.h"
#include "zone/load.h"

/* How the zone's list is read. */
struct feed_options feeds_options(const struct zone_config *zone, uint32_t serial);

/* zone_load() for a feed's file. Blocking. */
int feeds_file_load(const struct zone_config *zone, const struct zone_load_options *options,
                    struct zone_content **out) MUST_CHECK;

/* Writes the list aside and renames it; synced before. 0 or an error of the system: the old file stays. */
int feeds_file_save(const char *path, const void *bytes, size_t length) MUST_CHECK;

#endif
