/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a listening Unix socket: made without ever taking another process's, removed only if it is
 * ours. */
#ifndef CANDORD_CONTROL_SOCKET_H
#define CANDORD_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#include "base/error.h"

struct control_socket {
    int fd; /* listening, not blocking */
    struct sockaddr_un address;
    dev_t device; /* what we made at the path */
    ino_t inode;
};

/* As control_open() says. */
int control_socket_open(struct control_socket *socket, const char *path, bool make_directory,
                        mode_t mode) MUST_CHECK;
void control_socket_close(struct control_socket *socket);

#endif
