/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Updates of a zone that others are the primaries of (RFC 2136 section 6): the message goes on as it came,
 * its signature too, and so does the answer. Who waits for the primary is a thread of a pool, not the worker.
 */
#ifndef CANDORD_UPDATE_FORWARD_H
#define CANDORD_UPDATE_FORWARD_H

#include "candord/query.h"

enum { FORWARDERS = 10 /* threads, and so primaries waited for at once; more wait their turn */ };

/* May the client have his update of this secondary zone passed on? */
bool update_may_forward(const struct query *query, const struct zone_config *zone);

/* Passes it on. QUERY_DONE: it could not be, as out says. */
enum query_progress update_forward(struct query *query, const struct zone_config *zone);

#endif
