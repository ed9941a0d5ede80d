/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones that others take from us (AXFR, IXFR). The worker decides who may, and hands bytes to the connection;
 * the courier makes each message when the connection can take it. So a slow reader costs one message's
 * buffer and a reference on the version that he is sent. */
#ifndef CANDORD_TRANSFER_OUT_H
#define CANDORD_TRANSFER_OUT_H

#include "candord/query.h"
#include "zone/table.h"

/* Begins with a question for AXFR or IXFR at the apex of `zone`. QUERY_DONE: it is refused, as out says. */
enum query_progress transfer_out_start(struct query *query, const struct zone_table_entry *zone);

/* Transfers of one worker, for its connections. */
struct transfers_out {
    struct transfer_out *first;
};

/* The worker stops serving: connections with transfers are closed. */
void transfers_out_cut(struct transfers_out *transfers);

#endif
