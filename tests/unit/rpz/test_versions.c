/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Versions made from versions, again and again: each equals one that was loaded anew, and the older ones stay
 * what they were. Built twice: with THROUGH_IMAGES the first versions, and some on the way, come from images.
 */
#include "alike.h"
#include "images.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define ORIGIN "rpz.test."

static int add_type(void *context, const struct policy_record *record)
{
    *(unsigned *)context += record->type + 1000u;
    return 0;
}

/* --- small zones, every kind of record ------------------------------------------------------------------ */

enum { CHANGES = 24, KEPT = 4 };

struct change_list {
    struct model_record records[CHANGES];
    struct policy_change changes[CHANGES];
    size_t count;
};

static void add_change(struct change_list *list, struct model *model, const struct model_record *record,
                       bool remove)
{
    struct model_record *own = &list->records[list->count];
    *own = *record;
    list->changes[list->count++] = (struct policy_change){remove, model_policy_record(own)};
    bool was = model_remove(model, record);
    assert_true(was || !remove);
    if (!remove)
        (void)model_add(model, record);
}

static void random_changes(struct dice *dice, struct model *model, struct change_list *list)
{
    unsigned wanted = 1 + dice_below(dice, CHANGES - 1), removals = dice_below(dice, 100);
    list->count = 0;
    while (list->count < wanted) {
        struct model_record record;
        bool remove = (model->count > 1 && dice_percent(dice, removals)) || model->count > MODEL_RECORDS - 5;
        if (remove)
            record = model->records[dice_below(dice, (uint32_t)model->count)];
        else
            model_random_record(dice, model->origin, &record);
        if (remove && record.type == TYPE_SOA)
            continue;
        add_change(list, model, &record, remove);
    }
    model_rejudge(model);
}

/* Older versions, each with what it was like when it was made. */
struct keepsake {
    struct policy_zone *zone;
    uint64_t digest;
};

static void keep(struct dice *dice, struct keepsake kept[KEPT], struct policy_zone *zone)
{
    struct keepsake *place = &kept[dice_below(dice, KEPT)];
    if (place->zone)
        assert_true(version_digest(place->zone) == place->digest);
    policy_zone_unref(place->zone);
    *place = (struct keepsake){zone, version_digest(zone)};
}

static void a_chain_of_deltas_makes_what_rebuilding_makes(void **state)
{
    (void)state;
    static struct model model;
    static struct change_list list;
    for (unsigned seed = 0; seed < 60; seed++) {
        struct dice dice = {seed + 9000};
        struct keepsake kept[KEPT] = {{0}};
        model_init(&model, ORIGIN);
        model_add_text(&model, "@ 60 SOA 7");
        struct policy_zone *zone = model_build(&model), *made;
        for (unsigned turn = 0; turn < 40; turn++) {
            model_rules_first(&model);
            random_changes(&dice, &model, &list);
            assert_int_equal(policy_zone_apply(zone, list.changes, list.count, &made), 0);
            model_assert_same(&model, made);
            struct policy_zone *rebuilt = model_build(&model);
            assert_alike_counts(made, rebuilt, false);
            assert_alike_matches(&dice, made, rebuilt, 60);
            policy_zone_unref(rebuilt);
            keep(&dice, kept, zone);
            zone = dice_percent(&dice, 10) ? perhaps_through_image(made) : made;
            if (dice_percent(&dice, 10)) { /* go on from an older one: versions need not stand in a row */
                struct policy_change none;
                assert_int_equal(policy_zone_apply(zone, &none, 0, &made), 0);
                assert_true(version_digest(made) == version_digest(zone));
                keep(&dice, kept, made);
            }
        }
        for (unsigned i = 0; i < KEPT; i++) {
            if (kept[i].zone)
                assert_true(version_digest(kept[i].zone) == kept[i].digest);
            policy_zone_unref(kept[i].zone);
        }
        model_assert_same(&model, zone);
        policy_zone_unref(zone);
    }
}

/* --- large zones ---------------------------------------------------------------------------------------- */

enum { NAMES = 12000, LIVE = NAMES / 2, BATCH = 400 };

