/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log_channel.h"

enum {
    LINE_MAX_BYTES = 2000,
    QUEUE_BYTES = 1 << 20, /* per half: about 10,000 lines */
    NAP_NS = 5 * 1000000,  /* lines that come meanwhile share one wake-up and one write(2) */
};

struct entry {
    struct timespec when;
    uint16_t length, category, level;
    char text[];
};

/* The queue has two halves: writers fill one while the log's thread carries out the other. */
struct half {
    size_t used;
    char *bytes;
};

/* A process has one log, like one stderr. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake, drained;
    bool running, stopping, idle, hurry;
    pthread_t thread;
    struct half filling, draining;
    uint64_t written, carried; /* lines queued and lines that reached their channels */
    struct log_sinks *next;    /* to be used from here on */
    uint64_t told_dropped;
} the = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .drained = PTHREAD_COND_INITIALIZER};

/* Most verbose level per category plus 1, so that zero (nothing) needs no set-up; before the start: INFO. */
static _Atomic uint8_t taken[LOG_CATEGORIES];
static atomic_bool started;
static _Atomic uint64_t dropped;

bool log_enabled(enum log_category category, enum log_level level)
{
    if (!atomic_load_explicit(&started, memory_order_relaxed))
        return level <= LEVEL_INFO;
    return level < atomic_load_explicit(&taken[category], memory_order_relaxed);
}

uint64_t log_dropped(void)
{
    return atomic_load(&dropped);
}

/* Copies `from` with control characters as \ooo; returns the length, at most `room`. */
static size_t make_safe(const char *from, char *to, size_t room)
{
    size_t used = 0;
    for (; *from; from++) {
        unsigned char c = (unsigned char)*from;
        size_t need = c < 0x20 || c == 0x7f ? 4 : 1;
        if (used + need > room)
            break;
        if (need == 1) {
            to[used++] = (char)c;
            continue;
        }
        to[used++] = '\\';
        to[used++] = (char)('0' + (c >> 6));
        to[used++] = (char)('0' + (c >> 3 & 7));
        to[used++] = (char)('0' + (c & 7));
    }
    return used;
}

/* With the lock held. */
static bool enqueue(enum log_category category, enum log_level level, const char *text, size_t length)
{
    size_t bytes = (sizeof(struct entry) + length + _Alignof(struct entry) - 1) & -_Alignof(struct entry);
    if (QUEUE_BYTES - the.filling.used < bytes) {
        atomic_fetch_add(&dropped, 1);
        return false;
    }
    struct entry *entry = (struct entry *)(the.filling.bytes + the.filling.used);
    clock_gettime(CLOCK_REALTIME, &entry->when);
    entry->length = (uint16_t)length;
    entry->category = (uint16_t)category;
    entry->level = (uint16_t)level;
    memcpy(entry->text, text, length);
    the.filling.used += bytes;
    the.written++;
    return true;
}

static void write_directly(char *text, size_t length)
{
    text[length] = '\n';
    ssize_t wrote = write(STDERR_FILENO, text, length + 1);
    (void)wrote; /* no stderr: nobody to tell */
}

void log_write(enum log_category category, enum log_level level, const char *format, ...)
{
    if (!log_enabled(category, level))
        return;
    char raw[LINE_MAX_BYTES + 1], text[LINE_MAX_BYTES + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    size_t length = make_safe(raw, text, LINE_MAX_BYTES);
    pthread_mutex_lock(&the.lock);
    if (!the.running || the.stopping)
        write_directly(text, length);
    else if (enqueue(category, level, text, length) && the.idle)
        pthread_cond_signal(&the.wake);
    pthread_mutex_unlock(&the.lock);
}

static uint64_t carry_out(struct log_sinks *sinks, struct half *half)
{
    uint64_t lines = 0;
    for (size_t at = 0; at < half->used; lines++) {
        const struct entry *entry = (const struct entry *)(half->bytes + at);
        log_sinks_put(sinks, &(struct log_line){entry->when, entry->category, entry->level, entry->text,
                                                entry->length});
        size_t bytes = sizeof *entry + entry->length;
        at += (bytes + _Alignof(struct entry) - 1) & -_Alignof(struct entry);
    }
    half->used = 0;
    log_sinks_flush(sinks);
    return lines;
}

static void tell_dropped(struct log_sinks *sinks)
{
    uint64_t now = atomic_load(&dropped);
    if (now == the.told_dropped)
        return;
    struct log_line line = {.category = LOG_GENERAL, .level = LEVEL_WARN};
    char text[80];
    line.length = (size_t)snprintf(text, sizeof text, "%llu log lines dropped: the log's queue was full",
                                   (unsigned long long)(now - the.told_dropped));
    line.text = text;
    clock_gettime(CLOCK_REALTIME, &line.when);
    log_sinks_put(sinks, &line);
    log_sinks_flush(sinks);
    the.told_dropped = now;
}

/* With the lock held: waits for work, but lets a few lines gather first. */
static void wait_for_work(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += NAP_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!the.hurry && !the.stopping && !the.next &&
           pthread_cond_timedwait(&the.wake, &the.lock, &until) != ETIMEDOUT)
        ;
    the.idle = true;
    while (!the.filling.used && !the.hurry && !the.stopping && !the.next)
        pthread_cond_wait(&the.wake, &the.lock);
    the.idle = false;
}

