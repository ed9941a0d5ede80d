/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/fetchers.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

enum { FETCHER_NICE = 10 /* as the keeper: building a version gives way to answering */ };

struct fetchers {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a job came or ended, limits changed, or it is over */
    struct fetch_job *queue, *running;
    unsigned limit, per_server;
    unsigned threads, idle;
    bool stopping;
    pthread_cond_t ended; /* a thread has ended */
};

struct fetchers *fetchers_new(unsigned threads, unsigned per_server)
{
    struct fetchers *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    pthread_cond_init(&f->ended, NULL);
    f->limit = threads;
    f->per_server = per_server;
    return f;
}

/* --- the queue; under the lock --- */

static bool server_is_free(const struct fetchers *f, const struct fetch_job *job)
{
    unsigned running = 0;
    if (job->server.family == IP_NONE)
        return true;
    for (const struct fetch_job *other = f->running; other; other = other->next)
        running += ip_equal(&other->server, &job->server);
    return running < (job->per_server ? job->per_server : f->per_server);
}

static void push(struct fetch_job **list, struct fetch_job *job)
{
    while (*list)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

static void unlink_job(struct fetch_job **list, struct fetch_job *job)
{
    while (*list != job)
        list = &(*list)->next;
    *list = job->next;
}

/* The first that may run. What is to end anyway waits for no server. */
static struct fetch_job *take(struct fetchers *f)
{
    for (struct fetch_job *job = f->queue; job; job = job->next)
        if (f->stopping || server_is_free(f, job)) {
            unlink_job(&f->queue, job);
            push(&f->running, job);
            job->state = FETCH_RUNNING;
            return job;
        }
    return NULL;
}

/* --- threads --- */

static void finish(struct fetchers *f, struct fetch_job *job)
{
    pthread_mutex_lock(&f->lock);
    unlink_job(&f->running, job);
    job->state = FETCH_FINISHED;
    if (job->cancel_fd >= 0)
        close(job->cancel_fd);
    job->cancel_fd = -1;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    job->done(job);
}

static void *fetcher_run(void *context)
{
    struct fetchers *f = context;
    pthread_setname_np(pthread_self(), "fetcher");
    setpriority(PRIO_PROCESS, (id_t)gettid(), FETCHER_NICE);
    pthread_mutex_lock(&f->lock);
    while (f->threads <= f->limit) {
        struct fetch_job *job = take(f);
        if (job) {
            pthread_mutex_unlock(&f->lock);
            job->run(job);
            finish(f, job);
            pthread_mutex_lock(&f->lock);
        } else if (f->stopping) {
            break;
        } else {
            f->idle++;
            pthread_cond_wait(&f->changed, &f->lock);
            f->idle--;
        }
    }
    f->threads--;
    pthread_cond_broadcast(&f->ended);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void start_thread(struct fetchers *f)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attributes, fetcher_run, f) == 0)
        f->threads++;
    else
        log_write(LOG_GENERAL, LEVEL_ERROR, "a thread for transfers could not be started");
    pthread_attr_destroy(&attributes);
}

/* --- for others --- */

void fetchers_submit(struct fetchers *f, struct fetch_job *job)
{
    job->state = FETCH_QUEUED;
    job->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_lock(&f->lock);
    push(&f->queue, job);
    if (f->idle)
        pthread_cond_broadcast(&f->changed);
    else if (f->threads < f->limit)
        start_thread(f);
    pthread_mutex_unlock(&f->lock);
}

void fetchers_limit(struct fetchers *f, unsigned threads, unsigned per_server)
{
    pthread_mutex_lock(&f->lock);
    f->limit = threads;
    f->per_server = per_server;
    for (const struct fetch_job *job = f->queue; job && f->threads < f->limit; job = job->next)
        start_thread(f);
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static void cancel(struct fetch_job *job)
{
    const uint64_t one = 1;
    if (job->state != FETCH_FINISHED && job->cancel_fd >= 0)
        (void)!write(job->cancel_fd, &one, sizeof one);
}

void fetchers_cancel(struct fetchers *f, struct fetch_job *job)
{
    pthread_mutex_lock(&f->lock);
    cancel(job);
    pthread_mutex_unlock(&f->lock);
}

bool fetch_is_cancelled(const struct fetch_job *job)
{
    struct pollfd look = {.fd = job->cancel_fd, .events = POLLIN};
    return poll(&look, 1, 0) > 0;
}

void fetchers_stop(struct fetchers *f)
{
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    for (struct fetch_job *job = f->queue; job; job = job->next)
        cancel(job);
    for (struct fetch_job *job = f->running; job; job = job->next)
        cancel(job);
    if (f->queue && f->threads == 0)
        start_thread(f);
    pthread_cond_broadcast(&f->changed);
    while (f->threads)
        pthread_cond_wait(&f->ended, &f->lock);
    pthread_mutex_unlock(&f->lock);
}

void fetchers_free(struct fetchers *f)
{
    if (!f)
        return;
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->changed);
    pthread_cond_destroy(&f->ended);
    free(f);
}
