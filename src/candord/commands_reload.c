/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reload and flush: what an operator makes the daemon do. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "candord/commands_parts.h"
#include "dns/name.h"

enum { PROGRESS_MS = 200 };

/* --- reload --- */

/* A reload that somebody waits for. */
struct reload {
    struct loop_timer timer; /* first */
    struct daemon *daemon;
    struct control_reply *reply;
    uint64_t began_ms;
};

static void add_progress(void *context, const struct kept_zone *zone)
{
    json_t *work = json_work(zone);
    if (json_is_object(work)) {
        json_object_set_new(work, "name", json_name(zone->origin));
        json_object_set_new(work, "view", json_text(zone->view_name));
        json_array_append(context, work);
    }
    json_decref(work);
}

json_t *json_progress(struct daemon *daemon)
{
    json_t *loading = json_array();
    keeper_each(&daemon->keeper, add_progress, loading);
    return json_pack("{s:o}", "loading", loading);
}

static void say_progress(struct loop_timer *timer)
{
    struct reload *reload = (struct reload *)timer;
    struct loop *loop = reload->daemon->loop;
    control_progress(reload->reply, json_progress(reload->daemon));
    (void)!loop_timer_set(loop, timer, loop_now_ms(loop) + PROGRESS_MS, say_progress);
}

static void count_held(void *context, const struct kept_zone *zone)
{
    *(unsigned *)context += zone->hold != HOLD_NONE;
}

static unsigned held_zones(struct keeper *keeper)
{
    unsigned held = 0;
    keeper_each(keeper, count_held, &held);
    return held;
}

static void reload_done(struct job *job)
{
    struct reload *reload = job->context;
    loop_timer_cancel(reload->daemon->loop, &reload->timer);
    if (job->error)
        control_fail(reload->reply, "%s", job->problem[0] ? job->problem : err_text(job->error));
    else
        control_end(reload->reply, json_pack("{s:b, s:I, s:I}", "waited", 1, "took_ms",
                                             (json_int_t)(clock_mono_ms() - reload->began_ms), "held",
                                             (json_int_t)held_zones(&reload->daemon->keeper)));
    free(reload);
    free(job);
}

static int wait_for(struct daemon *daemon, struct job *job, struct control_reply *reply)
{
    struct reload *reload = calloc(1, sizeof *reload);
    if (!reload)
        return ERR_NOMEM;
    reload->daemon = daemon;
    reload->reply = reply;
    reload->began_ms = clock_mono_ms();
    int error =
        loop_timer_set(daemon->loop, &reload->timer, loop_now_ms(daemon->loop) + PROGRESS_MS, say_progress);
    if (error) {
        free(reload);
        return error;
    }
    job->done = reload_done;
    job->context = reload;
    return 0;
}

int command_reload(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    bool wait = control_flag(request, "wait");
    if (commands_reload_secondary(daemon, request, reply))
        return 0;
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return ERR_NOMEM;
    job->kind = json_object_get(request, "zone") ? JOB_RELOAD_ZONE : JOB_RELOAD_ALL;
    if (job->kind == JOB_RELOAD_ZONE && !request_name(request, "zone", reply, job->origin)) {
        free(job);
        return 0;
    }
    int error = wait ? wait_for(daemon, job, reply) : 0;
    if (error) {
        free(job);
        return error;
    }
    daemon_submit(daemon, job);
    if (!wait)
        control_end(reply, json_pack("{s:b}", "waited", 0));
    return 0;
}

/* --- flush --- */

/* Views may share a cache: each is flushed once. */
static bool seen_before(const struct snapshot *snapshot, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (snapshot->views[i].pool == snapshot->views[index].pool)
            return true;
    return false;
}

static size_t flush_all(const struct snapshot *snapshot, const uint8_t *name, bool tree)
{
    size_t removed = 0;
    for (size_t i = 0; i < snapshot->view_count; i++) {
        if (seen_before(snapshot, i))
            continue;
        /* The recursor first, or it could give back at once what the cache has just forgotten. */
        resolver_flush(snapshot->views[i].pool->resolver);
        removed += cache_flush(snapshot->views[i].pool->cache, name, tree);
    }
    return removed;
}

int command_flush(void *context, const json_t *request, struct control_reply *reply)
{
    uint8_t name[255];
    bool named = json_object_get(request, "name");
    if (named && !request_name(request, "name", reply, name))
        return 0;
    struct snapshot *snapshot = daemon_snapshot(context);
    size_t removed = flush_all(snapshot, named ? name : NULL, control_flag(request, "tree"));
    snapshot_unref(snapshot);
    control_end(reply, json_pack("{s:I}", "removed", (json_int_t)removed));
    return 0;
}
