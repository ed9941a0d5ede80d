/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes as an IXFR brings them, and what they make of a version, plain zone and policy zone alike. */
#include <stdlib.h>

#include "changetext.h"

static const char text_before[] = "@ 3600 SOA ns.z. root.z. 7 7200 1800 2592000 3600\n"
                                  "@ NS ns.z.\n"
                                  "a.com CNAME .\n"
                                  "b.com A 192.0.2.1\n"
                                  "b.com A 192.0.2.2\n";
static const char text_after[] = "@ 3600 SOA ns.z. root.z. 8 7200 1800 2592000 3600\n"
                                 "@ NS ns.z.\n"
                                 "b.com A 192.0.2.2\n"
                                 "c.com CNAME .\n";

static struct zone_changes *step(void)
{
    struct zone_changes *changes = zone_changes_new();
    change(changes, true,
           "@ 3600 SOA ns.z. root.z. 7 7200 1800 2592000 3600\na.com CNAME .\nb.com A 192.0.2.1\n");
    change(changes, false, "@ 3600 SOA ns.z. root.z. 8 7200 1800 2592000 3600\nc.com CNAME .\n");
    return changes;
}

struct listing {
    char lines[40][400];
    size_t count;
};

static int list_record(void *context, const struct policy_record *record)
{
    struct listing *listing = context;
    char owner[NAME_TEXT_MAX], data[300];
    snprintf(listing->lines[listing->count++], sizeof listing->lines[0], "%s %u %u %s",
             name_to_text(record->owner, owner), record->ttl_s, record->type,
             rdata_to_text(record->type, record->rdata, record->rdata_length, data, sizeof data));
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void assert_same(const struct zone_content *a, const struct zone_content *b)
{
    static struct listing left, right;
    left.count = right.count = 0;
    assert_int_equal(zone_content_each(a, list_record, &left), 0);
    assert_int_equal(zone_content_each(b, list_record, &right), 0);
    assert_int_equal(left.count, right.count);
    qsort(left.lines, left.count, sizeof left.lines[0], by_text);
    qsort(right.lines, right.count, sizeof right.lines[0], by_text);
    for (size_t i = 0; i < left.count; i++)
        assert_string_equal(left.lines[i], right.lines[i]);
}

static void check_step(struct zone_content *before, struct zone_content *after)
{
    struct zone_changes *changes = step();
    struct zone_content *made = NULL;
    const char *why;
    assert_int_equal(zone_content_apply(before, changes, &made, &why), 0);
    assert_same(made, after);
    assert_int_equal(zone_content_serial(made), 8);
    assert_int_equal(zone_content_serial(before), 7);
    zone_content_unref(made);
    zone_content_unref(before);
    zone_content_unref(after);
    zone_changes_free(changes);
}

static void a_plain_zone_takes_a_step(void **state)
{
    (void)state;
    check_step(zone_of("z.", text_before), zone_of("z.", text_after));
}

static void a_policy_zone_takes_a_step(void **state)
{
    (void)state;
    check_step(policy_of("z.", text_before), policy_of("z.", text_after));
}

static void serials_are_those_of_the_first_and_last_soa(void **state)
{
    (void)state;
    uint32_t from, to;
    struct zone_changes *changes = step();
    change(changes, true, "@ 3600 SOA ns.z. root.z. 8 7200 1800 2592000 3600\n");
    change(changes, false, "@ 3600 SOA ns.z. root.z. 4294967290 7200 1800 2592000 3600\n");
    assert_int_equal(zone_changes_serials(changes, &from, &to), 0);
    assert_int_equal(from, 7);
    assert_int_equal(to, 4294967290u);
    zone_changes_free(changes);
    changes = zone_changes_new();
    change(changes, false, "c.com CNAME .\n");
    assert_int_equal(zone_changes_serials(changes, &from, &to), ERR_MALFORMED);
    zone_changes_free(changes);
}

static void removing_what_is_not_there_makes_nothing(void **state)
{
    (void)state;
    struct zone_content *zones[] = {zone_of("z.", text_before), policy_of("z.", text_before)};
    for (size_t i = 0; i < 2; i++) {
        struct zone_changes *changes = step();
        struct zone_content *made = NULL;
        const char *why;
        change(changes, true, "b.com A 192.0.2.9\n");
        assert_int_equal(zone_content_apply(zones[i], changes, &made, &why), ERR_NOT_FOUND);
        assert_null(made);
        zone_changes_free(changes);
        zone_content_unref(zones[i]);
    }
}

static void the_order_counts(void **state)
{
    (void)state;
    struct zone_content *before = zone_of("z.", text_before), *made = NULL;
    struct zone_changes *changes = step();
    const char *why;
    change(changes, true, "c.com CNAME .\n");
    change(changes, false, "c.com 60 CNAME x.z.\n");
    change(changes, true, "c.com 60 CNAME x.z.\n");
    change(changes, false, "c.com CNAME .\n");
    assert_int_equal(zone_content_apply(before, changes, &made, &why), 0);
    struct zone_content *after = zone_of("z.", text_after);
    assert_same(made, after);
    zone_content_unref(made);
    zone_content_unref(after);
    zone_content_unref(before);
    zone_changes_free(changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_zone_takes_a_step),
        cmocka_unit_test(a_policy_zone_takes_a_step),
        cmocka_unit_test(serials_are_those_of_the_first_and_last_soa),
        cmocka_unit_test(removing_what_is_not_there_makes_nothing),
        cmocka_unit_test(the_order_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
