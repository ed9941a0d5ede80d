// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/endpoint.h"

#include "base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A port's digits. */
static bool read_port(const char *text, int *out)
{
    if (!*text || strlen(text) > 5 || text[strspn(text, "0123456789")])
        return false;
    *out = atoi(text);
    return *out >= 1 && *out <= 65535;
}

int endpoint_from_text(struct arena *arena, const char *text, struct endpoint *out)
{
    if (!strncmp(text, "unix:", 5) || strchr(text, '/')) {
        *out = (struct endpoint){.path = text + (strncmp(text, "unix:", 5) ? 0 : 5)};
        return *out->path ? 0 : ERR_INVALID;
    }
    bool bracket = *text == '[', digits = *text && text[strspn(text, "0123456789")] == 0;
    const char *end = bracket ? strchr(text, ']') : strrchr(text, ':');
    const char *port = digits ? text : bracket ? end && end[1] == ':' ? end + 2 : NULL : end ? end + 1 : NULL;
    size_t length = digits ? 0 : end ? (size_t)(end - text) - bracket : strlen(text);
    int number = out->port;
    if ((bracket && (!end || (end[1] && end[1] != ':'))) || !*text)
        return ERR_INVALID;
    if (port && !read_port(port, &number))
        return ERR_INVALID;
    const char *host = length ? arena_printf(arena, "%.*s", (int)length, text + bracket) : out->host;
    *out = (struct endpoint){.host = host, .port = (uint16_t)number};
    return host ? 0 : ERR_NOMEM;
}

static int resolve_path(const char *path, struct endpoint_list *out)
{
    struct endpoint_address *a = &out->addresses[0];
    if (strlen(path) >= sizeof a->local.sun_path)
        return ERR_SPACE;
    a->local.sun_family = AF_UNIX;
    strcpy(a->local.sun_path, path);
    a->length = sizeof a->local;
    out->count = 1;
    return 0;
}

/* A look-up at work: glibc does it in a thread of its own, so that a slow resolver cannot hold the check up.
 */
struct look_up {
    struct gaicb request, *list[1];
    struct addrinfo hints;
    char port[8], name[];
};

static void take_addresses(const struct addrinfo *found, struct endpoint_list *out)
{
    for (; found && out->count < ENDPOINT_ADDRESSES_MAX; found = found->ai_next) {
        struct endpoint_address *a = &out->addresses[out->count++];
        memcpy(&a->ip, found->ai_addr, found->ai_addrlen);
        a->length = found->ai_addrlen;
    }
}

/* gai_suspend(3) does not say reliably that time is up, so the clock does. */
static int wait_for_look_up(struct look_up *l, int timeout_ms)
{
    const struct gaicb *waiting[1] = {&l->request};
    uint64_t now_ms = clock_mono_ms(), end_ms = now_ms + (uint64_t)timeout_ms;
    int error = getaddrinfo_a(GAI_NOWAIT, l->list, 1, NULL);
    if (error)
        return error;
    for (; gai_error(&l->request) == EAI_INPROGRESS && now_ms < end_ms; now_ms = clock_mono_ms()) {
        uint64_t left_ms = end_ms - now_ms;
        struct timespec limit = {(time_t)(left_ms / 1000), (long)(left_ms % 1000) * 1000000L};
        gai_suspend(waiting, 1, &limit);
    }
    return gai_error(&l->request);
}

static int resolve_name(const char *host, uint16_t port, int family, int timeout_ms,
                        struct endpoint_list *out)
{
    struct look_up *l = calloc(1, sizeof *l + strlen(host) + 1);
    if (!l)
        return ERR_NOMEM;
    strcpy(l->name, host);
    snprintf(l->port, sizeof l->port, "%u", port);
    l->hints = (struct addrinfo){.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    l->request = (struct gaicb){.ar_name = l->name, .ar_service = l->port, .ar_request = &l->hints};
    l->list[0] = &l->request;
    int error = wait_for_look_up(l, timeout_ms);
    if (error == EAI_INPROGRESS && gai_cancel(&l->request) != EAI_CANCELED)
        return ERR_TIMEOUT; /* its thread still uses `l`; it is left to the end of the process */
    out->gai_error = error == EAI_INPROGRESS ? 0 : error;
    if (!error)
        take_addresses(l->request.ar_result, out);
    if (l->request.ar_result)
        freeaddrinfo(l->request.ar_result);
    free(l);
    return error == EAI_INPROGRESS ? ERR_TIMEOUT : out->count ? 0 : ERR_NOT_FOUND;
}

int endpoint_resolve(const struct endpoint *endpoint, int family, int timeout_ms, struct endpoint_list *out)
{
    struct ip_address ip;
    *out = (struct endpoint_list){.count = 0};
    if (endpoint->path)
        return resolve_path(endpoint->path, out);
    if (family != AF_UNSPEC || ip_from_text(endpoint->host, &ip))
        return resolve_name(endpoint->host, endpoint->port, family, timeout_ms, out);
    out->addresses[0].length = ip_to_sockaddr(&ip, endpoint->port, &out->addresses[0].ip);
    out->count = 1;
    return 0;
}

int endpoint_connect(const struct endpoint_address *address)
{
    int fd = socket(address->ip.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_from_errno(errno);
    if (!connect(fd, &address->ip.any, address->length) || errno == EINPROGRESS)
        return fd;
    int error = err_from_errno(errno);
    close(fd);
    return error;
}

int endpoint_connect_error(int fd)
{
    int value = 0;
    socklen_t length = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length))
        return err_from_errno(errno);
    return value ? err_from_errno(value) : 0;
}
