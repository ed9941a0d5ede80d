/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a daemon: nothing new is begun, what is under way is answered, everything is given back. */
#include <stdlib.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "base/log.h"
#include "candord/commands.h"
#include "candord/daemon_parts.h"
#include "candord/guard.h"

enum { DRAIN_MS = 3000 };

/* Whoever hands over a transfer waits for the keeper, so this comes before its end. */
static void stop_transfers(struct daemon *daemon)
{
    if (!daemon->secondaries)
        return;
    secondaries_stop(daemon->secondaries);
    rcu_thread_offline();
    fetchers_stop(daemon->fetchers);
    rcu_thread_online();
}

static void stop_keeper(struct daemon *daemon)
{
    if (!daemon->keeper_started)
        return;
    daemon->end = (struct job){.kind = JOB_END};
    daemon_submit(daemon, &daemon->end);
    rcu_thread_offline();
    pthread_join(daemon->keeper_thread, NULL);
    rcu_thread_online();
}

/* What came behind JOB_END: who waits for it is told. */
static void abandon_arrivals(struct daemon *daemon)
{
    struct inbox_message *message;
    while ((message = inbox_take(&daemon->keeper_inbox))) {
        struct job *job = (struct job *)message;
        if (job->kind == JOB_ARRIVAL) {
            job->arrival->error = ERR_CLOSED;
            job->arrival->done(job->arrival);
        }
        free(job);
    }
}

/* Nothing new comes any more: what the next start wants is written while the workers still answer. */
static void stop_helper(struct daemon *daemon)
{
    keeper_save_images(&daemon->keeper, true);
    rcu_thread_offline();
    store_helper_stop(daemon->keeper.helper);
    rcu_thread_online();
    daemon->keeper.helper = NULL;
}

static void stop_courier(struct daemon *daemon)
{
    rcu_thread_offline();
    courier_stop(daemon->courier);
    rcu_thread_online();
}

static void stop_serving(struct daemon *daemon)
{
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_stop(daemon->workers[i], DRAIN_MS);
    rcu_thread_offline();
    for (unsigned waited_ms = 0; waited_ms < DRAIN_MS && atomic_load(&daemon->serving.waiting);
         waited_ms += 10)
        usleep(10000);
    rcu_thread_online();
    for (struct truth_source_pool *pool = daemon->pools; pool; pool = pool->next) {
        resolver_stop(pool->resolver); /* what still waits comes back now */
        pool->resolver = NULL;
    }
    rcu_thread_offline();
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_join(daemon->workers[i]);
    rcu_thread_online();
}

static void free_parts(struct daemon *daemon)
{
    rcu_thread_offline();
    if (daemon->forwarders)
        fetchers_stop(daemon->forwarders); /* no worker has more for it, and they wait for what it has */
    rcu_thread_online();
    courier_free(daemon->courier); /* what it has not made goes back to the workers */
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_free(daemon->workers[i]);
    free(daemon->workers);
    snapshot_unref(atomic_exchange(&daemon->serving.snapshot, NULL));
    publish_retire(daemon, true);
    if (daemon->holder && daemon->holder->config->server.pid_file)
        unlink(daemon->holder->config->server.pid_file);
    fetchers_free(daemon->forwarders);
    session_key_free(daemon->session_key);
    tls_servers_free(daemon->tls);
    guard_close(daemon);
    store_helper_stop(daemon->keeper.helper);
    keeper_fini(&daemon->keeper);
    config_holder_unref(daemon->holder);
    rcu_barrier();
}

void daemon_stop(struct daemon *daemon)
{
    daemon_tell("STOPPING=1");
    if (daemon->keeper_started)
        log_write(LOG_GENERAL, LEVEL_NOTICE, "stopping: what is under way is still answered");
    if (daemon->feeds)
        feeds_cancel(daemon->feeds);
    stop_transfers(daemon);
    stop_keeper(daemon);
    if (daemon->control)
        commands_close(daemon);
    stop_courier(daemon);
    if (daemon->keeper_started) {
        stop_helper(daemon);
        stop_serving(daemon);
        abandon_arrivals(daemon);
        rcu_thread_offline();
        feeds_free(daemon->feeds); /* its threads wait for resolvers, its jobs go back to the inbox */
        rcu_thread_online();
        daemon->feeds = NULL;
        daemon_jobs_done(&daemon->inbox_watch, LOOP_READ); /* what came back too late for the loop */
    }
    feeds_free(daemon->feeds);
    catalogs_free(daemon->catalogs);
    secondaries_free(daemon->secondaries);
    fetchers_free(daemon->fetchers);
    if (daemon->loop)
        free_parts(daemon);
    log_stop();
    if (daemon->loop)
        loop_free(daemon->loop);
    inbox_fini(&daemon->inbox);
    inbox_fini(&daemon->keeper_inbox);
    if (daemon->signal_watch.fd > 0)
        close(daemon->signal_watch.fd);
    metrics_free(daemon->metrics);
    rcu_unregister_thread();
}
