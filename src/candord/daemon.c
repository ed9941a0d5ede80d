/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/daemon.h"
#include "candord/config_restart.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/reader.h"
#include "candord/commands.h"
#include "candord/guard.h"
#include "candord/update_forward.h"
#include "dns/name.h"

enum { KEEPER_NICE = 10 /* loading gives way to answering */, DRAIN_MS = 3000 };

/* --- configuration --- */

static void log_problem(void *context, const struct config_problem *problem)
{
    (void)context;
    log_write(LOG_CONFIG, problem->error ? LEVEL_ERROR : LEVEL_WARN, "%s:%u: %s", problem->file,
              problem->line, problem->message);
}

/* `whole`: with all members of catalogs, those that begin anew too. */
static int read_config(struct daemon *daemon, bool whole, struct config_holder **out)
{
    const struct catalog_list *lists;
    size_t list_count = catalogs_lists(daemon->catalogs, whole, &lists);
    const struct config_read_options options = {
        .file = daemon->options.config_file,
        .port = daemon->options.port,
        .control = daemon->options.control,
        .catalog_count = list_count,
        .catalogs = lists,
        .problem = log_problem,
    };
    struct config *config;
    int error = config_read(&options, &config);
    if (error)
        return error;
    *out = config_holder_new(config);
    if (!*out) {
        config_free(config);
        return ERR_NOMEM;
    }
    return 0;
}

/* With break-dnssec no, whoever sets DO gets the truth about signed names: say so where an operator reads it.
 */
static void warn_of_escapes(const struct config *config)
{
    for (size_t i = 0; i < config->view_count; i++)
        if (config->views[i].policy_zone_count && !config->views[i].policy.break_dnssec)
            log_write(LOG_RPZ, LEVEL_NOTICE,
                      "view %s: break-dnssec is no: clients that set DO are not given policy answers for "
                      "signed names",
                      config->views[i].name);
}

/* --- the keeper thread --- */

static void fail_job(struct job *job, int error, const char *text)
{
    job->error = error;
    if (!job->problem[0])
        snprintf(job->problem, sizeof job->problem, "%s", text ? text : err_text(error));
}

static void say_restart(void *context, const char *word)
{
    (void)context;
    log_write(LOG_CONFIG, LEVEL_WARN, "'%s' has changed: it will be in force after a restart", word);
}

static void reload_all(struct daemon *daemon, struct job *job)
{
    struct config_holder *holder;
    sd_notify(0, "RELOADING=1");
    int error = read_config(daemon, !catalogs_has_resets(daemon->catalogs), &holder);
    if (error) {
        log_write(LOG_CONFIG, LEVEL_ERROR, "configuration not reloaded: what was in force stays");
        fail_job(job, error, "the configuration has errors; what was in force stays");
    } else {
        unsigned failed = keeper_load(&daemon->keeper, holder->config, false);
        error = publish(daemon, holder, job->problem, sizeof job->problem);
        if (error) {
            log_write(LOG_CONFIG, LEVEL_ERROR, "configuration not reloaded: %s; what was in force stays",
                      job->problem);
            daemon->keeper.config = daemon->holder->config;
            config_holder_unref(holder);
            fail_job(job, error, NULL);
        } else {
            struct config_holder *old = daemon->holder;
            config_restart_words(old->config, holder->config, say_restart, NULL);
            daemon->holder = holder;
            daemon->configured_at_s = clock_wall_s();
            keeper_forget(&daemon->keeper, holder->config);
            if (session_key_publish(daemon->session_key, &holder->config->server.session_key, NULL))
                failed++;
            unsigned old_certificates = tls_servers_reload(daemon->tls, holder->config);
            feeds_configure(daemon->feeds, holder);
            secondaries_configure(daemon->secondaries, holder);
            config_holder_unref(old);
            if (log_start(&holder->config->log))
                log_write(LOG_CONFIG, LEVEL_ERROR, "a log file cannot be opened; the log goes on as before");
            job->problem[0] = 0;
            if (failed)
                fail_job(job, ERR_MALFORMED, "not every zone could be loaded; their versions in force stay");
            else if (old_certificates)
                fail_job(job, ERR_INVALID, "a certificate could not be read; the one in force stays");
            warn_of_escapes(holder->config);
        }
    }
    log_flush(); /* who waits for READY finds in the log why */
    sd_notify(0, "READY=1");
}

