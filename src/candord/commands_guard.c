/* SPDX-License-Identifier: GPL-3.0-or-later */
/* held, release, reject and simulate: what the guard keeps back, what the operator says to that, and what it
 * would say to a version that is not published yet. Versions are looked at on the keeper thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candord/commands_parts.h"
#include "candord/guard.h"
#include "dns/name.h"
#include "zone/load.h"

/* --- a request that the keeper thread works on --- */

struct guard_request {
    struct control_reply *reply;
    uint8_t zone[255];
    char view[256]; /* "": any */
    char file[4096];
    enum arrival_decision decision;
    json_t *result;
};

static void request_done(struct job *job)
{
    struct guard_request *request = job->context;
    if (job->error) {
        json_decref(request->result);
        control_fail(request->reply, "%s", job->problem[0] ? job->problem : err_text(job->error));
    } else {
        control_end(request->reply, request->result);
    }
    free(request);
    free(job);
}

static bool take_text(const json_t *json, const char *member, struct control_reply *reply, char *out,
                      size_t size)
{
    const char *text = control_string(json, member);
    out[0] = 0;
    if (text && strlen(text) >= size) {
        control_fail(reply, "\"%s\" is too long", member);
        return false;
    }
    if (text)
        strcpy(out, text);
    return true;
}

/* Reads zone, view and file and lets the keeper thread call `call`. */
static int submit(struct daemon *daemon, const json_t *json, struct control_reply *reply,
                  enum arrival_decision decision, void (*call)(struct daemon *daemon, struct job *job))
{
    struct job *job = calloc(1, sizeof *job);
    struct guard_request *request = calloc(1, sizeof *request);
    if (!job || !request) {
        free(job);
        free(request);
        return ERR_NOMEM;
    }
    *request = (struct guard_request){.reply = reply, .decision = decision};
    if (!request_name(json, "zone", reply, request->zone) ||
        !take_text(json, "view", reply, request->view, sizeof request->view) ||
        !take_text(json, "file", reply, request->file, sizeof request->file)) {
        free(job);
        free(request);
        return 0;
    }
    job->kind = JOB_CALL;
    job->call = call;
    job->done = request_done;
    job->context = request;
    daemon_submit(daemon, job);
    return 0;
}

static void no_such_zone(struct job *job, const uint8_t *zone)
{
    char name[NAME_TEXT_MAX];
    job->error = ERR_NOT_FOUND;
    snprintf(job->problem, sizeof job->problem, "there is no zone \"%s\"", name_to_text_nodot(zone, name));
}

/* The zone of the request in a view; NULL: that view has none, or is not the one that is meant. */
static const struct zone_config *zone_in(const struct guard_request *request, const struct view_config *view)
{
    if (request->view[0] && strcmp(request->view, view->name) != 0)
        return NULL;
    for (size_t i = 0; i < view->zone_count; i++)
        if (name_equal(view->zones[i].name, request->zone))
            return &view->zones[i];
    return NULL;
}

/* --- held --- */

static const char *hold_key(enum zone_hold hold)
{
    static const char *const keys[] = {[HOLD_NONE] = "none",
                                       [HOLD_GUARD] = "guard",
                                       [HOLD_REJECTED] = "rejected",
                                       [HOLD_ROLLBACK] = "rollback"};
    return keys[hold];
}

json_t *json_hold(const struct kept_zone *zone)
{
    if (zone->hold == HOLD_NONE)
        return json_null();
    return json_pack("{s:s, s:I, s:I, s:o, s:o}", "by", hold_key(zone->hold), "serial",
                     zone->latest ? (json_int_t)zone_content_serial(zone->latest) : 0, "since",
                     (json_int_t)zone->latest_at_s, "from", json_text(zone->from), "reason",
                     json_text(zone->hold_reason));
}

static void add_held(void *context, const struct kept_zone *zone)
{
    if (zone->hold == HOLD_NONE)
        return;
    json_t *in_force =
        zone->content ? json_integer((json_int_t)zone_content_serial(zone->content)) : json_null();
    json_array_insert_new(context, 0,
                          json_pack("{s:o, s:o, s:o, s:o}", "name", json_name(zone->origin), "view",
                                    json_text(zone->view_name), "in_force", in_force, "hold",
                                    json_hold(zone)));
}

int command_held(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    json_t *zones = json_array();
    (void)request;
    keeper_each(&daemon->keeper, add_held, zones);
    control_end(reply, json_pack("{s:o}", "zones", zones));
    return 0;
}

/* --- release and reject --- */

static void nobody_waits(struct arrival *arrival)
{
    (void)arrival; /* decide_in() looks at it, and frees it */
}

/* 0, or an error with job->problem. */
static int decide_in(struct daemon *daemon, const struct view_config *view, struct job *job)
{
    struct guard_request *request = job->context;
    struct arrival *arrival = arrival_new(ARRIVAL_DECIDED, ARRIVAL_OPERATOR, view->name, request->zone);
    if (!arrival)
        return ERR_NOMEM;
    arrival->decision = request->decision;
    arrival->done = nobody_waits;
    snprintf(arrival->from, sizeof arrival->from, "the operator");
    arrival_receive(daemon, arrival);
    int error = arrival->error;
    if (error)
        snprintf(job->problem, sizeof job->problem, "%s", arrival->problem);
    else
        json_array_append_new(json_object_get(request->result, "zones"),
                              json_pack("{s:o, s:s, s:I}", "name", json_name(request->zone), "view",
                                        view->name, "serial", (json_int_t)arrival->serial));
    arrival_free(arrival);
    return error;
}

