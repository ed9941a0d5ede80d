/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version made of all records with another at hand is what a load of the same records makes, whatever the
 * other one had, in whatever order they come; and it shares with it what does not differ. */
#include "alike.h"
#include "images.h"

#include <stdio.h>

#include "rpz/walk.h"

#define ORIGIN "rpz.test."

/* --- records ------------------------------------------------------------------------------------------- */

enum { RECORDS_MAX = 300 };

/* As they come: twice, in conflict, of another zone or class. */
struct stream {
    struct model_record records[RECORDS_MAX];
    uint16_t rclass[RECORDS_MAX];
    size_t count;
};

static void random_stream_record(struct dice *dice, struct stream *to, size_t at)
{
    static const char *const one_owner[] = {"A 10.0.0.1",    "A 10.0.0.2", "A 10.0.0.3", "A 10.0.0.4",
                                            "AAAA ::1",      "AAAA ::2",   "TXT a",      "TXT b",
                                            "CNAME walled.", "CNAME .",    "MX a.",      "A 10.0.0.5"};
    struct model_record *record = &to->records[at];
    char text[100];
    unsigned kind = dice_below(dice, 100);
    to->rclass[at] = dice_percent(dice, 2) ? 3 : CLASS_IN;
    if (kind < 55) {
        model_random_record(dice, wire(ORIGIN), record);
    } else if (kind < 92) { /* many at few owners */
        snprintf(text, sizeof text, "%sm%u %u %s", dice_percent(dice, 40) ? "*." : "", dice_below(dice, 9),
                 dice_percent(dice, 85) ? 60 : 61, one_owner[dice_below(dice, 12)]);
        model_record_from_text(record, wire(ORIGIN), text);
    } else if (kind < 96) { /* the apex */
        static const char *const apex[] = {"@ 9 NS a.", "@ 9 NS b.", "@ 9 A 10.0.0.1", "@ 9 SOA 77"};
        model_record_from_text(record, wire(ORIGIN), apex[dice_below(dice, 4)]);
    } else {
        model_record_from_text(record, wire("elsewhere."), "a 60 CNAME .");
    }
    if (dice_percent(dice, 5))
        record->ttl_s++;
}

static void put_soa(struct stream *to, size_t at, unsigned serial)
{
    char text[40];
    snprintf(text, sizeof text, "@ 60 SOA %u", serial);
    model_record_from_text(&to->records[at], wire(ORIGIN), text);
    to->rclass[at] = CLASS_IN;
}

static void random_stream(struct dice *dice, struct stream *to)
{
    to->count = 1 + dice_below(dice, dice_percent(dice, 50) ? 20 : RECORDS_MAX - 40);
    put_soa(to, 0, dice_below(dice, 5));
    for (size_t i = 1; i < to->count; i++)
        random_stream_record(dice, to, i);
}

static void swap(struct stream *to, size_t a, size_t b)
{
    struct model_record record = to->records[a];
    uint16_t rclass = to->rclass[a];
    to->records[a] = to->records[b];
    to->rclass[a] = to->rclass[b];
    to->records[b] = record;
    to->rclass[b] = rclass;
}

/* What comes the next time: mostly as before. */
static void change_stream(struct dice *dice, struct stream *to)
{
    unsigned changes = dice_below(dice, 5) * dice_below(dice, 4), kind = dice_below(dice, 10);
    for (unsigned i = 0; i < changes; i++) {
        size_t at = dice_below(dice, (uint32_t)to->count), last = to->count - 1;
        unsigned what = dice_below(dice, 5);
        if (what == 0 && to->count > 1)
            swap(to, at, last), to->count--;
        else if (what == 1 && to->count < RECORDS_MAX)
            random_stream_record(dice, to, to->count++);
        else if (what == 2)
            random_stream_record(dice, to, at);
        else if (what == 3)
            to->records[at].ttl_s++;
        else
            swap(to, at, dice_below(dice, (uint32_t)to->count));
    }
    if (kind == 0)
        random_stream(dice, to);
    if (kind == 1)
        to->count = 1 + dice_below(dice, (uint32_t)to->count);
    for (size_t i = 0; kind < 4 && i < to->count; i++)
        swap(to, i, dice_below(dice, (uint32_t)to->count));
    if (dice_percent(dice, 90))
        put_soa(to, dice_below(dice, (uint32_t)to->count), dice_below(dice, 5));
}

