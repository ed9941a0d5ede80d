/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The beginning of a daemon, and what its main thread hears of: signals. */
#include "candord/daemon_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/reader.h"
#include "candord/guard.h"
#include "candord/update_forward.h"

void daemon_tell(const char *state)
{
    sd_notify(0, state);
}

/* --- signals --- */

static void reload_on_signal(struct daemon *daemon)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->kind = JOB_RELOAD_ALL;
    log_write(LOG_GENERAL, LEVEL_INFO, "SIGHUP: reloading the configuration and all zones");
    daemon_submit(daemon, job);
}

static void signalled(struct loop_watch *watch, unsigned events)
{
    (void)events;
    struct daemon *daemon = (struct daemon *)((char *)watch - offsetof(struct daemon, signal_watch));
    struct signalfd_siginfo info;
    while (read(watch->fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP)
            reload_on_signal(daemon);
        else
            loop_stop(daemon->loop);
    }
}

static int catch_signals(struct daemon *daemon)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on files is a full disk: said, not died of */
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? err_from_errno(errno)
                  : loop_watch(daemon->loop, &daemon->signal_watch, fd, LOOP_READ, signalled);
}

/* --- start --- */

static int start_keeper(struct daemon *daemon)
{
    int failed = pthread_create(&daemon->keeper_thread, NULL, daemon_keep, daemon);
    daemon->keeper_started = !failed;
    return failed ? err_from_errno(failed) : 0;
}

static int prepare(struct daemon *daemon)
{
    daemon->loop = loop_new();
    daemon->metrics = metrics_new();
    if (!daemon->loop || !daemon->metrics)
        return ERR_NOMEM;
    daemon->serving.metrics = daemon->metrics;
    random_bytes(daemon->serving.cookie_secret, sizeof daemon->serving.cookie_secret);
    keeper_init(&daemon->keeper);
    guard_open(daemon);
    daemon->feeds = feeds_new(daemon);
    daemon->catalogs = catalogs_new();
    daemon->fetchers = fetchers_new(1, 1); /* until a configuration says how many */
    daemon->secondaries = daemon->fetchers ? secondaries_new(daemon) : NULL;
    daemon->forwarders = daemon->serving.forwarders = fetchers_new(FORWARDERS, FORWARDERS);
    if (!daemon->feeds || !daemon->catalogs || !daemon->secondaries || !daemon->forwarders)
        return ERR_NOMEM;
    daemon->serving.secondaries = daemon->secondaries;
    int error = inbox_init(&daemon->inbox);
    if (!error)
        error = inbox_init(&daemon->keeper_inbox);
    if (!error)
        error = catch_signals(daemon);
    if (!error)
        error = loop_watch(daemon->loop, &daemon->inbox_watch, daemon->inbox.fd, LOOP_READ, daemon_jobs_done);
    if (!error)
        error = courier_new(daemon, &daemon->courier);
    daemon->serving.daemon = daemon;
    daemon->serving.courier = daemon->courier;
    return error;
}

static void say_ready(const struct daemon *daemon, uint64_t start_ms)
{
    const struct config *config = daemon->holder->config;
    log_write(LOG_GENERAL, LEVEL_NOTICE, "ready: %u worker%s, %zu view%s, in %llu ms", daemon->worker_count,
              daemon->worker_count == 1 ? "" : "s", config->view_count, config->view_count == 1 ? "" : "s",
              (unsigned long long)(clock_mono_ms() - start_ms));
    daemon_tell("READY=1");
}

/* Memory that runs out now is not what a zone's file or journal lacks: its rules would be missing. */
static int load_zones(struct daemon *daemon, const struct config *config, char *problem, size_t problem_size)
{
    keeper_load(&daemon->keeper, config, false);
    int error = follow_at_start(daemon);
    if (!error && daemon->keeper.out_of_memory)
        error = ERR_NOMEM;
    return error ? error : publish(daemon, daemon->holder, problem, problem_size);
}

static int start(struct daemon *daemon, const struct daemon_options *options, char *problem,
                 size_t problem_size)
{
    uint64_t start_ms = clock_mono_ms();
    *daemon = (struct daemon){.options = *options, .started_at_s = clock_wall_s()};
    rcu_register_thread();
    daemon_raise_limits();
    int error = prepare(daemon);
    if (!error)
        error = daemon_read_config(daemon, true, &daemon->holder);
    if (error == ERR_INVALID)
        snprintf(problem, problem_size, "%s has errors", options->config_file);
    if (error)
        return error;
    const struct config *config = daemon->holder->config;
    daemon->configured_at_s = daemon->started_at_s;
    error = log_start(&config->log);
    if (error)
        log_write(LOG_CONFIG, LEVEL_CRITICAL, "a log file cannot be opened: %s", err_text(error));
    if (!error)
        error = daemon_take_places(daemon, config);
    if (error)
        return error;
    daemon->keeper.helper = store_helper_start();
    if (!daemon->keeper.helper)
        return ERR_NOMEM;
    error = load_zones(daemon, config, problem, problem_size);
    if (!error)
        error = start_keeper(daemon);
    if (!error)
        error = courier_start(daemon->courier);
    if (!error)
        error = daemon_start_workers(daemon);
    if (!error) {
        feeds_configure(daemon->feeds, daemon->holder);
        secondaries_configure(daemon->secondaries, daemon->holder);
        daemon_warn_of_escapes(daemon->holder->config);
        say_ready(daemon, start_ms);
    }
    return error;
}

int daemon_start(struct daemon *daemon, const struct daemon_options *options)
{
    char problem[512] = "";
    int error = start(daemon, options, problem, sizeof problem);
    if (error)
        log_write(LOG_GENERAL, LEVEL_CRITICAL, "cannot start: %s", problem[0] ? problem : err_text(error));
    return error;
}

void daemon_run(struct daemon *daemon)
{
    loop_on_wait(daemon->loop, reader_before_wait, reader_after_wait, NULL);
    loop_run(daemon->loop);
}
