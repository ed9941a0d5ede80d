/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/session_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "dns/name.h"

enum { SECRET_MAX = 64, BASE64_MAX = (SECRET_MAX + 2) / 3 * 4 + 1 };

struct session_key {
    struct tsig_key tsig;
    char algorithm[16];
    uint8_t secret[SECRET_MAX];
    char *path; /* of the file that we have written; NULL: none yet */
    dev_t device;
    ino_t inode;
};

int session_key_new(const struct session_key_config *config, struct session_key **out)
{
    struct session_key *key = calloc(1, sizeof *key);
    if (!key)
        return ERR_NOMEM;
    snprintf(key->algorithm, sizeof key->algorithm, "%s", config->algorithm);
    random_bytes(key->secret, config->secret_bytes);
    key->tsig = (struct tsig_key){
        .algorithm = key->algorithm, .secret = key->secret, .secret_length = config->secret_bytes};
    name_copy(key->tsig.name, config->name);
    *out = key;
    return 0;
}

const struct tsig_key *session_key_tsig(const struct session_key *key)
{
    return &key->tsig;
}

/* --- the file --- */

static void to_base64(const uint8_t *bytes, size_t length, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            *out++ = k <= left ? digits[group >> (18 - 6 * k) & 63] : '=';
    }
    *out = 0;
}

/* As BIND's tools read it. */
static int write_text(const struct session_key *key, int fd)
{
    char name[NAME_TEXT_MAX], secret[BASE64_MAX], text[NAME_TEXT_MAX + 256];
    to_base64(key->secret, key->tsig.secret_length, secret);
    int length = snprintf(text, sizeof text, "key \"%s\" {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n",
                          name_to_text_nodot(key->tsig.name, name), key->algorithm, secret);
    ssize_t written = write(fd, text, (size_t)length);
    explicit_bzero(text, sizeof text);
    explicit_bzero(secret, sizeof secret);
    return written == length ? 0 : written < 0 ? err_from_errno(errno) : err_from_errno(ENOSPC);
}

static int give_to(int fd, const char *user)
{
    const struct passwd *entry = user ? getpwnam(user) : NULL;
    return entry && fchown(fd, entry->pw_uid, entry->pw_gid) ? err_from_errno(errno) : 0;
}

static void make_directory(const char *path)
{
    char directory[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return;
    snprintf(directory, sizeof directory, "%.*s", (int)(slash - path), path);
    (void)!mkdir(directory, 0755); /* if that fails, so does what follows */
}

static int fill(struct session_key *key, int fd, const char *user)
{
    struct stat status;
    int error = write_text(key, fd);
    if (!error)
        error = give_to(fd, user);
    if (!error && fstat(fd, &status) != 0)
        error = err_from_errno(errno);
    if (!error) {
        key->device = status.st_dev;
        key->inode = status.st_ino;
    }
    return error;
}

/* Nobody can open it before its mode is right, and nobody finds half of it. */
static int write_file(struct session_key *key, const char *path, const char *user)
{
    char aside[PATH_MAX];
    if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
        return err_from_errno(ENAMETOOLONG);
    make_directory(path);
    unlink(aside);
    int fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_from_errno(errno);
    int error = fill(key, fd, user);
    if (close(fd) != 0 && !error)
        error = err_from_errno(errno);
    if (!error && rename(aside, path) != 0)
        error = err_from_errno(errno);
    if (error)
        unlink(aside);
    return error;
}

int session_key_publish(struct session_key *key, const struct session_key_config *config, const char *user)
{
    if (!config->wanted || !config->file || key->path)
        return 0;
    char *path = strdup(config->file);
    int error = path ? write_file(key, path, user) : ERR_NOMEM;
    if (error) {
        log_write(LOG_GENERAL, LEVEL_ERROR, "cannot write the session key for dynamic updates to %s: %s",
                  config->file, err_text(error));
        free(path);
        return error;
    }
    key->path = path;
    log_write(LOG_GENERAL, LEVEL_INFO, "the session key for dynamic updates is in %s", path);
    return 0;
}

void session_key_free(struct session_key *key)
{
    struct stat status;
    if (!key)
        return;
    if (key->path && lstat(key->path, &status) == 0 && status.st_dev == key->device &&
        status.st_ino == key->inode)
        unlink(key->path);
    free(key->path);
    explicit_bzero(key, sizeof *key);
    free(key);
}
