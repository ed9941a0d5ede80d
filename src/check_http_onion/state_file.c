// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/state_file.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One line a service: since when it fails, and its key. The first line says what the file is. */
static const char FIRST_LINE[] = "check_http_onion state 1\n";

/* ---- the text ---- */

/* Appends; false when it does not fit. */
static bool append(char *out, size_t size, size_t *length, const char *text, size_t bytes)
{
    if (*length + bytes + 1 > size)
        return false;
    memcpy(out + *length, text, bytes);
    *length += bytes;
    out[*length] = 0;
    return true;
}

/* One line "SINCE KEY\n". Returns its length, or 0 when it is none. */
static size_t read_line(const char *line, int64_t *since_s, const char **key, size_t *key_length)
{
    size_t length = strcspn(line, "\n");
    char *end;
    if (line[length] != '\n' || *line < '0' || *line > '9')
        return 0;
    errno = 0;
    *since_s = strtoll(line, &end, 10);
    if (errno || *end != ' ' || end >= line + length)
        return 0;
    *key = end + 1;
    *key_length = (size_t)(line + length - *key);
    return *key_length ? length + 1 : 0;
}

int state_change(const char *text, const char *key, enum state_event event, int64_t now_s, char *out,
                 size_t size, int64_t *since_s)
{
    size_t length = 0, key_length = strlen(key);
    char line[STATE_KEY_MAX + 32];
    *since_s = 0;
    if (*text && strncmp(text, FIRST_LINE, sizeof FIRST_LINE - 1))
        return ERR_MALFORMED;
    bool fits = append(out, size, &length, FIRST_LINE, sizeof FIRST_LINE - 1);
    for (const char *at = *text ? text + sizeof FIRST_LINE - 1 : text; *at;) {
        const char *name;
        int64_t since;
        size_t name_length, bytes = read_line(at, &since, &name, &name_length);
        if (!bytes)
            return ERR_MALFORMED;
        if (name_length == key_length && !memcmp(name, key, key_length))
            *since_s = since > now_s ? now_s : since; /* the clock was set back */
        else
            fits = fits && append(out, size, &length, at, bytes);
        at += bytes;
    }
    if (event == EVENT_GOOD)
        *since_s = 0;
    else if (event == EVENT_BAD && !*since_s)
        *since_s = now_s;
    int written = snprintf(line, sizeof line, "%" PRId64 " %s\n", *since_s, key);
    if (written < 0 || written >= (int)sizeof line)
        return ERR_SPACE;
    if (*since_s)
        fits = fits && append(out, size, &length, line, (size_t)written);
    return fits ? 0 : ERR_SPACE;
}

/* ---- the file ---- */

static int beside(const char *path, const char *suffix, char *out, size_t size)
{
    int length = snprintf(out, size, "%s%s", path, suffix);
    return length < 0 || length >= (int)size ? ERR_SPACE : 0;
}

/* A lock file of its own: the state file is replaced, and a lock on it would be replaced with it. */
static int take_lock(const char *path, int timeout_ms)
{
    char name[4096];
    uint64_t deadline_ms = clock_mono_ms() + (uint64_t)timeout_ms;
    if (beside(path, ".lock", name, sizeof name))
        return ERR_SPACE;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        int error = errno == EWOULDBLOCK || errno == EINTR ? 0 : err_from_errno(errno);
        if (!error && clock_mono_ms() >= deadline_ms)
            error = ERR_TIMEOUT;
        if (error) {
            close(fd);
            return error;
        }
        usleep(5000);
    }
    return fd;
}

/* The whole file, an empty text when there is none. */
static int read_whole(const char *path, char *out, size_t size)
{
    size_t length = 0;
    ssize_t got = 1;
    *out = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_from_errno(errno);
    while (got > 0 && length + 1 < size) {
        got = read(fd, out + length, size - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    int error = got < 0 ? err_from_errno(errno) : 0;
    close(fd);
    out[length] = 0;
    return error ? error : got > 0 || strlen(out) != length ? ERR_MALFORMED : 0;
}

/* Beside it, then over it: a reader sees the old or the new, never a half. */
static int write_whole(const char *path, const char *text)
{
    char name[4096];
    size_t length = strlen(text);
    if (beside(path, ".new", name, sizeof name))
        return ERR_SPACE;
    unlink(name); /* left by a run that was killed; we hold the lock */
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    bool ok = write(fd, text, length) == (ssize_t)length && !fsync(fd);
    int error = ok ? 0 : err_from_errno(errno);
    close(fd);
    if (!error && rename(name, path))
        error = err_from_errno(errno);
    if (error)
        unlink(name);
    return error;
}

static void set_aside(const char *path)
{
    char name[4096];
    if (!beside(path, ".broken", name, sizeof name))
        rename(path, name);
}

static struct state_facts note_locked(const char *path, const char *key, enum state_event event,
                                      int64_t now_s, char *old, char *new)
{
    struct state_facts facts = {0};
    int error = read_whole(path, old, STATE_FILE_MAX);
    if (!error)
        error = state_change(old, key, event, now_s, new, STATE_FILE_MAX, &facts.failing_since_s);
    if (error == ERR_MALFORMED) {
        facts.was_broken = true;
        set_aside(path);
        *old = 0;
        error = state_change("", key, event, now_s, new, STATE_FILE_MAX, &facts.failing_since_s);
    }
    if (!error && strcmp(old, new))
        error = write_whole(path, new);
    facts.error = error;
    return facts;
}

struct state_facts state_note(const char *path, const char *key, enum state_event event, int64_t now_s,
                              int timeout_ms)
{
    struct state_facts facts = {.error = ERR_NOMEM};
    char *old = malloc(STATE_FILE_MAX), *new = malloc(STATE_FILE_MAX);
    int lock = old && new ? take_lock(path, timeout_ms) : ERR_NOMEM;
    if (lock >= 0) {
        facts = note_locked(path, key, event, now_s, old, new);
        close(lock);
    } else {
        facts.error = lock;
    }
    free(old);
    free(new);
    return facts;
}
