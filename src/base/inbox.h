/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An inbox: any thread posts, one thread (the owner) takes. Wakes the owner through a descriptor that it
 * polls for reading. Posting never blocks and never allocates; messages come out in the order of each
 * sender. */
#ifndef BASE_INBOX_H
#define BASE_INBOX_H

#include <urcu/wfcqueue.h>

#include "base/error.h"

/* Put first into a message; the message belongs to the inbox from post to take. */
struct inbox_message {
    struct cds_wfcq_node node;
};

struct inbox {
    struct __cds_wfcq_head head;
    struct cds_wfcq_tail tail;
    int fd;            /* an eventfd: poll it for reading */
    _Atomic int awake; /* the owner has been signalled and has not looked yet */
};

/* Returns 0 or an error of the system. */
int inbox_init(struct inbox *inbox) MUST_CHECK;

/* The inbox must be empty and no longer posted to. */
void inbox_fini(struct inbox *inbox);

/* From any thread. */
void inbox_post(struct inbox *inbox, struct inbox_message *message);

/* From the owner, when `fd` is readable: quiets the descriptor. Call before the inbox_take() loop. */
void inbox_quiet(struct inbox *inbox);

/* From the owner: the next message, or NULL when there is none at the moment. */
struct inbox_message *inbox_take(struct inbox *inbox);

#endif
