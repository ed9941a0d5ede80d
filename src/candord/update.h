/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Changes by hand: dynamic updates (RFC 2136) of the primary zones that allow them. The worker reads the
 * message and decides who may; the keeper works it out against the latest version and puts the result in
 * force; then the answer goes out. Those of secondary zones go on to a primary (update_forward.h). */
#ifndef CANDORD_UPDATE_H
#define CANDORD_UPDATE_H

#include "base/log.h"
#include "candord/query.h"

/* Begins with a message of opcode UPDATE. QUERY_DONE: it is refused, as out says. */
enum query_progress update_start(struct query *query);

/* --- for update_forward.c --- */

/* A line in the log, with who wants it and which zone. */
void update_say(const struct query *query, enum log_level level, const uint8_t *zone, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The query leaves the updates under way (update-quota). Before it is answered. */
void update_give_place(const struct query *query);

#endif
