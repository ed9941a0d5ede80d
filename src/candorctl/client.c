/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candorctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_to(const char *path, int *out)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_from_errno(ENAMETOOLONG);
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = err_from_errno(errno);
        if (fd >= 0)
            close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return err_from_errno(errno);
        bytes += sent > 0 ? sent : 0;
        length -= sent > 0 ? (size_t)sent : 0;
    }
    return 0;
}

static int send_request(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    if (!text)
        return ERR_NOMEM;
    int error = send_all(fd, text, strlen(text));
    if (!error)
        error = send_all(fd, "\n", 1);
    free(text);
    return error;
}

/* Reads lines until the one that has "ok". */
static int read_answer(FILE *from, void (*progress)(const json_t *), json_t **answer)
{
    char *line = NULL;
    size_t room = 0;
    int error = ERR_CLOSED;
    *answer = NULL;
    while (!*answer && getline(&line, &room, from) > 0) {
        json_t *said = json_loads(line, 0, NULL);
        json_t *step = json_object_get(said, "progress");
        error = json_object_get(said, "ok") ? 0 : step ? ERR_CLOSED : ERR_MALFORMED;
        if (step && progress)
            progress(step);
        if (!error)
            *answer = json_incref(said);
        json_decref(said);
        if (error == ERR_MALFORMED)
            break;
    }
    free(line);
    return error;
}

int client_ask(const char *path, const json_t *request, void (*progress)(const json_t *progress),
               json_t **answer)
{
    int fd = -1;
    int error = connect_to(path, &fd);
    if (error)
        return error;
    error = send_request(fd, request);
    FILE *from = error ? NULL : fdopen(fd, "r");
    if (!error && !from)
        error = err_from_errno(errno);
    if (!error)
        error = read_answer(from, progress, answer);
    if (from)
        fclose(from);
    else
        close(fd);
    return error;
}

void client_print_trouble(const char *path, int error)
{
    const struct {
        int error;
        const char *what, *todo;
    } known[] = {
        {err_from_errno(ENOENT), "there is no such socket",
         "Is candord running? Its socket may be another: -s SOCKET."},
        {err_from_errno(ECONNREFUSED), "nobody listens there",
         "candord has ended without removing its socket: start it again."},
        {err_from_errno(EACCES), "you may not use it",
         "Only its owner and group may: become one of them (sudo)."},
        {err_from_errno(ENAMETOOLONG), "the path is too long for a socket",
         "107 bytes is the most there can be."},
        {ERR_CLOSED, "the connection ended before the answer came", "candord may be ending: see its log."},
        {ERR_MALFORMED, "the answer is no JSON", "Does candord listen there, and not something else?"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].error == error) {
            fprintf(stderr, "candorctl: %s: %s\n%s\n", path, known[i].what, known[i].todo);
            return;
        }
    fprintf(stderr, "candorctl: %s: %s\n", path, err_text(error));
}
