/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/steps.h"

#include "candord/daemon.h"

static int gather(void *context, const struct store_version *version, const struct zone_changes *changes)
{
    const struct policy_change *list = zone_changes_get(changes);
    int error = 0;
    (void)version;
    for (size_t i = 0; i < zone_changes_count(changes) && !error; i++)
        error = zone_changes_add(context, list[i].remove, &list[i].record);
    return error;
}

static int read_steps(struct store *store, uint32_t from, uint32_t to, struct zone_changes **out)
{
    struct zone_changes *steps = zone_changes_new();
    int error = steps ? store_each_step(store, from, to, gather, steps) : ERR_NOMEM;
    if (!error && !zone_changes_count(steps))
        error = ERR_NOT_FOUND;
    if (error)
        zone_changes_free(steps);
    else
        *out = steps;
    return error;
}

int steps_since(struct daemon *daemon, const char *view_name, const struct zone_content *content,
                uint32_t serial, struct zone_changes **out)
{
    struct zone_look look;
    int error = ERR_NOT_FOUND;
    *out = NULL;
    if (!keeper_look(&daemon->keeper, view_name, zone_content_origin(content), &look))
        return error;
    /* What the guard put in the place of a held version has that one's serial and other records. */
    if (look.store && look.hold == HOLD_NONE)
        error = read_steps(look.store, serial, zone_content_serial(content), out);
    zone_look_fini(&look);
    return error;
}