static struct policy_record record_at(const struct stream *from, size_t at)
{
    struct policy_record record = model_policy_record(&from->records[at]);
    record.rclass = from->rclass[at];
    return record;
}

static int add(struct policy_builder *builder, const struct stream *from, size_t at)
{
    struct policy_record record = record_at(from, at);
    return policy_builder_add(builder, &record);
}

/* The same for both: to one they come one by one, to the other some together. */
static void add_to_both(struct policy_builder *one, struct policy_builder *other, const struct stream *from)
{
    struct policy_record records[POLICY_TOGETHER];
    int results[POLICY_TOGETHER];
    for (size_t i = 0, some; i < from->count; i += some) {
        some = 1 + (from->count * 7 + i) % POLICY_TOGETHER;
        some = some < from->count - i ? some : from->count - i;
        for (size_t k = 0; k < some; k++)
            records[k] = record_at(from, i + k);
        policy_builder_add_all(one, records, some, results);
        for (size_t k = 0; k < some; k++)
            assert_int_equal(results[k], policy_builder_add(other, &records[k]));
    }
}

/* Both ways at once. NULL: the zone has no SOA. */
static struct policy_zone *build(const struct stream *from, struct policy_zone *old,
                                 struct policy_zone **loaded)
{
    struct policy_builder *revise = policy_builder_revise(old), *load = policy_builder_new(wire(ORIGIN));
    struct policy_zone *made;
    bool together = from->count % 2;
    add_to_both(together ? revise : load, together ? load : revise, from);
    int error = policy_builder_finish(load, loaded);
    assert_int_equal(policy_builder_finish(revise, &made), error);
    assert_true(error == 0 || error == ERR_NOT_FOUND);
    return made;
}

/* --- in which order ------------------------------------------------------------------------------------ */

struct listed {
    uint8_t owner[NAME_MAX_BYTES];
    uint8_t part;
    unsigned turn;
    uint32_t ttl_s;
    uint16_t type, length;
    uint8_t rdata[MODEL_RDATA];
};

/* Rules by their owners, as the order of these is that of hashes; all else as it is. */
static int list_order(const void *left, const void *right)
{
    const struct listed *a = left, *b = right;
    int order = a->part - b->part;
    if (!order && a->part == PART_RULES)
        order = name_compare(a->owner, b->owner);
    return order ? order : (a->turn > b->turn) - (a->turn < b->turn);
}

static size_t list_records(const struct policy_zone *zone, struct listed *out)
{
    struct walker walker = {.zone = zone};
    struct policy_record record;
    size_t count = 0;
    for (; walker_next(&walker, &record); count++) {
        struct listed *to = &out[count];
        assert_true(count < RECORDS_MAX && record.rdata_length <= MODEL_RDATA);
        memset(to, 0, sizeof *to);
        *to = (struct listed){.part = walker.at.part,
                              .turn = (unsigned)count,
                              .ttl_s = record.ttl_s,
                              .type = record.type,
                              .length = record.rdata_length};
        name_copy(to->owner, record.owner);
        if (record.type == TYPE_CNAME && to->part == PART_RULES)
            name_copy_lower(to->rdata, record.rdata); /* the case of special targets may be lost */
        else
            memcpy(to->rdata, record.rdata, record.rdata_length);
    }
    qsort(out, count, sizeof *out, list_order);
    return count;
}

static void assert_same_records(const struct policy_zone *a, const struct policy_zone *b)
{
    static struct listed lists[2][RECORDS_MAX];
    size_t count = list_records(a, lists[0]);
    assert_int_equal(count, list_records(b, lists[1]));
    for (size_t i = 0; i < count; i++) {
        const struct listed *x = &lists[0][i], *y = &lists[1][i];
        assert_true(name_equal(x->owner, y->owner));
        assert_int_equal(x->type, y->type);
        assert_int_equal(x->ttl_s, y->ttl_s);
        assert_int_equal(x->length, y->length);
        assert_memory_equal(x->rdata, y->rdata, x->length);
    }
}

/* --- small zones, every kind of record ------------------------------------------------------------------ */

