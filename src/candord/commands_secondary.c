/* SPDX-License-Identifier: GPL-3.0-or-later */
/* refresh and retransfer, and what zones says of secondary zones. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "candord/commands_parts.h"
#include "candord/secondary.h"
#include "dns/name.h"

enum { PROGRESS_MS = 500 };

/* --- refresh --- */

/* A refresh that somebody waits for. */
struct refresh {
    struct secondary_wait wait; /* first */
    struct loop_timer timer;
    struct daemon *daemon;
    struct control_reply *reply;
    uint64_t began_ms;
};

static struct refresh *refresh_of(struct loop_timer *timer)
{
    return (struct refresh *)((char *)timer - offsetof(struct refresh, timer));
}

static void say_progress(struct loop_timer *timer)
{
    struct refresh *refresh = refresh_of(timer);
    struct loop *loop = refresh->daemon->loop;
    control_progress(refresh->reply, json_progress(refresh->daemon));
    (void)!loop_timer_set(loop, timer, loop_now_ms(loop) + PROGRESS_MS, say_progress);
}

static void refreshed(struct secondary_wait *wait, const char *problem)
{
    struct refresh *refresh = (struct refresh *)wait;
    loop_timer_cancel(refresh->daemon->loop, &refresh->timer);
    if (problem)
        control_fail(refresh->reply, "%s", problem);
    else
        control_end(refresh->reply, json_pack("{s:b, s:I}", "waited", 1, "took_ms",
                                              (json_int_t)(clock_mono_ms() - refresh->began_ms)));
    free(refresh);
}

static struct refresh *wait_for(struct daemon *daemon, struct control_reply *reply)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);
    if (!refresh)
        return NULL;
    *refresh = (struct refresh){
        .wait.done = refreshed, .daemon = daemon, .reply = reply, .began_ms = clock_mono_ms()};
    if (loop_timer_set(daemon->loop, &refresh->timer, loop_now_ms(daemon->loop) + PROGRESS_MS,
                       say_progress)) {
        free(refresh);
        refresh = NULL;
    }
    return refresh;
}

static void give_up(struct refresh *refresh)
{
    if (refresh)
        loop_timer_cancel(refresh->daemon->loop, &refresh->timer);
    free(refresh);
}

/* False: there is no such secondary zone; nothing has been said. */
static bool begin(struct daemon *daemon, const json_t *request, const uint8_t *origin, bool whole,
                  struct control_reply *reply)
{
    bool wanted = control_flag(request, "wait");
    struct refresh *refresh = wanted ? wait_for(daemon, reply) : NULL;
    if (wanted && !refresh) {
        control_fail(reply, "out of memory");
        return true;
    }
    if (!secondaries_refresh(daemon->secondaries, origin, whole, refresh ? &refresh->wait : NULL)) {
        give_up(refresh);
        return false;
    }
    if (!wanted)
        control_end(reply, json_pack("{s:b}", "waited", 0));
    return true;
}

static int refresh(struct daemon *daemon, const json_t *request, bool whole, struct control_reply *reply)
{
    uint8_t origin[255];
    if (request_name(request, "zone", reply, origin) && !begin(daemon, request, origin, whole, reply))
        control_fail(reply, "there is no secondary zone \"%s\"", control_string(request, "zone"));
    return 0;
}

int command_refresh(void *context, const json_t *request, struct control_reply *reply)
{
    return refresh(context, request, false, reply);
}

int command_retransfer(void *context, const json_t *request, struct control_reply *reply)
{
    return refresh(context, request, true, reply);
}

bool commands_reload_secondary(struct daemon *daemon, const json_t *request, struct control_reply *reply)
{
    uint8_t origin[255];
    const char *name = control_string(request, "zone");
    if (!name || name_from_text(name, NULL, origin) < 0)
        return false;
    name_to_lower(origin);
    return begin(daemon, request, origin, false, reply);
}

/* --- zones --- */

static json_t *describe(const struct secondary_state *state)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:i, s:o}", "primary", json_text(state->primary),
                     "checked_at", (json_int_t)state->checked_at_s, "transferred_at",
                     (json_int_t)state->transferred_at_s, "next_at", (json_int_t)state->next_at_s,
                     "expires_at", (json_int_t)state->expires_at_s, "asking", state->asking, "expired",
                     state->expired, "failures", (int)state->failures, "problem",
                     state->problem[0] ? json_text(state->problem) : json_null());
}

void commands_add_secondaries(struct daemon *daemon, json_t *zones)
{
    json_t *entry;
    size_t i;
    json_array_foreach(zones, i, entry)
    {
        uint8_t origin[255];
        struct secondary_state state;
        const char *name = json_string_value(json_object_get(entry, "name"));
        const char *view = json_string_value(json_object_get(entry, "view"));
        if (name && view && name_from_text(name, NULL, origin) > 0 &&
            secondaries_look(daemon->secondaries, view, origin, &state))
            json_object_set_new(entry, "secondary", describe(&state));
    }
}
