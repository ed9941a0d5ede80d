/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be done with an arrival before the keeper has it: how it differs from the latest version, and the
 * bytes that will be stored. */
#include "candord/arrival.h"
#include "candord/daemon.h"

enum { ALWAYS_WORTH_IT = 1000 /* records */ };

/* A difference larger than the version itself is worth little: the version is stored. */
static bool is_worth_it(const struct zone_changes *changes, const struct zone_content *content)
{
    return zone_changes_count(changes) <= zone_content_records(content) + ALWAYS_WORTH_IT;
}

static int compare(struct arrival *arrival, struct zone_content *latest)
{
    struct zone_changes *changes = NULL;
    if (!latest ||
        (zone_content_get_policy(latest) != NULL) != (zone_content_get_policy(arrival->whole) != NULL))
        return 0;
    int error = store_diff(latest, arrival->whole, &changes, &arrival->same);
    if (error)
        return error;
    arrival->changes = changes;
    arrival->compared_with = zone_content_ref(latest);
    return 0;
}

static void encode(struct arrival *arrival, const char *path)
{
    bool step = arrival->changes && (!arrival->whole || is_worth_it(arrival->changes, arrival->whole));
    arrival->body_whole = !step;
    arrival->body =
        step ? store_body_step(arrival->origin, arrival->changes) : store_body_whole(arrival->whole, path);
}

void arrival_prepare(struct arrival *arrival, struct zone_content *latest, const char *path)
{
    if (arrival->kind == ARRIVAL_CHANGES && arrival->changes) {
        encode(arrival, path);
    } else if (arrival->kind == ARRIVAL_WHOLE && arrival->whole && compare(arrival, latest) == 0 &&
               !arrival->same) {
        encode(arrival, path);
    }
}

void arrival_unprepare(struct arrival *arrival)
{
    store_body_free(arrival->body);
    arrival->body = NULL;
    arrival->same = false;
    if (arrival->kind != ARRIVAL_WHOLE)
        return;
    zone_changes_free(arrival->changes);
    zone_content_unref(arrival->compared_with);
    arrival->changes = NULL;
    arrival->compared_with = NULL;
}

void arrival_prepare_here(struct daemon *daemon, struct arrival *arrival)
{
    struct zone_look look;
    if (keeper_look(&daemon->keeper, arrival->view_name, arrival->origin, &look) && look.store)
        arrival_prepare(arrival, look.latest, store_path(look.store));
    zone_look_fini(&look);
}
