// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_http_onion/extra_opts.h"

static struct arena arena;
static const char INI[] =
    "; a comment\n[other]\nx=y\n[check_http]\n hostname = www.x.test \n\nS\nw=5\nsni\n# end\n[last]\n";

static void keys_become_options(void **state)
{
    char *out[8];
    (void)state;
    assert_int_equal(extra_opts_section(&arena, INI, "check_http", out, 8), 4);
    assert_string_equal(out[0], "--hostname=www.x.test");
    assert_string_equal(out[1], "-S");
    assert_string_equal(out[2], "-w5");
    assert_string_equal(out[3], "--sni");
    assert_int_equal(extra_opts_section(&arena, INI, "last", out, 8), 0);
}

static void sections_that_are_not_there_and_too_many_keys(void **state)
{
    char *out[8];
    (void)state;
    assert_int_equal(extra_opts_section(&arena, INI, "nothing", out, 8), ERR_NOT_FOUND);
    assert_int_equal(extra_opts_section(&arena, INI, "check", out, 8), ERR_NOT_FOUND);
    assert_int_equal(extra_opts_section(&arena, INI, "check_http", out, 3), ERR_LIMIT);
    assert_int_equal(extra_opts_section(&arena, "", "x", out, 3), ERR_NOT_FOUND);
}

static void the_word_is_replaced_where_it_stands(void **state)
{
    char name[] = "/tmp/onion-ini-XXXXXX", word[64];
    const char *why;
    int fd = mkstemp(name);
    (void)state;
    assert_int_equal(write(fd, INI, sizeof INI - 1), sizeof INI - 1);
    close(fd);
    snprintf(word, sizeof word, "--extra-opts=@%s", name);
    char *line[] = {"check", "-v", word, "-t", "3", NULL}, **argv = line;
    int argc = 5;
    assert_int_equal(extra_opts_expand(&arena, &argc, &argv, &why), 0);
    assert_int_equal(argc, 8);
    assert_string_equal(argv[2], "--hostname=www.x.test");
    assert_string_equal(argv[7], "3");
    assert_null(argv[8]);
    unlink(name);
    argv = line;
    argc = 5;
    assert_true(extra_opts_expand(&arena, &argc, &argv, &why) < 0);
    assert_string_equal(why, "Can't read config file: No such file or directory\n");
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
        cmocka_unit_test(keys_become_options),
        cmocka_unit_test(sections_that_are_not_there_and_too_many_keys),
        cmocka_unit_test(the_word_is_replaced_where_it_stands),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
