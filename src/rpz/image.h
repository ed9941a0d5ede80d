/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version of a policy zone as bytes that are used as they lie: written once to a file, mapped at the next
 * start, shared by all processes that map it. The leaves of the index stay in the mapping and are never
 * written to; a delta copies the ones that it touches, as always. What is small (address rules, records that
 * are no rules, data of rules) is copied out of it.
 *
 * An image is a copy for speed: who finds none, or one that is of no use, builds the version from its
 * records. It is bound to the byte order and the hashes of the program that wrote it, and carries a checksum
 * over all of it, which finds damage; it is no protection against forgery. Bytes may be anything.
 *
 * Pure: bytes in, bytes out. */
#ifndef RPZ_IMAGE_H
#define RPZ_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rpz/zone.h"

enum { POLICY_IMAGE_LABEL_BYTES = 64 };

/* Where an image lies: a file that is mapped, read-only and shared, and not written to any more (a new image
 * goes to a new file, put in the place of the old one). Opening goes through all of it in order, which is the
 * cheapest way to have it mapped and, if need be, read from the disk: no MAP_POPULATE, no advice. `release`
 * is called once, when no version needs it any more, from whichever thread gave up the last one. */
struct policy_image_memory {
    const void *bytes; /* aligned to a page */
    size_t length;
    void (*release)(void *context);
    void *context;
};

/* Writes a version through `put`, in order, in pieces of up to 256 KiB, a non-zero result of which ends it
 * and is returned. `label` is the caller's: what the version is (a stamp, a file's mark). Readers and deltas
 * go on meanwhile. The bytes hold the seed of the hashes: whoever can read them could aim at collisions. 0,
 * memory, or what `put` said. */
int policy_image_write(const struct policy_zone *zone, const uint8_t label[POLICY_IMAGE_LABEL_BYTES],
                       int (*put)(void *context, const void *bytes, size_t length), void *context) MUST_CHECK;

/* Reads the label of an image's first bytes (its first page is enough), before the rest is looked at. 0;
 * ERR_MALFORMED: no image, or one of other length than the file (`length` is that of all of it), or damaged
 * here; ERR_UNSUPPORTED: of another form, byte order or hash; ERR_INVALID: of another zone. */
int policy_image_label(const void *bytes, size_t length, const uint8_t *origin,
                       uint8_t label[POLICY_IMAGE_LABEL_BYTES]) MUST_CHECK;

/* Makes the version of an image, after its checksum was found right. The memory is the version's (and its
 * descendants') when 0 is returned, else still the caller's. Reads all of it once: for ten million rules tens
 * of milliseconds. Errors as above, memory, and ERR_EXISTS: this process hashes with another seed already
 * (the first image that is opened decides, when nothing was hashed before it; later images are
 * written with the same seed, so that all agree from the next start on). */
int policy_image_open(const struct policy_image_memory *memory, const uint8_t *origin,
                      struct policy_zone **out) MUST_CHECK;

#endif
