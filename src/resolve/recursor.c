/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The only file that knows libunbound. First its events on our loop, then its contexts. */
#include "resolve/recursor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/consts.h"
#include "dns/name.h"

struct recursor {
    struct ub_event_base base; /* first: libunbound hands it back to us */
    struct loop *loop;
    struct ub_ctx *context;
    recursor_answer_fn *answered;
    struct pending *pending; /* every question under way */
    struct event *idle;      /* events to be used again: each question takes two */
    unsigned idle_count;
    size_t outstanding;
    bool closing;
};

/* --- libunbound's events on our loop --- */

enum { EVENTS_IDLE_MAX = 256 };

struct event {
    struct ub_event super; /* first */
    struct recursor *recursor;
    struct event *next_idle;
    struct loop *loop;
    struct loop_watch watch;
    struct loop_timer timer;
    void (*callback)(int fd, short bits, void *context);
    void *context;
    int fd;
    short bits;
    bool watching;
};

static struct event *event_of(struct ub_event *super)
{
    return (struct event *)super;
}

static unsigned loop_events_of(short bits)
{
    return (bits & UB_EV_READ ? LOOP_READ : 0u) | (bits & UB_EV_WRITE ? LOOP_WRITE : 0u);
}

static int event_remove(struct ub_event *super)
{
    struct event *event = event_of(super);
    if (event->watching)
        loop_unwatch(event->loop, &event->watch);
    event->watching = false;
    loop_timer_cancel(event->loop, &event->timer);
    return 0;
}

/* The callback may free the event: nothing of it is touched afterwards. */
static void event_ready(struct loop_watch *watch, unsigned events)
{
    struct event *event = (struct event *)((char *)watch - offsetof(struct event, watch));
    short wanted = event->bits & (UB_EV_READ | UB_EV_WRITE);
    short bits = (short)((events & LOOP_READ ? UB_EV_READ : 0) | (events & LOOP_WRITE ? UB_EV_WRITE : 0));
    bits &= wanted;
    if (!bits) /* an error: whoever reads or writes finds out */
        bits = wanted;
    if (!(event->bits & UB_EV_PERSIST))
        event_remove(&event->super);
    event->callback(event->fd, bits, event->context);
}

static void event_timed_out(struct loop_timer *timer)
{
    struct event *event = (struct event *)((char *)timer - offsetof(struct event, timer));
    if (!(event->bits & UB_EV_PERSIST))
        event_remove(&event->super);
    event->callback(event->fd, UB_EV_TIMEOUT, event->context);
}

static int event_arm(struct event *event, const struct timeval *in)
{
    uint64_t wait_ms = (uint64_t)in->tv_sec * 1000 + ((uint64_t)in->tv_usec + 999) / 1000;
    return loop_timer_set(event->loop, &event->timer, loop_now_ms(event->loop) + wait_ms, event_timed_out);
}

/* 0, or -1 as libevent does. */
static int event_add(struct ub_event *super, struct timeval *in)
{
    struct event *event = event_of(super);
    unsigned events = loop_events_of(event->bits);
    if (events && event->fd >= 0 && !event->watching) {
        if (loop_watch(event->loop, &event->watch, event->fd, events, event_ready))
            return -1;
        event->watching = true;
    }
    if (in && event->bits & UB_EV_TIMEOUT && event_arm(event, in)) {
        event_remove(super);
        return -1;
    }
    return 0;
}

static void event_add_bits(struct ub_event *super, short bits)
{
    event_of(super)->bits |= bits;
}

static void event_remove_bits(struct ub_event *super, short bits)
{
    event_of(super)->bits &= (short)~bits;
}

static void event_set_fd(struct ub_event *super, int fd)
{
    event_of(super)->fd = fd;
}

static void event_free(struct ub_event *super)
{
    struct event *event = event_of(super);
    struct recursor *recursor = event->recursor;
    event_remove(super);
    if (recursor->idle_count == EVENTS_IDLE_MAX) {
        free(event);
        return;
    }
    event->next_idle = recursor->idle;
    recursor->idle = event;
    recursor->idle_count++;
}