/* In every view that has something to decide; an error when none has. */
static void decide(struct daemon *daemon, struct job *job)
{
    struct guard_request *request = job->context;
    const struct config *config = daemon->holder->config;
    int error = ERR_NOT_FOUND;
    request->result = json_pack("{s:[]}", "zones");
    no_such_zone(job, request->zone);
    for (size_t v = 0; v < config->view_count; v++)
        if (zone_in(request, &config->views[v]))
            error = decide_in(daemon, &config->views[v], job);
    job->error = json_array_size(json_object_get(request->result, "zones")) ? 0 : error;
}

int command_release(void *context, const json_t *request, struct control_reply *reply)
{
    return submit(context, request, reply, DECISION_RELEASE, decide);
}

int command_reject(void *context, const json_t *request, struct control_reply *reply)
{
    return submit(context, request, reply, DECISION_REJECT, decide);
}

/* --- simulate --- */

static void keep_problem(void *context, const char *file, uint64_t line, bool error, const char *message)
{
    struct job *job = context;
    if (error && !job->problem[0])
        snprintf(job->problem, sizeof job->problem, "%s:%llu: %s", file, (unsigned long long)line, message);
}

/* The version that is to be weighed: a file's, or the one that is held, or the zone's file as it stands. */
static int take_version(struct daemon *daemon, struct job *job, const struct zone_config *zone,
                        const struct zone_look *look, struct zone_content **out)
{
    const struct guard_request *request = job->context;
    if (!request->file[0] && look->hold != HOLD_NONE && look->latest) {
        *out = zone_content_ref(look->latest);
        return 0;
    }
    const char *file = request->file[0] ? request->file : zone ? zone->file : NULL;
    if (!file) {
        snprintf(job->problem, sizeof job->problem,
                 "nothing is held of this zone, and it has no file that could be weighed");
        return ERR_NOT_FOUND;
    }
    const struct zone_load_options options = {
        .origin = request->zone,
        .file = file,
        .directory = daemon->holder->config->server.directory,
        .old = look->latest,
        .policy = true,
        .report = keep_problem,
        .context = job,
    };
    return zone_load(&options, out);
}

static json_t *describe(const struct guard_request *request, const char *view_name, bool guarded,
                        const struct guard_report *report)
{
    char *text = guard_report_json(report);
    json_t *made = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (made && (json_object_set_new(made, "name", json_name(request->zone)) ||
                 json_object_set_new(made, "view", json_text(view_name)) ||
                 json_object_set_new(made, "guarded", json_boolean(guarded)))) {
        json_decref(made);
        made = NULL;
    }
    return made;
}

static int weigh_version(struct daemon *daemon, struct guard_request *request, const char *view_name,
                         const struct zone_config *zone, const struct policy_zone *old,
                         const struct policy_zone *fresh)
{
    struct guard_report *report = malloc(sizeof *report);
    struct zone_config judged = {.guard = {.options = guard_defaults()}};
    name_copy(judged.name, request->zone);
    if (zone) {
        judged = *zone;
        judged.guard.options.on = true;
    }
    const struct guard_case c = {.config = daemon->holder->config,
                                 .view_name = view_name,
                                 .zone = &judged,
                                 .old = old,
                                 .fresh = fresh};
    int error = report ? guard_case_weigh(daemon, &c, report, NULL) : ERR_NOMEM;
    if (!error)
        request->result = describe(request, view_name, zone && zone->guard.options.on, report);
    free(report);
    return error;
}

static int simulate_in(struct daemon *daemon, struct job *job, const char *view_name,
                       const struct zone_config *zone)
{
    struct guard_request *request = job->context;
    struct zone_look look = {0};
    struct zone_content *version = NULL;
    bool kept = keeper_look(&daemon->keeper, view_name, request->zone, &look);
    int error = take_version(daemon, job, zone, &look, &version);
    const struct policy_zone *fresh = error ? NULL : zone_content_get_policy(version);
    if (!error && !fresh) {
        snprintf(job->problem, sizeof job->problem, "only policy zones are weighed");
        error = ERR_INVALID;
    }
    if (!error)
        error = weigh_version(daemon, request, view_name, zone,
                              look.content ? zone_content_get_policy(look.content) : NULL, fresh);
    zone_content_unref(version);
    if (kept)
        zone_look_fini(&look);
    return error;
}

/* A file may be of a zone that is not held here: then it is a first load in the first view. */
static void simulate(struct daemon *daemon, struct job *job)
{
    struct guard_request *request = job->context;
    const struct config *config = daemon->holder->config;
    for (size_t v = 0; v < config->view_count; v++) {
        const struct zone_config *zone = zone_in(request, &config->views[v]);
        if (zone) {
            job->error = simulate_in(daemon, job, config->views[v].name, zone);
            return;
        }
    }
    if (request->file[0] && !request->view[0])
        job->error = simulate_in(daemon, job, config->views[0].name, NULL);
    else
        no_such_zone(job, request->zone);
}

int command_simulate(void *context, const json_t *request, struct control_reply *reply)
{
    return submit(context, request, reply, DECISION_RELEASE, simulate);
}