/* Which of the names a zone holds, and with which variety of rule. */
struct list {
    uint8_t has[NAMES];
};

static size_t listed_owner(unsigned number, uint8_t *out)
{
    char text[80];
    unsigned kind = number % 16;
    if (kind < 12)
        snprintf(text, sizeof text, "%sn%u.z%u.example", kind & 1 ? "*." : "", number / 2, number % 200);
    else if (kind == 12)
        snprintf(text, sizeof text, "a.b.c.d%u.z%u.example", number, number % 50);
    else if (kind == 13)
        snprintf(text, sizeof text, "z%u.example", number / 16);
    else if (kind == 14)
        snprintf(text, sizeof text, "32.%u.%u.0.10.rpz-ip", number % 251, number / 251);
    else
        snprintf(text, sizeof text, "24.0.%u.%u.10.rpz-client-ip", number % 251, number / 251);
    assert_true(name_from_text(text, wire(ORIGIN), out) > 0);
    return name_length(out);
}

/* Variety 1: the usual rule; 2: data shared by many; 3: data of its own; 4: another TTL. */
static struct policy_record listed_record(unsigned number, uint8_t variety, uint8_t *owner)
{
    static uint8_t rdata[NAMES][4];
    listed_owner(number, owner);
    memcpy(rdata[number], (uint8_t[]){10, (uint8_t)number, (uint8_t)(number >> 8), 1}, 4);
    if (variety == 2)
        return (struct policy_record){owner, TYPE_A, CLASS_IN, 60, (const uint8_t *)"\12\0\0\1", 4};
    if (variety == 3)
        return (struct policy_record){owner, TYPE_A, CLASS_IN, 60, rdata[number], 4};
    return (struct policy_record){
        owner, TYPE_CNAME, CLASS_IN, variety == 4 ? number : 300u, (const uint8_t *)"", 1};
}

static struct policy_zone *build_list(const struct list *list)
{
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    struct policy_record soa = {wire(ORIGIN), TYPE_SOA, CLASS_IN, 1, (const uint8_t[22]){0}, 22};
    struct policy_zone *zone;
    uint8_t owner[NAME_MAX_BYTES];
    assert_int_equal(policy_builder_add(builder, &soa), RPZ_SKIP_APEX_SOA_NS);
    for (unsigned i = 0; i < NAMES; i++) {
        if (!list->has[i])
            continue;
        struct policy_record record = listed_record(i, list->has[i], owner);
        assert_int_equal(policy_builder_add(builder, &record), RPZ_KEPT);
    }
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
    return perhaps_through_image(zone);
}

static void random_list(struct dice *dice, struct list *list)
{
    *list = (struct list){0};
    for (unsigned i = 0; i < LIVE; i++)
        list->has[dice_below(dice, NAMES)] = (uint8_t)(1 + dice_below(dice, 4) * dice_percent(dice, 30));
}

static struct policy_zone *change_list_at_random(struct dice *dice, struct list *list,
                                                 const struct policy_zone *zone)
{
    static struct policy_change changes[BATCH];
    static uint8_t owners[BATCH][NAME_MAX_BYTES];
    struct policy_zone *made;
    for (unsigned i = 0; i < BATCH; i++) {
        unsigned number = dice_below(dice, NAMES);
        bool remove = list->has[number];
        if (!remove)
            list->has[number] = (uint8_t)(1 + dice_below(dice, 4) * dice_percent(dice, 30));
        changes[i] = (struct policy_change){remove, listed_record(number, list->has[number], owners[i])};
        if (remove)
            list->has[number] = 0;
    }
    assert_int_equal(policy_zone_apply(zone, changes, BATCH, &made), 0);
    return made;
}

