/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/name.h"
#include "zone/lint.h"
#include "zone/load.h"
#include "zone/table.h"

void keeper_init(struct keeper *keeper)
{
    pthread_mutex_init(&keeper->lock, NULL);
    keeper->zones = keeper->forgotten = NULL;
}

/* Gives back all but the counters: snapshots that are still read may count in them. */
static void zone_empty(struct kept_zone *zone)
{
    zone_content_unref(zone->content);
    free(zone->view_name);
    free(zone->file);
    free(zone->last_problem);
    zone->content = NULL;
    zone->view_name = zone->file = zone->last_problem = NULL;
}

static void free_list(struct kept_zone *zone)
{
    while (zone) {
        struct kept_zone *next = zone->next;
        zone_empty(zone);
        free(zone);
        zone = next;
    }
}

void keeper_fini(struct keeper *keeper)
{
    free_list(keeper->zones);
    free_list(keeper->forgotten);
    keeper->zones = keeper->forgotten = NULL;
    pthread_mutex_destroy(&keeper->lock);
}

static struct kept_zone *find(struct keeper *keeper, const char *view_name, const uint8_t *origin)
{
    struct kept_zone *zone = keeper->zones;
    while (zone && (strcmp(zone->view_name, view_name) != 0 || !name_equal(zone->origin, origin)))
        zone = zone->next;
    return zone;
}

static struct kept_zone *find_or_add(struct keeper *keeper, const char *view_name,
                                     const struct zone_config *config)
{
    struct kept_zone *zone = find(keeper, view_name, config->name);
    if (zone)
        return zone;
    zone = calloc(1, sizeof *zone);
    if (!zone)
        return NULL;
    zone->view_name = strdup(view_name);
    name_copy(zone->origin, config->name);
    if (!zone->view_name) {
        free(zone);
        return NULL;
    }
    pthread_mutex_lock(&keeper->lock);
    zone->next = keeper->zones;
    keeper->zones = zone;
    pthread_mutex_unlock(&keeper->lock);
    return zone;
}

static bool has_file_data(const struct zone_config *config)
{
    return config->file && (config->kind == ZONE_PRIMARY || config->kind == ZONE_SECONDARY);
}

/* --- loading --- */

struct load_report {
    struct kept_zone *zone;
    char first_error[512];
};

static void report(void *context, const char *file, uint64_t line, bool error, const char *message)
{
    struct load_report *to = context;
    log_write(LOG_ZONELOAD, error ? LEVEL_ERROR : LEVEL_WARN, "%s:%llu: %s", file, (unsigned long long)line,
              message);
    if (error && !to->first_error[0])
        snprintf(to->first_error, sizeof to->first_error, "%s:%llu: %s", file, (unsigned long long)line,
                 message);
}

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = text ? strdup(text) : NULL;
}

static void log_loaded(const struct kept_zone *zone)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_INFO, "zone %s/IN: loaded serial %u (%llu records, %u ms)",
              name_to_text_nodot(zone->origin, name), zone_content_serial(zone->content),
              (unsigned long long)zone_content_records(zone->content), zone->load_ms);
}

static int load(struct keeper *keeper, const struct config *config, const struct zone_config *from,
                struct kept_zone *zone)
{
    struct load_report to = {.zone = zone};
    struct zone_content *content = NULL;
    const struct zone_load_options options = {
        .origin = zone->origin,
        .file = from->file,
        .directory = config->server.directory,
        .policy = from->is_policy,
        .report = report,
        .context = &to,
        .progress_bytes = &zone->progress_bytes,
        .progress_records = &zone->progress_records,
    };
    uint64_t start_ms = clock_mono_ms();
    atomic_store(&zone->loading, true);
    int error = zone_load(&options, &content);
    atomic_store(&zone->loading, false);
    pthread_mutex_lock(&keeper->lock);
    struct zone_content *old = NULL;
    zone->policy = from->is_policy;
    set_text(&zone->file, from->file);
    set_text(&zone->last_problem, error ? (to.first_error[0] ? to.first_error : err_text(error)) : NULL);
    zone->load_ms = (uint32_t)(clock_mono_ms() - start_ms);
    if (!error) {
        old = zone->content;
        zone->content = content;
        zone->loaded_at_s = clock_wall_s();
    }
    pthread_mutex_unlock(&keeper->lock);
    zone_content_unref(old);
    char name[NAME_TEXT_MAX];
    if (error)
        log_write(LOG_ZONELOAD, LEVEL_ERROR, "zone %s/IN: not loaded: %s%s",
                  name_to_text_nodot(zone->origin, name), zone->last_problem ?: err_text(error),
                  zone->content ? "; the version in force stays" : "");
    else
        log_loaded(zone);
    return error;
}

