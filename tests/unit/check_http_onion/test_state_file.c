// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_http_onion/state_file.h"

#define FIRST "check_http_onion state 1\n"

static char folder[64], path[96];

static void a_failure_is_remembered_and_forgotten(void **state)
{
    char text[256], next[256];
    int64_t since;
    (void)state;
    assert_int_equal(state_change("", "a", EVENT_BAD, 100, text, sizeof text, &since), 0);
    assert_int_equal(since, 100);
    assert_string_equal(text, FIRST "100 a\n");
    assert_int_equal(state_change(text, "a", EVENT_BAD, 160, next, sizeof next, &since), 0);
    assert_int_equal(since, 100);
    assert_int_equal(state_change(next, "a", EVENT_NOTHING, 170, text, sizeof text, &since), 0);
    assert_int_equal(since, 100);
    assert_int_equal(state_change(text, "a", EVENT_GOOD, 180, next, sizeof next, &since), 0);
    assert_int_equal(since, 0);
    assert_string_equal(next, FIRST);
}

static void services_do_not_disturb_each_other(void **state)
{
    char text[256];
    int64_t since;
    (void)state;
    assert_int_equal(state_change(FIRST "5 a\n6 ab\n", "ab", EVENT_GOOD, 9, text, sizeof text, &since), 0);
    assert_string_equal(text, FIRST "5 a\n");
    assert_int_equal(state_change(FIRST "5 a\n", "b", EVENT_NOTHING, 9, text, sizeof text, &since), 0);
    assert_string_equal(text, FIRST "5 a\n");
}

static void a_clock_set_back_does_not_make_a_failure_of_the_future(void **state)
{
    char text[256];
    int64_t since;
    (void)state;
    assert_int_equal(state_change(FIRST "500 a\n", "a", EVENT_BAD, 100, text, sizeof text, &since), 0);
    assert_int_equal(since, 100);
}

static void what_is_no_state_file_is_refused(void **state)
{
    static const char *const broken[] = {"x",
                                         "5 a\n",
                                         FIRST "a\n",
                                         FIRST "5 a",
                                         FIRST "5\n",
                                         FIRST " 5 a\n",
                                         FIRST "5 \n",
                                         FIRST "99999999999999999999 a\n",
                                         FIRST "-5 a\n",
                                         FIRST "\n"};
    char text[256];
    int64_t since;
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(state_change(broken[i], "k", EVENT_BAD, 1, text, sizeof text, &since),
                         ERR_MALFORMED);
    assert_int_equal(state_change(FIRST "5 aaaaaaaa\n", "k", EVENT_BAD, 1, text, 30, &since), ERR_SPACE);
}

static void a_broken_file_is_set_aside(void **state)
{
    char aside[128], content[8] = "";
    (void)state;
    FILE *f = fopen(path, "w");
    fputs("junk\n", f);
    fclose(f);
    struct state_facts facts = state_note(path, "a", EVENT_BAD, 100, 100);
    assert_int_equal(facts.error, 0);
    assert_true(facts.was_broken);
    assert_int_equal(facts.failing_since_s, 100);
    snprintf(aside, sizeof aside, "%s.broken", path);
    f = fopen(aside, "r");
    assert_non_null(f);
    assert_non_null(fgets(content, sizeof content, f));
    fclose(f);
    assert_string_equal(content, "junk\n");
    facts = state_note(path, "a", EVENT_BAD, 130, 100);
    assert_false(facts.was_broken);
    assert_int_equal(facts.failing_since_s, 100);
    assert_int_equal(state_note(path, "a", EVENT_GOOD, 140, 100).failing_since_s, 0);
}

static void parallel_runs_lose_nothing(void **state)
{
    enum { RUNS = 12 };
    char key[8];
    (void)state;
    for (int i = 0; i < RUNS; i++)
        if (fork() == 0) {
            snprintf(key, sizeof key, "k%d", i);
            _exit(state_note(path, key, EVENT_BAD, 1000 + i, 10000).error != 0);
        }
    for (int i = 0; i < RUNS; i++) {
        int status = -1;
        wait(&status);
        assert_int_equal(status, 0);
    }
    for (int i = 0; i < RUNS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(state_note(path, key, EVENT_NOTHING, 5000, 100).failing_since_s, 1000 + i);
    }
}

static void a_place_that_cannot_be_written_is_told(void **state)
{
    (void)state;
    assert_true(state_note("/nonexistent/file", "a", EVENT_BAD, 1, 10).error < 0);
}

static void a_symbolic_link_is_not_followed(void **state)
{
    char other[128];
    (void)state;
    snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(symlink(path, other), 0);
    assert_true(state_note(other, "a", EVENT_BAD, 1, 10).error < 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/onion-state-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/state", folder);
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"state", "state.lock", "state.broken", "link", "link.lock"};
    char name[160];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s/%s", folder, names[i]);
        unlink(name);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_remembered_and_forgotten),
        cmocka_unit_test(services_do_not_disturb_each_other),
        cmocka_unit_test(a_clock_set_back_does_not_make_a_failure_of_the_future),
        cmocka_unit_test(what_is_no_state_file_is_refused),
        cmocka_unit_test(a_broken_file_is_set_aside),
        cmocka_unit_test(parallel_runs_lose_nothing),
        cmocka_unit_test(a_place_that_cannot_be_written_is_told),
        cmocka_unit_test(a_symbolic_link_is_not_followed),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
