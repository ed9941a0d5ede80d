/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version as an image: first a look at all leaves, for the lengths and for which data they name, then the
 * bytes. Leaves that came from an image and leaves of the heap are written alike. */
#include <stdlib.h>

#include "rpz/image_parts.h"

/* --- what there is ------------------------------------------------------------------------------------- */

struct survey {
    struct pages numbers; /* uint32_t by the datum's number: that in the image + 1, 0: not in the version */
    struct pages order;   /* uint32_t by the number in the image */
    uint64_t leaf_bytes, record_bytes;
};

static uint32_t leaf_bytes(const struct leaf *leaf)
{
    return (uint32_t)image_rounded(leaf->used, IMAGE_LEAF_ALIGN);
}

/* Calls `each` for every reference to data in a leaf, which it may change. */
static int each_reference(struct leaf *leaf, int (*each)(void *context, uint32_t *reference), void *context)
{
    int result = 0;
    for (unsigned i = 0; leaf->extended && i < leaf->places && !result; i++) {
        uint8_t *entry = leaf_at(leaf, leaf->slots[i]);
        if (!slot_is_used(leaf->slots[i]) || slot_is_node(leaf->slots[i]) ||
            owner_form(*entry) != OWNER_EXTENDED)
            continue;
        for (enum owner_side side = 0; side < SIDES && !result; side++) {
            if (!owner_action(*entry, side))
                continue;
            uint32_t was = entry_reference(entry, side), reference = was;
            result = each(context, &reference);
            if (reference != was)
                entry_set_reference(entry, side, reference);
        }
    }
    return result;
}

struct surveying {
    const struct data *data;
    struct survey *survey;
};

static int see_reference(void *context, uint32_t *reference)
{
    const struct surveying *s = context;
    struct pages *numbers = &s->survey->numbers, *order = &s->survey->order;
    size_t need = ((size_t)*reference + 1) * sizeof *reference;
    int error = need > numbers->used ? pages_reserve(numbers, need - numbers->used) : 0;
    if (error)
        return error;
    if (need > numbers->used)
        numbers->used = need;
    uint32_t *number = pages_u32(numbers, *reference);
    if (*number)
        return 0;
    *number = (uint32_t)(order->used / sizeof *reference) + 1;
    s->survey->record_bytes += data_get(s->data, *reference)->records_bytes;
    return pages_append(order, reference, sizeof *reference);
}

static int survey_zone(const struct policy_zone *zone, struct survey *out)
{
    struct surveying surveying = {&zone->lineage->data, out};
    const struct leaf *leaf;
    int error = 0;
    for (size_t place = 0; !error && (leaf = owners_next(&zone->owners, &place));) {
        out->leaf_bytes += leaf_bytes(leaf);
        error = each_reference((struct leaf *)leaf, see_reference, &surveying);
    }
    return error;
}

static struct image_counts counts_of(const struct policy_zone *zone)
{
    const struct policy_zone_counts *from = &zone->counts;
    struct image_counts counts = {.records = from->records, .noncanonical = from->noncanonical};
    memcpy(counts.rules, from->rules, sizeof counts.rules);
    memcpy(counts.skipped, from->skipped, sizeof counts.skipped);
    return counts;
}

static void set_lengths(struct image_header *header, const struct policy_zone *zone,
                        const struct survey *survey)
{
    header->lengths[PART_SOA] = zone->soa_rdata.length;
    header->lengths[PART_LENGTHS] = survey->order.used;
    header->lengths[PART_RECORDS] = survey->record_bytes;
    header->lengths[PART_SKIPPED] = zone->skipped->records.used;
    header->lengths[PART_SKIPPED_INDEX] = zone->skipped->index.used;
    header->lengths[PART_SKIPPED_ABOVE] = zone->skipped->above.used;
    for (unsigned i = 0; i < RPZ_TRIGGERS * FAMILIES; i++) {
        const struct prefixes *prefixes = zone->prefixes[i / FAMILIES][i % FAMILIES];
        if (!prefixes)
            continue;
        header->lengths[PART_PREFIXES + i] = prefixes->pages.used;
        header->prefixes[i / FAMILIES][i % FAMILIES].stretches = prefixes->stretches;
        header->prefixes[i / FAMILIES][i % FAMILIES].rules = prefixes->rules;
    }
    header->lengths[PART_LEAVES] = survey->leaf_bytes;
    header->length = image_rounded(sizeof *header, IMAGE_BLOCK);
    for (unsigned i = 0; i < IMAGE_PARTS; i++)
        header->length = image_rounded(header->length + header->lengths[i], IMAGE_BLOCK);
    header->length = image_rounded(header->length + HEAP_SLACK, IMAGE_BLOCK) + sizeof(uint64_t);
}

static void make_header(struct image_header *header, const struct policy_zone *zone, const uint8_t *label,
                        const struct survey *survey)
{
    memset(header, 0, sizeof *header);
    memcpy(header->magic, IMAGE_MAGIC, sizeof header->magic);
    header->form = IMAGE_FORM;
    header->byte_order = IMAGE_BYTE_ORDER;
    header->program = image_program();
    header->seed = rpz_seed();
    memcpy(header->label, label, sizeof header->label);
    header->origin_bytes = (uint8_t)zone->origin_bytes;
    memcpy(header->origin, zone->origin, zone->origin_bytes);
    header->counts = counts_of(zone);
    memcpy(header->usual_ttls, zone->usual_ttls, sizeof header->usual_ttls);
    header->usual_count = zone->usual_count;
    header->soa_ttl_s = zone->soa.ttl_s;
    header->bits = 32 - zone->owners.shift;
    set_lengths(header, zone, survey);
    header->sum = image_header_sum(header);
}