unsigned keeper_load(struct keeper *keeper, const struct config *config, bool only_new)
{
    unsigned failed = 0;
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count; i++) {
            if (!has_file_data(&view->zones[i]))
                continue;
            struct kept_zone *zone = find_or_add(keeper, view->name, &view->zones[i]);
            if (zone && only_new && zone->content && zone->policy == view->zones[i].is_policy)
                continue;
            failed += !zone || load(keeper, config, &view->zones[i], zone);
        }
    }
    return failed;
}

int keeper_reload(struct keeper *keeper, const struct config *config, const uint8_t *origin)
{
    int result = ERR_NOT_FOUND;
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count; i++) {
            if (!has_file_data(&view->zones[i]) || !name_equal(view->zones[i].name, origin))
                continue;
            struct kept_zone *zone = find_or_add(keeper, view->name, &view->zones[i]);
            int error = zone ? load(keeper, config, &view->zones[i], zone) : ERR_NOMEM;
            result = result == ERR_NOT_FOUND || result == 0 ? error : result;
        }
    }
    return result;
}

struct kept_zone *keeper_find(struct keeper *keeper, const struct config *config, const char *view_name,
                              const uint8_t *origin)
{
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count && strcmp(view->name, view_name) == 0; i++)
            if (name_equal(view->zones[i].name, origin))
                return find_or_add(keeper, view_name, &view->zones[i]);
    }
    return NULL;
}

void keeper_put(struct keeper *keeper, struct kept_zone *zone, struct zone_content *content)
{
    pthread_mutex_lock(&keeper->lock);
    struct zone_content *old = zone->content;
    zone->content = content;
    zone->policy = content && zone_content_get_policy(content);
    zone->loaded_at_s = clock_wall_s();
    set_text(&zone->last_problem, NULL);
    pthread_mutex_unlock(&keeper->lock);
    zone_content_unref(old);
}

void keeper_forget(struct keeper *keeper, const struct config *config)
{
    for (struct kept_zone *zone = keeper->zones; zone; zone = zone->next)
        zone->wanted = false;
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; i < config->views[v].zone_count; i++) {
            struct kept_zone *zone = find(keeper, config->views[v].name, config->views[v].zones[i].name);
            if (zone)
                zone->wanted = true;
        }
    pthread_mutex_lock(&keeper->lock);
    for (struct kept_zone **at = &keeper->zones; *at;) {
        struct kept_zone *zone = *at;
        if (zone->wanted) {
            at = &zone->next;
            continue;
        }
        *at = zone->next;
        zone_empty(zone);
        zone->next = keeper->forgotten;
        keeper->forgotten = zone;
    }
    pthread_mutex_unlock(&keeper->lock);
}

/* --- what queries see --- */

static bool is_ours(const struct zone_config *config)
{
    return config->kind == ZONE_PRIMARY || config->kind == ZONE_SECONDARY;
}

/* Does the closest forwarding at or above the name leave no other way (forward only)? */
static bool forwarded_only(const struct view_config *view, const uint8_t *name)
{
    const struct forward_zone *closest = NULL;
    for (size_t i = 0; i < view->resolver.forward_count; i++) {
        const struct forward_zone *forward = &view->resolver.forwards[i];
        if (name_is_within(name, forward->origin) &&
            (!closest || name_labels(forward->origin) >= name_labels(closest->origin)))
            closest = forward;
    }
    return closest && closest->mode == FORWARD_ONLY;
}

