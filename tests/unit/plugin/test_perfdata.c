// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"
#include <math.h>

#include "plugin/perfdata.h"

static struct arena arena;

static void absent_bounds_are_empty(void **context)
{
    (void)context;
    struct perf_item item = perf_item("size", 68, "B", 0);
    assert_string_equal(perf_item_text(&arena, &item), "size=68B;;;;");
}

static void all_bounds_with_decimals(void **context)
{
    (void)context;
    struct perf_item item = perf_item("time", 0.25, "s", 6);
    item.warn = 1;
    item.crit = 2;
    item.min = 0;
    item.max = 10;
    assert_string_equal(perf_item_text(&arena, &item), "time=0.250000s;1.000000;2.000000;0.000000;10.000000");
}

static void unknown_value_is_u_without_unit(void **context)
{
    (void)context;
    struct perf_item item = perf_item("age", NAN, "s", 0);
    assert_string_equal(perf_item_text(&arena, &item), "age=U;;;;");
}

static void label_with_space_is_quoted(void **context)
{
    (void)context;
    struct perf_item item = perf_item("a b", 1, "", 0);
    assert_string_equal(perf_item_text(&arena, &item), "'a b'=1;;;;");
}

static void huge_values_fit(void **context)
{
    (void)context;
    struct perf_item item = perf_item("x", 1.7e308, "", 6);
    char *text = perf_item_text(&arena, &item);
    assert_memory_equal(text, "x=16", 4);
}

static int setup(void **context)
{
    (void)context;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **context)
{
    (void)context;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_bounds_are_empty),
        cmocka_unit_test(all_bounds_with_decimals),
        cmocka_unit_test(unknown_value_is_u_without_unit),
        cmocka_unit_test(label_with_space_is_quoted),
        cmocka_unit_test(huge_values_fit),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
