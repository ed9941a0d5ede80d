/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An event loop over epoll: descriptors, timers, one thread. Everything here is called from the loop's own
 * thread, but for loop_stop(). */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct loop;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4 };

/* A watched descriptor; storage of the caller, who keeps it until loop_unwatch(). */
struct loop_watch {
    int fd;
    unsigned events; /* as registered */
    void (*ready)(struct loop_watch *watch, unsigned events);
};

/* A one-shot timer; storage of the caller. Zeroed = not armed. */
struct loop_timer {
    uint64_t due_ms;     /* monotonic */
    uint32_t heap_index; /* 1-based place in the heap; 0: not armed */
    void (*fire)(struct loop_timer *timer);
};

/* NULL when the system refuses. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

int loop_watch(struct loop *loop, struct loop_watch *watch, int fd, unsigned events,
               void (*ready)(struct loop_watch *watch, unsigned events)) MUST_CHECK;
/* Changes what is waited for. */
int loop_rewatch(struct loop *loop, struct loop_watch *watch, unsigned events) MUST_CHECK;
/* Safe also from inside any callback, the watch's own and others' of the same round. Does not close. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);

/* Arms or moves a timer. 0 or ERR_NOMEM. */
int loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t due_ms,
                   void (*fire)(struct loop_timer *timer)) MUST_CHECK;
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* Monotonic time of this round, read once after each wait. */
uint64_t loop_now_ms(const struct loop *loop);

/* Called before each wait and after it, when set: for read-side marking (liburcu qsbr offline/online). */
void loop_on_wait(struct loop *loop, void (*before)(void *), void (*after)(void *), void *context);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);

/* From any thread or signal handler: loop_run() returns soon. */
void loop_stop(struct loop *loop);

#endif
