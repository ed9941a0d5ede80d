/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/courier.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "base/reader.h"
#include "candord/daemon.h"
#include "candord/notify_out.h"

enum { COURIER_NICE = 5 /* what others take from us gives way to answering */ };

struct courier {
    struct daemon *daemon;
    struct loop *loop;
    struct inbox inbox;
    struct loop_watch watch;
    pthread_t thread;
    bool started;
    struct courier_task look; /* at what is published */
    _Atomic bool look_posted;
    struct notify_out *notify;
};

struct loop *courier_loop(struct courier *courier)
{
    return courier->loop;
}

struct daemon *courier_daemon(struct courier *courier)
{
    return courier->daemon;
}

static void run_tasks(struct courier *courier)
{
    struct inbox_message *message;
    inbox_quiet(&courier->inbox);
    while ((message = inbox_take(&courier->inbox)))
        ((struct courier_task *)message)->run(courier, (struct courier_task *)message);
}

static void inbox_ready(struct loop_watch *watch, unsigned events)
{
    (void)events;
    run_tasks((struct courier *)((char *)watch - offsetof(struct courier, watch)));
}

int courier_new(struct daemon *daemon, struct courier **out)
{
    struct courier *courier = calloc(1, sizeof *courier);
    if (!courier)
        return ERR_NOMEM;
    int error = inbox_init(&courier->inbox);
    if (error) {
        free(courier);
        return error;
    }
    courier->daemon = daemon;
    courier->loop = loop_new();
    courier->notify = courier->loop ? notify_out_new(daemon, courier->loop) : NULL;
    error = courier->notify
                ? loop_watch(courier->loop, &courier->watch, courier->inbox.fd, LOOP_READ, inbox_ready)
                : ERR_NOMEM;
    if (error)
        courier_free(courier);
    else
        *out = courier;
    return error;
}

static void *run(void *context)
{
    struct courier *courier = context;
    rcu_register_thread();
    setpriority(PRIO_PROCESS, (id_t)gettid(), COURIER_NICE);
    loop_on_wait(courier->loop, reader_before_wait, reader_after_wait, NULL);
    loop_run(courier->loop);
    rcu_unregister_thread();
    return NULL;
}

int courier_start(struct courier *courier)
{
    courier->started = true; /* before its first task runs */
    int failed = pthread_create(&courier->thread, NULL, run, courier);
    if (failed)
        courier->started = false;
    else
        pthread_setname_np(courier->thread, "courier");
    return failed ? err_from_errno(failed) : 0;
}

void courier_post(struct courier *courier, struct courier_task *task)
{
    inbox_post(&courier->inbox, &task->message);
}

static void look(struct courier *courier, struct courier_task *task)
{
    (void)task;
    atomic_store(&courier->look_posted, false);
    if (courier->started) {
        struct snapshot *snapshot = daemon_snapshot(courier->daemon);
        notify_out_look(courier->notify, snapshot);
        snapshot_unref(snapshot);
    }
}

void courier_published(struct courier *courier)
{
    if (atomic_exchange(&courier->look_posted, true))
        return; /* it has yet to look */
    courier->look.run = look;
    courier_post(courier, &courier->look);
}

void courier_stop(struct courier *courier)
{
    if (!courier || !courier->started)
        return;
    loop_stop(courier->loop);
    pthread_join(courier->thread, NULL);
    courier->started = false;
}

void courier_free(struct courier *courier)
{
    if (!courier)
        return;
    run_tasks(courier);
    notify_out_free(courier->notify);
    if (courier->loop)
        loop_free(courier->loop);
    inbox_fini(&courier->inbox);
    free(courier);
}