static void a_revision_is_what_a_load_makes(void **state)
{
    (void)state;
    static struct stream stream;
    enum { SEEDS = 250, TURNS = 12 };
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct dice dice = {seed + 70000};
        struct policy_zone *zone, *made, *loaded;
        random_stream(&dice, &stream);
        struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
        for (size_t i = 0; i < stream.count; i++)
            assert_true(add(builder, &stream, i) >= 0);
        assert_int_equal(policy_builder_finish(builder, &zone), 0);
        for (unsigned turn = 0; turn < TURNS; turn++) {
            uint64_t before = version_digest(zone);
            change_stream(&dice, &stream);
            made = build(&stream, zone, &loaded);
            assert_true(version_digest(zone) == before);
            if (!made)
                continue;
            assert_same_records(made, loaded);
            assert_alike_counts(made, loaded, true);
            assert_alike_matches(&dice, made, loaded, 20);
            policy_zone_unref(loaded);
            policy_zone_unref(zone);
            zone = dice_percent(&dice, 15) ? through_image(made) : made;
        }
        policy_zone_unref(zone);
    }
}

static void a_revision_that_is_given_up_leaves_the_version_alone(void **state)
{
    (void)state;
    static struct stream stream;
    struct dice dice = {5};
    struct policy_zone *loaded;
    random_stream(&dice, &stream);
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    for (size_t i = 0; i < stream.count; i++)
        assert_true(add(builder, &stream, i) >= 0);
    assert_int_equal(policy_builder_finish(builder, &loaded), 0);
    uint64_t before = version_digest(loaded);
    builder = policy_builder_revise(loaded);
    for (size_t i = 0; i < stream.count / 2; i++)
        assert_true(add(builder, &stream, i) >= 0);
    policy_builder_free(builder);
    assert_true(version_digest(loaded) == before);
    policy_zone_unref(loaded);
}

/* --- one owner with many records ------------------------------------------------------------------------ */

static int add_address(struct policy_builder *builder, unsigned number)
{
    uint8_t address[4] = {10, 1, (uint8_t)(number >> 8), (uint8_t)number};
    struct policy_record record = {wire("many." ORIGIN), TYPE_A, CLASS_IN, 60, address, 4};
    return policy_builder_add(builder, &record);
}

static void add_soa(struct policy_builder *builder)
{
    struct policy_record soa = {wire(ORIGIN), TYPE_SOA, CLASS_IN, 1, (const uint8_t[22]){0}, 22};
    assert_int_equal(policy_builder_add(builder, &soa), RPZ_SKIP_APEX_SOA_NS);
}

/* Addresses of `many`: forwards or backwards, from one number on. */
static struct policy_zone *finish_many(struct policy_builder *builder, unsigned first, unsigned end,
                                       bool backwards)
{
    struct policy_zone *made;
    add_soa(builder);
    for (unsigned i = first; i < end; i++)
        assert_int_equal(add_address(builder, backwards ? end - 1 - (i - first) : i), RPZ_KEPT);
    assert_int_equal(add_address(builder, first), RPZ_KEPT); /* twice is once */
    assert_int_equal(policy_builder_finish(builder, &made), 0);
    return made;
}

static void an_owner_may_have_many_records(void **state)
{
    (void)state;
    static const unsigned numbers[] = {1, 2, 3, 4, 13, 14, 15, 40, 2000};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (unsigned how = 0; how < 8; how++) {
            unsigned end = numbers[i] - (numbers[i] > 1 && how & 4 ? 1 : 0), first = how & 2 && end > 1;
            struct policy_zone *old = finish_many(policy_builder_new(wire(ORIGIN)), 0, numbers[i], false);
            struct policy_zone *made = finish_many(policy_builder_revise(old), first, end, how & 1);
            struct policy_zone *loaded = finish_many(policy_builder_new(wire(ORIGIN)), first, end, how & 1);
            assert_true(version_digest(made) == version_digest(loaded));
            assert_alike_counts(made, loaded, true);
            policy_zone_unref(old);
            policy_zone_unref(made);
            policy_zone_unref(loaded);
        }
}

/* --- large zones --------------------------------------------------------------------------------------- */

enum { NAMES = 10000 };

/* Which names a zone has: those that a number below 100 for each is below `share` of, or whose turn it is. */
struct extent {
    unsigned from, share, seed;
    bool backwards;
};

static bool has_name(const struct extent *extent, unsigned number)
{
    struct dice dice = {number * 2654435761u + extent->seed};
    (void)dice_below(&dice, 2);
    return number >= extent->from && dice_below(&dice, 10000) < extent->share;
}

