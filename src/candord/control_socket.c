/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKLOG = 16 };

/* The directory that holds `path`, in `out` (as long as a socket's path). */
static void parent_of(const char *path, char *out)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length)
        memcpy(out, path, length);
    else
        out[length++] = slash ? '/' : '.';
    out[length] = 0;
}

/* Two daemons that start at once take turns, or both could find the same stale file, and the slower one would
 * remove what the faster has just made. -1 where the directory cannot be opened: then the file cannot either.
 */
static int lock_directory(const char *path, bool make)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path];
    parent_of(path, directory);
    if (make && mkdir(directory, 0755) != 0 && errno != EEXIST)
        return -1;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* 0: nobody listens there any more. A listener whose queue is full says EAGAIN. */
static int check_stale(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return err_from_errno(errno);
    if (!S_ISSOCK(status.st_mode))
        return ERR_EXISTS;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_from_errno(errno);
    int error = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    return error == ECONNREFUSED ? 0 : error == 0 || error == EAGAIN ? ERR_EXISTS : err_from_errno(error);
}

static int bind_fresh(struct control_socket *made)
{
    const struct sockaddr *address = (const struct sockaddr *)&made->address;
    if (bind(made->fd, address, sizeof made->address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return err_from_errno(errno);
    int error = check_stale(&made->address);
    if (error)
        return error;
    if (unlink(made->address.sun_path) != 0 || bind(made->fd, address, sizeof made->address) != 0)
        return err_from_errno(errno);
    return 0;
}

static int listen_there(struct control_socket *made, mode_t mode)
{
    struct stat status;
    int error = bind_fresh(made);
    if (error)
        return error;
    /* Nobody can connect before listen(), so the mode is right from the first moment. */
    if (chmod(made->address.sun_path, mode) != 0 || lstat(made->address.sun_path, &status) != 0 ||
        listen(made->fd, BACKLOG) != 0) {
        error = err_from_errno(errno);
        unlink(made->address.sun_path);
        return error;
    }
    made->device = status.st_dev;
    made->inode = status.st_ino;
    return 0;
}

int control_socket_open(struct control_socket *made, const char *path, bool make_directory, mode_t mode)
{
    *made = (struct control_socket){.fd = -1, .address = {.sun_family = AF_UNIX}};
    if (!*path || strlen(path) >= sizeof made->address.sun_path)
        return err_from_errno(ENAMETOOLONG);
    strcpy(made->address.sun_path, path);
    int lock = lock_directory(path, make_directory);
    if (lock < 0)
        return err_from_errno(errno);
    made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = made->fd < 0 ? err_from_errno(errno) : listen_there(made, mode);
    if (error && made->fd >= 0)
        close(made->fd);
    close(lock); /* unlocks */
    return error;
}

void control_socket_close(struct control_socket *made)
{
    struct stat status;
    if (lstat(made->address.sun_path, &status) == 0 && status.st_dev == made->device &&
        status.st_ino == made->inode)
        unlink(made->address.sun_path);
    close(made->fd);
    made->fd = -1;
}