static void assert_same_list(struct dice *dice, const struct policy_zone *a, const struct policy_zone *b)
{
    assert_true(version_digest(a) == version_digest(b));
    assert_alike_counts(a, b, false);
    for (unsigned i = 0; i < 600; i++) {
        uint8_t owner[NAME_MAX_BYTES];
        struct policy_hit hits[2];
        size_t length = listed_owner(dice_below(dice, NAMES), owner) - name_length(wire(ORIGIN));
        owner[length] = 0;
        assert_alike_at(a, b, owner);
        const uint8_t *name = owner[0] == 1 ? owner + 2 : owner;
        if (dice_percent(dice, 40))
            name = name_skip(name, 1);
        bool found_a = policy_zone_match_name(a, RPZ_QNAME, name, false, &hits[0]);
        bool found_b = policy_zone_match_name(b, RPZ_QNAME, name, false, &hits[1]);
        assert_alike_hit(a, b, found_a, found_b, &hits[0], &hits[1], name);
    }
}

static size_t memory_of(const struct policy_zone *zone)
{
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    return counts.memory_bytes;
}

static void large_zones_change_as_if_rebuilt_and_do_not_grow(void **state)
{
    (void)state;
    static struct list list, kept_list;
    struct dice dice = {4711};
    random_list(&dice, &list);
    struct policy_zone *zone = build_list(&list), *kept = policy_zone_ref(zone), *made;
    kept_list = list;
    for (unsigned turn = 1; turn <= 400; turn++) {
        made = change_list_at_random(&dice, &list, zone);
        policy_zone_unref(zone);
        zone = turn % 100 ? made : perhaps_through_image(made);
        if (turn % 50)
            continue;
        struct policy_zone *rebuilt = build_list(&list);
        assert_same_list(&dice, zone, rebuilt);
        policy_zone_unref(rebuilt);
        rebuilt = build_list(&kept_list);
        assert_same_list(&dice, kept, rebuilt);
        policy_zone_unref(rebuilt);
        policy_zone_unref(kept);
        kept = policy_zone_ref(zone);
        kept_list = list;
    }
    policy_zone_unref(kept);
    made = change_list_at_random(&dice, &list, zone);
    struct policy_zone *rebuilt = build_list(&list);
    assert_same_list(&dice, made, rebuilt);
    policy_zone_unref(zone); /* the data of both is counted until now */
    zone = change_list_at_random(&dice, &list, made);
    assert_true(memory_of(zone) < memory_of(rebuilt) / 100 * 115);
    policy_zone_unref(zone);
    policy_zone_unref(made);
    policy_zone_unref(rebuilt);
}

/* Changes with copies of what they point to. */
struct kept_changes {
    struct policy_change changes[4 * NAMES];
    uint8_t bytes[4 * NAMES][64];
    size_t count;
};

static int keep_change(void *context, const struct policy_change *change)
{
    struct kept_changes *kept = context;
    uint8_t *bytes = kept->bytes[kept->count];
    assert_true(kept->count < sizeof kept->changes / sizeof *kept->changes);
    struct policy_change *own = &kept->changes[kept->count++];
    *own = *change;
    size_t length = name_length(change->record.owner);
    assert_true(length + change->record.rdata_length <= sizeof kept->bytes[0]);
    memcpy(bytes, change->record.owner, length);
    memcpy(bytes + length, change->record.rdata, change->record.rdata_length);
    own->record.owner = bytes;
    own->record.rdata = bytes + length;
    return 0;
}

/* Also when nothing is shared; then the changes are the same. */
static void a_diff_of_large_zones_leads_from_one_to_the_other(void **state)
{
    (void)state;
    static struct list list;
    static struct kept_changes near, far;
    struct dice dice = {31};
    random_list(&dice, &list);
    struct policy_zone *old = build_list(&list), *next = change_list_at_random(&dice, &list, old), *made;
    struct policy_zone *new = change_list_at_random(&dice, &list, next), *rebuilt = build_list(&list);
    near.count = far.count = 0;
    assert_int_equal(policy_zone_diff(old, new, keep_change, &near), 0);
    assert_int_equal(policy_zone_diff(old, rebuilt, keep_change, &far), 0);
    assert_true(near.count > BATCH && near.count <= 2 * BATCH);
    assert_int_equal(near.count, far.count);
    assert_int_equal(policy_zone_apply(old, near.changes, near.count, &made), 0);
    assert_same_list(&dice, made, rebuilt);
    near.count = 0;
    assert_int_equal(policy_zone_diff(made, rebuilt, keep_change, &near), 0);
    assert_int_equal(near.count, 0);
    policy_zone_unref(old);
    policy_zone_unref(next);
    policy_zone_unref(new);
    policy_zone_unref(made);
    policy_zone_unref(rebuilt);
}

