/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Versions as images: what is written and opened again is the same, whatever came to it meanwhile; bytes that
 * are damaged are found to be. That versions from images change as others do: test_versions.c. */
#include "images.h"
#include "model.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "rpz/image_parts.h"

#define ORIGIN "rpz.test."

/* --- zones ---------------------------------------------------------------------------------------------- */

/* One with something in every part. */
static struct policy_zone *build_mixed(struct model *model, uint64_t seed)
{
    struct dice dice = {seed};
    struct model_record record;
    model_init(model, ORIGIN);
    model_add_text(model, "@ 60 SOA 7");
    model_add_text(model, "@ 61 NS ns.example.");
    model_add_text(model, "data 62 A 192.0.2.1");
    model_add_text(model, "*.data 63 TXT text");
    model_add_text(model, "twin 62 A 192.0.2.1");
    model_add_text(model, "24.0.2.0.192.rpz-ip 60 CNAME .");
    model_add_text(model, "odd 7 CNAME .");
    for (unsigned i = 0; i < 150; i++) {
        model_random_record(&dice, model->origin, &record);
        if (record.type != TYPE_SOA)
            (void)model_add(model, &record);
    }
    model_rules_first(model);
    model_rejudge(model);
    return model_build(model);
}

static struct policy_zone *build_small(void)
{
    static struct model model;
    model_init(&model, ORIGIN);
    model_add_text(&model, "@ 60 SOA 7");
    model_add_text(&model, "a.b 60 CNAME .");
    model_add_text(&model, "c 60 A 192.0.2.1");
    return model_build(&model);
}

static struct policy_zone_counts counts_of(const struct policy_zone *zone)
{
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    return counts;
}

static int count_change(void *context, const struct policy_change *change)
{
    (void)change;
    return ++*(int *)context, 0;
}

/* --- the seed ------------------------------------------------------------------------------------------- */

static int write_to(void *context, const void *bytes, size_t length)
{
    return write(*(const int *)context, bytes, length) == (ssize_t)length ? 0 : -1;
}

/* Another process writes an image of the small zone, with a seed of its own. */
static struct image image_of_another_process(void)
{
    int ends[2], status = -1;
    struct image image = {malloc(1 << 16), 0};
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct policy_zone *zone = build_small();
        int error = policy_image_write(zone, image_label, write_to, &ends[1]);
        policy_zone_unref(zone);
        _exit(error ? 1 : 0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], image.bytes + image.length, (1 << 16) - image.length)) > 0;)
        image.length += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    return image;
}

/* The first test: nothing was hashed in this process yet. */
static void the_first_image_that_is_opened_decides_the_seed(void **state)
{
    (void)state;
    struct policy_zone *opened, *built;
    struct image first = image_of_another_process(), second = image_of_another_process();
    uint8_t saved = first.bytes[first.length - 1] ^= 1;
    assert_int_equal(image_open(first.bytes, first.length, wire(ORIGIN), &opened), ERR_MALFORMED);
    first.bytes[first.length - 1] = saved ^ 1;
    assert_int_equal(image_open(first.bytes, first.length, wire(ORIGIN), &opened), 0);
    assert_int_equal(image_open(second.bytes, second.length, wire(ORIGIN), &built), ERR_EXISTS);
    built = build_small();
    int changes = 0;
    assert_int_equal(policy_zone_diff(built, opened, count_change, &changes), 0);
    assert_int_equal(changes, 0);
    image_free(&first);
    image_free(&second);
    first = image_of(opened);
    second = image_of(built);
    assert_int_equal(first.length, second.length);
    image_free(&first);
    image_free(&second);
    policy_zone_unref(opened);
    policy_zone_unref(built);
}

/* --- round trips ---------------------------------------------------------------------------------------- */

static void what_is_opened_is_what_was_written(void **state)
{
    (void)state;
    static struct model model;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct policy_zone *zone = build_mixed(&model, seed), *opened;
        struct image image = image_of(zone), again;
        assert_int_equal(image_open(image.bytes, image.length, wire(ORIGIN), &opened), 0);
        model_assert_same(&model, opened);
        struct policy_zone_counts before = counts_of(zone), after = counts_of(opened);
        before.memory_bytes = after.memory_bytes = 0;
        assert_memory_equal(&before, &after, sizeof before);
        policy_zone_unref(zone);
        again = image_of(opened);
        assert_int_equal(again.length, image.length);
        assert_memory_equal(again.bytes, image.bytes, image.length);
        image_free(&image);
        image_free(&again);
        policy_zone_unref(opened);
        assert_int_equal(images_mapped(), 0);
    }
}

