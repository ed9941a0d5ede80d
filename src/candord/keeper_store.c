/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone keeps on disk: read at the start, written before a version is published. A disk that cannot be
 * written to costs persistence, never protection: the version goes into force, and what is wrong is said. */
#include "candord/keeper_store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "dns/name.h"
#include "store/image.h"

enum {
    TRY_AGAIN_S = 60,   /* a whole version is expensive to write in vain */
    TEXT_EVERY_S = 900, /* as BIND */
};

/* In a file's mark. The first releases set the lowest bit, and do not tell. */
enum { MARK_TELLS = 4, MARK_ALONE = 2, MARK_FLAGS = 7 };

/* --- what is wrong --- */

static void say_problem(struct keeper *keeper, struct kept_zone *zone, const char *path, int error)
{
    char name[NAME_TEXT_MAX], text[512];
    const char *why = error == ERR_EXISTS ? "another zone or process has it open" : err_text(error);
    bool known = zone->store_problem != NULL;
    keeper->out_of_memory |= error == ERR_NOMEM;
    snprintf(text, sizeof text, "%s: %s; versions are in force, but would be lost by a restart", path, why);
    pthread_mutex_lock(&keeper->lock);
    keeper_set_text(&zone->store_problem, text);
    pthread_mutex_unlock(&keeper->lock);
    if (!known)
        log_write(LOG_ZONELOAD, LEVEL_ERROR, "zone %s/IN: %s", name_to_text_nodot(zone->origin, name), text);
}

static void say_well(struct keeper *keeper, struct kept_zone *zone)
{
    char name[NAME_TEXT_MAX];
    if (!zone->store_problem)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper_set_text(&zone->store_problem, NULL);
    pthread_mutex_unlock(&keeper->lock);
    log_write(LOG_ZONELOAD, LEVEL_NOTICE, "zone %s/IN: %s is written again",
              name_to_text_nodot(zone->origin, name), store_path(zone->store));
}

/* --- the start --- */

