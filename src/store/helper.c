/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two threads for all stores: what was written gets to the disk within a second, and long work has a place
 * where nobody waits for it. */
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "store/parts.h"

enum { SYNC_AFTER_MS = 500, HELPER_NICE = 10 };

struct task {
    struct task *next;
    void (*run)(void *context);
    void *context;
};

struct store_helper {
    pthread_mutex_t lock;
    pthread_cond_t work, sync;
    struct task *first, **last;
    struct store *dirty; /* references */
    bool ending;
    pthread_t worker, syncer;
};

/* --- long work --- */

static struct task *take_task(struct store_helper *helper)
{
    pthread_mutex_lock(&helper->lock);
    while (!helper->first && !helper->ending)
        pthread_cond_wait(&helper->work, &helper->lock);
    struct task *task = helper->first;
    if (task) {
        helper->first = task->next;
        helper->last = helper->first ? helper->last : &helper->first;
    }
    pthread_mutex_unlock(&helper->lock);
    return task;
}

static void *work(void *context)
{
    struct task *task;
    setpriority(PRIO_PROCESS, (id_t)gettid(), HELPER_NICE);
    while ((task = take_task(context))) {
        task->run(task->context);
        free(task);
    }
    return NULL;
}

int store_helper_run(struct store_helper *helper, void (*run)(void *context), void *context)
{
    struct task *task = calloc(1, sizeof *task);
    if (!task)
        return ERR_NOMEM;
    *task = (struct task){.run = run, .context = context};
    pthread_mutex_lock(&helper->lock);
    *helper->last = task;
    helper->last = &task->next;
    pthread_cond_signal(&helper->work);
    pthread_mutex_unlock(&helper->lock);
    return 0;
}

/* More may have come meanwhile than may stay. */
static bool still_fat(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    bool again = !store->compacting && store_is_fat(store);
    store->compacting = store->compacting || again;
    pthread_mutex_unlock(&store->lock);
    return again;
}

static void compact(void *context)
{
    struct store *store = context;
    int error;
    do
        error = store_compact(store);
    while (!error && still_fat(store));
    if (error)
        log_write(LOG_ZONELOAD, LEVEL_WARN, "%s: its old versions cannot be put together: %s", store->path,
                  err_text(error));
    store_unref(store);
}

void helper_compact(struct store_helper *helper, struct store *store)
{
    if (store_helper_run(helper, compact, store_ref(store)) == 0)
        return;
    pthread_mutex_lock(&store->lock);
    store->compacting = false; /* the next version tries again */
    pthread_mutex_unlock(&store->lock);
    store_unref(store);
}

/* --- syncing --- */

void helper_dirty(struct store_helper *helper, struct store *store)
{
    pthread_mutex_lock(&helper->lock);
    if (!store->dirty) {
        store->dirty = true;
        store->next_dirty = helper->dirty;
        helper->dirty = store_ref(store);
        pthread_cond_signal(&helper->sync);
    }
    pthread_mutex_unlock(&helper->lock);
}

static struct store *take_dirty(struct store_helper *helper)
{
    pthread_mutex_lock(&helper->lock);
    struct store *store = helper->dirty;
    if (store) {
        helper->dirty = store->next_dirty;
        store->dirty = false;
    }
    pthread_mutex_unlock(&helper->lock);
    return store;
}

static void sync_all(struct store_helper *helper)
{
    struct store *store;
    while ((store = take_dirty(helper))) {
        int error = store_sync(store);
        if (error)
            log_write(LOG_ZONELOAD, LEVEL_ERROR, "%s: not synced: %s", store->path, err_text(error));
        store_unref(store);
    }
}

/* Waits for something to sync, then for more of it to come together. False: it is time to end. */
static bool wait_for_dirty(struct store_helper *helper)
{
    struct timespec until;
    pthread_mutex_lock(&helper->lock);
    while (!helper->dirty && !helper->ending)
        pthread_cond_wait(&helper->sync, &helper->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SYNC_AFTER_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (!helper->ending && pthread_cond_timedwait(&helper->sync, &helper->lock, &until) == 0)
        continue;
    bool more = !helper->ending || helper->dirty;
    pthread_mutex_unlock(&helper->lock);
    return more;
}

static void *sync_run(void *context)
{
    while (wait_for_dirty(context))
        sync_all(context);
    return NULL;
}

/* --- life --- */

static void end_threads(struct store_helper *helper, bool syncer, bool worker)
{
    if (worker) {
        pthread_mutex_lock(&helper->lock);
        helper->ending = true;
        pthread_cond_broadcast(&helper->work);
        pthread_mutex_unlock(&helper->lock);
        pthread_join(helper->worker, NULL);
    }
    pthread_mutex_lock(&helper->lock);
    helper->ending = true;
    pthread_cond_broadcast(&helper->sync);
    pthread_mutex_unlock(&helper->lock);
    if (syncer)
        pthread_join(helper->syncer, NULL);
}

static void helper_free(struct store_helper *helper)
{
    pthread_cond_destroy(&helper->work);
    pthread_cond_destroy(&helper->sync);
    pthread_mutex_destroy(&helper->lock);
    free(helper);
}

struct store_helper *store_helper_start(void)
{
    struct store_helper *helper = calloc(1, sizeof *helper);
    if (!helper)
        return NULL;
    pthread_mutex_init(&helper->lock, NULL);
    pthread_cond_init(&helper->work, NULL);
    pthread_cond_init(&helper->sync, NULL);
    helper->last = &helper->first;
    bool syncer = pthread_create(&helper->syncer, NULL, sync_run, helper) == 0;
    bool worker = syncer && pthread_create(&helper->worker, NULL, work, helper) == 0;
    if (worker)
        return helper;
    end_threads(helper, syncer, false);
    helper_free(helper);
    return NULL;
}

void store_helper_stop(struct store_helper *helper)
{
    if (!helper)
        return;
    end_threads(helper, true, true);
    sync_all(helper); /* what the last task wrote */
    helper_free(helper);
}
