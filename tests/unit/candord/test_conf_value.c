/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include "candord/conf_value.h"

static void durations_in_all_their_forms(void **state)
{
    static const struct {
        const char *text;
        uint32_t seconds;
    } good[] = {{"0", 0},          {"3600", 3600},
                {"1h", 3600},      {"2h30m", 9000},
                {"1W2D", 777600},  {"30s", 30},
                {"30m1h", 5400},   {"PT1H", 3600},
                {"pt1h30m", 5400}, {"P1DT12H", 129600},
                {"P2W", 1209600},  {"PT0S", 0},
                {"P1M", 2678400},  {"4294967295", UINT32_MAX},
                {"P1Y", 31536000}};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint32_t seconds = 12345;
        assert_int_equal(conf_duration(good[i].text, &seconds), 0);
        assert_int_equal(seconds, good[i].seconds);
    }
}

static void broken_durations_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "h",
                                      "1x",
                                      "1h30",
                                      "-1",
                                      "1 h",
                                      "P",
                                      "PT",
                                      "P1H",
                                      "PT1",
                                      "PT1D",
                                      "1.5h",
                                      "4294967296",
                                      "P1DT",
                                      "1hh",
                                      "PT1M1H",
                                      "99999999999999999999",
                                      "4294967295w",
                                      "unlimited"};
    (void)state;
    uint32_t seconds;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(conf_duration(bad[i], &seconds) < 0);
}

static void sizes_take_units(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_int_equal(conf_size("0", &bytes), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(conf_size("256m", &bytes), 0);
    assert_int_equal(bytes, 256u << 20);
    assert_int_equal(conf_size("2G", &bytes), 0);
    assert_int_equal(bytes, UINT64_C(2) << 30);
    assert_int_equal(conf_size("18446744073709551615", &bytes), 0);
    assert_true(conf_size("18446744073709551616", &bytes) < 0);
    assert_true(conf_size("18446744073709551615k", &bytes) < 0);
    assert_true(conf_size("1mb", &bytes) < 0);
    assert_true(conf_size("m", &bytes) < 0);
    assert_true(conf_size("", &bytes) < 0);
}

static void percentages_ports_and_booleans(void **state)
{
    (void)state;
    unsigned percent;
    uint16_t port;
    bool yes;
    assert_int_equal(conf_percent("50%", &percent), 0);
    assert_int_equal(percent, 50);
    assert_true(conf_percent("50", &percent) < 0);
    assert_true(conf_percent("%", &percent) < 0);
    assert_int_equal(conf_port("65535", &port), 0);
    assert_true(conf_port("65536", &port) < 0);
    assert_true(conf_port("", &port) < 0);
    assert_int_equal(conf_bool("TRUE", &yes), 0);
    assert_true(yes);
    assert_int_equal(conf_bool("0", &yes), 0);
    assert_false(yes);
    assert_true(conf_bool("on", &yes) < 0);
}

static void base64_and_hexadecimal(void **state)
{
    (void)state;
    uint8_t out[16];
    size_t length;
    assert_int_equal(conf_base64("YWJjZA==", out, &length), 0);
    assert_int_equal(length, 4);
    assert_memory_equal(out, "abcd", 4);
    assert_int_equal(conf_base64("YW Jj", out, &length), 0);
    assert_int_equal(length, 3);
    assert_true(conf_base64("YWJjZA=", out, &length) < 0);
    assert_true(conf_base64("YW=j", out, &length) < 0);
    assert_true(conf_base64("", out, &length) < 0);
    assert_int_equal(conf_hex("00fF", out, sizeof out, &length), 0);
    assert_int_equal(length, 2);
    assert_memory_equal(out, "\x00\xff", 2);
    assert_true(conf_hex("0", out, sizeof out, &length) < 0);
    assert_true(conf_hex("0g", out, sizeof out, &length) < 0);
    assert_int_equal(conf_hex("000102030405060708090a0b0c0d0e0f10", out, sizeof out, &length), ERR_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_in_all_their_forms),
        cmocka_unit_test(broken_durations_are_refused),
        cmocka_unit_test(sizes_take_units),
        cmocka_unit_test(percentages_ports_and_booleans),
        cmocka_unit_test(base64_and_hexadecimal),
    };
    return RUN_TESTS(tests);
}
