/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones from their files. */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/feeds_file.h"
#include "candord/keeper_store.h"
#include "dns/name.h"
#include "dns/record.h"
#include "zone/load.h"

/* The file of a secondary zone or a feed may come with the first transfer. */
bool keeper_has_file(const struct config *config, const struct zone_config *zone)
{
    char path[PATH_MAX];
    bool relative = zone->file && zone->file[0] != '/' && config->server.directory;
    if (!zone->file || zone->kind == ZONE_PRIMARY)
        return zone->file && zone->kind == ZONE_PRIMARY;
    snprintf(path, sizeof path, "%s%s%s", relative ? config->server.directory : "", relative ? "/" : "",
             zone->file);
    return (zone->kind == ZONE_SECONDARY || zone->kind == ZONE_FEED) && access(path, F_OK) == 0;
}

struct load_report {
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

static int read_file(const struct config *config, const struct zone_config *from, struct kept_zone *zone,
                     struct load_report *to, bool *includes, struct zone_content **out)
{
    const struct zone_load_options options = {
        .origin = zone->origin,
        .file = from->file,
        .directory = config->server.directory,
        .old = zone->latest,
        .policy = from->is_policy,
        .report = report,
        .context = to,
        .includes = includes,
        .progress_bytes = &zone->progress.bytes,
        .progress_records = &zone->progress.records,
    };
    struct stat is;
    uint64_t size = stat(from->file, &is) == 0 ? (uint64_t)is.st_size : 0;
    zone_progress_begin(&zone->progress, DOING_LOAD, size);
    int error = from->feed ? feeds_file_load(from, &options, out) : zone_load(&options, out);
    zone_progress_end(&zone->progress);
    return error;
}

static void say_loaded(const struct kept_zone *zone, const struct arrival *arrival,
                       const struct zone_content *content)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_INFO, "zone %s/IN: loaded serial %u (%llu records, %u ms)%s",
              name_to_text_nodot(zone->origin, name), zone_content_serial(content),
              (unsigned long long)zone_content_records(content), arrival->took_ms,
              arrival->held ? "; it is not in force" : "");
}

static void say_failed(struct keeper *keeper, struct kept_zone *zone, const char *why)
{
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_ERROR, "zone %s/IN: not loaded: %s%s",
              name_to_text_nodot(zone->origin, name), why,
              zone->content ? "; the version in force stays" : "");
    keeper_note_problem(keeper, zone, why);
}

/* The journal has updates that the file lacks, and the file does not say that it is newer: which of the two
 * is right is the operator's to say. */
static bool is_out_of_step(const struct kept_zone *zone, const struct arrival *arrival, char why[512])
{
    uint32_t serial = zone_content_serial(arrival->whole);
    uint32_t latest = zone->latest ? zone_content_serial(zone->latest) : 0;
    if (!zone->unsynced || arrival->same)
        return false;
    if (!serial_newer(serial, latest)) {
        snprintf(why, 512,
                 "%s was changed, but lacks the updates of its journal up to serial %u: give it a higher "
                 "serial to "
                 "replace them, or let `candorctl sync` write it anew",
                 arrival->from, latest);
        return true;
    }
    char name[NAME_TEXT_MAX];
    log_write(LOG_ZONELOAD, LEVEL_WARN,
              "zone %s/IN: %s has serial %u and takes the place of the updates up to serial %u",
              name_to_text_nodot(zone->origin, name), arrival->from, serial, latest);
    return false;
}

static int take_loaded(struct keeper *keeper, struct kept_zone *zone, struct arrival *arrival, char why[512])
{
    if (zone->store)
        arrival_prepare(arrival, zone->latest, store_path(zone->store));
    if (is_out_of_step(zone, arrival, why))
        return ERR_INVALID;
    if (!arrival->same)
        return keeper_take(keeper, zone, arrival, arrival->whole);
    zone->unsynced = false;
    zone->file_mark = arrival->file_mark;
    keeper_confirm(keeper, zone, arrival);
    return 0;
}

