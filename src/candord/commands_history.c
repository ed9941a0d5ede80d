/* SPDX-License-Identifier: GPL-3.0-or-later */
/* history, diff, rollback, sync: the versions of a zone that are kept on disk. Building one takes time, so
 * that the store's helper does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candord/commands_parts.h"
#include "candord/keeper_store.h"
#include "dns/consts.h"
#include "dns/name.h"

enum { RECORDS_SHOWN = 1000 };

/* --- which zone --- */

struct wanted {
    const uint8_t *origin;
    const char *view; /* NULL: the first that keeps it */
    char found[256];
    bool known, stored;
};

static void want(void *context, const struct kept_zone *zone)
{
    struct wanted *wanted = context;
    if (!name_equal(zone->origin, wanted->origin) ||
        (wanted->view && strcmp(wanted->view, zone->view_name) != 0))
        return;
    wanted->known = true;
    if (!zone->store)
        return;
    wanted->stored = true;
    snprintf(wanted->found, sizeof wanted->found, "%s", zone->view_name);
}

/* False: the reply has been ended with why. */
static bool find_zone(struct daemon *daemon, const json_t *request, struct control_reply *reply,
                      uint8_t origin[255], char view[256])
{
    if (!request_name(request, "zone", reply, origin))
        return false;
    struct wanted wanted = {.origin = origin, .view = control_string(request, "view")};
    keeper_each(&daemon->keeper, want, &wanted);
    if (!wanted.known)
        control_fail(reply, "there is no zone \"%s\"", control_string(request, "zone"));
    else if (!wanted.stored)
        control_fail(
            reply,
            "no versions of \"%s\" are kept: it has no file, or is a primary zone without updates, guard "
            "and ixfr-from-differences",
            control_string(request, "zone"));
    memcpy(view, wanted.found, sizeof wanted.found);
    return wanted.stored;
}

/* --- history --- */

static const char *source_key(uint8_t source)
{
    static const char *const keys[] = {[ARRIVAL_FILE] = "file",
                                       [ARRIVAL_TRANSFER] = "transfer",
                                       [ARRIVAL_FEED] = "feed",
                                       [ARRIVAL_UPDATE] = "update",
                                       [ARRIVAL_OPERATOR] = "operator"};
    return source < sizeof keys / sizeof *keys ? keys[source] : "unknown";
}

static json_t *describe(const struct store_version *version, uint64_t latest, uint64_t acts)
{
    return json_pack("{s:I, s:o, s:I, s:s, s:o, s:I, s:I, s:I, s:b, s:b, s:b}", "serial",
                     (json_int_t)version->serial, "from_serial",
                     version->whole ? json_null() : json_integer((json_int_t)version->serial_from), "at",
                     (json_int_t)version->at_s, "source", source_key(version->source), "from",
                     json_text(version->from), "added", (json_int_t)version->added, "removed",
                     (json_int_t)version->removed, "bytes", (json_int_t)version->bytes, "latest",
                     version->stamp == latest, "in_force", version->stamp == acts, "trimmed", version->side);
}

int command_history(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    struct zone_look look;
    struct store_version *list = NULL;
    uint8_t origin[255];
    char view[256];
    if (!find_zone(daemon, request, reply, origin, view))
        return 0;
    keeper_look(&daemon->keeper, view, origin, &look);
    int count = look.store ? store_list(look.store, &list) : 0;
    json_t *versions = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(versions,
                              describe(&list[i], look.latest_stamp, look.content ? look.force_stamp : 0));
    free(list);
    zone_look_fini(&look);
    if (count < 0) {
        json_decref(versions);
        return count;
    }
    control_end(reply,
                json_pack("{s:o, s:s, s:o}", "name", json_name(origin), "view", view, "versions", versions));
    return 0;
}

/* --- work on the helper --- */

struct work {
    struct job job; /* first: comes back to the main thread, which frees the work */
    struct daemon *daemon;
    struct control_reply *reply;
    uint8_t origin[255];
    char view[256];
    uint32_t serials[2];
    char file[4096];
    struct zone_content *written; /* sync: what was put into the file; a reference */
    json_t *result;
};

