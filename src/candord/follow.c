/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Catalog zones are followed: the configuration in force is built once more with the members that they name
 * now. No file is read again: a half edited named.conf is nobody's business but the operator's. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "candord/daemon.h"
#include "dns/name.h"

/* The configuration's own warnings have been told when it was read. */
static void log_problem(void *context, const struct config_problem *problem)
{
    (void)context;
    if (problem->error || strncmp(problem->file, "catalog ", 8) == 0)
        log_write(LOG_CONFIG, problem->error ? LEVEL_ERROR : LEVEL_WARN, "%s: %s", problem->file,
                  problem->message);
}

static int build_again(struct daemon *daemon, bool whole, struct config_holder **out)
{
    struct config_holder *base = daemon->holder->base ? daemon->holder->base : daemon->holder;
    struct config_read_options options = {.file = daemon->options.config_file,
                                          .port = daemon->options.port,
                                          .control = daemon->options.control,
                                          .from = base->config,
                                          .problem = log_problem};
    options.catalog_count = catalogs_lists(daemon->catalogs, whole, &options.catalogs);
    return config_holder_read(&options, base, out);
}

static void say_followed(const struct config *config)
{
    size_t members = 0;
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; i < config->views[v].zone_count; i++)
            members += config->views[v].zones[i].catalog != NULL;
    log_write(LOG_GENERAL, LEVEL_NOTICE, "catalogs: %zu member zone%s", members, members == 1 ? "" : "s");
}

static const struct zone_config *find_zone(const struct config *config, const char *view_name,
                                           const uint8_t *name)
{
    const struct zone_config *found = NULL;
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; strcmp(config->views[v].name, view_name) == 0 && i < config->views[v].zone_count;
             i++)
            if (name_equal(config->views[v].zones[i].name, name))
                found = &config->views[v].zones[i];
    return found;
}

/* A member that goes leaves nothing behind (RFC 9432 section 5.5): when it comes again, it begins anew. */
static void remove_files(const struct zone_config *zone)
{
    char journal[PATH_MAX];
    if (!zone->file)
        return;
    unlink(zone->file);
    if (snprintf(journal, sizeof journal, "%s.journal", zone->file) < (int)sizeof journal)
        unlink(journal);
}

static void remove_gone(const struct config *before, const struct config *now)
{
    for (size_t v = 0; v < before->view_count; v++)
        for (size_t i = 0; i < before->views[v].zone_count; i++) {
            const struct zone_config *zone = &before->views[v].zones[i];
            if (zone->catalog && !find_zone(now, before->views[v].name, zone->name))
                remove_files(zone);
        }
}

static int apply(struct daemon *daemon, bool whole)
{
    char problem[512];
    struct config_holder *holder, *old = daemon->holder;
    int error = build_again(daemon, whole, &holder);
    if (error)
        return error;
    keeper_load(&daemon->keeper, holder->config, true);
    error = publish(daemon, holder, problem, sizeof problem);
    if (error) {
        daemon->keeper.config = old->config;
        config_holder_unref(holder);
        return error;
    }
    daemon->holder = holder;
    keeper_forget(&daemon->keeper, holder->config);
    feeds_configure(daemon->feeds, holder);
    secondaries_configure(daemon->secondaries, holder);
    remove_gone(old->config, holder->config);
    config_holder_unref(old);
    return 0;
}

int follow_catalogs(struct daemon *daemon)
{
    catalogs_look(daemon->catalogs, &daemon->keeper, daemon->holder->config);
    int wait_ms = catalogs_wait_ms(daemon->catalogs);
    if (wait_ms)
        return wait_ms;
    int error = catalogs_has_resets(daemon->catalogs) ? apply(daemon, false) : 0;
    if (!error)
        error = apply(daemon, true);
    catalogs_followed(daemon->catalogs);
    if (error)
        log_write(LOG_GENERAL, LEVEL_ERROR, "catalogs cannot be followed: %s", err_text(error));
    else
        say_followed(daemon->holder->config);
    return catalogs_wait_ms(daemon->catalogs);
}

int follow_at_start(struct daemon *daemon)
{
    struct config_holder *holder;
    catalogs_look(daemon->catalogs, &daemon->keeper, daemon->holder->config);
    if (catalogs_wait_ms(daemon->catalogs) < 0)
        return 0;
    int error = build_again(daemon, true, &holder);
    if (error)
        return error;
    config_holder_unref(daemon->holder);
    daemon->holder = holder;
    keeper_load(&daemon->keeper, holder->config, true);
    catalogs_followed(daemon->catalogs);
    say_followed(holder->config);
    return 0;
}
