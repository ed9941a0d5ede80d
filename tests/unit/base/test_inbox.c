/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <poll.h>
#include <pthread.h>

#include "base/inbox.h"

enum { SENDERS = 4, PER_SENDER = 2000 };

struct note {
    struct inbox_message message;
    int sender, number;
};

struct sender {
    struct inbox *inbox;
    struct note notes[PER_SENDER];
};

static struct sender senders[SENDERS];

static int readable(const struct inbox *inbox, int timeout_ms)
{
    struct pollfd poller = {.fd = inbox->fd, .events = POLLIN};
    return poll(&poller, 1, timeout_ms);
}

static void empty_inbox_is_quiet(void **state)
{
    (void)state;
    struct inbox inbox;
    assert_int_equal(inbox_init(&inbox), 0);
    assert_int_equal(readable(&inbox, 0), 0);
    assert_null(inbox_take(&inbox));
    inbox_fini(&inbox);
}

static void post_wakes_and_messages_keep_their_order(void **state)
{
    (void)state;
    struct inbox inbox;
    struct note notes[3];
    assert_int_equal(inbox_init(&inbox), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            inbox_post(&inbox, &notes[i].message);
        assert_int_equal(readable(&inbox, 1000), 1);
        inbox_quiet(&inbox);
        assert_int_equal(readable(&inbox, 0), 0);
        for (int i = 0; i < 3; i++)
            assert_ptr_equal(inbox_take(&inbox), &notes[i].message);
        assert_null(inbox_take(&inbox));
    }
    inbox_fini(&inbox);
}

static void *send_all(void *argument)
{
    struct sender *sender = argument;
    for (int i = 0; i < PER_SENDER; i++)
        inbox_post(sender->inbox, &sender->notes[i].message);
    return NULL;
}

static int take_all(struct inbox *inbox, int next[SENDERS])
{
    int taken = 0;
    inbox_quiet(inbox);
    for (struct inbox_message *message; (message = inbox_take(inbox)); taken++) {
        struct note *note = (struct note *)message;
        assert_int_equal(note->number, next[note->sender]);
        next[note->sender]++;
    }
    return taken;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    struct inbox inbox;
    pthread_t threads[SENDERS];
    int next[SENDERS] = {0}, taken = 0;
    assert_int_equal(inbox_init(&inbox), 0);
    for (int s = 0; s < SENDERS; s++) {
        senders[s].inbox = &inbox;
        for (int i = 0; i < PER_SENDER; i++)
            senders[s].notes[i] = (struct note){.sender = s, .number = i};
        assert_int_equal(pthread_create(&threads[s], NULL, send_all, &senders[s]), 0);
    }
    while (taken < SENDERS * PER_SENDER) {
        assert_int_equal(readable(&inbox, 5000), 1);
        taken += take_all(&inbox, next);
    }
    for (int s = 0; s < SENDERS; s++)
        pthread_join(threads[s], NULL);
    assert_null(inbox_take(&inbox));
    inbox_fini(&inbox);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_inbox_is_quiet),
        cmocka_unit_test(post_wakes_and_messages_keep_their_order),
        cmocka_unit_test(nothing_is_lost_between_threads),
    };
    return RUN_TESTS(tests);
}