static void free_idle_events(struct recursor *recursor)
{
    while (recursor->idle) {
        struct event *event = recursor->idle;
        recursor->idle = event->next_idle;
        free(event);
    }
}

static int event_add_timer(struct ub_event *super, struct ub_event_base *base,
                           void (*callback)(int, short, void *), void *context, struct timeval *in)
{
    (void)base;
    struct event *event = event_of(super);
    event->callback = callback;
    event->context = context;
    return event_arm(event, in) ? -1 : 0;
}

static struct ub_event_vmt event_methods = {
    .add_bits = event_add_bits,
    .del_bits = event_remove_bits,
    .set_fd = event_set_fd,
    .free = event_free,
    .add = event_add,
    .del = event_remove,
    .add_timer = event_add_timer,
    .del_timer = event_remove,
};

static struct ub_event *event_new(struct ub_event_base *base, int fd, short bits,
                                  void (*callback)(int, short, void *), void *context)
{
    struct recursor *recursor = (struct recursor *)base;
    struct event *event = recursor->idle;
    if (event) {
        recursor->idle = event->next_idle;
        recursor->idle_count--;
    } else if (!(event = malloc(sizeof *event))) {
        return NULL;
    }
    *event = (struct event){.super = {UB_EVENT_MAGIC, &event_methods},
                            .recursor = recursor,
                            .loop = recursor->loop,
                            .callback = callback,
                            .context = context,
                            .fd = fd,
                            .bits = bits};
    return &event->super;
}

static struct ub_event_base_vmt base_methods = {.new_event = event_new};

/* --- libunbound's log, one for the process --- */

enum { LOG_LINES_PER_SECOND = 10 };

/* libunbound may have the same to say for every packet. */
static bool may_log(void)
{
    static _Atomic int64_t second;
    static _Atomic unsigned lines;
    int64_t now_s = clock_wall_s();
    if (atomic_exchange(&second, now_s) != now_s)
        atomic_store(&lines, 0);
    return atomic_fetch_add(&lines, 1) < LOG_LINES_PER_SECOND;
}

static ssize_t log_line(void *cookie, const char *text, size_t length)
{
    (void)cookie;
    size_t end = length;
    while (end && (text[end - 1] == '\n' || text[end - 1] == ' '))
        end--;
    if (end && may_log())
        log_write(LOG_RESOLVER, LEVEL_WARN, "libunbound: %.*s", (int)end, text);
    return (ssize_t)length;
}

static FILE *unbound_log;

static void open_unbound_log(void)
{
    unbound_log = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_line});
    if (unbound_log)
        setvbuf(unbound_log, NULL, _IOLBF, BUFSIZ);
}

static FILE *shared_log(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_unbound_log);
    return unbound_log;
}

/* --- contexts --- */

/* A question under way. libunbound has no way to take one back. */
struct pending {
    struct recursor *recursor;
    void *query;
    struct pending *next, **link;
};

static struct pending *pending_new(struct recursor *recursor, void *query)
{
    struct pending *pending = malloc(sizeof *pending);
    if (!pending)
        return NULL;
    *pending = (struct pending){recursor, query, recursor->pending, &recursor->pending};
    if (pending->next)
        pending->next->link = &pending->next;
    recursor->pending = pending;
    recursor->outstanding++;
    return pending;
}

static void pending_free(struct pending *pending)
{
    *pending->link = pending->next;
    if (pending->next)
        pending->next->link = pending->link;
    pending->recursor->outstanding--;
    free(pending);
}

static enum truth_security security_of(int unbound_security)
{
    return unbound_security == 2 ? TRUTH_SECURE : unbound_security == 1 ? TRUTH_BOGUS : TRUTH_INSECURE;
}

