/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/table.h"

#include "../unit.h"

#include "dns/name.h"

/* Origins as they come to stand in a table. */
struct names {
    uint8_t bytes[8][NAME_MAX_BYTES];
    struct zone_table_entry entries[8];
    size_t count;
};

static void add(struct names *names, const char *origin, struct zone_content *content, void *owner)
{
    uint8_t *name = names->bytes[names->count];
    assert_true(name_from_text(origin, NULL, name) > 0);
    names->entries[names->count++] = (struct zone_table_entry){name, content, owner};
}

/* The origin of the zone that holds `name`, as text; "none". */
static const char *found(const struct zone_table *table, const char *name, bool parent_side)
{
    static char text[NAME_TEXT_MAX];
    uint8_t wire[NAME_MAX_BYTES];
    assert_true(name_from_text(name, NULL, wire) > 0);
    const struct zone_table_entry *entry = zone_table_find(table, wire, parent_side);
    return entry ? name_to_text(entry->origin, text) : "none";
}

static struct zone_table *three_zones(void)
{
    struct names names = {.count = 0};
    add(&names, "example.net.", NULL, NULL);
    add(&names, "sub.example.net.", NULL, NULL);
    add(&names, "10.in-addr.arpa.", NULL, NULL);
    struct zone_table *table = zone_table_new(names.entries, names.count);
    assert_non_null(table);
    return table;
}

static void the_deepest_zone_holds_a_name(void **state)
{
    (void)state;
    struct zone_table *table = three_zones();
    assert_string_equal(found(table, "example.net.", false), "example.net.");
    assert_string_equal(found(table, "a.b.example.net.", false), "example.net.");
    assert_string_equal(found(table, "sub.example.net.", false), "sub.example.net.");
    assert_string_equal(found(table, "x.sub.example.net.", false), "sub.example.net.");
    assert_string_equal(found(table, "1.2.3.10.in-addr.arpa.", false), "10.in-addr.arpa.");
    zone_table_unref(table);
}

static void names_outside_have_no_zone(void **state)
{
    (void)state;
    struct zone_table *table = three_zones();
    assert_string_equal(found(table, "net.", false), "none");
    assert_string_equal(found(table, ".", false), "none");
    assert_string_equal(found(table, "notexample.net.", false), "none");
    assert_string_equal(found(table, "example.net.com.", false), "none");
    assert_string_equal(found(table, "11.in-addr.arpa.", false), "none");
    zone_table_unref(table);
}

static void ds_at_an_apex_is_looked_for_in_the_parent(void **state)
{
    (void)state;
    struct zone_table *table = three_zones();
    assert_string_equal(found(table, "sub.example.net.", true), "example.net.");
    assert_string_equal(found(table, "x.sub.example.net.", true), "sub.example.net.");
    assert_string_equal(found(table, "example.net.", true), "none");
    assert_string_equal(found(table, ".", true), "none");
    zone_table_unref(table);
}

static void a_root_zone_holds_everything_else(void **state)
{
    (void)state;
    struct names names = {.count = 0};
    add(&names, ".", NULL, NULL);
    add(&names, "example.net.", NULL, NULL);
    struct zone_table *table = zone_table_new(names.entries, names.count);
    assert_string_equal(found(table, "a.com.", false), ".");
    assert_string_equal(found(table, ".", false), ".");
    assert_string_equal(found(table, "a.example.net.", false), "example.net.");
    assert_string_equal(found(table, "com.", true), ".");
    zone_table_unref(table);
}

static void an_empty_table_holds_nothing(void **state)
{
    (void)state;
    struct zone_table *table = zone_table_new(NULL, 0);
    assert_non_null(table);
    assert_string_equal(found(table, "example.net.", false), "none");
    assert_string_equal(found(table, ".", false), "none");
    assert_int_equal(zone_table_count(table), 0);
    zone_table_unref(table);
}

static void of_two_entries_with_one_origin_the_later_wins(void **state)
{
    (void)state;
    int first, second;
    uint8_t origin[NAME_MAX_BYTES];
    assert_true(name_from_text("example.net.", NULL, origin) > 0);
    struct zone_content *content = zone_content_empty(origin);
    struct names names = {.count = 0};
    add(&names, "example.net.", content, &first);
    add(&names, "example.net.", NULL, &second);
    struct zone_table *table = zone_table_new(names.entries, names.count);
    assert_int_equal(zone_table_count(table), 1);
    assert_ptr_equal(zone_table_get(table, 0)->owner, &second);
    assert_null(zone_table_get(table, 0)->content);
    zone_table_unref(table);
    zone_content_unref(content);
}

static void a_table_keeps_its_contents_alive(void **state)
{
    (void)state;
    uint8_t origin[NAME_MAX_BYTES];
    assert_true(name_from_text("example.net.", NULL, origin) > 0);
    struct zone_content *content = zone_content_empty(origin);
    struct names names = {.count = 0};
    add(&names, "example.net.", content, NULL);
    struct zone_table *table = zone_table_new(names.entries, names.count);
    zone_content_unref(content);
    struct zone_table *second = zone_table_ref(table);
    zone_table_unref(table);
    const struct zone_table_entry *entry = zone_table_find(second, origin, false);
    assert_int_equal(zone_content_records(entry->content), 2);
    zone_table_unref(second);
}

static void the_empty_zones_are_bind_s(void **state)
{
    (void)state;
    size_t count = 0;
    for (; zone_empty_names[count]; count++) {
        uint8_t name[NAME_MAX_BYTES], lower[NAME_MAX_BYTES];
        assert_true(name_from_text(zone_empty_names[count], NULL, name) > 0);
        size_t length = name_copy_lower(lower, name);
        assert_memory_equal(name, lower, length);
    }
    /* named 9.18 says "automatic empty zone" this often. */
    assert_int_equal(count, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_deepest_zone_holds_a_name),
        cmocka_unit_test(names_outside_have_no_zone),
        cmocka_unit_test(ds_at_an_apex_is_looked_for_in_the_parent),
        cmocka_unit_test(a_root_zone_holds_everything_else),
        cmocka_unit_test(an_empty_table_holds_nothing),
        cmocka_unit_test(of_two_entries_with_one_origin_the_later_wins),
        cmocka_unit_test(a_table_keeps_its_contents_alive),
        cmocka_unit_test(the_empty_zones_are_bind_s),
    };
    return RUN_TESTS(tests);
}