static void versions_of_other_lineages_compare_as_equal(void **state)
{
    (void)state;
    static struct model model;
    int changes = 0;
    struct policy_zone *zone = build_mixed(&model, 5), *opened = through_image(policy_zone_ref(zone));
    assert_int_equal(policy_zone_diff(zone, opened, count_change, &changes), 0);
    assert_int_equal(policy_zone_diff(opened, zone, count_change, &changes), 0);
    assert_int_equal(changes, 0);
    policy_zone_unref(zone);
    policy_zone_unref(opened);
}

/* Data that the image has is found again, and not kept twice. */
static void the_mapping_goes_with_the_last_descendant(void **state)
{
    (void)state;
    struct policy_zone *opened = through_image(build_small()), *next, *last;
    static struct model_record record;
    model_record_from_text(&record, wire(ORIGIN), "d 60 A 192.0.2.1");
    struct policy_change add = {false, model_policy_record(&record)}, remove = {true, add.record};
    assert_int_equal(policy_zone_apply(opened, &add, 1, &next), 0);
    assert_int_equal(next->lineage->data.count, 1);
    assert_int_equal(policy_zone_apply(next, &remove, 1, &last), 0);
    policy_zone_unref(opened);
    policy_zone_unref(last);
    assert_int_equal(images_mapped(), 1);
    struct policy_hit hit;
    assert_true(policy_zone_match_name(next, RPZ_QNAME, wire("a.b."), false, &hit));
    assert_true(policy_zone_match_name(next, RPZ_QNAME, wire("d."), false, &hit));
    policy_zone_unref(next);
    assert_int_equal(images_mapped(), 0);
}

static void memory_counts_what_is_mapped(void **state)
{
    (void)state;
    static struct model model;
    struct policy_zone *zone = build_mixed(&model, 3);
    size_t before = counts_of(zone).memory_bytes;
    zone = through_image(zone);
    assert_in_range(counts_of(zone).memory_bytes, before / 2, before * 2);
    policy_zone_unref(zone);
}

/* --- labels and what an image is bound to --------------------------------------------------------------- */

static void a_label_is_read_from_the_first_page(void **state)
{
    (void)state;
    uint8_t label[POLICY_IMAGE_LABEL_BYTES];
    struct policy_zone *zone = build_small();
    struct image image = image_of(zone);
    assert_in_range(sizeof(struct image_header), 1, 4096);
    assert_int_equal(policy_image_label(image.bytes, image.length, wire("RPZ.test."), label), 0);
    assert_memory_equal(label, image_label, sizeof label);
    assert_int_equal(policy_image_label(image.bytes, image.length, wire("other.test."), label), ERR_INVALID);
    for (size_t length = 0; length < image.length; length++)
        assert_int_equal(policy_image_label(image.bytes, length, wire(ORIGIN), label), ERR_MALFORMED);
    image_free(&image);
    policy_zone_unref(zone);
}

/* Makes both checksums right. */
static void set_sums(struct image *image)
{
    size_t length = image->length - sizeof(uint64_t);
    struct image_header header;
    memcpy(&header, image->bytes, sizeof header);
    header.sum = image_header_sum(&header);
    memcpy(image->bytes, &header, sizeof header);
    struct image_sum sum;
    image_sum_init(&sum);
    image_sum_add(&sum, image->bytes, length);
    uint64_t value = image_sum_end(&sum);
    memcpy(image->bytes + length, &value, sizeof value);
}

static int open_changed(const struct image *image, size_t offset, uint8_t change)
{
    struct image changed = {malloc(image->length), image->length};
    struct policy_zone *zone;
    assert_non_null(changed.bytes);
    memcpy(changed.bytes, image->bytes, image->length);
    changed.bytes[offset] ^= change;
    set_sums(&changed);
    int error = image_open(changed.bytes, changed.length, wire(ORIGIN), &zone);
    if (!error)
        policy_zone_unref(zone);
    image_free(&changed);
    return error;
}

static void an_image_is_bound_to_form_program_seed_and_zone(void **state)
{
    (void)state;
    struct policy_zone *zone = build_small(), *opened;
    struct image image = image_of(zone);
    policy_zone_unref(zone);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, label), 1), 0);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, magic), 1), ERR_MALFORMED);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, form), 1), ERR_UNSUPPORTED);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, byte_order), 1), ERR_UNSUPPORTED);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, program), 1), ERR_UNSUPPORTED);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, seed), 2), ERR_EXISTS);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, length), 64), ERR_MALFORMED);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, bits), 0x20), ERR_MALFORMED);
    assert_int_equal(open_changed(&image, offsetof(struct image_header, usual_count), 8), ERR_MALFORMED);
    assert_int_equal(image_open(image.bytes, image.length, wire("rpz.tesu."), &opened), ERR_INVALID);
    image_free(&image);
    assert_int_equal(images_mapped(), 0);
}

