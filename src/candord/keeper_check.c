/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candord -t: every zone file is read, and what is wrong is said. */
#include <stdio.h>

#include "candord/feeds_file.h"
#include "candord/keeper.h"
#include "dns/name.h"
#include "zone/lint.h"
#include "zone/load.h"

enum { CHECK_SHOWN_OF_A_KIND = 20 /* `candorctl lint --all` shows them all */ };

struct check {
    FILE *out;
    unsigned errors;
    unsigned found[LINT_KINDS];
};

static void check_report(void *context, const char *file, uint64_t line, bool error, const char *message)
{
    struct check *check = context;
    fprintf(check->out, "%s:%llu: %s%s\n", file, (unsigned long long)line, error ? "" : "warning: ", message);
    check->errors += error;
}

static void check_unreadable(void *context, const char *file, uint64_t line, const char *message)
{
    (void)context; /* the load has said it already */
    (void)file;
    (void)line;
    (void)message;
}

/* Records that are no rules are the load's to report; the lint adds what only a look at the whole zone shows.
 */
static void check_found(void *context, const struct lint_finding *finding)
{
    struct check *check = context;
    bool ours = !finding->error && finding->kind != LINT_NONCANONICAL && finding->kind != LINT_APEX_DATA;
    if (ours && check->found[finding->kind]++ < CHECK_SHOWN_OF_A_KIND)
        check_report(context, finding->file, finding->line, false, finding->message);
}

static void check_rules(const struct config *config, const struct view_config *view,
                        const struct zone_config *zone, struct check *check)
{
    struct zone_lint_options options = {.origin = zone->name,
                                        .file = zone->file,
                                        .directory = config->server.directory,
                                        .found = check_found,
                                        .unreadable = check_unreadable,
                                        .context = check};
    for (size_t i = 0; i < view->policy_zone_count; i++)
        if (name_equal(view->policy_zones[i].origin, zone->name))
            options.include_subdomains = view->policy_zones[i].include_subdomains;
    int error = zone_lint(&options);
    (void)error; /* the load reports what cannot be read */
}

unsigned keeper_check(const struct config *config, FILE *out)
{
    struct check check = {.out = out};
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; i < config->views[v].zone_count; i++) {
            const struct zone_config *zone = &config->views[v].zones[i];
            if (!keeper_has_file(config, zone))
                continue;
            struct zone_content *content = NULL;
            const struct zone_load_options options = {.origin = zone->name,
                                                      .file = zone->file,
                                                      .directory = config->server.directory,
                                                      .policy = zone->is_policy,
                                                      .report = check_report,
                                                      .context = &check};
            unsigned before = check.errors;
            int error =
                zone->feed ? feeds_file_load(zone, &options, &content) : zone_load(&options, &content);
            if (error && check.errors == before)
                check_report(&check, zone->config_file, zone->config_line, true, "the zone does not load");
            zone_content_unref(content);
            if (zone->is_policy && !zone->feed)
                check_rules(config, &config->views[v], zone, &check);
        }
    return check.errors;
}
