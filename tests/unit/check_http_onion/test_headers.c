// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "check_http_onion/headers.h"

static struct arena arena;

static void any_case_and_white_space(void **state)
{
    (void)state;
    assert_string_equal(header_value(&arena, "A: b\r\nlOcAtIoN: \t /x \r\n", "Location"), "/x");
}

static void name_must_be_whole_and_at_the_line_start(void **state)
{
    (void)state;
    assert_null(header_value(&arena, "X-Location: /x\r\nLocations: /y\r\n", "Location"));
    assert_null(header_value(&arena, "A: b\r\n Location: /x\r\n", "Location"));
}

static void continuation_lines_are_joined(void **state)
{
    (void)state;
    assert_string_equal(header_value(&arena, "A: one\r\n\ttwo\r\n  three\r\nB: c", "a"), "one two three");
}

static void an_empty_value_is_empty_and_the_first_counts(void **state)
{
    (void)state;
    assert_string_equal(header_value(&arena, "Date:\r\nDate: x\r\n", "Date"), "");
    assert_string_equal(header_value(&arena, "A: no line end", "A"), "no line end");
    assert_null(header_value(&arena, "", "A"));
}

static void dates(void **state)
{
    (void)state;
    assert_int_equal(http_date_s("Tue, 25 Dec 2001 02:59:03 GMT"), 1009249143);
    assert_int_equal(http_date_s("Tue,  5 Dec 2001 02:59:03 GMT"), 1007521143);
    assert_int_equal(http_date_s("Tue, 35 Dec 2001 02:59:03 GMT"), 0);
    assert_int_equal(http_date_s("Tue, 25 Foo 2001 02:59:03 GMT"), 0);
    assert_int_equal(http_date_s("Tue, 25 ecF 2001 02:59:03 GMT"), 0);
    assert_int_equal(http_date_s("Tuesday, 25-Dec-01 02:59:03 GMT"), 0);
    assert_int_equal(http_date_s("Tue, 25 Dec 2001 02:59:03 CET"), 0);
    assert_int_equal(http_date_s(""), 0);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_case_and_white_space),
        cmocka_unit_test(name_must_be_whole_and_at_the_line_start),
        cmocka_unit_test(continuation_lines_are_joined),
        cmocka_unit_test(an_empty_value_is_empty_and_the_first_counts),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
