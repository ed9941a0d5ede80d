/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "candorctl/human.h"

static char text[HUMAN_MAX];

static void bytes_have_a_unit_and_two_or_three_digits(void **state)
{
    (void)state;
    assert_string_equal("0 B", human_bytes(0, text));
    assert_string_equal("1023 B", human_bytes(1023, text));
    assert_string_equal("1.0 KiB", human_bytes(1024, text));
    assert_string_equal("1.5 KiB", human_bytes(1536, text));
    assert_string_equal("10 KiB", human_bytes(10239, text));
    assert_string_equal("1.0 MiB", human_bytes(1024 * 1024 - 1, text));
    assert_string_equal("4.7 GiB", human_bytes(5 * INT64_C(1000000000), text));
    assert_string_equal("5000 TiB", human_bytes(INT64_C(5000) << 40, text));
}

static void counts_are_grouped_by_thousands(void **state)
{
    (void)state;
    assert_string_equal("0", human_count(0, text));
    assert_string_equal("999", human_count(999, text));
    assert_string_equal("1,000", human_count(1000, text));
    assert_string_equal("-123,456", human_count(-123456, text));
    assert_string_equal("1,234,567", human_count(1234567, text));
    assert_string_equal("9,223,372,036,854,775,807", human_count(INT64_MAX, text));
}

static void durations_have_at_most_two_parts(void **state)
{
    (void)state;
    assert_string_equal("0 s", human_duration(0, text));
    assert_string_equal("59 s", human_duration(59, text));
    assert_string_equal("1 min", human_duration(60, text));
    assert_string_equal("3 min 5 s", human_duration(185, text));
    assert_string_equal("2 h 10 min", human_duration(7801, text));
    assert_string_equal("1 d", human_duration(86400 + 59, text));
    assert_string_equal("5 d 3 h", human_duration(5 * 86400 + 3 * 3600 + 1, text));
}

static void times_are_local_with_how_long_ago(void **state)
{
    (void)state;
    setenv("TZ", "UTC", 1);
    assert_string_equal("never", human_time(0, 100, text));
    assert_string_equal("2023-11-14 22:13:20 (1 min ago)", human_time(1700000000, 1700000060, text));
    assert_string_equal("2023-11-14 22:13:20", human_time(1700000000, 0, text));
}

static void an_rname_is_a_mailbox(void **state)
{
    (void)state;
    char mailbox[40];
    assert_string_equal("hostmaster@example.org",
                        human_mailbox("hostmaster.example.org.", mailbox, sizeof mailbox));
    assert_string_equal("host.master@example.org",
                        human_mailbox("host\\.master.example.org.", mailbox, sizeof mailbox));
    assert_string_equal("root", human_mailbox("root.", mailbox, sizeof mailbox));
    assert_string_equal("", human_mailbox(".", mailbox, sizeof mailbox));
    assert_string_equal("", human_mailbox("", mailbox, sizeof mailbox));
    assert_string_equal("host@exa", human_mailbox("host.example.org.", mailbox, 9));
}

static void columns_are_aligned_and_empty_ones_left_out(void **state)
{
    (void)state;
    struct table table;
    char *printed = NULL;
    size_t length;
    FILE *out = open_memstream(&printed, &length);
    table_begin(&table, "NAME", "EMPTY", ">N", "LAST", NULL);
    table_row(&table, (const char *const[]){"b\303\274cher", "", "7", "x"});
    table_row(&table, (const char *const[]){"a", NULL, "1,000", ""});
    table_row(&table, (const char *const[]){"longer name", "", "", "y"});
    table_print(&table, out);
    fclose(out);
    assert_string_equal("NAME             N  LAST\n"
                        "b\303\274cher           7  x\n"
                        "a            1,000\n"
                        "longer name         y\n",
                        printed);
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_a_unit_and_two_or_three_digits),
        cmocka_unit_test(counts_are_grouped_by_thousands),
        cmocka_unit_test(durations_have_at_most_two_parts),
        cmocka_unit_test(times_are_local_with_how_long_ago),
        cmocka_unit_test(an_rname_is_a_mailbox),
        cmocka_unit_test(columns_are_aligned_and_empty_ones_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
