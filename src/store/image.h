/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The image of a zone's version beside its file (rpz/image.h): mapped at the start, written by the helper.
 * A copy for speed: whatever goes wrong with it is said, and costs time at the next start and nothing else.
 *
 * A file under the image's name is never written to: it may be mapped. A new one is made as *.new, synced,
 * and takes its place.
 *
 * All functions may be called from any thread. */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

/* Which version an image is: an entry of the journal beside it (its stamp, and what tells it from another
 * journal's entry with this stamp), or what stands in a file (its mark; the stamp is 0). */
struct store_image_label {
    uint64_t stamp, mark; /* mark 0: no image */
};

/* NULL: memory. */
struct store_image *store_image_new(const char *path, const uint8_t *origin) MUST_CHECK;
struct store_image *store_image_ref(struct store_image *image);
void store_image_unref(struct store_image *image);

/* --- at the start --- */

/* Maps the file if there is one, and makes the version of it. To be called for all zones before a version is
 * made in another way: the first image decides how this process hashes. False: there is none, or none of
 * use; the log says why. */
bool store_image_open(struct store_image *image);

/* What was opened, as long as it is not forgotten. NULL: nothing. Borrowed. */
struct zone_content *store_image_content(struct store_image *image, struct store_image_label *label);

/* The start is over. `used`: a version in force came from the image. */
void store_image_forget(struct store_image *image, bool used);

/* --- later --- */

/* Has the version written on the helper's working thread. A failure is logged once, and kept for people. */
void store_image_write(struct store_image *image, struct store_helper *helper, struct zone_content *content,
                       const struct store_image_label *label);

enum { STORE_IMAGE_PROBLEM_MAX = 512 };

struct store_image_look {
    struct store_image_label label; /* of what lies there; mark 0: nothing of use */
    uint64_t bytes;
    bool used;                             /* the start was from it */
    uint32_t open_ms;                      /* how long it took to be opened */
    bool writing;                          /* another one is on its way */
    uint64_t tried_at_ms;                  /* clock_mono_ms() of the last writing's end; 0: never */
    char problem[STORE_IMAGE_PROBLEM_MAX]; /* why it could not be written; empty: it could */
};
void store_image_look(struct store_image *image, struct store_image_look *out);
const char *store_image_path(const struct store_image *image);

/* --- of the versions in a store --- */

/* What a store's zone has now: if its image lags too far behind, a new one is written of one of the two. With
 * `last` nothing will come any more: the next start is to find few steps. */
void store_save_image(struct store *store, struct zone_content *latest, uint64_t latest_stamp,
                      struct zone_content *in_force, uint64_t force_stamp, bool last);

#endif