static void a_diff_of_many_records_at_one_owner(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static struct kept_changes kept;
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    struct policy_record record = {wire(ORIGIN), TYPE_SOA, CLASS_IN, 1, (const uint8_t[22]){0}, 22};
    struct policy_zone *old, *new;
    uint8_t owner[NAME_MAX_BYTES];
    name_copy(owner, wire("a." ORIGIN));
    assert_int_equal(policy_builder_add(builder, &record), RPZ_SKIP_APEX_SOA_NS);
    for (unsigned i = 0; i < MANY; i++) {
        uint8_t address[4] = {10, 1, (uint8_t)(i >> 8), (uint8_t)i};
        record = (struct policy_record){owner, TYPE_A, CLASS_IN, 60, address, 4};
        assert_int_equal(policy_builder_add(builder, &record), RPZ_KEPT);
    }
    assert_int_equal(policy_builder_finish(builder, &old), 0);
    old = perhaps_through_image(old);
    struct policy_change changes[] = {
        {true, {owner, TYPE_A, CLASS_IN, 60, (const uint8_t *)"\12\1\0\7", 4}},
        {false, {owner, TYPE_A, CLASS_IN, 60, (const uint8_t *)"\12\2\0\7", 4}},
        {false, {owner, TYPE_A, CLASS_IN, 90, (const uint8_t *)"\12\1\1\0", 4}}};
    assert_int_equal(policy_zone_apply(old, changes, 3, &new), 0);
    kept.count = 0;
    assert_int_equal(policy_zone_diff(old, new, keep_change, &kept), 0);
    assert_int_equal(kept.count, 4);
    assert_true(kept.changes[1].remove && !kept.changes[2].remove);
    policy_zone_unref(old);
    policy_zone_unref(new);
}

static void a_zone_can_lose_everything_and_come_back(void **state)
{
    (void)state;
    static struct list list;
    static struct policy_change changes[NAMES];
    static uint8_t owners[NAMES][NAME_MAX_BYTES];
    struct dice dice = {12};
    struct policy_zone_counts counts;
    random_list(&dice, &list);
    struct policy_zone *full = build_list(&list), *empty, *again;
    size_t count = 0;
    for (unsigned i = 0; i < NAMES; i++)
        if (list.has[i]) {
            changes[count] = (struct policy_change){true, listed_record(i, list.has[i], owners[count])};
            count++;
        }
    assert_int_equal(policy_zone_apply(full, changes, count, &empty), 0);
    policy_zone_count(empty, &counts);
    assert_int_equal(counts.records, 1);
    for (unsigned t = 0; t < RPZ_TRIGGERS; t++)
        assert_int_equal(counts.rules[t], 0);
    bool exists = true;
    assert_int_equal(policy_zone_at(empty, wire("example." ORIGIN), &exists, add_type, &(unsigned){0}), 0);
    assert_false(exists);
    for (size_t i = 0; i < count; i++)
        changes[i].remove = false;
    assert_int_equal(policy_zone_apply(empty, changes, count, &again), 0);
    assert_same_list(&dice, again, full);
    policy_zone_unref(full);
    policy_zone_unref(empty);
    policy_zone_unref(again);
}

/* --- threads -------------------------------------------------------------------------------------------- */

enum { READERS = 2, ROUNDS = 60 };

struct shared {
    pthread_mutex_t mutex; /* guards the pointer, not the versions */
    struct policy_zone *zone;
    atomic_bool done;
};

static void *read_on(void *context)
{
    struct shared *shared = context;
    while (!shared->done) {
        pthread_mutex_lock(&shared->mutex);
        struct policy_zone *zone = policy_zone_ref(shared->zone);
        pthread_mutex_unlock(&shared->mutex);
        uint64_t first = version_digest(zone);
        assert_true(version_digest(zone) == first);
        policy_zone_unref(zone); /* now and then this is the last one */
    }
    return NULL;
}

