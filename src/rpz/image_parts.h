/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form of an image (image.h). All numbers are in the byte order of the machine.
 *
 *   header, with the length of each part
 *   parts, each begins at a multiple of 64; the leaves, the last one, one behind the other in the order of
 *   their hashes, each at a multiple of 16, its `room` being what it takes
 *   zeros, since reading may go some bytes behind an entry
 *   checksum over all that is in front of it
 *
 * Data of rules is numbered by its place in PART_RECORDS; the extended entries of the leaves have these
 * numbers. Inside rpz/ only. */
#ifndef RPZ_IMAGE_PARTS_H
#define RPZ_IMAGE_PARTS_H

#include "rpz/image.h"
#include "rpz/version.h"

enum image_part {
    PART_SOA,     /* RDATA */
    PART_LENGTHS, /* uint32_t: bytes of each datum's records */
    PART_RECORDS, /* of the data: struct stored and RDATA, one after the other */
    PART_SKIPPED, /* records that are no rules, and what finds them (skipped.h) */
    PART_SKIPPED_INDEX,
    PART_SKIPPED_ABOVE,
    PART_PREFIXES, /* the pages of address rules, by trigger and family */
    PART_LEAVES = PART_PREFIXES + RPZ_TRIGGERS * FAMILIES,
    IMAGE_PARTS
};

enum { IMAGE_FORM = 2, IMAGE_BLOCK = 64, IMAGE_LEAF_ALIGN = 16 };
#define IMAGE_MAGIC "cndr-rpz"
#define IMAGE_BYTE_ORDER 0x01020304u

struct image_counts {
    uint64_t records, rules[RPZ_TRIGGERS], skipped[RPZ_SKIPS], noncanonical;
};

struct image_header {
    char magic[8];
    uint32_t form, byte_order;
    uint64_t program; /* image_program(): forms of leaves, hashes */
    uint64_t seed;
    uint64_t length; /* of all, with the checksum */
    uint8_t label[POLICY_IMAGE_LABEL_BYTES];
    uint8_t origin[NAME_MAX_BYTES];
    uint8_t origin_bytes;
    struct image_counts counts;
    uint32_t usual_ttls[OWNER_USUAL_TTLS], usual_count;
    uint32_t soa_ttl_s;
    uint32_t bits; /* of the directory */
    uint64_t lengths[IMAGE_PARTS];
    struct {
        uint32_t stretches, rules;
    } prefixes[RPZ_TRIGGERS][FAMILIES];
    uint64_t sum; /* of the header up to here */
};

/* What `sum` should be. */
uint64_t image_header_sum(const struct image_header *header);

/* What a program must have in common with the one that wrote an image, besides the form. */
uint64_t image_program(void);

static inline uint64_t image_rounded(uint64_t bytes, uint64_t unit)
{
    return (bytes + unit - 1) & ~(unit - 1);
}

/* --- the checksum: lanes that do not wait for each other, so that memory is what limits it --- */

enum { IMAGE_LANES = IMAGE_BLOCK / 16 };

struct image_sum {
    uint64_t lanes[IMAGE_LANES];
};

void image_sum_init(struct image_sum *sum);
/* `length` is a multiple of IMAGE_BLOCK. */
void image_sum_add(struct image_sum *sum, const void *bytes, size_t length);
uint64_t image_sum_end(const struct image_sum *sum);

/* The header, once it is known to be that of an image of this zone, of `length` bytes, that this program can
 * use; the errors of policy_image_label(). Its parts and the checksum fit into the length. */
int image_check_header(const void *bytes, size_t length, const uint8_t *origin,
                       struct image_header *out) MUST_CHECK;

#endif
