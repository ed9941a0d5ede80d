/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "net/loop.h"

struct timed {
    struct loop_timer timer; /* first */
    struct loop *loop;
    int order;
};

static int fired[256], fired_count;

static void fire_record(struct loop_timer *timer)
{
    struct timed *timed = (struct timed *)timer;
    fired[fired_count++] = timed->order;
}

static void fire_stop(struct loop_timer *timer)
{
    fire_record(timer);
    loop_stop(((struct timed *)timer)->loop);
}

static void timers_fire_in_the_order_of_their_due_time(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct timed timers[100] = {0}, last = {.loop = loop, .order = 1000};
    fired_count = 0;
    uint64_t now = loop_now_ms(loop);
    for (int i = 0; i < 100; i++) { /* a permutation of 0 … 99 */
        timers[i].order = i * 37 % 100;
        assert_int_equal(
            0, loop_timer_set(loop, &timers[i].timer, now + (uint64_t)timers[i].order / 4, fire_record));
    }
    assert_int_equal(0, loop_timer_set(loop, &last.timer, now + 30, fire_stop));
    loop_run(loop);
    assert_int_equal(101, fired_count);
    for (int i = 1; i < 101; i++)
        assert_true(fired[i] / 4 >= fired[i - 1] / 4);
    for (int i = 0; i < 100; i++)
        assert_int_equal(0, timers[i].timer.heap_index);
    assert_true(clock_mono_ms() >= now + 30);
    loop_free(loop);
}

static void a_timer_that_is_moved_or_cancelled_keeps_the_others_in_order(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct timed timers[64] = {0}, last = {.loop = loop, .order = 1000};
    fired_count = 0;
    uint64_t now = loop_now_ms(loop);
    for (int i = 0; i < 64; i++) {
        timers[i].order = i;
        assert_int_equal(0, loop_timer_set(loop, &timers[i].timer, now + 500, fire_record));
    }
    for (int i = 0; i < 64; i++) /* backwards in time */
        assert_int_equal(0, loop_timer_set(loop, &timers[i].timer, now + 64 - (uint64_t)i, fire_record));
    for (int i = 0; i < 64; i += 3)
        loop_timer_cancel(loop, &timers[i].timer);
    loop_timer_cancel(loop, &timers[0].timer); /* twice does nothing */
    assert_int_equal(0, loop_timer_set(loop, &last.timer, now + 70, fire_stop));
    loop_run(loop);
    int expected = 0;
    for (int i = 63; i >= 0; i--)
        if (i % 3)
            assert_int_equal(i, fired[expected++]);
    assert_int_equal(expected + 1, fired_count);
    loop_free(loop);
}

static void fire_again_at_once(struct loop_timer *timer)
{
    struct timed *timed = (struct timed *)timer;
    timed->order++;
    assert_int_equal(0, loop_timer_set(timed->loop, timer, 0, fire_again_at_once));
}

static void ready_stop(struct loop_watch *watch, unsigned events);

struct watched {
    struct loop_watch watch; /* first */
    struct loop *loop;
    struct watched *other;
    unsigned events;
    int calls;
};

static void ready_stop(struct loop_watch *watch, unsigned events)
{
    struct watched *watched = (struct watched *)watch;
    watched->events = events;
    watched->calls++;
    loop_stop(watched->loop);
}

static void a_timer_that_is_always_due_does_not_starve_descriptors(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct timed busy = {.loop = loop};
    struct watched reader = {.loop = loop};
    int pair[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    assert_int_equal(0, loop_watch(loop, &reader.watch, pair[0], LOOP_READ, ready_stop));
    assert_int_equal(0, loop_timer_set(loop, &busy.timer, 0, fire_again_at_once));
    assert_int_equal(1, write(pair[1], "x", 1));
    loop_run(loop);
    assert_int_equal(LOOP_READ, reader.events);
    assert_true(busy.order >= 1);
    close(pair[0]);
    close(pair[1]);
    loop_free(loop);
}

static void ready_unwatch_other(struct loop_watch *watch, unsigned events)
{
    struct watched *watched = (struct watched *)watch;
    ready_stop(watch, events);
    loop_unwatch(watched->loop, &watched->other->watch);
}

static void unwatching_another_in_the_same_round_keeps_it_silent(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int pairs[2][2];
    struct watched both[2] = {{.loop = loop, .other = &both[1]}, {.loop = loop, .other = &both[0]}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]));
        assert_int_equal(0, loop_watch(loop, &both[i].watch, pairs[i][0], LOOP_READ, ready_unwatch_other));
        assert_int_equal(1, write(pairs[i][1], "x", 1));
    }
    loop_run(loop);
    assert_int_equal(1, both[0].calls + both[1].calls);
    for (int i = 0; i < 4; i++)
        close(pairs[i / 2][i % 2]);
    loop_free(loop);
}

static void rewatching_changes_what_is_waited_for(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct watched writer = {.loop = loop};
    int pair[2];
    assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    assert_int_equal(0, loop_watch(loop, &writer.watch, pair[0], LOOP_READ, ready_stop));
    assert_int_equal(0, loop_rewatch(loop, &writer.watch, LOOP_WRITE));
    loop_run(loop);
    assert_int_equal(LOOP_WRITE, writer.events);
    assert_int_equal(0, loop_rewatch(loop, &writer.watch, 0));
    close(pair[1]);
    loop_run(loop); /* a hang-up is told even when nothing is waited for */
    assert_int_equal(LOOP_ERROR, writer.events);
    close(pair[0]);
    loop_free(loop);
}

static void watching_a_bad_descriptor_is_an_error(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct loop_watch watch;
    assert_true(loop_watch(loop, &watch, -1, LOOP_READ, ready_stop) < 0);
    loop_free(loop);
}

static void *stop_from_thread(void *loop)
{
    usleep(20000);
    loop_stop(loop);
    return NULL;
}

static int waits;

static void count_before(void *context)
{
    assert_int_equal(0, *(int *)context);
    ++*(int *)context;
    waits++;
}

static void count_after(void *context)
{
    --*(int *)context;
}

static void stop_from_another_thread_ends_the_run_and_it_may_run_again(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int balance = 0;
    waits = 0;
    loop_on_wait(loop, count_before, count_after, &balance);
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        assert_int_equal(0, pthread_create(&thread, NULL, stop_from_thread, loop));
        loop_run(loop);
        pthread_join(thread, NULL);
    }
    assert_int_equal(0, balance);
    assert_true(waits >= 2);
    loop_stop(loop); /* before the run: it returns at once */
    loop_run(loop);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_the_order_of_their_due_time),
        cmocka_unit_test(a_timer_that_is_moved_or_cancelled_keeps_the_others_in_order),
        cmocka_unit_test(a_timer_that_is_always_due_does_not_starve_descriptors),
        cmocka_unit_test(unwatching_another_in_the_same_round_keeps_it_silent),
        cmocka_unit_test(rewatching_changes_what_is_waited_for),
        cmocka_unit_test(watching_a_bad_descriptor_is_an_error),
        cmocka_unit_test(stop_from_another_thread_ends_the_run_and_it_may_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
