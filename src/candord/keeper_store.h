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
/* The mark once the file has been read (or written) and does not include others: it says all. */
uint64_t keeper_mark_alone(uint64_t mark);
bool keeper_mark_is_alone(uint64_t mark);
/* Is it the same file? False without one. */
bool keeper_mark_same(uint64_t a, uint64_t b);

/* --- images (keeper_image.c) --- */

/* What the configuration says of the zone's image. That of a zone that has no version yet is opened. */
void keeper_open_image(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone);
/* A zone without a journal: the image's version is in force when it is what the file says. What was opened
 * and is of no use is given back. */
/* How long opening it took; 0: it was not. */
uint32_t keeper_image_ms(const struct kept_zone *zone);
bool keeper_take_image(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone);

#endif