static void reload_zone(struct daemon *daemon, struct job *job)
{
    int error = keeper_reload(&daemon->keeper, daemon->holder->config, job->origin);
    if (error) {
        fail_job(job, error, error == ERR_NOT_FOUND ? "no such zone" : NULL);
        return;
    }
    error = publish(daemon, daemon->holder, job->problem, sizeof job->problem);
    if (error)
        fail_job(job, error, NULL);
    else
        job->problem[0] = 0;
}

static bool run_job(struct daemon *daemon, struct job *job)
{
    if (job->kind == JOB_RELOAD_ZONE && feeds_reload(daemon->feeds, job->origin, job))
        return true;
    switch (job->kind) {
    case JOB_RELOAD_ALL:
        reload_all(daemon, job);
        break;
    case JOB_CALL:
        job->call(daemon, job);
        break;
    case JOB_RELOAD_ZONE:
        reload_zone(daemon, job);
        break;
    case JOB_ARRIVAL:
        arrival_receive(daemon, job->arrival);
        free(job);
        return true;
    case JOB_END:
        return false;
    }
    inbox_post(&daemon->inbox, &job->message);
    return true;
}

static void *keeper_run(void *context)
{
    struct daemon *daemon = context;
    bool going = true;
    int follow_ms = -1;
    rcu_register_thread();
    setpriority(PRIO_PROCESS, (id_t)gettid(), KEEPER_NICE);
    keeper_weigh_first(&daemon->keeper);
    keeper_save_images(&daemon->keeper, false);
    while (going) {
        struct inbox_message *message;
        rcu_thread_offline();
        struct pollfd wait = {.fd = daemon->keeper_inbox.fd, .events = POLLIN};
        if (poll(&wait, 1, follow_ms) < 0 && errno != EINTR)
            break;
        rcu_thread_online();
        inbox_quiet(&daemon->keeper_inbox);
        while (going && (message = inbox_take(&daemon->keeper_inbox))) {
            going = run_job(daemon, (struct job *)message);
            keeper_weigh_first(&daemon->keeper);
            keeper_save_images(&daemon->keeper, false);
        }
        if (going)
            follow_ms = follow_catalogs(daemon);
    }
    rcu_unregister_thread();
    return NULL;
}

void daemon_submit(struct daemon *daemon, struct job *job)
{
    inbox_post(&daemon->keeper_inbox, &job->message);
}

struct snapshot *daemon_snapshot(struct daemon *daemon)
{
    return snapshot_ref(atomic_load(&daemon->serving.snapshot));
}

