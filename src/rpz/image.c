/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/image.h"

#include "base/hash.h"
#include "rpz/image_parts.h"

/* --- the checksum -------------------------------------------------------------------------------------- */

void image_sum_init(struct image_sum *sum)
{
    for (unsigned i = 0; i < IMAGE_LANES; i++)
        sum->lanes[i] = hash_mix(0x9e3779b97f4a7c15u * (i + 1), 0xe7037ed1a0b428dbu);
}

/* Two words a multiplication, as much as there are in a block at once. */
void image_sum_add(struct image_sum *sum, const void *bytes, size_t length)
{
    struct image_sum now = *sum; /* in registers */
    const uint8_t *at = bytes;
    for (const uint8_t *end = at + length; at < end; at += IMAGE_BLOCK)
#pragma GCC unroll 4
        for (unsigned i = 0; i < IMAGE_LANES; i++) {
            uint64_t words[2];
            memcpy(words, at + sizeof words * i, sizeof words);
            now.lanes[i] = hash_mix(now.lanes[i] ^ words[0], words[1] ^ 0xa0761d6478bd642fu);
        }
    *sum = now;
}

uint64_t image_sum_end(const struct image_sum *sum)
{
    return hash_bytes(IMAGE_FORM, sum->lanes, sizeof sum->lanes);
}

/* --- the header ---------------------------------------------------------------------------------------- */

uint64_t image_program(void)
{
    /* A hash of a name and the sizes that are not named by the form. */
    static const char text[] = "an image of a policy zone";
    const uint32_t sizes[] = {
        sizeof(struct image_header), sizeof(struct leaf),        NODE_BYTES, LEAF_DEPTH_MAX,
        sizeof(struct stored),       sizeof(struct prefix_rule), HEAP_SLACK};
    return hash_bytes(hash_bytes(IMAGE_FORM, text, sizeof text), sizes, sizeof sizes);
}

/* Do the parts, what is behind them and the checksum make up just this length? */
static bool parts_fit(const struct image_header *header)
{
    uint64_t at = image_rounded(sizeof *header, IMAGE_BLOCK);
    bool fits = header->length >= at;
    for (unsigned i = 0; fits && i < IMAGE_PARTS; i++) {
        fits = header->lengths[i] <= header->length;
        at = image_rounded(at + (fits ? header->lengths[i] : 0), IMAGE_BLOCK);
        fits &= at <= header->length;
    }
    return fits && header->length == image_rounded(at + HEAP_SLACK, IMAGE_BLOCK) + sizeof(uint64_t);
}

uint64_t image_header_sum(const struct image_header *header)
{
    return hash_bytes(IMAGE_FORM, header, offsetof(struct image_header, sum));
}

/* Is it an image, whole as far as the header tells, that this program can use? */
static int check_form(const struct image_header *header, size_t length)
{
    if (memcmp(header->magic, IMAGE_MAGIC, sizeof header->magic) != 0)
        return ERR_MALFORMED;
    if (header->form != IMAGE_FORM || header->byte_order != IMAGE_BYTE_ORDER ||
        header->program != image_program())
        return ERR_UNSUPPORTED;
    bool whole = header->sum == image_header_sum(header) && header->length == length && parts_fit(header);
    return whole ? 0 : ERR_MALFORMED;
}

int image_check_header(const void *bytes, size_t length, const uint8_t *origin, struct image_header *out)
{
    uint8_t lower[NAME_MAX_BYTES];
    if (length < sizeof *out)
        return ERR_MALFORMED;
    memcpy(out, bytes, sizeof *out);
    int error = check_form(out, length);
    if (error)
        return error;
    size_t origin_bytes = name_copy_lower(lower, origin);
    bool same = out->origin_bytes == origin_bytes && memcmp(out->origin, lower, origin_bytes) == 0;
    return same ? 0 : ERR_INVALID;
}

int policy_image_label(const void *bytes, size_t length, const uint8_t *origin,
                       uint8_t label[POLICY_IMAGE_LABEL_BYTES])
{
    struct image_header header;
    int error = image_check_header(bytes, length, origin, &header);
    if (!error)
        memcpy(label, header.label, sizeof header.label);
    return error;
}
