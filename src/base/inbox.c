/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int inbox_init(struct inbox *inbox)
{
    __cds_wfcq_init(&inbox->head, &inbox->tail);
    atomic_init(&inbox->awake, 0);
    inbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return inbox->fd < 0 ? err_from_errno(errno) : 0;
}

void inbox_fini(struct inbox *inbox)
{
    close(inbox->fd);
    inbox->fd = -1;
}

void inbox_post(struct inbox *inbox, struct inbox_message *message)
{
    cds_wfcq_node_init(&message->node);
    cds_wfcq_enqueue(&inbox->head, &inbox->tail, &message->node);
    if (atomic_exchange(&inbox->awake, 1))
        return;
    uint64_t one = 1;
    ssize_t wrote = write(inbox->fd, &one, sizeof one);
    assert(wrote == sizeof one || errno == EAGAIN);
    (void)wrote;
}

void inbox_quiet(struct inbox *inbox)
{
    uint64_t count;
    ssize_t got = read(inbox->fd, &count, sizeof count);
    (void)got; /* EAGAIN: somebody looked already */
    atomic_store(&inbox->awake, 0);
}

struct inbox_message *inbox_take(struct inbox *inbox)
{
    struct cds_wfcq_node *node = __cds_wfcq_dequeue_blocking(&inbox->head, &inbox->tail);
    return node ? (struct inbox_message *)((char *)node - offsetof(struct inbox_message, node)) : NULL;
}