static void work_done(struct job *job)
{
    struct work *work = (struct work *)job;
    if (job->error)
        control_fail(work->reply, "%s", job->problem[0] ? job->problem : err_text(job->error));
    else
        control_end(work->reply, json_incref(work->result));
    json_decref(work->result);
    zone_content_unref(work->written);
    free(work);
}

/* From any thread. */
static void finish(struct work *work)
{
    inbox_post(&work->daemon->inbox, &work->job.message);
}

static bool request_serial(const json_t *request, const char *member, struct control_reply *reply,
                           uint32_t *out)
{
    const json_t *given = json_object_get(request, member);
    const char *text = json_string_value(given);
    char *end = NULL;
    long long value = text                     ? strtoll(text, &end, 10)
                      : json_is_integer(given) ? json_integer_value(given)
                                               : -1;
    if ((text && (end == text || *end)) || value < 0 || value > UINT32_MAX) {
        control_fail(reply, "\"%s\" is to be a serial", member);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static int begin(struct daemon *daemon, const json_t *request, struct control_reply *reply,
                 const char *const members[2], void (*run)(void *context))
{
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        return ERR_NOMEM;
    work->job.done = work_done;
    work->daemon = daemon;
    work->reply = reply;
    bool good = find_zone(daemon, request, reply, work->origin, work->view);
    for (size_t i = 0; i < 2 && good && members[i]; i++)
        good = request_serial(request, members[i], reply, &work->serials[i]);
    int error = good ? store_helper_run(daemon->keeper.helper, run, work) : 0;
    if (!good || error)
        free(work);
    return error;
}

static int build(struct work *work, uint32_t serial, uint64_t *stamp, struct zone_content **out)
{
    struct zone_look look;
    keeper_look(&work->daemon->keeper, work->view, work->origin, &look);
    *stamp = look.store ? store_find(look.store, serial) : 0;
    int error = *stamp ? store_build(look.store, *stamp, out) : ERR_NOT_FOUND;
    zone_look_fini(&look);
    if (error)
        snprintf(work->job.problem, sizeof work->job.problem, "serial %u: %s", serial,
                 error == ERR_NOT_FOUND ? "no such version is kept" : err_text(error));
    return error;
}

/* --- diff --- */

static json_t *json_change(const struct policy_change *change)
{
    char owner[NAME_TEXT_MAX], data[2048], line[NAME_TEXT_MAX + 2200];
    const struct policy_record *record = &change->record;
    snprintf(line, sizeof line, "%s %u %s %s", name_to_text(record->owner, owner), record->ttl_s,
             type_to_text(record->type),
             rdata_to_text(record->type, record->rdata, record->rdata_length, data, sizeof data));
    return json_pack("{s:b, s:o}", "added", !change->remove, "record", json_text(line));
}

static json_t *list_changes(const struct work *work, const struct zone_changes *changes)
{
    const struct policy_change *list = zone_changes_get(changes);
    size_t count = zone_changes_count(changes), added = 0;
    json_t *records = json_array();
    for (size_t i = 0; i < count; i++) {
        added += !list[i].remove;
        if (i < RECORDS_SHOWN)
            json_array_append_new(records, json_change(&list[i]));
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:I}", "name", json_name(work->origin), "from",
                     (json_int_t)work->serials[0], "to", (json_int_t)work->serials[1], "added",
                     (json_int_t)added, "removed", (json_int_t)(count - added), "records", records, "more",
                     (json_int_t)(count > RECORDS_SHOWN ? count - RECORDS_SHOWN : 0));
}

static void compare(void *context)
{
    struct work *work = context;
    struct zone_content *contents[2] = {NULL};
    struct zone_changes *changes = NULL;
    uint64_t stamp;
    bool same;
    int error = build(work, work->serials[0], &stamp, &contents[0]);
    if (!error)
        error = build(work, work->serials[1], &stamp, &contents[1]);
    if (!error)
        error = store_diff(contents[0], contents[1], &changes, &same);
    if (!error)
        work->result = list_changes(work, changes);
    work->job.error = error;
    zone_changes_free(changes);
    zone_content_unref(contents[0]);
    zone_content_unref(contents[1]);
    finish(work);
}

int command_diff(void *context, const json_t *request, struct control_reply *reply)
{
    return begin(context, request, reply, (const char *const[2]){"from", "to"}, compare);
}

/* --- rollback --- */

static void rolled_back(struct arrival *arrival)
{
    struct work *work = arrival->context;
    work->job.error = arrival->error;
    snprintf(work->job.problem, sizeof work->job.problem, "%s", arrival->problem);
    work->result = json_pack("{s:o, s:s, s:I, s:I}", "name", json_name(work->origin), "view", work->view,
                             "in_force", (json_int_t)work->serials[0], "latest", (json_int_t)arrival->serial);
    arrival_free(arrival);
    finish(work);
}

static void roll_back(void *context)
{
    struct work *work = context;
    struct zone_content *content = NULL;
    struct arrival *arrival = arrival_new(ARRIVAL_DECIDED, ARRIVAL_OPERATOR, work->view, work->origin);
    uint64_t stamp = 0;
    work->job.error = arrival ? build(work, work->serials[0], &stamp, &content) : ERR_NOMEM;
    if (work->job.error) {
        arrival_free(arrival);
        finish(work);
        return;
    }
    arrival->decision = DECISION_ROLLBACK;
    arrival->whole = content;
    arrival->wanted_stamp = stamp;
    arrival->done = rolled_back;
    arrival->context = work;
    snprintf(arrival->from, sizeof arrival->from, "the operator");
    arrival_deliver(work->daemon, arrival);
}

int command_rollback(void *context, const json_t *request, struct control_reply *reply)
{
    return begin(context, request, reply, (const char *const[2]){"serial", NULL}, roll_back);
}

/* --- sync --- */

/* On the keeper thread: the file now has what the journal has, unless something came meanwhile. */
static void note_synced(struct daemon *daemon, struct job *job)
{
    struct work *work = (struct work *)job;
    struct kept_zone *zone = keeper_find(&daemon->keeper, daemon->holder->config, work->view, work->origin);
    if (!zone)
        return;
    zone->file_mark = keeper_mark_alone(keeper_file_mark(work->file));
    zone->unsynced = zone->unsynced && zone->latest != work->written;
    keeper_store_state(&daemon->keeper, zone);
}

static void write_file(void *context)
{
    struct work *work = context;
    struct zone_look look;
    keeper_look(&work->daemon->keeper, work->view, work->origin, &look);
    int error = look.latest ? store_write_text(look.latest, work->file) : ERR_NOT_FOUND;
    if (!error)
        work->result = json_pack("{s:o, s:s, s:s, s:I}", "name", json_name(work->origin), "view", work->view,
                                 "file", work->file, "serial", (json_int_t)zone_content_serial(look.latest));
    else
        snprintf(work->job.problem, sizeof work->job.problem, "%.400s: %s", work->file, err_text(error));
    work->job.error = error;
    work->written = look.latest ? zone_content_ref(look.latest) : NULL;
    work->job.kind = JOB_CALL;
    work->job.call = note_synced;
    zone_look_fini(&look);
    if (error)
        finish(work);
    else
        daemon_submit(work->daemon, &work->job);
}

/* The file of the zone, when it is one that holds its records. */
static const char *file_of(const struct config *config, const struct work *work)
{
    const struct view_config *view = config_view(config, work->view);
    for (size_t i = 0; view && i < view->zone_count; i++)
        if (name_equal(view->zones[i].name, work->origin) && view->zones[i].kind != ZONE_FEED)
            return view->zones[i].file;
    return NULL;
}

int command_sync(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    struct work *work = calloc(1, sizeof *work);
    if (!work)
        return ERR_NOMEM;
    *work = (struct work){.job.done = work_done, .daemon = daemon, .reply = reply};
    bool good = find_zone(daemon, request, reply, work->origin, work->view);
    struct snapshot *snapshot = daemon_snapshot(daemon);
    const char *file = good ? file_of(snapshot->config, work) : NULL;
    if (file)
        snprintf(work->file, sizeof work->file, "%s", file);
    snapshot_unref(snapshot);
    if (good && !file)
        control_fail(reply, "\"%s\" has no file of records", control_string(request, "zone"));
    int error = file ? store_helper_run(daemon->keeper.helper, write_file, work) : 0;
    if (!file || error)
        free(work);
    return error;
}
