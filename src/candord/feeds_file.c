/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The last good copy of a list as a file: what an operator can look at, and what a daemon begins with that
 * has kept no version. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "candord/feeds_file.h"

static int read_all(int fd, uint8_t *to, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t got = read(fd, to + done, length - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? err_from_errno(errno) : ERR_CLOSED;
        done += (size_t)got;
    }
    return 0;
}

struct list {
    uint8_t *bytes;
    size_t length;
    int64_t written_at_s;
};

static int read_list(const char *path, uint64_t max_bytes, struct list *out)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_from_errno(errno);
    int error = fstat(fd, &status) ? err_from_errno(errno) : 0;
    if (!error && (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > max_bytes))
        error = ERR_LIMIT;
    if (!error) {
        out->length = (size_t)status.st_size;
        out->written_at_s = status.st_mtime;
        out->bytes = malloc(out->length + 1);
        error = out->bytes ? read_all(fd, out->bytes, out->length) : ERR_NOMEM;
    }
    close(fd);
    return error;
}

int feeds_file_load(const struct zone_config *zone, const struct zone_load_options *options,
                    struct zone_content **out)
{
    struct list list = {0};
    struct feed_report report = {0};
    int error = read_list(options->file, zone->feed->max_bytes, &list);
    if (!error) {
        struct feed_options reading = feeds_options(zone, feed_serial_next(0, list.written_at_s));
        reading.old = options->old;
        reading.progress_records = options->progress_records;
        error = feed_read(list.bytes, list.length, &reading, out, &report);
    }
    if (error && options->report)
        options->report(options->context, options->file, 0, true,
                        report.problem[0] ? report.problem : err_text(error));
    free(list.bytes);
    return error;
}

struct feed_options feeds_options(const struct zone_config *zone, uint32_t serial)
{
    return (struct feed_options){.origin = zone->name,
                                 .format = zone->feed->format,
                                 .action = zone->feed->action,
                                 .host = zone->feed->host,
                                 .serial = serial,
                                 .refresh_s = zone->feed->refresh_s,
                                 .retry_s = zone->feed->retry_s};
}

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length) {
        ssize_t put = write(fd, bytes, length);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_from_errno(errno);
        bytes += put;
        length -= (size_t)put;
    }
    return 0;
}

int feeds_file_save(const char *path, const void *bytes, size_t length)
{
    char aside[PATH_MAX];
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
        return ERR_SPACE;
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_from_errno(errno);
    int error = write_all(fd, bytes, length);
    if (!error && fsync(fd))
        error = err_from_errno(errno);
    if (close(fd) && !error)
        error = err_from_errno(errno);
    if (!error && rename(aside, path))
        error = err_from_errno(errno);
    if (error)
        unlink(aside);
    return error;
}
