/* SPDX-License-Identifier: GPL-3.0-or-later */
/* NOTIFY to the servers that take a zone from us (RFC 1996): after each change, coalesced by notify-delay, at
 * the pace of notify-rate, repeated until it is answered. The courier's thread. */
#ifndef CANDORD_NOTIFY_OUT_H
#define CANDORD_NOTIFY_OUT_H

#include "candord/snapshot.h"
#include "net/loop.h"

struct notify_out;
struct daemon;

/* NULL: memory, or no descriptors. */
struct notify_out *notify_out_new(struct daemon *daemon, struct loop *loop);

/* Compares the versions in force with those that were told about, and tells of what is new. */
void notify_out_look(struct notify_out *notify, struct snapshot *snapshot);

/* The resolvers have ended: every look-up has come back. */
void notify_out_free(struct notify_out *notify);

#endif