static void jobs_done(struct loop_watch *watch, unsigned events)
{
    (void)events;
    struct daemon *daemon = (struct daemon *)((char *)watch - offsetof(struct daemon, inbox_watch));
    struct inbox_message *message;
    inbox_quiet(&daemon->inbox);
    while ((message = inbox_take(&daemon->inbox))) {
        struct job *job = (struct job *)message;
        if (job->done)
            job->done(job);
        else
            free(job);
    }
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

/* The control socket goes along: whom it belongs to may use it, and has to remove it at the end. */
static int drop_rights(const char *user, const char *control_socket)
{
    struct passwd *entry = getpwnam(user);
    if (!entry)
        return ERR_NOT_FOUND;
    if (control_socket && chown(control_socket, entry->pw_uid, entry->pw_gid))
        log_write(LOG_GENERAL, LEVEL_WARN, "cannot give %s to user %s: %s", control_socket, user,
                  strerror(errno));
    if (initgroups(user, entry->pw_gid) || setgid(entry->pw_gid) || setuid(entry->pw_uid))
        return err_from_errno(errno);
    return 0;
}

static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int open_workers(struct daemon *daemon, const struct server_config *config)
{
    char problem[256];
    int error = 0;
    daemon->workers = calloc(config->workers, sizeof *daemon->workers);
    if (!daemon->workers)
        return ERR_NOMEM;
    while (daemon->worker_count < config->workers && !error) {
        error = worker_new(&daemon->serving, config, daemon->worker_count,
                           &daemon->workers[daemon->worker_count], problem, sizeof problem);
        if (!error)
            daemon->worker_count++;
        else
            log_write(LOG_NETWORK, LEVEL_CRITICAL, "%s", problem);
    }
    return error;
}

static int start_workers(struct daemon *daemon)
{
    int error = 0;
    for (unsigned i = 0; i < daemon->worker_count && !error; i++)
        error = worker_start(daemon->workers[i]);
    return error;
}

static void write_pid_file(const char *path)
{
    FILE *file = path ? fopen(path, "w") : NULL;
    bool written = file && fprintf(file, "%d\n", (int)getpid()) > 0;
    if (file && fclose(file))
        written = false;
    if (path && !written) {
        log_write(LOG_GENERAL, LEVEL_WARN, "cannot write the pid file %s: %s", path, strerror(errno));
    }
}

/* The control socket is a help, not a condition: a default that cannot be had is a warning. */
static int open_control(struct daemon *daemon, const struct server_config *config)
{
    char problem[256];
    int error = commands_open(daemon, config->control_socket, problem, sizeof problem);
    if (!error)
        return 0;
    bool must = config->control_socket_given || daemon->options.control;
    log_write(LOG_CONFIG, must ? LEVEL_CRITICAL : LEVEL_WARN, "no control socket: %s", problem);
    return must ? error : 0;
}

static int start_keeper(struct daemon *daemon)
{
    int failed = pthread_create(&daemon->keeper_thread, NULL, keeper_run, daemon);
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
        error = loop_watch(daemon->loop, &daemon->inbox_watch, daemon->inbox.fd, LOOP_READ, jobs_done);
    if (!error)
        error = courier_new(daemon, &daemon->courier);
    daemon->serving.daemon = daemon;
    daemon->serving.courier = daemon->courier;
    return error;
}

/* That its file cannot be written has been said, and hinders nothing else. */
static int make_session_key(struct daemon *daemon, const struct session_key_config *config)
{
    int error = session_key_new(config, &daemon->session_key);
    if (error)
        return error;
    daemon->serving.session_key = session_key_tsig(daemon->session_key);
    return session_key_publish(daemon->session_key, config, daemon->options.user) == ERR_NOMEM ? ERR_NOMEM
                                                                                               : 0;
}

static int open_tls(struct daemon *daemon, const struct config *config)
{
    char problem[512];
    int error = tls_servers_new(config, &daemon->tls, problem, sizeof problem);
    if (error)
        log_write(LOG_CONFIG, LEVEL_CRITICAL, "TLS cannot be served: %s", problem);
    daemon->serving.tls = daemon->tls;
    return error;
}

/* What needs rights: sockets, the control socket, the pid file. */
static int take_places(struct daemon *daemon, const struct config *config)
{
    if (config->server.directory && chdir(config->server.directory)) {
        log_write(LOG_CONFIG, LEVEL_CRITICAL, "directory %s: %s", config->server.directory, strerror(errno));
        return err_from_errno(errno);
    }
    if (config->server.cookie_secret)
        memcpy(daemon->serving.cookie_secret, config->server.cookie_secret,
               sizeof daemon->serving.cookie_secret);
    int error = open_tls(daemon, config);
    if (!error)
        error = open_workers(daemon, &config->server);
    if (!error)
        error = open_control(daemon, &config->server);
    if (error)
        return error;
    write_pid_file(config->server.pid_file);
    error = make_session_key(daemon, &config->server.session_key);
    if (error)
        return error;
    if (daemon->options.user)
        error = drop_rights(daemon->options.user, daemon->control ? config->server.control_socket : NULL);
    if (error)
        log_write(LOG_GENERAL, LEVEL_CRITICAL, "cannot become user %s: %s", daemon->options.user,
                  err_text(error));
    return error;
}

static void say_ready(const struct daemon *daemon, uint64_t start_ms)
{
    const struct config *config = daemon->holder->config;
    log_write(LOG_GENERAL, LEVEL_NOTICE, "ready: %u worker%s, %zu view%s, in %llu ms", daemon->worker_count,
              daemon->worker_count == 1 ? "" : "s", config->view_count, config->view_count == 1 ? "" : "s",
              (unsigned long long)(clock_mono_ms() - start_ms));
    sd_notify(0, "READY=1");
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
    raise_limits();
    int error = prepare(daemon);
    if (!error)
        error = read_config(daemon, true, &daemon->holder);
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
        error = take_places(daemon, config);
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
        error = start_workers(daemon);
    if (!error) {
        feeds_configure(daemon->feeds, daemon->holder);
        secondaries_configure(daemon->secondaries, daemon->holder);
        warn_of_escapes(daemon->holder->config);
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

/* --- stop --- */

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
    sd_notify(0, "STOPPING=1");
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
        jobs_done(&daemon->inbox_watch, LOOP_READ); /* what came back too late for the loop */
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
