// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"
#include <stdlib.h>

#include "plugin/result.h"

static void assert_printed(struct plugin_result result, const char *expected)
{
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    assert_int_equal(result_print(&result, to), 0);
    fclose(to);
    assert_string_equal(text, expected);
    free(text);
}

static void one_line_with_performance_data(void **context)
{
    (void)context;
    assert_printed((struct plugin_result){.line = "HTTP OK: fine ", .perfdata = "a=1;;;;"},
                   "HTTP OK: fine |a=1;;;;\n");
}

static void no_bar_without_performance_data(void **context)
{
    (void)context;
    assert_printed((struct plugin_result){.line = "X"}, "X\n");
}

static void before_and_after(void **context)
{
    (void)context;
    assert_printed((struct plugin_result){.before = "v\n", .line = "X", .perfdata = "p", .after = "body\n"},
                   "v\nX|p\nbody\n");
}

static void failure_to_write_is_told(void **context)
{
    (void)context;
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    struct plugin_result result = {.line = "X"};
    assert_true(result_print(&result, full) < 0);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_with_performance_data),
        cmocka_unit_test(no_bar_without_performance_data),
        cmocka_unit_test(before_and_after),
        cmocka_unit_test(failure_to_write_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
