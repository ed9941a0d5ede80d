/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/sketches.h"

#include <stdlib.h>

#include "base/clock.h"

int sketches_gather(struct daemon *daemon, struct sketch *(*of)(struct worker *worker), const char *view_name,
                    struct asked *out)
{
    struct sketch **sketches = calloc(daemon->worker_count + 1, sizeof(struct sketch *));
    if (!sketches)
        return ERR_NOMEM;
    for (unsigned i = 0; i < daemon->worker_count; i++)
        sketches[i] = of(daemon->workers[i]);
    int error = asked_gather(sketches, daemon->worker_count, view_asked_id(view_name), clock_mono_ms(), out);
    free(sketches);
    return error;
}
