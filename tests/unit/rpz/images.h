/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images of policy zones in memory that nobody can write to. */
#ifndef TESTS_RPZ_IMAGES_H
#define TESTS_RPZ_IMAGES_H

#include "../unit.h"

#include "rpz/image.h"

struct image {
    uint8_t *bytes;
    size_t length;
};

/* The label of images that are made here. */
extern const uint8_t image_label[POLICY_IMAGE_LABEL_BYTES];

struct image image_of(const struct policy_zone *zone);
void image_free(struct image *image);

/* Opens a read-only copy, right behind which no memory is; it is gone after a failure, and else with the last
 * version. */
int image_open(const uint8_t *bytes, size_t length, const uint8_t *origin, struct policy_zone **out);

/* Copies that are there. */
unsigned images_mapped(void);

/* The version that an image of this one opens as; this one is given up. */
struct policy_zone *through_image(struct policy_zone *zone);

/* The same where a test is built with THROUGH_IMAGES, else the version itself. */
struct policy_zone *perhaps_through_image(struct policy_zone *zone);

#endif
