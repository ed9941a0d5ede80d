// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"
#include <string.h>

#include "plugin/text.h"

static void assert_safe(const char *from, bool keep_lines, const char *to)
{
    char text[64];
    strcpy(text, from);
    assert_string_equal(text_make_safe(text, keep_lines), to);
}

static void bar_cannot_begin_performance_data(void **context)
{
    (void)context;
    assert_safe("a | b=1", false, "a / b=1");
}

static void control_characters_and_newlines_go(void **context)
{
    (void)context;
    assert_safe("a\nb\x1b[2Jc\x7f\r\t", false, "a?b?[2Jc???");
}

static void lines_stay_where_asked(void **context)
{
    (void)context;
    assert_safe("a\r\n\tb\x07|", true, "a\r\n\tb?/");
}

static void utf8_stays_and_what_is_none_goes(void **context)
{
    (void)context;
    assert_safe("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", false,
                "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    assert_safe("\xc3", false, "?");
    assert_safe("\xff\xc0\xaf", false, "???");
    assert_safe("\xe2\x82", false, "??");
    assert_safe("\xed\xa0\x80", false, "???");
    assert_safe("\xf5\x80\x80\x80", false, "????");
}

static void c1_controls_go(void **context)
{
    (void)context;
    assert_safe("\xc2\x9b"
                "31m",
                false, "??31m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bar_cannot_begin_performance_data),
        cmocka_unit_test(control_characters_and_newlines_go),
        cmocka_unit_test(lines_stay_where_asked),
        cmocka_unit_test(utf8_stays_and_what_is_none_goes),
        cmocka_unit_test(c1_controls_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
