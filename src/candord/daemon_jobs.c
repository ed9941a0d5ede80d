/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keeper thread: what it is asked to do, one job after the other, and who is told when it is done. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/config_restart.h"
#include "candord/daemon_parts.h"

enum { KEEPER_NICE = 10 /* loading gives way to answering */ };

/* --- configuration --- */

static void log_problem(void *context, const struct config_problem *problem)
{
    (void)context;
    log_write(LOG_CONFIG, problem->error ? LEVEL_ERROR : LEVEL_WARN, "%s:%u: %s", problem->file,
              problem->line, problem->message);
}

/* `whole`: with all members of catalogs, those that begin anew too. */
int daemon_read_config(struct daemon *daemon, bool whole, struct config_holder **out)
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
    return config_holder_read(&options, NULL, out);
}

/* With break-dnssec no, whoever sets DO gets the truth about signed names: say so where an operator reads it.
 */
void daemon_warn_of_escapes(const struct config *config)
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
    daemon_tell("RELOADING=1");
    int error = daemon_read_config(daemon, !catalogs_has_resets(daemon->catalogs), &holder);
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
            daemon_warn_of_escapes(holder->config);
        }
    }
    log_flush(); /* who waits for READY finds in the log why */
    daemon_tell("READY=1");
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

void *daemon_keep(void *context)
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

void daemon_jobs_done(struct loop_watch *watch, unsigned events)
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
