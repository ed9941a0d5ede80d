/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The file of a store: bytes at offsets, a new one beside the old, and who else has it open. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "store/parts.h"

enum { COPY_BYTES = 1 << 18 };

int file_read(int fd, void *to, size_t length, uint64_t offset)
{
    uint8_t *at = to;
    while (length) {
        ssize_t got = pread(fd, at, length, (off_t)offset);
        if (got < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (got == 0)
            return ERR_MALFORMED; /* shorter than it was */
        if (got > 0) {
            at += got;
            offset += (uint64_t)got;
            length -= (size_t)got;
        }
    }
    return 0;
}

int file_write(int fd, const void *from, size_t length, uint64_t offset)
{
    const uint8_t *at = from;
    while (length) {
        ssize_t put = pwrite(fd, at, length, (off_t)offset);
        if (put < 0 && errno != EINTR)
            return err_from_errno(errno);
        if (put == 0)
            return err_from_errno(ENOSPC);
        if (put > 0) {
            at += put;
            offset += (uint64_t)put;
            length -= (size_t)put;
        }
    }
    return 0;
}

/* Where the system cannot. */
static int copy_by_hand(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t length)
{
    uint8_t *piece = malloc(COPY_BYTES);
    int error = piece ? 0 : ERR_NOMEM;
    for (uint64_t done = 0; done < length && !error; done += COPY_BYTES) {
        size_t part = length - done < COPY_BYTES ? (size_t)(length - done) : COPY_BYTES;
        error = file_read(from, piece, part, from_at + done);
        if (!error)
            error = file_write(to, piece, part, to_at + done);
    }
    free(piece);
    return error;
}

int file_copy(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t length)
{
    off_t in = (off_t)from_at, out = (off_t)to_at;
    while (length) {
        ssize_t copied = copy_file_range(from, &in, to, &out, length, 0);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied <= 0) /* other file systems, old kernels, and what is really wrong: that is found again */
            return copy_by_hand(from, (uint64_t)in, to, (uint64_t)out, length);
        length -= (uint64_t)copied;
    }
    return 0;
}

struct store_file *file_ref(struct store_file *file)
{
    atomic_fetch_add(&file->references, 1);
    return file;
}

void file_unref(struct store_file *file)
{
    if (!file || atomic_fetch_sub(&file->references, 1) > 1)
        return;
    if (file->fd >= 0)
        close(file->fd);
    free(file);
}

int file_lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? ERR_EXISTS : err_from_errno(errno);
}

static int new_path(const struct store *store, char out[PATH_MAX])
{
    return snprintf(out, PATH_MAX, "%s.new", store->path) < PATH_MAX ? 0 : ERR_SPACE;
}

static int write_start(const struct store *store, int fd)
{
    uint8_t bytes[STORE_ENTRIES_AT];
    store_header_write(store->origin, bytes);
    store_slot_write(&store->state, bytes + STORE_HEADER_BYTES);
    store_slot_write(&store->state, bytes + STORE_HEADER_BYTES + STORE_SLOT_BYTES);
    return file_write(fd, bytes, sizeof bytes, 0);
}

int file_make(const struct store *store, struct store_file **out)
{
    char path[PATH_MAX];
    int error = new_path(store, path);
    struct store_file *file = error ? NULL : calloc(1, sizeof *file);
    if (!file)
        return error ? error : ERR_NOMEM;
    atomic_init(&file->references, 1);
    file->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    error = file->fd < 0 ? err_from_errno(errno) : file_lock(file->fd);
    if (!error)
        error = write_start(store, file->fd);
    if (error) {
        file_unref(file);
        unlink(path);
        return error;
    }
    *out = file;
    return 0;
}

int file_put(const struct store *store)
{
    char path[PATH_MAX];
    int error = new_path(store, path);
    if (!error && rename(path, store->path))
        error = err_from_errno(errno);
    if (!error)
        file_sync_directory(store->path);
    return error;
}

void file_drop(const struct store *store)
{
    char path[PATH_MAX];
    if (new_path(store, path) == 0)
        unlink(path);
}

void file_sync_directory(const char *path)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        slash[slash == directory] = 0;
    else
        snprintf(directory, sizeof directory, ".");
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fsync(fd))
        log_write(LOG_ZONELOAD, LEVEL_WARN, "%s: %s", directory, strerror(errno));
    close(fd);
}

int file_replace(const char *new_path, const char *path, int error)
{
    if (!error && rename(new_path, path))
        error = err_from_errno(errno);
    if (error)
        unlink(new_path);
    else
        file_sync_directory(path);
    return error;
}
