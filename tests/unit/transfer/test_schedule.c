/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include "transfer/schedule.h"

static const struct schedule_options usual = {.min_refresh_s = 10,
                                              .max_refresh_s = 1000,
                                              .min_retry_s = 5,
                                              .max_retry_s = 500,
                                              .min_update_interval_s = 0,
                                              .primaries = 3};
static const struct schedule_timers timers = {.refresh_s = 100, .retry_s = 20, .expire_s = 5000};

enum { LATEST = 0, SOONEST = 1023 /* chances */ };

static struct schedule started(uint64_t now_ms)
{
    struct schedule s;
    schedule_init(&s, &usual, now_ms);
    return s;
}

static struct schedule with_a_version(void)
{
    struct schedule s = started(0);
    schedule_begin(&s);
    schedule_transferred(&s, &timers, 0, LATEST);
    return s;
}

static void fail_round(struct schedule *s, uint64_t now_ms, uint32_t chance)
{
    schedule_begin(s);
    while (schedule_failed(s, now_ms, chance))
        ;
}

static void zone_without_a_version_is_due_at_once_and_again_soon(void **state)
{
    (void)state;
    struct schedule s = started(1000);
    assert_int_equal(schedule_next_ms(&s), 1000);
    static const uint64_t expected_ms[] = {2000, 4000, 8000, 16000};
    for (int i = 0; i < 4; i++) {
        fail_round(&s, 1000, LATEST);
        assert_int_equal(schedule_next_ms(&s), 1000 + expected_ms[i]);
    }
    for (int i = 0; i < 100; i++)
        fail_round(&s, 1000, LATEST);
    assert_int_equal(schedule_next_ms(&s), 1000 + 500 * 1000); /* max-retry-time */
}

static void primaries_are_asked_in_turn(void **state)
{
    (void)state;
    struct schedule s = started(0);
    schedule_begin(&s);
    assert_int_equal(schedule_next_ms(&s), UINT64_MAX);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s.primary, i);
        assert_int_equal(schedule_failed(&s, 0, LATEST), i < 2);
    }
    assert_int_equal(s.failures, 1);
}

static void refresh_comes_after_the_soas_time_within_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t refresh_s;
        uint64_t latest_ms;
    } cases[] = {{100, 100000}, {1, 10000}, {9999, 1000000}};
    for (size_t i = 0; i < 3; i++) {
        struct schedule s = started(0);
        struct schedule_timers t = timers;
        t.refresh_s = cases[i].refresh_s;
        schedule_begin(&s);
        schedule_transferred(&s, &t, 50, LATEST);
        assert_int_equal(schedule_next_ms(&s), 50 + cases[i].latest_ms);
        schedule_begin(&s);
        assert_false(schedule_current(&s, &t, 1, 50, SOONEST));
        assert_in_range(schedule_next_ms(&s), 50 + cases[i].latest_ms * 3 / 4,
                        51 + cases[i].latest_ms * 76 / 100);
    }
}

static void retries_grow_but_not_for_ever(void **state)
{
    (void)state;
    struct schedule s = with_a_version();
    static const uint64_t expected_ms[] = {20000, 40000, 80000, 160000, 160000};
    for (int i = 0; i < 5; i++) {
        fail_round(&s, 0, LATEST);
        assert_int_equal(s.due_ms, expected_ms[i]);
    }
    schedule_begin(&s);
    assert_false(schedule_current(&s, &timers, 1, 0, LATEST));
    fail_round(&s, 0, LATEST);
    assert_int_equal(s.due_ms, 20000);
}

static void zone_expires_once_unless_a_primary_confirms_it(void **state)
{
    (void)state;
    struct schedule s = started(0);
    assert_false(schedule_expire(&s, UINT64_MAX - 1)); /* there is nothing to expire */
    s = with_a_version();
    assert_false(schedule_expire(&s, 4999999));
    schedule_begin(&s);
    assert_false(schedule_current(&s, &timers, 1, 1000000, LATEST));
    assert_false(schedule_expire(&s, 5999999));
    assert_true(schedule_expire(&s, 6000000));
    assert_false(schedule_expire(&s, 6000001));
    schedule_begin(&s);
    schedule_transferred(&s, &timers, 7000000, LATEST);
    assert_true(schedule_expire(&s, 12000000));
}

static void zone_does_not_expire_before_its_next_refresh(void **state)
{
    (void)state;
    struct schedule s = started(0);
    const struct schedule_timers short_lived = {.refresh_s = 100, .retry_s = 20, .expire_s = 1};
    schedule_loaded(&s, &short_lived, 0, 0);
    assert_false(schedule_expire(&s, 119999));
    assert_true(schedule_expire(&s, 120000));
}