/* --- damage --------------------------------------------------------------------------------------------- */

static void an_image_of_any_other_length_is_none(void **state)
{
    (void)state;
    struct policy_zone *zone = build_small(), *opened;
    struct image image = image_of(zone);
    for (size_t length = 0; length < image.length; length++)
        assert_int_equal(image_open(image.bytes, length, wire(ORIGIN), &opened), ERR_MALFORMED);
    image.bytes = realloc(image.bytes, image.length + 4096);
    memset(image.bytes + image.length, 0, 4096);
    for (size_t more = 1; more <= 4096; more = more * 3 - 1)
        assert_int_equal(image_open(image.bytes, image.length + more, wire(ORIGIN), &opened), ERR_MALFORMED);
    image_free(&image);
    policy_zone_unref(zone);
}

static void damage_of_any_byte_is_found(void **state)
{
    (void)state;
    static struct model model;
    struct policy_zone *zone = build_mixed(&model, 11), *opened;
    struct image image = image_of(zone);
    for (size_t i = 0; i < image.length; i++) {
        image.bytes[i] ^= (uint8_t)(1 << i % 8);
        assert_true(image_open(image.bytes, image.length, wire(ORIGIN), &opened) < 0);
        image.bytes[i] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(image_open(image.bytes, image.length, wire(ORIGIN), &opened), 0);
    policy_zone_unref(opened);
    image_free(&image);
    policy_zone_unref(zone);
}

/* Pages that never came to the disk are zeros. */
static void pages_that_are_missing_are_found(void **state)
{
    (void)state;
    static struct model model;
    struct policy_zone *zone = build_mixed(&model, 12), *opened;
    struct image image = image_of(zone), damaged = {malloc(image.length), image.length};
    for (size_t at = 0; at < image.length; at += 512) {
        size_t length = image.length - at < 512 ? image.length - at : 512;
        memcpy(damaged.bytes, image.bytes, image.length);
        memset(damaged.bytes + at, 0, length);
        if (memcmp(damaged.bytes, image.bytes, image.length) != 0)
            assert_true(image_open(damaged.bytes, damaged.length, wire(ORIGIN), &opened) < 0);
    }
    image_free(&image);
    image_free(&damaged);
    policy_zone_unref(zone);
}

/* With a right checksum: each length of the header is looked at. */
static void forged_lengths_are_found(void **state)
{
    (void)state;
    static struct model model;
    struct policy_zone *zone = build_mixed(&model, 13);
    struct image image = image_of(zone);
    size_t first = offsetof(struct image_header, lengths);
    for (size_t i = 0; i < IMAGE_PARTS * sizeof(uint64_t); i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            int error = open_changed(&image, first + i, (uint8_t)(1 << bit));
            assert_true(error == 0 || error == ERR_MALFORMED);
        }
    image_free(&image);
    policy_zone_unref(zone);
}

/* --- writing -------------------------------------------------------------------------------------------- */

static int refuse_later(void *context, const void *bytes, size_t length)
{
    (void)bytes;
    (void)length;
    return --*(int *)context ? 0 : -77;
}

static void what_the_receiver_says_ends_it(void **state)
{
    (void)state;
    struct policy_zone *zone = build_small();
    for (int calls = 1; calls <= 2; calls++) {
        int left = calls;
        assert_int_equal(policy_image_write(zone, image_label, refuse_later, &left), -77);
        assert_int_equal(left, 0);
    }
    policy_zone_unref(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_image_that_is_opened_decides_the_seed),
        cmocka_unit_test(what_is_opened_is_what_was_written),
        cmocka_unit_test(versions_of_other_lineages_compare_as_equal),
        cmocka_unit_test(the_mapping_goes_with_the_last_descendant),
        cmocka_unit_test(memory_counts_what_is_mapped),
        cmocka_unit_test(a_label_is_read_from_the_first_page),
        cmocka_unit_test(an_image_is_bound_to_form_program_seed_and_zone),
        cmocka_unit_test(an_image_of_any_other_length_is_none),
        cmocka_unit_test(damage_of_any_byte_is_found),
        cmocka_unit_test(pages_that_are_missing_are_found),
        cmocka_unit_test(forged_lengths_are_found),
        cmocka_unit_test(what_the_receiver_says_ends_it),
    };
    return RUN_TESTS(tests);
}