/* BIND leaves out an empty zone where the operator has configured that name, has disabled it, or sends its
 * questions to forwarders only. */
static bool empty_zone_wanted(const struct view_config *view, const uint8_t *origin)
{
    for (size_t i = 0; i < view->zone_count; i++)
        if (name_equal(view->zones[i].name, origin))
            return false;
    for (size_t i = 0; i < view->disabled_empty_count; i++)
        if (name_equal(view->disabled_empty[i], origin))
            return false;
    return !forwarded_only(view, origin);
}

static size_t add_empty_zones(const struct view_config *view, struct zone_table_entry *entries, size_t count)
{
    for (const char *const *text = zone_empty_names; *text; text++) {
        uint8_t origin[NAME_MAX_BYTES];
        if (name_from_text(*text, NULL, origin) < 0)
            continue;
        name_to_lower(origin);
        struct zone_content *content = empty_zone_wanted(view, origin) ? zone_content_empty(origin) : NULL;
        if (content)
            entries[count++] =
                (struct zone_table_entry){.origin = zone_content_origin(content), .content = content};
    }
    return count;
}

static size_t empty_zone_count(void)
{
    size_t n = 0;
    while (zone_empty_names[n])
        n++;
    return n;
}

struct zone_table *keeper_table(struct keeper *keeper, const struct view_config *view)
{
    struct zone_table_entry *entries = calloc(view->zone_count + empty_zone_count() + 1, sizeof *entries);
    size_t count = 0;
    if (!entries)
        return NULL;
    size_t empty = view->empty_zones && view->recursion ? add_empty_zones(view, entries, 0) : 0;
    count = empty;
    for (size_t i = 0; i < view->zone_count; i++) {
        const struct zone_config *config = &view->zones[i];
        if (!is_ours(config))
            continue;
        struct kept_zone *zone = find(keeper, view->name, config->name);
        entries[count++] = (struct zone_table_entry){
            .origin = config->name, .content = zone ? zone->content : NULL, .owner = (void *)config};
    }
    struct zone_table *table = zone_table_new(entries, count);
    for (size_t i = 0; i < empty; i++)
        zone_content_unref(entries[i].content);
    free(entries);
    return table;
}

struct policy_set *keeper_policy(struct keeper *keeper, const struct view_config *view)
{
    struct policy_set_zone *zones = calloc(view->policy_zone_count + 1, sizeof *zones);
    if (!zones)
        return NULL;
    for (size_t i = 0; i < view->policy_zone_count; i++) {
        struct kept_zone *kept = find(keeper, view->name, view->policy_zones[i].origin);
        zones[i].options = view->policy_zones[i];
        zones[i].options.counters = kept ? &kept->counters : NULL;
        zones[i].zone = kept && kept->content ? zone_content_get_policy(kept->content) : NULL;
    }
    struct policy_set *set = policy_set_new(&view->policy, zones, view->policy_zone_count);
    free(zones);
    return set;
}

void keeper_each(struct keeper *keeper, void (*each)(void *context, const struct kept_zone *zone),
                 void *context)
{
    pthread_mutex_lock(&keeper->lock);
    for (struct kept_zone *zone = keeper->zones; zone; zone = zone->next)
        each(context, zone);
    pthread_mutex_unlock(&keeper->lock);
}

/* --- candord -t --- */

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
            if (!has_file_data(zone))
                continue;
            struct zone_content *content = NULL;
            const struct zone_load_options options = {.origin = zone->name,
                                                      .file = zone->file,
                                                      .directory = config->server.directory,
                                                      .policy = zone->is_policy,
                                                      .report = check_report,
                                                      .context = &check};
            unsigned before = check.errors;
            if (zone_load(&options, &content) && check.errors == before)
                check_report(&check, zone->config_file, zone->config_line, true, "the zone does not load");
            zone_content_unref(content);
            if (zone->is_policy)
                check_rules(config, &config->views[v], zone, &check);
        }
    return check.errors;
}
