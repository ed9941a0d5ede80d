/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include "dns/consts.h"

static void types_go_there_and_back(void **state)
{
    (void)state;
    for (int type = 0; type <= UINT16_MAX; type++)
        assert_int_equal(type_from_text(type_to_text((uint16_t)type)), type);
}

static void types_are_read_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(type_from_text("aaaa"), TYPE_AAAA);
    assert_int_equal(type_from_text("Https"), TYPE_HTTPS);
    assert_int_equal(type_from_text("any"), TYPE_ANY);
    assert_int_equal(type_from_text("type65280"), 65280);
    assert_int_equal(type_from_text("TYPE1"), TYPE_A);
    assert_string_equal(type_to_text(TYPE_A), "A");
    assert_string_equal(type_to_text(65280), "TYPE65280");
}

static void words_that_are_no_type_are_not_found(void **state)
{
    (void)state;
    static const char *const words[] = {"", "AA", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "IN", "TYPE 1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(type_from_text(words[i]), ERR_NOT_FOUND);
}

static void classes_and_rcodes_have_words(void **state)
{
    (void)state;
    assert_string_equal(class_to_text(CLASS_IN), "IN");
    assert_string_equal(class_to_text(7), "CLASS7");
    assert_string_equal(rcode_to_text(RCODE_NXDOMAIN), "NXDOMAIN");
    assert_string_equal(rcode_to_text(RCODE_BADCOOKIE), "BADCOOKIE");
    assert_string_equal(rcode_to_text(17), "RCODE17");
    assert_string_equal(rcode_to_text(4095), "RCODE4095");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_go_there_and_back),
        cmocka_unit_test(types_are_read_in_any_case),
        cmocka_unit_test(words_that_are_no_type_are_not_found),
        cmocka_unit_test(classes_and_rcodes_have_words),
    };
    return RUN_TESTS(tests);
}