static int load(struct keeper *keeper, const struct config *config, const struct zone_config *from,
                struct kept_zone *zone)
{
    struct load_report to = {{0}};
    struct arrival *arrival = arrival_new(ARRIVAL_WHOLE, ARRIVAL_FILE, zone->view_name, zone->origin);
    uint64_t start_ms = clock_mono_ms();
    bool includes = false;
    if (!arrival)
        return ERR_NOMEM;
    snprintf(arrival->from, sizeof arrival->from, "%s", from->file);
    pthread_mutex_lock(&keeper->lock);
    keeper_set_text(&zone->file, from->file);
    pthread_mutex_unlock(&keeper->lock);
    arrival->file_mark = keeper_file_mark(from->file);
    int error = read_file(config, from, zone, &to, &includes, &arrival->whole);
    if (!includes)
        arrival->file_mark = keeper_mark_alone(arrival->file_mark);
    arrival->took_ms = (uint32_t)(clock_mono_ms() - start_ms);
    if (!error)
        error = take_loaded(keeper, zone, arrival, to.first_error);
    if (error)
        say_failed(keeper, zone, to.first_error[0] ? to.first_error : err_text(error));
    else
        say_loaded(zone, arrival, arrival->whole);
    arrival_free(arrival);
    return error;
}

/* At the start: the journal has what the file has. One that includes others says nothing: they may have
 * changed while it has not. */
static bool is_known(const struct zone_config *config, const struct kept_zone *zone)
{
    return zone->latest && keeper_mark_is_alone(zone->file_mark) &&
           keeper_mark_same(keeper_file_mark(config->file), zone->file_mark);
}

/* A secondary zone's file is where it begins; afterwards its primary is its source. A file that has not
 * changed does not undo the updates of its journal. */
static bool file_is_due(const struct zone_config *config, const struct kept_zone *zone, bool only_new)
{
    if (zone->unsynced && keeper_mark_same(keeper_file_mark(config->file), zone->file_mark))
        return false;
    return !zone->latest || (config->kind == ZONE_PRIMARY && !only_new);
}

static int load_if_due(struct keeper *keeper, const struct config *config, const char *view_name,
                       const struct zone_config *from, bool only_new)
{
    struct kept_zone *zone = keeper_find_or_add(keeper, view_name, from);
    if (!zone)
        return ERR_NOMEM;
    bool fresh = !zone->store;
    zone->keep_expired = from->store.keep_expired;
    keeper_set_text(&zone->text_file, from->store.text ? from->file : NULL);
    keeper_open_image(keeper, from, zone);
    int error = keeper_convert(keeper, zone, from->is_policy);
    keeper_open_store(keeper, from, zone);
    bool mapped = keeper_take_image(keeper, from, zone);
    if (error || mapped || !keeper_has_file(config, from))
        return error;
    if (fresh && zone->store && is_known(from, zone))
        return 0;
    return file_is_due(from, zone, only_new && !fresh) ? load(keeper, config, from, zone) : 0;
}

/* Before anything else is hashed (store/image.h). */
static void open_images(struct keeper *keeper, const struct config *config)
{
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count; i++) {
            const struct zone_config *from = &view->zones[i];
            struct kept_zone *zone =
                keeper_is_ours(from) ? keeper_find_or_add(keeper, view->name, from) : NULL;
            if (zone)
                keeper_open_image(keeper, from, zone);
        }
    }
}

unsigned keeper_load(struct keeper *keeper, const struct config *config, bool only_new)
{
    unsigned failed = 0;
    keeper->config = config;
    open_images(keeper, config);
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count; i++) {
            const struct zone_config *from = &view->zones[i];
            int error = keeper_is_ours(from) ? load_if_due(keeper, config, view->name, from, only_new) : 0;
            failed += error != 0;
            keeper->out_of_memory |= error == ERR_NOMEM;
        }
    }
    return failed;
}

int keeper_reload(struct keeper *keeper, const struct config *config, const uint8_t *origin)
{
    int result = ERR_NOT_FOUND;
    keeper->config = config;
    for (size_t v = 0; v < config->view_count; v++) {
        const struct view_config *view = &config->views[v];
        for (size_t i = 0; i < view->zone_count; i++) {
            if (!keeper_has_file(config, &view->zones[i]) || !name_equal(view->zones[i].name, origin))
                continue;
            int error = load_if_due(keeper, config, view->name, &view->zones[i], false);
            result = result == ERR_NOT_FOUND || result == 0 ? error : result;
        }
    }
    return result;
}
