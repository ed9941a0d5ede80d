/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The courier: one thread that makes what goes out to other servers, so that no worker spends its time on it.
 * It makes the messages of outgoing transfers, one each time a connection can take one (transfer_out.h), and
 * sends NOTIFYs (notify_out.h). */
#ifndef CANDORD_COURIER_H
#define CANDORD_COURIER_H

#include "base/error.h"
#include "base/inbox.h"
#include "net/loop.h"

struct courier;
struct daemon;

/* Something to be done on the courier's thread; storage of the sender until it runs. */
struct courier_task {
    struct inbox_message message;
    void (*run)(struct courier *courier, struct courier_task *task);
};

/* 0 with *out, or an error. */
int courier_new(struct daemon *daemon, struct courier **out) MUST_CHECK;
int courier_start(struct courier *courier) MUST_CHECK;

/* From any thread. After courier_stop() the task runs in courier_free(). */
void courier_post(struct courier *courier, struct courier_task *task);

/* A new snapshot is in force: who takes a zone from us may have to be told. From any thread; cheap. */
void courier_published(struct courier *courier);

/* Ends the thread; waits for it. */
void courier_stop(struct courier *courier);

/* What is still in the inbox is run here: it comes back to its workers, which must be there still. */
void courier_free(struct courier *courier);

/* --- on its thread --- */

struct loop *courier_loop(struct courier *courier);
struct daemon *courier_daemon(struct courier *courier);

#endif