static void swap_halves(void)
{
    struct half full = the.filling;
    the.filling = the.draining;
    the.draining = full;
}

/* One round; returns the channels to use from now on. With the lock held, given up while writing. */
static struct log_sinks *one_round(struct log_sinks *sinks)
{
    struct log_sinks *next = the.next;
    swap_halves();
    the.hurry = false;
    pthread_mutex_unlock(&the.lock);
    uint64_t lines = carry_out(sinks, &the.draining);
    tell_dropped(sinks);
    if (next) {
        log_sinks_close(sinks);
        sinks = next;
    }
    pthread_mutex_lock(&the.lock);
    the.carried += lines;
    if (next)
        the.next = NULL;
    pthread_cond_broadcast(&the.drained);
    return sinks;
}

static void *log_thread(void *first)
{
    struct log_sinks *sinks = first;
    pthread_mutex_lock(&the.lock);
    while (!the.stopping) {
        wait_for_work();
        sinks = one_round(sinks);
    }
    while (the.filling.used)
        sinks = one_round(sinks);
    pthread_mutex_unlock(&the.lock);
    log_sinks_close(sinks);
    return NULL;
}

static void set_levels(const struct log_sinks *sinks)
{
    for (int c = 0; c < LOG_CATEGORIES; c++)
        atomic_store(&taken[c], (uint8_t)(log_sinks_level(sinks, (enum log_category)c) + 1));
    atomic_store(&started, true);
}

static void free_halves(void)
{
    free(the.filling.bytes);
    free(the.draining.bytes);
    the.filling = the.draining = (struct half){0};
}

/* Signals stay with the main thread. */
static int start_thread(struct log_sinks *sinks)
{
    sigset_t all, old;
    sigfillset(&all);
    the.filling.bytes = malloc(QUEUE_BYTES);
    the.draining.bytes = malloc(QUEUE_BYTES);
    the.stopping = the.hurry = the.idle = false;
    int error = the.filling.bytes && the.draining.bytes ? 0 : ERR_NOMEM;
    if (!error) {
        pthread_sigmask(SIG_BLOCK, &all, &old);
        int failed = pthread_create(&the.thread, NULL, log_thread, sinks);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        error = failed ? err_from_errno(failed) : 0;
    }
    if (error)
        free_halves();
    return error;
}

int log_start(const struct log_config *config)
{
    struct log_sinks *sinks;
    int error = log_sinks_open(config, &sinks);
    if (error)
        return error;
    pthread_mutex_lock(&the.lock);
    if (!the.running && (error = start_thread(sinks))) {
        log_sinks_close(sinks);
    } else if (!the.running) {
        the.running = true;
        set_levels(sinks);
    } else {
        the.next = sinks;
        set_levels(sinks);
        pthread_cond_signal(&the.wake);
        while (the.next)
            pthread_cond_wait(&the.drained, &the.lock);
    }
    pthread_mutex_unlock(&the.lock);
    return error;
}

void log_flush(void)
{
    pthread_mutex_lock(&the.lock);
    uint64_t upto = the.written;
    while (the.running && the.carried < upto) {
        the.hurry = true;
        pthread_cond_signal(&the.wake);
        pthread_cond_wait(&the.drained, &the.lock);
    }
    pthread_mutex_unlock(&the.lock);
}

void log_stop(void)
{
    pthread_mutex_lock(&the.lock);
    bool was_running = the.running;
    the.stopping = was_running;
    pthread_cond_signal(&the.wake);
    pthread_mutex_unlock(&the.lock);
    if (!was_running)
        return;
    pthread_join(the.thread, NULL);
    pthread_mutex_lock(&the.lock);
    the.running = false;
    the.stopping = false;
    atomic_store(&started, false);
    free_halves();
    pthread_mutex_unlock(&the.lock);
}
