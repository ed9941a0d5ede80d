/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a start takes while it has the rights to: sockets, the control socket, the pid file; then it gives the
 * rights up. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "candord/commands.h"
#include "candord/daemon_parts.h"

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

void daemon_raise_limits(void)
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

int daemon_start_workers(struct daemon *daemon)
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
int daemon_take_places(struct daemon *daemon, const struct config *config)
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