/* --- bytes --------------------------------------------------------------------------------------------- */

enum { BUFFER_BYTES = 256 << 10 };

/* A non-zero result, of `put` or of ours, ends it. */
struct image_writer {
    int (*put)(void *context, const void *bytes, size_t length);
    void *context;
    int result;
    struct image_sum sum;
    size_t used;
    uint8_t buffer[BUFFER_BYTES];
};

static void flush(struct image_writer *w)
{
    image_sum_add(&w->sum, w->buffer, w->used);
    if (!w->result && w->used)
        w->result = w->put(w->context, w->buffer, w->used);
    w->used = 0;
}

static void put_bytes(struct image_writer *w, const void *bytes, size_t length)
{
    const uint8_t *from = bytes;
    while (length && !w->result) {
        size_t room = sizeof w->buffer - w->used, part = length < room ? length : room;
        memcpy(w->buffer + w->used, from, part);
        w->used += part;
        from += part;
        length -= part;
        if (w->used == sizeof w->buffer)
            flush(w);
    }
}

static void put_zeros(struct image_writer *w, size_t length)
{
    static const uint8_t zeros[IMAGE_BLOCK];
    for (; length; length -= length < sizeof zeros ? length : sizeof zeros)
        put_bytes(w, zeros, length < sizeof zeros ? length : sizeof zeros);
}

static void fill_block(struct image_writer *w)
{
    put_zeros(w, (size_t)(image_rounded(w->used, IMAGE_BLOCK) - w->used));
}

static void put_part(struct image_writer *w, const void *bytes, size_t length)
{
    put_bytes(w, bytes, length);
    fill_block(w);
}

static void put_data(struct image_writer *w, const struct data *data, const struct survey *survey)
{
    size_t count = survey->order.used / sizeof(uint32_t);
    for (size_t i = 0; i < count; i++) {
        uint32_t length = data_get(data, *pages_u32(&survey->order, i))->records_bytes;
        put_bytes(w, &length, sizeof length);
    }
    fill_block(w);
    for (size_t i = 0; i < count; i++) {
        const struct rule_data *one = data_get(data, *pages_u32(&survey->order, i));
        put_bytes(w, one->records, one->records_bytes);
    }
    fill_block(w);
}

static int renumber(void *context, uint32_t *reference)
{
    const struct survey *survey = context;
    *reference = *pages_u32(&survey->numbers, *reference) - 1;
    return 0;
}

static void put_leaves(struct image_writer *w, const struct owners *owners, struct survey *survey)
{
    union {
        struct leaf leaf;
        uint8_t bytes[LEAF_BYTES_MAX + IMAGE_LEAF_ALIGN];
    } copy;
    const struct leaf *leaf;
    for (size_t place = 0; (leaf = owners_next(owners, &place));) {
        uint32_t length = leaf_bytes(leaf);
        memcpy(copy.bytes, leaf, leaf->used);
        memset(copy.bytes + offsetof(struct leaf, idle) + sizeof leaf->idle, 0,
               offsetof(struct leaf, slots) - offsetof(struct leaf, idle) - sizeof leaf->idle);
        memset(copy.bytes + leaf->used, 0, length - leaf->used);
        copy.leaf.room = (uint16_t)length;
        (void)each_reference(&copy.leaf, renumber, survey);
        put_bytes(w, copy.bytes, length);
    }
    fill_block(w);
}

static void put_all(struct image_writer *w, const struct policy_zone *zone, const struct image_header *header,
                    struct survey *survey)
{
    const struct skipped *skipped = zone->skipped;
    put_part(w, header, sizeof *header);
    put_part(w, zone->soa_rdata.bytes, zone->soa_rdata.length);
    put_data(w, &zone->lineage->data, survey);
    put_part(w, skipped->records.base, skipped->records.used);
    put_part(w, skipped->index.base, skipped->index.used);
    put_part(w, skipped->above.base, skipped->above.used);
    for (unsigned i = 0; i < RPZ_TRIGGERS * FAMILIES; i++) {
        const struct prefixes *prefixes = zone->prefixes[i / FAMILIES][i % FAMILIES];
        if (prefixes)
            put_part(w, prefixes->pages.base, prefixes->pages.used);
    }
    put_leaves(w, &zone->owners, survey);
    put_zeros(w, HEAP_SLACK);
    fill_block(w);
    flush(w);
    uint64_t sum = image_sum_end(&w->sum);
    if (!w->result)
        w->result = w->put(w->context, &sum, sizeof sum);
}

int policy_image_write(const struct policy_zone *zone, const uint8_t label[POLICY_IMAGE_LABEL_BYTES],
                       int (*put)(void *context, const void *bytes, size_t length), void *context)
{
    struct survey survey = {0};
    struct image_header header;
    struct image_writer *writer = malloc(sizeof *writer);
    int result = writer ? survey_zone(zone, &survey) : ERR_NOMEM;
    if (!result) {
        make_header(&header, zone, label, &survey);
        writer->put = put;
        writer->context = context;
        writer->result = 0;
        writer->used = 0;
        image_sum_init(&writer->sum);
        put_all(writer, zone, &header, &survey);
        result = writer->result;
    }
    pages_free(&survey.numbers);
    pages_free(&survey.order);
    free(writer);
    return result;
}
