/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

enum { ROUND_EVENTS = 64 };

struct loop {
    int epoll_fd;
    struct loop_watch stop_watch; /* an eventfd that loop_stop() writes to */
    _Atomic bool stopping;
    uint64_t now_ms;
    /* The round being worked through: loop_unwatch() blanks what has not been delivered yet. */
    struct epoll_event round[ROUND_EVENTS];
    int round_at, round_count;
    struct loop_timer **heap; /* heap[0] is due first; a timer's heap_index is its place + 1 */
    uint32_t timer_count, timer_capacity;
    void (*before_wait)(void *), (*after_wait)(void *);
    void *wait_context;
};

static void stop_ready(struct loop_watch *watch, unsigned events)
{
    uint64_t count;
    ssize_t got = read(watch->fd, &count, sizeof count);
    (void)got;
    (void)events;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return NULL;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->epoll_fd < 0 || stop_fd < 0 ||
        loop_watch(loop, &loop->stop_watch, stop_fd, LOOP_READ, stop_ready) != 0) {
        if (loop->epoll_fd >= 0)
            close(loop->epoll_fd);
        if (stop_fd >= 0)
            close(stop_fd);
        free(loop);
        return NULL;
    }
    loop->now_ms = clock_mono_ms();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    close(loop->stop_watch.fd);
    close(loop->epoll_fd);
    free(loop->heap);
    free(loop);
}

/* --- descriptors --- */

static uint32_t epoll_bits(unsigned events)
{
    return (events & LOOP_READ ? EPOLLIN : 0u) | (events & LOOP_WRITE ? EPOLLOUT : 0u);
}

static int epoll_change(struct loop *loop, int operation, struct loop_watch *watch, unsigned events)
{
    struct epoll_event event = {.events = epoll_bits(events), .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) == 0 ? 0 : err_from_errno(errno);
}

int loop_watch(struct loop *loop, struct loop_watch *watch, int fd, unsigned events,
               void (*ready)(struct loop_watch *watch, unsigned events))
{
    *watch = (struct loop_watch){.fd = fd, .events = events, .ready = ready};
    return epoll_change(loop, EPOLL_CTL_ADD, watch, events);
}

int loop_rewatch(struct loop *loop, struct loop_watch *watch, unsigned events)
{
    if (events == watch->events)
        return 0;
    int error = epoll_change(loop, EPOLL_CTL_MOD, watch, events);
    if (!error)
        watch->events = events;
    return error;
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->round_at; i < loop->round_count; i++)
        if (loop->round[i].data.ptr == watch)
            loop->round[i].data.ptr = NULL;
}

static void deliver_round(struct loop *loop, int count)
{
    loop->round_count = count;
    for (loop->round_at = 0; loop->round_at < loop->round_count;) {
        struct epoll_event event = loop->round[loop->round_at++];
        struct loop_watch *watch = event.data.ptr;
        if (watch)
            watch->ready(watch, (event.events & EPOLLIN ? LOOP_READ : 0u) |
                                    (event.events & EPOLLOUT ? LOOP_WRITE : 0u) |
                                    (event.events & (EPOLLERR | EPOLLHUP) ? LOOP_ERROR : 0u));
    }
    loop->round_at = loop->round_count = 0;
}

/* --- timers: a binary heap --- */

static void heap_put(struct loop *loop, uint32_t place, struct loop_timer *timer)
{
    loop->heap[place] = timer;
    timer->heap_index = place + 1;
}

/* Finds the timer's place, upwards and then downwards, starting from the hole at `place`. */
static void heap_settle(struct loop *loop, uint32_t place, struct loop_timer *timer)
{
    while (place > 0 && timer->due_ms < loop->heap[(place - 1) / 2]->due_ms) {
        heap_put(loop, place, loop->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (uint32_t child; (child = place * 2 + 1) < loop->timer_count; place = child) {
        if (child + 1 < loop->timer_count && loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms)
            child++;
        if (timer->due_ms <= loop->heap[child]->due_ms)
            break;
        heap_put(loop, place, loop->heap[child]);
    }
    heap_put(loop, place, timer);
}

static int heap_grow(struct loop *loop)
{
    if (loop->timer_count < loop->timer_capacity)
        return 0;
    uint32_t capacity = loop->timer_capacity ? loop->timer_capacity * 2 : 16;
    struct loop_timer **heap = realloc(loop->heap, capacity * sizeof(struct loop_timer *));
    if (!heap)
        return ERR_NOMEM;
    loop->heap = heap;
    loop->timer_capacity = capacity;
    return 0;
}

int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due_ms,
                   void (*fire)(struct loop_timer *timer))
{
    uint32_t place = timer->heap_index - 1;
    if (!timer->heap_index) {
        int error = heap_grow(loop);
        if (error)
            return error;
        place = loop->timer_count++;
    }
    timer->due_ms = due_ms;
    timer->fire = fire;
    heap_settle(loop, place, timer);
    return 0;
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    if (!timer->heap_index)
        return;
    uint32_t place = timer->heap_index - 1;
    timer->heap_index = 0;
    struct loop_timer *last = loop->heap[--loop->timer_count];
    if (last != timer)
        heap_settle(loop, place, last);
}

/* Each timer fires at most once a round, so that one that is always due cannot starve the descriptors. */
static void fire_due(struct loop *loop)
{
    for (uint32_t left = loop->timer_count; left && loop->timer_count; left--) {
        struct loop_timer *timer = loop->heap[0];
        if (timer->due_ms > loop->now_ms)
            return;
        loop_timer_cancel(loop, timer);
        timer->fire(timer);
    }
}

static int wait_ms(const struct loop *loop)
{
    if (!loop->timer_count)
        return -1;
    uint64_t now_ms = clock_mono_ms(), due_ms = loop->heap[0]->due_ms;
    if (due_ms <= now_ms)
        return 0;
    return due_ms - now_ms < INT_MAX ? (int)(due_ms - now_ms) : INT_MAX;
}

/* --- running --- */

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

void loop_on_wait(struct loop *loop, void (*before)(void *), void (*after)(void *), void *context)
{
    loop->before_wait = before;
    loop->after_wait = after;
    loop->wait_context = context;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->stopping, memory_order_acquire)) {
        int timeout_ms = wait_ms(loop);
        if (loop->before_wait)
            loop->before_wait(loop->wait_context);
        int count = epoll_wait(loop->epoll_fd, loop->round, ROUND_EVENTS, timeout_ms);
        if (loop->after_wait)
            loop->after_wait(loop->wait_context);
        loop->now_ms = clock_mono_ms();
        deliver_round(loop, count > 0 ? count : 0);
        fire_due(loop);
    }
    atomic_store(&loop->stopping, false); /* it may be run again */
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    uint64_t one = 1;
    ssize_t wrote = write(loop->stop_watch.fd, &one, sizeof one);
    (void)wrote; /* a full counter wakes the loop as well */
}
