/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "images.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const uint8_t image_label[POLICY_IMAGE_LABEL_BYTES] = "what the version is";

static atomic_uint mapped;

/* --- writing ------------------------------------------------------------------------------------------- */

static int add_bytes(void *context, const void *bytes, size_t length)
{
    struct image *image = context;
    image->bytes = realloc(image->bytes, image->length + length);
    assert_non_null(image->bytes);
    memcpy(image->bytes + image->length, bytes, length);
    image->length += length;
    return 0;
}

struct image image_of(const struct policy_zone *zone)
{
    struct image image = {NULL, 0};
    assert_int_equal(policy_image_write(zone, image_label, add_bytes, &image), 0);
    return image;
}

void image_free(struct image *image)
{
    free(image->bytes);
    *image = (struct image){NULL, 0};
}

/* --- opening ------------------------------------------------------------------------------------------- */

/* Pages with the image at their beginning, a page that cannot be read behind them, and their whole length. */
struct mapping {
    void *base;
    size_t length;
};

static void unmap(void *context)
{
    struct mapping *mapping = context;
    munmap(mapping->base, mapping->length);
    free(mapping);
    mapped--;
}

static struct mapping *map_copy(const uint8_t *bytes, size_t length)
{
    enum { PAGE = 4096 };
    struct mapping *mapping = malloc(sizeof *mapping);
    size_t inner = (length + PAGE - 1) & ~(size_t)(PAGE - 1);
    assert_non_null(mapping);
    mapping->length = inner + PAGE;
    mapping->base = mmap(NULL, mapping->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mapping->base != MAP_FAILED);
    if (length)
        memcpy(mapping->base, bytes, length);
    assert_int_equal(mprotect(mapping->base, mapping->length, PROT_READ), 0);
    assert_int_equal(mprotect((uint8_t *)mapping->base + inner, PAGE, PROT_NONE), 0);
    mapped++;
    return mapping;
}

int image_open(const uint8_t *bytes, size_t length, const uint8_t *origin, struct policy_zone **out)
{
    struct mapping *mapping = map_copy(bytes, length);
    struct policy_image_memory memory = {mapping->base, length, unmap, mapping};
    unsigned before = mapped;
    int error = policy_image_open(&memory, origin, out);
    assert_int_equal(mapped, before);
    if (error)
        unmap(mapping);
    return error;
}

unsigned images_mapped(void)
{
    return mapped;
}

struct policy_zone *through_image(struct policy_zone *zone)
{
    struct image image = image_of(zone);
    struct policy_zone *opened;
    assert_int_equal(image_open(image.bytes, image.length, policy_zone_origin(zone), &opened), 0);
    image_free(&image);
    policy_zone_unref(zone);
    return opened;
}

struct policy_zone *perhaps_through_image(struct policy_zone *zone)
{
#ifdef THROUGH_IMAGES
    return through_image(zone);
#else
    return zone;
#endif
}