static void versions_are_read_and_given_up_by_other_threads(void **state)
{
    (void)state;
    static struct list list;
    struct dice dice = {99};
    random_list(&dice, &list);
    struct shared shared = {.mutex = PTHREAD_MUTEX_INITIALIZER, .zone = build_list(&list)};
    pthread_t readers[READERS];
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &shared), 0);
    for (unsigned turn = 0; turn < ROUNDS; turn++) {
        struct policy_zone *old = shared.zone, *made = change_list_at_random(&dice, &list, old);
        pthread_mutex_lock(&shared.mutex);
        shared.zone = made;
        pthread_mutex_unlock(&shared.mutex);
        policy_zone_unref(old);
    }
    shared.done = true;
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    struct policy_zone *rebuilt = build_list(&list);
    assert_same_list(&dice, shared.zone, rebuilt);
    policy_zone_unref(rebuilt);
    policy_zone_unref(shared.zone);
}

/* --- sizes and orders ------------------------------------------------------------------------------------
 */

static int add_again(void *context, const struct policy_record *record)
{
    return policy_builder_add(context, record) < 0 ? -1 : 0;
}

/* `number` names of `labels` labels of 57 characters. */
static struct policy_zone *build_long_names(unsigned number, unsigned labels)
{
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    struct policy_record record = {wire(ORIGIN), TYPE_SOA, CLASS_IN, 1, (const uint8_t[22]){0}, 22};
    struct policy_zone *zone;
    assert_int_equal(policy_builder_add(builder, &record), RPZ_SKIP_APEX_SOA_NS);
    for (unsigned i = 0; i < number; i++) {
        char text[NAME_TEXT_MAX];
        size_t length = 0;
        for (unsigned label = 0; label < labels; label++)
            length += (size_t)snprintf(text + length, sizeof text - length, "%057u.", label ? label : i);
        snprintf(text + length, sizeof text - length, ORIGIN);
        record = (struct policy_record){wire(text), TYPE_CNAME, CLASS_IN, 60, (const uint8_t[1]){0}, 1};
        assert_int_equal(policy_builder_add(builder, &record), RPZ_KEPT);
    }
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
    return perhaps_through_image(zone);
}

static void names_may_all_be_long(void **state)
{
    (void)state;
    enum { NUMBER = 20000 };
    for (unsigned labels = 1; labels <= 4; labels++) {
        struct policy_zone *zone = build_long_names(NUMBER, labels);
        struct policy_zone_counts counts;
        policy_zone_count(zone, &counts);
        assert_int_equal(counts.rules[RPZ_QNAME], NUMBER);
        policy_zone_unref(zone);
    }
}

/* The order of the hashes fills one leaf after the other. */
static void a_version_can_be_built_in_the_order_of_another(void **state)
{
    (void)state;
    for (unsigned labels = 1; labels <= 4; labels += 3) {
        struct policy_zone *zone = build_long_names(50000, labels), *again;
        struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
        assert_int_equal(policy_zone_each(zone, add_again, builder), 0);
        assert_int_equal(policy_builder_finish(builder, &again), 0);
        assert_alike_counts(zone, again, false);
        assert_true(version_digest(zone) == version_digest(again));
        policy_zone_unref(zone);
        policy_zone_unref(again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_of_deltas_makes_what_rebuilding_makes),
        cmocka_unit_test(large_zones_change_as_if_rebuilt_and_do_not_grow),
        cmocka_unit_test(a_diff_of_large_zones_leads_from_one_to_the_other),
        cmocka_unit_test(a_diff_of_many_records_at_one_owner),
        cmocka_unit_test(a_zone_can_lose_everything_and_come_back),
        cmocka_unit_test(names_may_all_be_long),
        cmocka_unit_test(a_version_can_be_built_in_the_order_of_another),
        cmocka_unit_test(versions_are_read_and_given_up_by_other_threads),
    };
    return RUN_TESTS(tests);
}
