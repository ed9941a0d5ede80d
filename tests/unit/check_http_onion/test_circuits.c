// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "check_http_onion/circuits.h"

enum { SECOND = 1000000, HEDGE = 5 * SECOND };

static struct circuits_plan plan(const struct circuit_view *views, size_t count, uint64_t now_us)
{
    return circuits_plan(views, count, 3, HEDGE, now_us);
}

static void one_to_begin_with(void **state)
{
    (void)state;
    struct circuits_plan p = plan(NULL, 0, 0);
    assert_int_equal(p.start, 1);
    assert_false(p.over);
}

static void nothing_more_while_the_first_is_young(void **state)
{
    (void)state;
    struct circuit_view v = {CIRCUIT_RUNNING, 100};
    struct circuits_plan p = plan(&v, 1, 100 + HEDGE - 1);
    assert_int_equal(p.start, 0);
    assert_int_equal(p.look_us, 100 + HEDGE);
    assert_false(p.over);
}

static void the_others_at_once_after_silence(void **state)
{
    (void)state;
    struct circuit_view v = {CIRCUIT_RUNNING, 100};
    assert_int_equal(plan(&v, 1, 100 + HEDGE).start, 2);
}

static void the_others_at_once_after_a_failure(void **state)
{
    (void)state;
    struct circuit_view v = {CIRCUIT_FAILED, 100};
    assert_int_equal(plan(&v, 1, 101).start, 2);
}

static void progress_puts_the_others_off(void **state)
{
    (void)state;
    struct circuit_view v = {CIRCUIT_RUNNING, 4 * SECOND};
    assert_int_equal(plan(&v, 1, 6 * SECOND).start, 0);
}

static void an_answer_or_a_settled_failure_ends_it(void **state)
{
    (void)state;
    struct circuit_view views[] = {{CIRCUIT_RUNNING, 0}, {CIRCUIT_ANSWERED, 0}};
    assert_true(plan(views, 2, 1).over);
    views[1].fate = CIRCUIT_SETTLED;
    assert_true(plan(views, 2, 1).over);
    assert_int_equal(plan(views, 2, 1).start, 0);
}

static void it_waits_for_those_that_run_and_never_starts_more_than_the_limit(void **state)
{
    (void)state;
    struct circuit_view views[] = {{CIRCUIT_FAILED, 0}, {CIRCUIT_FAILED, 0}, {CIRCUIT_RUNNING, 0}};
    struct circuits_plan p = plan(views, 3, 100 * (uint64_t)SECOND);
    assert_false(p.over);
    assert_int_equal(p.start, 0);
    views[2].fate = CIRCUIT_FAILED;
    assert_true(plan(views, 3, 1).over);
}

static void a_limit_of_one(void **state)
{
    (void)state;
    struct circuit_view v = {CIRCUIT_FAILED, 0};
    struct circuits_plan p = circuits_plan(&v, 1, 1, HEDGE, 10);
    assert_true(p.over);
    assert_int_equal(p.start, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_to_begin_with),
        cmocka_unit_test(nothing_more_while_the_first_is_young),
        cmocka_unit_test(the_others_at_once_after_silence),
        cmocka_unit_test(the_others_at_once_after_a_failure),
        cmocka_unit_test(progress_puts_the_others_off),
        cmocka_unit_test(an_answer_or_a_settled_failure_ends_it),
        cmocka_unit_test(it_waits_for_those_that_run_and_never_starts_more_than_the_limit),
        cmocka_unit_test(a_limit_of_one),
    };
    return RUN_TESTS(tests);
}
