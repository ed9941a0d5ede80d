/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { BUFFER_BYTES = 16384, LINE_EXTRA_BYTES = 128 /* time, category, severity, newline */ };

struct sink {
    struct log_channel channel; /* name and path are ours */
    int fd;                     /* -1: no descriptor (syslog, null) */
    uint64_t file_bytes;
    size_t used;
    char buffer[BUFFER_BYTES];
};

struct log_sinks {
    uint64_t routes[LOG_CATEGORIES];
    size_t count;
    struct sink sinks[];
};

static const struct {
    const char *text;
    int syslog_priority;
} levels[] = {
    [LEVEL_CRITICAL] = {"critical", LOG_CRIT}, [LEVEL_ERROR] = {"error", LOG_ERR},
    [LEVEL_WARN] = {"warning", LOG_WARNING},   [LEVEL_NOTICE] = {"notice", LOG_NOTICE},
    [LEVEL_INFO] = {"info", LOG_INFO},         [LEVEL_DEBUG] = {"debug 1", LOG_DEBUG},
};

static int open_file(struct sink *sink)
{
    struct stat status;
    sink->fd = open(sink->channel.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (sink->fd < 0 || fstat(sink->fd, &status) < 0)
        return err_from_errno(errno);
    sink->file_bytes = (uint64_t)status.st_size;
    return 0;
}

static int open_sink(struct sink *sink, const struct log_channel *channel)
{
    sink->channel = *channel;
    sink->channel.name = NULL;
    sink->channel.path = NULL;
    sink->fd = channel->kind == LOG_TO_STDERR ? STDERR_FILENO : -1;
    if (channel->kind != LOG_TO_FILE)
        return 0;
    sink->channel.path = strdup(channel->path);
    return sink->channel.path ? open_file(sink) : ERR_NOMEM;
}

int log_sinks_open(const struct log_config *config, struct log_sinks **out)
{
    struct log_sinks *sinks = calloc(1, sizeof *sinks + config->channel_count * sizeof(struct sink));
    if (!sinks)
        return ERR_NOMEM;
    memcpy(sinks->routes, config->routes, sizeof sinks->routes);
    int error = config->channel_count > 64 ? ERR_INVALID : 0;
    for (size_t i = 0; i < config->channel_count && !error; i++) {
        sinks->count = i + 1;
        error = open_sink(&sinks->sinks[i], &config->channels[i]);
    }
    uint64_t known = config->channel_count >= 64 ? UINT64_MAX : (1ull << config->channel_count) - 1;
    for (size_t c = 0; c < LOG_CATEGORIES && !error; c++)
        if (sinks->routes[c] & ~known)
            error = ERR_INVALID;
    if (error) {
        log_sinks_close(sinks);
        return error;
    }
    *out = sinks;
    return 0;
}

void log_sinks_close(struct log_sinks *sinks)
{
    for (size_t i = 0; sinks && i < sinks->count; i++) {
        struct sink *sink = &sinks->sinks[i];
        if (sink->channel.kind == LOG_TO_FILE && sink->fd >= 0)
            close(sink->fd);
        free((char *)sink->channel.path);
    }
    free(sinks);
}

int log_sinks_level(const struct log_sinks *sinks, enum log_category category)
{
    int level = -1;
    for (size_t i = 0; i < sinks->count; i++) {
        const struct log_channel *channel = &sinks->sinks[i].channel;
        if (sinks->routes[category] >> i & 1 && channel->kind != LOG_TO_NULL && (int)channel->level > level)
            level = (int)channel->level;
    }
    return level;
}

static void flush_sink(struct sink *sink)
{
    size_t done = 0;
    while (done < sink->used && sink->fd >= 0) {
        ssize_t wrote = write(sink->fd, sink->buffer + done, sink->used - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break; /* a full disk loses lines; there is nowhere to say so */
        done += (size_t)wrote;
    }
    sink->used = 0;
}

void log_sinks_flush(struct log_sinks *sinks)
{
    for (size_t i = 0; i < sinks->count; i++)
        flush_sink(&sinks->sinks[i]);
}

/* path.1 -> path.2, path.0 -> path.1, path -> path.0; the oldest falls off the end. */
static void shift_versions(const char *path, unsigned versions)
{
    char from[4096], to[4096];
    for (unsigned i = versions - 1; i > 0; i--) {
        snprintf(from, sizeof from, "%s.%u", path, i - 1);
        snprintf(to, sizeof to, "%s.%u", path, i);
        rename(from, to);
    }
    snprintf(to, sizeof to, "%s.0", path);
    rename(path, to);
}

static void start_new_file(struct sink *sink)
{
    flush_sink(sink);
    if (!sink->channel.versions) {
        if (ftruncate(sink->fd, 0) == 0)
            sink->file_bytes = 0;
        return;
    }
    shift_versions(sink->channel.path, sink->channel.versions);
    int old = sink->fd;
    if (open_file(sink) < 0) {
        if (sink->fd >= 0)
            close(sink->fd);
        sink->fd = old; /* better a long file than none */
        sink->file_bytes = 0;
    } else {
        close(old);
    }
}

static size_t put_time(const struct timespec *when, char *out, size_t size)
{
    struct tm tm;
    localtime_r(&when->tv_sec, &tm);
    size_t used = strftime(out, size, "%d-%b-%Y %H:%M:%S", &tm);
    return used + (size_t)snprintf(out + used, size - used, ".%03ld ", when->tv_nsec / 1000000);
}

/* BIND's shape: "21-Nov-2026 21:31:05.123 rpz: info: text". */
static size_t compose(const struct log_channel *channel, const struct log_line *line, char *out, size_t size)
{
    size_t used = channel->print_time ? put_time(&line->when, out, size) : 0;
    int more = snprintf(
        out + used, size - used, "%s%s%s%s", channel->print_category ? log_category_text(line->category) : "",
        channel->print_category ? ": " : "", channel->print_severity ? levels[line->level].text : "",
        channel->print_severity ? ": " : "");
    used += (size_t)more;
    size_t length = line->length < size - used - 1 ? line->length : size - used - 1;
    memcpy(out + used, line->text, length);
    out[used + length] = '\n';
    return used + length + 1;
}

static size_t put_bytes(struct sink *sink, const struct log_line *line)
{
    if (sizeof sink->buffer - sink->used < line->length + LINE_EXTRA_BYTES)
        flush_sink(sink);
    size_t room = sizeof sink->buffer - sink->used;
    size_t bytes = compose(&sink->channel, line, sink->buffer + sink->used, room);
    sink->used += bytes;
    return bytes;
}

static void put_file(struct sink *sink, const struct log_line *line)
{
    uint64_t max_bytes = sink->channel.max_bytes;
    if (max_bytes && sink->file_bytes && sink->file_bytes + line->length + 1 > max_bytes)
        start_new_file(sink);
    sink->file_bytes += put_bytes(sink, line);
}

static void put_syslog(struct sink *sink, const struct log_line *line)
{
    syslog(sink->channel.syslog_facility | levels[line->level].syslog_priority, "%s%s%.*s",
           sink->channel.print_category ? log_category_text(line->category) : "",
           sink->channel.print_category ? ": " : "", (int)line->length, line->text);
}

void log_sinks_put(struct log_sinks *sinks, const struct log_line *line)
{
    for (size_t i = 0; i < sinks->count; i++) {
        struct sink *sink = &sinks->sinks[i];
        if (!(sinks->routes[line->category] >> i & 1) || line->level > sink->channel.level)
            continue;
        if (sink->channel.kind == LOG_TO_SYSLOG)
            put_syslog(sink, line);
        else if (sink->channel.kind == LOG_TO_FILE)
            put_file(sink, line);
        else if (sink->channel.kind == LOG_TO_STDERR)
            put_bytes(sink, line);
    }
}
