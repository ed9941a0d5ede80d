/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the summaries of all workers say together (rpz/sketch.h). */
#ifndef CANDORD_SKETCHES_H
#define CANDORD_SKETCHES_H

#include "candord/daemon.h"
#include "rpz/sketch.h"

/* Sums one summary of each worker (`of`: worker_sketch, worker_hits), for the view of a name. From any
 * thread. 0 or ERR_NOMEM; asked_free() gives *out back. */
int sketches_gather(struct daemon *daemon, struct sketch *(*of)(struct worker *worker), const char *view_name,
                    struct asked *out) MUST_CHECK;

#endif
