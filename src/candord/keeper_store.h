/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between the keeper and store/. Inside the keeper; its thread only. */
#ifndef CANDORD_KEEPER_STORE_H
#define CANDORD_KEEPER_STORE_H

#include "candord/keeper.h"

/* A version on its way. */
struct taking {
    struct arrival *arrival;
    struct zone_content *next;
    struct zone_content *instead; /* acts while `next` is held; NULL: what acts now */
    enum zone_hold hold;          /* after it */
    const char *reason;
    bool unsynced;      /* has changes by hand that the zone's file lacks */
    uint64_t file_mark; /* the zone's file that was last read or written */
};

/* Opens what the configuration says, or closes what it no longer says. A zone that has no version yet gets
 * those that are stored. */
void keeper_open_store(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone);

/* Writes a version before it is taken; the zone is as it was before. Problems are noted and logged once. */
void keeper_store_version(struct keeper *keeper, struct kept_zone *zone, const struct taking *taking);

/* Writes what has been decided or learnt about the zone as it is now. */
void keeper_store_state(struct keeper *keeper, struct kept_zone *zone);

/* masterfile-format text: has the latest version written into the zone's file, unless that was done lately.
 */
void keeper_write_text(struct keeper *keeper, struct kept_zone *zone);

/* A mark of a file as it is on disk: another one when it was written to. 0: there is none. */
uint64_t keeper_file_mark(const char *path);

#endif