static int64_t within(uint32_t value, uint32_t low, uint32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* As the source's last sign of life says, not as long as we were away. */
static bool is_expired(const struct zone_config *config, const struct store_state *state,
                       const struct zone_content *latest)
{
    const uint8_t *soa = zone_content_soa(latest)->rdatas[0].bytes;
    int64_t refresh_s =
        within(soa_refresh_s(soa), config->transfer_in.min_refresh_s, config->transfer_in.max_refresh_s);
    int64_t retry_s =
        within(soa_retry_s(soa), config->transfer_in.min_retry_s, config->transfer_in.max_retry_s);
    int64_t expire_s = soa_expire_s(soa);
    int64_t after_s = expire_s > refresh_s + retry_s ? expire_s : refresh_s + retry_s;
    return state->expired ||
           (config->kind == ZONE_SECONDARY && clock_wall_s() - state->checked_at_s > after_s);
}

/* Takes the references over. */
static void take_loaded(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone,
                        struct zone_content *latest, struct zone_content *in_force,
                        const struct store_state *state)
{
    bool expired = is_expired(config, state, latest), stops = expired && !config->store.keep_expired;
    pthread_mutex_lock(&keeper->lock);
    zone->latest = latest;
    zone->content = stops ? NULL : in_force;
    zone->resting = stops ? in_force : NULL;
    zone->expired = expired;
    zone->policy = config->is_policy;
    zone->hold = (enum zone_hold)state->hold;
    keeper_set_text(&zone->hold_reason, zone->hold ? state->reason : NULL);
    keeper_set_text(&zone->from, state->from);
    keeper_set_text(&zone->tag, state->tag[0] ? state->tag : NULL);
    zone->source = (enum arrival_source)state->source;
    zone->latest_at_s = state->latest_at_s;
    zone->checked_at_s = state->checked_at_s;
    zone->loaded_at_s = clock_wall_s();
    zone->unsynced = state->unsynced;
    zone->file_mark = state->file_mark;
    zone->latest_stamp = store_latest(zone->store);
    zone->force_stamp = state->in_force;
    pthread_mutex_unlock(&keeper->lock);
}

/* Of what the versions were made. */
static void say_source(const struct kept_zone *zone, char *out, size_t size)
{
    struct store_image_look image = {.used = false};
    if (zone->image)
        store_image_look(zone->image, &image);
    if (!image.used)
        snprintf(out, size, "%s", store_path(zone->store));
    else if (image.label.stamp == zone->force_stamp)
        snprintf(out, size, "%s", store_image_path(zone->image));
    else
        snprintf(out, size, "%s and the steps behind it in %s", store_image_path(zone->image),
                 store_path(zone->store));
}

static void say_loaded(const struct kept_zone *zone, uint64_t began_ms)
{
    char name[NAME_TEXT_MAX], source[2 * PATH_MAX + 64];
    const char *how = zone->expired && !zone->content ? "expired while nobody was looking: not in force"
                      : zone->latest != zone->content ? "held as before: an older one is in force"
                                                      : "in force";
    say_source(zone, source, sizeof source);
    log_write(LOG_ZONELOAD, zone->latest == zone->content ? LEVEL_INFO : LEVEL_WARN,
              "zone %s/IN: serial %u (%llu records) from %s in %llu ms, %s",
              name_to_text_nodot(zone->origin, name), zone_content_serial(zone->latest),
              (unsigned long long)zone_content_records(zone->latest), source,
              (unsigned long long)(clock_mono_ms() - began_ms), how);
}

static void load_stored(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone)
{
    struct zone_content *latest = NULL, *in_force = NULL;
    struct store_state state;
    uint64_t began_ms = clock_mono_ms() - keeper_image_ms(zone);
    zone_progress_begin(&zone->progress, DOING_START, store_bytes(zone->store));
    int error = store_load(zone->store, &latest, &in_force, &state);
    zone_progress_end(&zone->progress);
    if (error)
        say_problem(keeper, zone, config->store.path, error);
    if (error || !latest)
        return;
    take_loaded(keeper, config, zone, latest, in_force, &state);
    say_loaded(zone, began_ms);
}

static void close_store(struct keeper *keeper, struct kept_zone *zone)
{
    pthread_mutex_lock(&keeper->lock);
    struct store *store = zone->store;
    zone->store = NULL;
    zone->latest_stamp = zone->force_stamp = 0;
    keeper_set_text(&zone->store_problem, NULL);
    pthread_mutex_unlock(&keeper->lock);
    store_unref(store);
}

void keeper_open_store(struct keeper *keeper, const struct zone_config *config, struct kept_zone *zone)
{
    const char *path = config->store.path;
    struct store *store = NULL;
    if (zone->store && (!path || strcmp(path, store_path(zone->store)) != 0))
        close_store(keeper, zone);
    if (zone->store || !path)
        return;
    const struct store_options options = {.path = path,
                                          .origin = zone->origin,
                                          .policy = config->is_policy,
                                          .max_bytes = config->store.max_journal_bytes,
                                          .helper = keeper->helper,
                                          .image = zone->image};
    int error = store_open(&options, &store);
    if (error) {
        say_problem(keeper, zone, path, error);
        return;
    }
    pthread_mutex_lock(&keeper->lock);
    zone->store = store;
    pthread_mutex_unlock(&keeper->lock);
    if (!zone->latest)
        load_stored(keeper, config, zone);
    else
        keeper_store_state(keeper, zone);
}

uint64_t keeper_file_mark(const char *path)
{
    struct stat is;
    if (!path || stat(path, &is))
        return 0;
    const uint64_t parts[] = {(uint64_t)is.st_size, (uint64_t)is.st_ino, (uint64_t)is.st_mtim.tv_sec,
                              (uint64_t)is.st_mtim.tv_nsec};
    return (hash_bytes(0, parts, sizeof parts) & ~(uint64_t)MARK_FLAGS) | MARK_TELLS;
}

uint64_t keeper_mark_alone(uint64_t mark)
{
    return mark ? mark | MARK_ALONE : 0;
}

bool keeper_mark_is_alone(uint64_t mark)
{
    return (mark & MARK_FLAGS) == (MARK_TELLS | MARK_ALONE);
}

bool keeper_mark_same(uint64_t a, uint64_t b)
{
    return a && b && ((a ^ b) & ~(uint64_t)MARK_FLAGS) == 0;
}

/* --- a new version --- */

static struct store_state state_of(const struct kept_zone *zone)
{
    struct store_state state = {.in_force = zone->force_stamp,
                                .hold = (uint8_t)zone->hold,
                                .source = (uint8_t)zone->source,
                                .expired = zone->expired,
                                .unsynced = zone->unsynced,
                                .checked_at_s = zone->checked_at_s,
                                .latest_at_s = zone->latest_at_s,
                                .file_mark = zone->file_mark};
    snprintf(state.reason, sizeof state.reason, "%s", zone->hold_reason ?: "");
    snprintf(state.from, sizeof state.from, "%s", zone->from ?: "");
    snprintf(state.tag, sizeof state.tag, "%s", zone->tag ?: "");
    return state;
}

static struct store_state next_state(const struct kept_zone *zone, const struct taking *taking)
{
    const struct arrival *arrival = taking->arrival;
    struct store_state state = state_of(zone);
    state.hold = (uint8_t)taking->hold;
    state.source = (uint8_t)arrival->source;
    state.expired = false;
    state.unsynced = taking->unsynced;
    state.file_mark = taking->file_mark;
    state.checked_at_s = state.latest_at_s = clock_wall_s();
    state.in_force = taking->hold ? zone->force_stamp : STORE_THIS;
    snprintf(state.reason, sizeof state.reason, "%s", taking->hold ? taking->reason : "");
    snprintf(state.from, sizeof state.from, "%s", arrival->from);
    snprintf(state.tag, sizeof state.tag, "%s", arrival->tag);
    return state;
}

static int add_body(struct kept_zone *zone, struct store_body *body, uint8_t source,
                    struct store_state *state)
{
    int error = body ? store_add(zone->store, body, source, clock_wall_s(), state) : ERR_NOMEM;
    if (!error)
        zone->latest_stamp = state->stamp;
    return error;
}

/* What is in force must be there before a later version can be held behind it. */
static int add_base(struct kept_zone *zone, struct store_state *next)
{
    struct store_state state = state_of(zone);
    state.in_force = STORE_THIS;
    state.hold = HOLD_NONE;
    struct store_body *body = store_body_whole(zone->content, store_path(zone->store));
    int error = add_body(zone, body, (uint8_t)zone->source, &state);
    store_body_free(body);
    zone->force_stamp = error ? 0 : state.in_force;
    next->in_force = zone->force_stamp;
    if (zone->content != zone->latest)
        zone->latest_stamp = 0;
    return error;
}

static int add_next(struct kept_zone *zone, const struct taking *taking, struct store_state *state)
{
    struct arrival *arrival = taking->arrival;
    bool step = zone->latest_stamp && arrival->changes;
    if (arrival->body && (step || arrival->body_whole))
        return add_body(zone, arrival->body, (uint8_t)arrival->source, state);
    struct store_body *body = step ? store_body_step(zone->origin, arrival->changes)
                                   : store_body_whole(taking->next, store_path(zone->store));
    int error = add_body(zone, body, (uint8_t)arrival->source, state);
    store_body_free(body);
    return error;
}

/* What the guard has made of a held version acts meanwhile. */
static int add_instead(struct kept_zone *zone, const struct taking *taking, struct store_state *state)
{
    struct zone_changes *changes = NULL;
    bool same;
    int error = store_diff(taking->next, taking->instead, &changes, &same);
    struct store_body *body = error ? NULL : store_body_step(zone->origin, changes);
    state->in_force = STORE_THIS;
    if (!error)
        error =
            body ? store_add_side(zone->store, body, (uint8_t)taking->arrival->source, clock_wall_s(), state)
                 : ERR_NOMEM;
    store_body_free(body);
    zone_changes_free(changes);
    return error;
}

static int write_version(struct kept_zone *zone, const struct taking *taking)
{
    struct store_state state = next_state(zone, taking);
    int error = 0;
    if (taking->hold && !zone->force_stamp && zone->content)
        error = add_base(zone, &state);
    if (!error)
        error = add_next(zone, taking, &state);
    if (!error && taking->hold && taking->instead)
        error = add_instead(zone, taking, &state);
    if (!error)
        zone->force_stamp = state.in_force;
    return error;
}

void keeper_store_version(struct keeper *keeper, struct kept_zone *zone, const struct taking *taking)
{
    bool behind = zone->store_problem && !zone->latest_stamp;
    if (!zone->store || (behind && clock_wall_s() - zone->store_failed_at_s < TRY_AGAIN_S))
        return;
    int error = write_version(zone, taking);
    if (!error) {
        say_well(keeper, zone);
        return;
    }
    zone->store_failed_at_s = clock_wall_s();
    zone->latest_stamp = 0; /* the next one is written whole */
    if (!taking->hold)
        zone->force_stamp = 0;
    say_problem(keeper, zone, store_path(zone->store), error);
}

/* A version that could not be written is tried again. */
static int catch_up(struct kept_zone *zone)
{
    struct store_state state = state_of(zone);
    int error = 0;
    if (zone->content && zone->content != zone->latest && !zone->force_stamp)
        error = add_base(zone, &state);
    else if (!zone->force_stamp)
        state.in_force = STORE_THIS;
    struct store_body *body = error ? NULL : store_body_whole(zone->latest, store_path(zone->store));
    if (!error)
        error = add_body(zone, body, (uint8_t)zone->source, &state);
    store_body_free(body);
    if (!error)
        zone->force_stamp = state.in_force;
    return error;
}

void keeper_store_state(struct keeper *keeper, struct kept_zone *zone)
{
    if (!zone->store || !zone->latest)
        return;
    bool behind = !zone->latest_stamp || !zone->force_stamp;
    if (behind && zone->store_problem && clock_wall_s() - zone->store_failed_at_s < TRY_AGAIN_S)
        return;
    struct store_state state = state_of(zone);
    int error = behind ? catch_up(zone) : store_set_state(zone->store, &state);
    if (error) {
        zone->store_failed_at_s = clock_wall_s();
        say_problem(keeper, zone, store_path(zone->store), error);
    } else {
        say_well(keeper, zone);
    }
}

/* --- the file of a secondary zone, for people --- */

struct writing {
    struct zone_content *content;
    char path[];
};

static void write_text(void *context)
{
    struct writing *writing = context;
    int error = store_write_text(writing->content, writing->path);
    if (error)
        log_write(LOG_ZONELOAD, LEVEL_WARN, "%s: not written: %s", writing->path, err_text(error));
    zone_content_unref(writing->content);
    free(writing);
}

void keeper_write_text(struct keeper *keeper, struct kept_zone *zone)
{
    int64_t now_s = clock_wall_s();
    if (!zone->text_file || !keeper->helper || now_s - zone->text_at_s < TEXT_EVERY_S)
        return;
    size_t length = strlen(zone->text_file) + 1;
    struct writing *writing = malloc(sizeof *writing + length);
    if (!writing)
        return;
    memcpy(writing->path, zone->text_file, length);
    writing->content = zone_content_ref(zone->latest);
    zone->text_at_s = now_s;
    if (store_helper_run(keeper->helper, write_text, writing) == 0)
        return;
    zone_content_unref(writing->content);
    free(writing);
}
