// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "check_http_onion/patience.h"

static struct arena arena;
static const struct verdict down = {
    .state = STATE_CRITICAL, .service = "ONION", .judged = true, .text = "down", .about_service = true};

static void a_failure_is_a_warning_until_it_lasts(void **state)
{
    (void)state;
    struct verdict v = patience_judge(&arena, 600, 40, &down);
    assert_int_equal(v.state, STATE_WARNING);
    assert_string_equal(v.text, "failing for 40 s (CRITICAL after 600 s): down");
    v = patience_judge(&arena, 600, 600, &down);
    assert_int_equal(v.state, STATE_CRITICAL);
    assert_string_equal(v.text, "down");
}

static void without_patience_nothing_changes(void **state)
{
    (void)state;
    assert_int_equal(patience_judge(&arena, 0, 0, &down).state, STATE_CRITICAL);
}

static void other_states_and_faults_are_left_alone(void **state)
{
    (void)state;
    struct verdict v = down;
    v.state = STATE_UNKNOWN;
    assert_int_equal(patience_judge(&arena, 600, 0, &v).state, STATE_UNKNOWN);
    v = down;
    v.about_service = false; /* --tor-critical: somebody wants to be woken at once */
    assert_int_equal(patience_judge(&arena, 600, 0, &v).state, STATE_CRITICAL);
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
        cmocka_unit_test(a_failure_is_a_warning_until_it_lasts),
        cmocka_unit_test(without_patience_nothing_changes),
        cmocka_unit_test(other_states_and_faults_are_left_alone),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