static void add_name(struct policy_builder *builder, unsigned number)
{
    char text[80];
    snprintf(text, sizeof text, "%sn%u.z%u.example." ORIGIN, number & 1 ? "*." : "", number / 2,
             number / 2 % 97);
    struct policy_record record = {wire(text), TYPE_CNAME, CLASS_IN, 300, (const uint8_t *)"", 1};
    if (number % 10 == 0)
        record = (struct policy_record){wire(text), TYPE_A, CLASS_IN, 300, (const uint8_t *)"\12\0\0\1", 4};
    assert_int_equal(policy_builder_add(builder, &record), RPZ_KEPT);
}

static struct policy_zone *finish_large(struct policy_builder *builder, const struct extent *extent)
{
    struct policy_zone *made;
    add_soa(builder);
    for (unsigned i = 0; i < NAMES; i++) {
        unsigned number = extent->backwards ? NAMES - 1 - i : i;
        if (has_name(extent, number))
            add_name(builder, number);
    }
    assert_int_equal(policy_builder_finish(builder, &made), 0);
    return made;
}

static int count_change(void *context, const struct policy_change *change)
{
    (void)change;
    ++*(unsigned *)context;
    return 0;
}

static unsigned count_differences(const struct policy_zone *a, const struct policy_zone *b)
{
    unsigned count = 0;
    assert_int_equal(policy_zone_diff(a, b, count_change, &count), 0);
    return count;
}

static void large_zones_are_revised(void **state)
{
    (void)state;
    static const struct extent extents[] = {
        {0, 10000, 1, false},     {0, 9990, 1, false},     {0, 9900, 1, true},
        {0, 8000, 1, false},      {0, 100, 1, false},      {0, 5000, 2, true},
        {15000, 10000, 1, false}, {15000, 10000, 1, true}, {0, 0, 1, false}};
    enum { EXTENTS = sizeof extents / sizeof *extents };
    struct dice dice = {17};
    for (unsigned i = 0; i < EXTENTS; i++)
        for (unsigned k = 0; k < EXTENTS; k++) {
            struct policy_zone *old = finish_large(policy_builder_new(wire(ORIGIN)), &extents[i]);
            if ((i + k) % 3 == 0)
                old = through_image(old);
            struct policy_zone *made = finish_large(policy_builder_revise(old), &extents[k]);
            struct policy_zone *loaded = finish_large(policy_builder_new(wire(ORIGIN)), &extents[k]);
            assert_true(version_digest(made) == version_digest(loaded));
            assert_alike_counts(made, loaded, true);
            assert_alike_matches(&dice, made, loaded, 50);
            assert_int_equal(count_differences(old, made), count_differences(old, loaded));
            policy_zone_unref(old);
            policy_zone_unref(made);
            policy_zone_unref(loaded);
        }
}

static size_t count_leaves(const struct policy_zone *zone, const struct policy_zone *other)
{
    size_t count = 0;
    const struct leaf *leaf;
    for (size_t place = 0; (leaf = owners_next(&zone->owners, &place));)
        count += !other || owners_leaf(&other->owners,
                                       owners_place(&other->owners, (uint32_t)leaf->prefix << 16)) == leaf;
    return count;
}

static void what_does_not_differ_is_shared(void **state)
{
    (void)state;
    struct extent extent = {0, 9990, 1, false}, next = {0, 9991, 1, true};
    struct policy_zone *old = finish_large(policy_builder_new(wire(ORIGIN)), &extent);
    struct policy_zone *same = finish_large(policy_builder_revise(old), &extent);
    struct policy_zone *near = finish_large(policy_builder_revise(same), &next);
    size_t leaves = count_leaves(old, NULL);
    assert_true(leaves > 20);
    assert_int_equal(count_leaves(same, old), leaves);
    assert_int_equal(count_differences(old, same), 0);
    assert_true(count_differences(old, near) > 0);
    assert_true(count_leaves(near, old) > leaves * 8 / 10);
    policy_zone_unref(same);
    policy_zone_unref(old);
    uint64_t alone = version_digest(near);
    assert_true(version_digest(near) == alone);
    policy_zone_unref(near);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revision_is_what_a_load_makes),
        cmocka_unit_test(a_revision_that_is_given_up_leaves_the_version_alone),
        cmocka_unit_test(an_owner_may_have_many_records),
        cmocka_unit_test(large_zones_are_revised),
        cmocka_unit_test(what_does_not_differ_is_shared),
    };
    return RUN_TESTS(tests);
}
