/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes by hand: dynamic updates (RFC 2136) of the primary zones that allow them. The worker reads the
 * message and decides who may; the keeper works it out against the latest version and puts the result in
 * force; then the answer goes out. */
#ifndef CANDORD_UPDATE_H
#define CANDORD_UPDATE_H

#include "candord/query.h"

/* Begins with a message of opcode UPDATE. QUERY_DONE: it is refused, as out says. */
enum query_progress update_start(struct query *query);

#endif
