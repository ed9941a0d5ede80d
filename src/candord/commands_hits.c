/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hits: which rules act most. */
#include <stdlib.h>

#include "base/clock.h"
#include "candord/commands_parts.h"
#include "candord/sketches.h"
#include "dns/name.h"

enum { MOST_DEFAULT = 20, MOST_MAX = 10000 };

struct hit_rule {
    const struct asked_name *rule;
    const uint8_t *zone;
    const char *view;
};

struct hit_list {
    const uint8_t *only; /* a zone, or NULL */
    struct hit_rule *rules;
    size_t count;
    uint64_t hits, overcount, since_ms;
};

/* The policy zone of the view that an owner is in. */
static const uint8_t *zone_of(const struct view_config *view, const uint8_t *owner)
{
    const uint8_t *found = NULL;
    for (size_t i = 0; i < view->policy_zone_count; i++) {
        const uint8_t *origin = view->policy_zones[i].origin;
        if (name_is_within(owner, origin) && (!found || name_length(origin) > name_length(found)))
            found = origin;
    }
    return found;
}

/* Adds the rules of a view that are in a zone of its configuration. */
static int add_view(struct hit_list *list, const struct view_config *view, const struct asked *asked)
{
    struct hit_rule *rules = realloc(list->rules, (list->count + asked->count + 1) * sizeof *rules);
    if (!rules)
        return ERR_NOMEM;
    list->rules = rules;
    for (size_t i = 0; i < asked->count; i++) {
        const uint8_t *zone = zone_of(view, asked->names[i].name);
        if (!zone || (list->only && !name_equal(zone, list->only)))
            continue;
        rules[list->count++] = (struct hit_rule){&asked->names[i], zone, view->name};
        list->hits += asked->names[i].queries;
    }
    list->overcount = asked->step > list->overcount ? asked->step : list->overcount;
    list->since_ms = asked->since_ms < list->since_ms ? asked->since_ms : list->since_ms;
    return 0;
}

static int more_hits_first(const void *a, const void *b)
{
    const struct asked_name *one = ((const struct hit_rule *)a)->rule;
    const struct asked_name *other = ((const struct hit_rule *)b)->rule;
    if (one->queries != other->queries)
        return one->queries > other->queries ? -1 : 1;
    return name_compare(one->name, other->name);
}

static json_t *json_hits(const struct hit_list *list, size_t most)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < list->count && i < most; i++) {
        const struct hit_rule *at = &list->rules[i];
        json_array_append_new(rules, json_pack("{s:o, s:o, s:o, s:I}", "zone", json_name(at->zone), "view",
                                               json_text(at->view), "owner", json_name(at->rule->name),
                                               "hits", (json_int_t)at->rule->queries));
    }
    json_t *since = json_null();
    if (list->since_ms != UINT64_MAX)
        since =
            json_integer((json_int_t)(clock_wall_s() - (int64_t)(clock_mono_ms() - list->since_ms) / 1000));
    return json_pack("{s:o, s:I, s:I, s:I, s:o}", "since", since, "hits", (json_int_t)list->hits,
                     "rules_seen", (json_int_t)list->count, "overcount", (json_int_t)list->overcount, "rules",
                     rules);
}

/* A number as a number or a text; 0: it is neither. */
static size_t request_most(const json_t *request)
{
    const json_t *member = json_object_get(request, "most");
    const char *text = json_string_value(member);
    long long most = !member ? MOST_DEFAULT : text ? strtoll(text, NULL, 10) : json_integer_value(member);
    return most < 0 || most > MOST_MAX ? 0 : (size_t)most;
}

/* The names of all views live until the list is made into JSON. */
static int gather(struct daemon *daemon, const struct config *config, struct asked *views,
                  struct hit_list *list)
{
    int error = 0;
    for (size_t i = 0; i < config->view_count && !error; i++) {
        error = sketches_gather(daemon, worker_hits, config->views[i].name, &views[i]);
        if (!error)
            error = add_view(list, &config->views[i], &views[i]);
    }
    return error;
}

static int answer(struct daemon *daemon, const uint8_t *only, size_t most, struct control_reply *reply)
{
    struct snapshot *snapshot = daemon_snapshot(daemon);
    const struct config *config = snapshot->config;
    struct hit_list list = {.only = only, .since_ms = UINT64_MAX};
    struct asked *views = calloc(config->view_count + 1, sizeof *views);
    int error = views ? gather(daemon, config, views, &list) : ERR_NOMEM;
    if (!error) {
        qsort(list.rules, list.count, sizeof *list.rules, more_hits_first);
        control_end(reply, json_hits(&list, most));
    }
    for (size_t i = 0; views && i < config->view_count; i++)
        asked_free(&views[i]);
    free(views);
    free(list.rules);
    snapshot_unref(snapshot);
    return error;
}

static bool has_policy_zone(struct daemon *daemon, const uint8_t *name)
{
    struct snapshot *snapshot = daemon_snapshot(daemon);
    bool found = false;
    for (size_t i = 0; i < snapshot->config->view_count; i++) {
        const struct view_config *view = &snapshot->config->views[i];
        for (size_t k = 0; k < view->policy_zone_count; k++)
            found |= name_equal(view->policy_zones[k].origin, name);
    }
    snapshot_unref(snapshot);
    return found;
}

int command_hits(void *context, const json_t *request, struct control_reply *reply)
{
    uint8_t only[255];
    bool named = json_object_get(request, "zone");
    size_t most = request_most(request);
    if (named && !request_name(request, "zone", reply, only))
        return 0;
    if (named && !has_policy_zone(context, only)) {
        control_fail(reply, "there is no policy zone \"%s\"", control_string(request, "zone"));
        return 0;
    }
    if (!most) {
        control_fail(reply, "\"most\" is to be a number from 1 to %d", MOST_MAX);
        return 0;
    }
    return answer(context, named ? only : NULL, most, reply);
}