/* A failure that libunbound remembers comes as a message whose header says SERVFAIL, not as a code. */
static bool says_something(const uint8_t *message)
{
    unsigned rcode = message[3] & 15;
    return rcode == RCODE_NOERROR || rcode == RCODE_NXDOMAIN || rcode == RCODE_YXDOMAIN;
}

static void context_answered(void *opaque, int rcode, void *packet, int length, int security, char *why_bogus,
                             int was_ratelimited)
{
    (void)was_ratelimited; /* its rate limits are off */
    struct pending *pending = opaque;
    struct recursor *recursor = pending->recursor;
    void *query = pending->query;
    if (recursor->closing) /* ub_ctx_delete() says goodbye; recursor_free() tidies up */
        return;
    pending_free(pending);
    bool has_message = rcode == RCODE_NOERROR && packet && length > DNS_HEADER_BYTES &&
                       (says_something(packet) || security_of(security) == TRUTH_BOGUS);
    struct recursor_answer answer = {
        .rcode = has_message ? RCODE_NOERROR
                 : rcode     ? rcode
                             : RCODE_SERVFAIL,
        .message = has_message ? packet : NULL,
        .length = has_message ? (size_t)length : 0,
        .security = security_of(security),
        .why_bogus = why_bogus,
    };
    recursor->answered(query, &answer);
}

/* Through a file that only this process can see: forward and stub zones are not to be had otherwise. */
static int configure(struct ub_ctx *context, const char *text)
{
    int fd = memfd_create("unbound.conf", MFD_CLOEXEC);
    if (fd < 0)
        return UB_READFILE;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    size_t length = strlen(text);
    ssize_t wrote = write(fd, text, length);
    int error = wrote == (ssize_t)length ? ub_ctx_config(context, path) : UB_READFILE;
    close(fd);
    if (error)
        return error;
    /* Any of the local-data calls makes it read anchors and hints: now, when it can be said, not with the
     * first question. */
    return ub_ctx_data_remove(context, "invalid.");
}

int recursor_new(struct loop *loop, const char *configuration, recursor_answer_fn *answered,
                 struct recursor **out, char *problem, size_t problem_size)
{
    struct recursor *recursor = calloc(1, sizeof *recursor);
    if (!recursor)
        return ERR_NOMEM;
    recursor->base = (struct ub_event_base){UB_EVENT_MAGIC, &base_methods};
    recursor->loop = loop;
    recursor->answered = answered;
    recursor->context = ub_ctx_create_ub_event(&recursor->base);
    if (!recursor->context) {
        snprintf(problem, problem_size, "libunbound makes no context: out of memory or descriptors");
        free(recursor);
        return ERR_NOMEM;
    }
    ub_ctx_debugout(recursor->context, shared_log());
    int error = configure(recursor->context, configuration);
    if (error) {
        snprintf(problem, problem_size, "libunbound does not take its configuration: %s (see the log)",
                 ub_strerror(error));
        recursor_free(recursor);
        return ERR_INVALID;
    }
    *out = recursor;
    return 0;
}

void recursor_free(struct recursor *recursor)
{
    if (!recursor)
        return;
    recursor->closing = true;
    ub_ctx_delete(recursor->context);
    while (recursor->pending)
        pending_free(recursor->pending);
    free_idle_events(recursor);
    free(recursor);
}

int recursor_ask(struct recursor *recursor, const uint8_t *name, uint16_t qtype, void *query)
{
    char text[NAME_TEXT_MAX];
    name_to_text(name, text);
    struct pending *pending = pending_new(recursor, query);
    if (!pending)
        return ERR_NOMEM;
    int error = ub_resolve_event(recursor->context, text, qtype, CLASS_IN, pending, context_answered, NULL);
    if (!error)
        return 0;
    pending_free(pending);
    log_write(LOG_RESOLVER, LEVEL_ERROR, "libunbound does not take a question: %s", ub_strerror(error));
    return error == UB_NOMEM ? ERR_NOMEM : ERR_INVALID;
}

size_t recursor_outstanding(const struct recursor *recursor)
{
    return recursor->outstanding;
}
