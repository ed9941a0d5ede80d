// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "plugin/range.h"

/* Does the range alert on the value? 2: it is no range. */
static int alerts(const char *text, double value)
{
    struct range range;
    return range_from_text(text, &range) ? 2 : range_alerts(&range, value);
}

static int alerts_lenient(const char *text, double value)
{
    struct range range;
    return range_from_text_lenient(text, &range) ? 2 : range_alerts(&range, value);
}

static void number_alerts_outside_zero_to_it(void **context)
{
    (void)context;
    assert_int_equal(alerts("10", 10), 0);
    assert_int_equal(alerts("10", 10.01), 1);
    assert_int_equal(alerts("10", -0.1), 1);
    assert_int_equal(alerts("10", 0), 0);
}

static void open_ends(void **context)
{
    (void)context;
    assert_int_equal(alerts("10:", 9.9), 1);
    assert_int_equal(alerts("10:", 1e300), 0);
    assert_int_equal(alerts("~:10", -1e300), 0);
    assert_int_equal(alerts("~:10", 11), 1);
}

static void at_sign_alerts_inside_bounds_included(void **context)
{
    (void)context;
    assert_int_equal(alerts("@10:20", 10), 1);
    assert_int_equal(alerts("@10:20", 20), 1);
    assert_int_equal(alerts("@10:20", 20.5), 0);
    assert_int_equal(alerts("@10:20", 9), 0);
}

static void strict_refuses_what_is_no_range(void **context)
{
    static const char *const wrong[] = {"", "abc", "10x", "5:1", "1:2:3", "@", "nan", "1e999", "x:5", "~"};
    (void)context;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(alerts(wrong[i], 1), 2);
}

static void lenient_reads_as_check_http(void **context)
{
    (void)context;
    assert_int_equal(alerts_lenient("abc", 0.5), 1);
    assert_int_equal(alerts_lenient("abc", 0), 0);
    assert_int_equal(alerts_lenient("", 1e9), 0);
    assert_int_equal(alerts_lenient("1:2", 0.5), 1);
    assert_int_equal(alerts_lenient("2junk", 1), 0);
    assert_int_equal(alerts_lenient("5:1", 3), 2);
    assert_int_equal(alerts_lenient("-1", 0), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_alerts_outside_zero_to_it),
        cmocka_unit_test(open_ends),
        cmocka_unit_test(at_sign_alerts_inside_bounds_included),
        cmocka_unit_test(strict_refuses_what_is_no_range),
        cmocka_unit_test(lenient_reads_as_check_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
