/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "candord/fetchers.h"

struct work {
    struct fetch_job job; /* first */
    struct shared *shared;
    bool wait_for_cancel;
    bool was_cancelled;
};

struct shared {
    _Atomic unsigned running, most, done;
    sem_t started, go, finished;
};

static void run(struct fetch_job *job)
{
    struct work *work = (struct work *)job;
    struct shared *shared = work->shared;
    unsigned now = ++shared->running, most = shared->most;
    while (now > most && !atomic_compare_exchange_weak(&shared->most, &most, now))
        ;
    sem_post(&shared->started);
    if (work->wait_for_cancel) {
        struct pollfd wait = {.fd = job->cancel_fd, .events = POLLIN};
        poll(&wait, 1, 10000);
    } else {
        sem_wait(&shared->go);
    }
    work->was_cancelled = fetch_is_cancelled(job);
    shared->running--;
}

static void done(struct fetch_job *job)
{
    struct work *work = (struct work *)job;
    work->shared->done++;
    sem_post(&work->shared->finished);
}

static void shared_init(struct shared *shared)
{
    memset(shared, 0, sizeof *shared);
    sem_init(&shared->started, 0, 0);
    sem_init(&shared->go, 0, 0);
    sem_init(&shared->finished, 0, 0);
}

static struct work work_of(struct shared *shared, const char *server)
{
    struct work work = {.job = {.run = run, .done = done}, .shared = shared};
    if (server)
        assert_int_equal(ip_from_text(server, &work.job.server), 0);
    return work;
}

static void no_more_jobs_run_than_the_limit(void **state)
{
    (void)state;
    struct shared shared;
    struct work works[8];
    struct fetchers *f = fetchers_new(3, 100);
    shared_init(&shared);
    for (int i = 0; i < 8; i++) {
        works[i] = work_of(&shared, NULL);
        fetchers_submit(f, &works[i].job);
    }
    for (int i = 0; i < 3; i++)
        sem_wait(&shared.started);
    assert_int_equal(shared.running, 3);
    for (int i = 0; i < 8; i++)
        sem_post(&shared.go);
    for (int i = 0; i < 8; i++)
        sem_wait(&shared.finished);
    assert_int_equal(shared.most, 3);
    fetchers_stop(f);
    fetchers_free(f);
}

static void one_server_does_not_take_all_threads(void **state)
{
    (void)state;
    struct shared slow, other;
    struct work works[3], elsewhere;
    struct fetchers *f = fetchers_new(4, 2);
    shared_init(&slow);
    shared_init(&other);
    for (int i = 0; i < 3; i++) {
        works[i] = work_of(&slow, "192.0.2.1");
        fetchers_submit(f, &works[i].job);
    }
    elsewhere = work_of(&other, "192.0.2.2");
    fetchers_submit(f, &elsewhere.job);
    sem_wait(&other.started); /* though it came last */
    sem_wait(&slow.started);
    sem_wait(&slow.started);
    assert_int_equal(slow.running, 2);
    sem_post(&other.go);
    for (int i = 0; i < 3; i++)
        sem_post(&slow.go);
    for (int i = 0; i < 3; i++)
        sem_wait(&slow.finished);
    assert_int_equal(slow.most, 2);
    fetchers_stop(f);
    fetchers_free(f);
}

static void cancelled_job_is_told(void **state)
{
    (void)state;
    struct shared shared;
    struct fetchers *f = fetchers_new(1, 1);
    shared_init(&shared);
    struct work work = work_of(&shared, NULL);
    work.wait_for_cancel = true;
    fetchers_submit(f, &work.job);
    sem_wait(&shared.started);
    fetchers_cancel(f, &work.job);
    sem_wait(&shared.finished);
    assert_true(work.was_cancelled);
    fetchers_cancel(f, &work.job); /* too late: nothing happens */
    fetchers_stop(f);
    fetchers_free(f);
}

static void stop_ends_what_runs_and_what_waits(void **state)
{
    (void)state;
    struct shared shared;
    struct work works[5];
    struct fetchers *f = fetchers_new(2, 1);
    shared_init(&shared);
    for (int i = 0; i < 5; i++) {
        works[i] = work_of(&shared, "192.0.2.1");
        works[i].wait_for_cancel = true;
        fetchers_submit(f, &works[i].job);
    }
    sem_wait(&shared.started);
    fetchers_stop(f);
    assert_int_equal(shared.done, 5);
    for (int i = 0; i < 5; i++)
        assert_true(works[i].was_cancelled);
    fetchers_free(f);
}

static void raised_limit_lets_waiting_jobs_run(void **state)
{
    (void)state;
    struct shared shared;
    struct work works[3];
    struct fetchers *f = fetchers_new(1, 1);
    shared_init(&shared);
    for (int i = 0; i < 3; i++) {
        works[i] = work_of(&shared, NULL);
        fetchers_submit(f, &works[i].job);
    }
    sem_wait(&shared.started);
    fetchers_limit(f, 3, 1);
    sem_wait(&shared.started);
    sem_wait(&shared.started);
    for (int i = 0; i < 3; i++)
        sem_post(&shared.go);
    fetchers_stop(f);
    assert_int_equal(shared.done, 3);
    fetchers_free(f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_jobs_run_than_the_limit),
        cmocka_unit_test(one_server_does_not_take_all_threads),
        cmocka_unit_test(cancelled_job_is_told),
        cmocka_unit_test(stop_ends_what_runs_and_what_waits),
        cmocka_unit_test(raised_limit_lets_waiting_jobs_run),
    };
    return RUN_TESTS(tests);
}