static void loaded_zone_is_due_at_once(void **state)
{
    (void)state;
    struct schedule s = started(7);
    schedule_loaded(&s, &timers, 0, 7);
    assert_int_equal(schedule_next_ms(&s), 7);
    assert_int_equal(s.expires_ms, 5000007);
    schedule_loaded(&s, &timers, 4000, 7);
    assert_int_equal(s.expires_ms, 1000007);
    schedule_loaded(&s, &timers, 6000, 7);
    assert_true(schedule_expire(&s, 7));
}

static void notify_makes_it_due_now_and_its_sender_is_asked_first(void **state)
{
    (void)state;
    struct schedule s = with_a_version();
    assert_true(schedule_notify(&s, 1, true, 9, 300));
    assert_int_equal(schedule_next_ms(&s), 300);
    assert_false(schedule_notify(&s, 1, true, 9, 301)); /* one is waiting */
    schedule_begin(&s);
    assert_int_equal(s.primary, 1);
    /* Serial 8 is not what the NOTIFY spoke of: others may have it. */
    assert_true(schedule_current(&s, &timers, 8, 400, LATEST));
    assert_int_equal(s.primary, 2);
    assert_true(schedule_failed(&s, 400, LATEST));
    assert_int_equal(s.primary, 0);
    assert_false(schedule_failed(&s, 400, LATEST));
    assert_int_equal(s.failures, 0); /* one has confirmed what we have */
    assert_int_equal(s.due_ms, 100400);
}

static void notify_during_a_transfer_makes_another(void **state)
{
    (void)state;
    struct schedule s = started(0);
    schedule_begin(&s);
    assert_true(schedule_notify(&s, 3, false, 0, 10));
    assert_int_equal(schedule_next_ms(&s), UINT64_MAX);
    schedule_transferred(&s, &timers, 20, LATEST);
    assert_int_equal(schedule_next_ms(&s), 20);
    schedule_begin(&s);
    assert_int_equal(s.primary, 0);
    assert_false(schedule_current(&s, &timers, 9, 30, LATEST));
    assert_int_equal(schedule_next_ms(&s), 100030);
}

static void notify_waits_for_the_interval_between_updates(void **state)
{
    (void)state;
    struct schedule_options options = usual;
    struct schedule s;
    options.min_update_interval_s = 60;
    schedule_init(&s, &options, 0);
    schedule_begin(&s);
    schedule_transferred(&s, &timers, 1000, LATEST);
    assert_true(schedule_notify(&s, 0, false, 0, 2000));
    assert_int_equal(schedule_next_ms(&s), 61000);
    schedule_refresh(&s, 3000); /* the operator does not wait */
    assert_int_equal(schedule_next_ms(&s), 3000);
}

static void fewer_primaries_after_a_reload_are_no_harm(void **state)
{
    (void)state;
    struct schedule s = started(0);
    struct schedule_options options = usual;
    schedule_begin(&s);
    assert_true(schedule_failed(&s, 0, LATEST));
    assert_true(schedule_failed(&s, 0, LATEST));
    options.primaries = 1;
    schedule_configure(&s, &options);
    assert_int_equal(s.primary, 0);
    assert_false(schedule_failed(&s, 0, LATEST));
}

static void abandoned_round_is_due_again(void **state)
{
    (void)state;
    struct schedule s = with_a_version();
    schedule_begin(&s);
    schedule_abandon(&s, 33);
    assert_int_equal(schedule_next_ms(&s), 33);
    assert_int_equal(s.failures, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_without_a_version_is_due_at_once_and_again_soon),
        cmocka_unit_test(primaries_are_asked_in_turn),
        cmocka_unit_test(refresh_comes_after_the_soas_time_within_bounds),
        cmocka_unit_test(retries_grow_but_not_for_ever),
        cmocka_unit_test(zone_expires_once_unless_a_primary_confirms_it),
        cmocka_unit_test(zone_does_not_expire_before_its_next_refresh),
        cmocka_unit_test(loaded_zone_is_due_at_once),
        cmocka_unit_test(notify_makes_it_due_now_and_its_sender_is_asked_first),
        cmocka_unit_test(notify_during_a_transfer_makes_another),
        cmocka_unit_test(notify_waits_for_the_interval_between_updates),
        cmocka_unit_test(fewer_primaries_after_a_reload_are_no_harm),
        cmocka_unit_test(abandoned_round_is_due_again),
    };
    return RUN_TESTS(tests);
}
