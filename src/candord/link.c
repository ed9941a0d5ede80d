/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"

enum { BUFFER_BYTES = 1 << 18, MESSAGE_MAX = 65535 };

int link_fail(struct link *link, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(link->problem, sizeof link->problem, format, arguments);
    va_end(arguments);
    return error;
}

static int fail_errno(struct link *link, const char *what)
{
    int number = errno;
    return link_fail(link, err_from_errno(number), "%s: %s", what, strerror(number));
}

static int wait_ms(const struct link *link, uint64_t now_ms)
{
    uint64_t left_ms = link->deadline_ms > now_ms ? link->deadline_ms - now_ms : 0;
    if (left_ms > link->idle_ms)
        left_ms = link->idle_ms;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

int link_wait(struct link *link, short events)
{
    struct pollfd polled[2] = {{.fd = link->fd, .events = events},
                               {.fd = link->options.cancel_fd, .events = POLLIN}};
    int ready;
    do
        ready = poll(polled, 2, wait_ms(link, clock_mono_ms()));
    while (ready < 0 && errno == EINTR);
    if (ready < 0)
        return fail_errno(link, "poll");
    if (polled[1].revents)
        return link_fail(link, ERR_CLOSED, "cancelled");
    return ready ? 0 : link_fail(link, ERR_TIMEOUT, "timed out");
}

/* --- opening --- */

static int bind_source(struct link *link)
{
    union sockaddr_any from;
    if (link->options.source.family == IP_NONE)
        return 0;
    socklen_t length = ip_to_sockaddr(&link->options.source, 0, &from);
    return bind(link->fd, &from.any, length) ? fail_errno(link, "bind") : 0;
}

static int finish_connect(struct link *link)
{
    int number = 0;
    socklen_t length = sizeof number;
    int error = link_wait(link, POLLOUT);
    if (error)
        return error;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &number, &length))
        return fail_errno(link, "connect");
    return number ? link_fail(link, err_from_errno(number), "connect: %s", strerror(number)) : 0;
}

static int connect_socket(struct link *link)
{
    union sockaddr_any to;
    const struct link_options *options = &link->options;
    socklen_t length = ip_to_sockaddr(&options->to.address, options->to.port, &to);
    int kind = options->kind == LINK_UDP ? SOCK_DGRAM : SOCK_STREAM, on = 1;
    link->fd = socket(to.any.sa_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (link->fd < 0)
        return fail_errno(link, "socket");
    if (options->kind != LINK_UDP)
        setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = bind_source(link);
    if (error)
        return error;
    if (connect(link->fd, &to.any, length) == 0)
        return 0;
    return errno == EINPROGRESS ? finish_connect(link) : fail_errno(link, "connect");
}

int link_open(struct link *link, const struct link_options *options)
{
    *link = (struct link){.options = *options, .fd = -1, .idle_ms = options->connect_ms};
    link->deadline_ms = clock_mono_ms() + options->connect_ms;
    link->bytes = malloc(BUFFER_BYTES);
    int error = link->bytes ? connect_socket(link) : link_fail(link, ERR_NOMEM, "out of memory");
    if (!error && options->kind == LINK_TLS)
        error = link_tls_connect(link);
    link->deadline_ms = UINT64_MAX;
    return error;
}

void link_close(struct link *link)
{
    if (link->tls)
        link_tls_close(link);
    if (link->fd >= 0)
        close(link->fd);
    free(link->bytes);
    link->bytes = NULL;
    link->tls = NULL;
    link->fd = -1;
}

char *link_local_text(const struct link *link, char *out)
{
    union sockaddr_any local = {0};
    socklen_t length = sizeof local;
    if (getsockname(link->fd, &local.any, &length))
        snprintf(out, IP_TEXT_MAX, "?");
    else
        sockaddr_to_text(&local, out);
    return out;
}

/* --- bytes --- */

static long socket_write(struct link *link, const uint8_t *from, size_t length)
{
    for (;;) {
        ssize_t written = send(link->fd, from, length, MSG_NOSIGNAL);
        if (written >= 0)
            return written;
        if (errno != EAGAIN && errno != EINTR)
            return fail_errno(link, "send");
        int error = link_wait(link, POLLOUT);
        if (error)
            return error;
    }
}

static long socket_read(struct link *link, uint8_t *to, size_t room)
{
    for (;;) {
        ssize_t got = recv(link->fd, to, room, 0);
        if (got > 0)
            return got;
        if (got == 0 && link->options.kind != LINK_UDP)
            return link_fail(link, ERR_CLOSED, "the server closed the connection");
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return fail_errno(link, "receive");
        int error = link_wait(link, POLLIN);
        if (error)
            return error;
    }
}

static int write_all(struct link *link, const uint8_t *from, size_t length)
{
    while (length) {
        long written = link->tls ? link_tls_write(link, from, length) : socket_write(link, from, length);
        if (written < 0)
            return (int)written;
        from += written;
        length -= (size_t)written;
    }
    return 0;
}

int link_send(struct link *link, const uint8_t *message, size_t length)
{
    uint8_t framed[2 + MESSAGE_MAX];
    if (link->options.kind == LINK_UDP)
        return write_all(link, message, length);
    store_u16(framed, (uint16_t)length);
    memcpy(framed + 2, message, length);
    return write_all(link, framed, 2 + length);
}

static int read_more(struct link *link)
{
    if (link->start) {
        memmove(link->bytes, link->bytes + link->start, link->end - link->start);
        link->end -= link->start;
        link->start = 0;
    }
    uint8_t *to = link->bytes + link->end;
    size_t room = BUFFER_BYTES - link->end;
    long got = link->tls ? link_tls_read(link, to, room) : socket_read(link, to, room);
    if (got < 0)
        return (int)got;
    link->end += (size_t)got;
    link->received += (uint64_t)got;
    return 0;
}

static int receive_datagram(struct link *link, const uint8_t **message, size_t *length)
{
    link->start = link->end = 0;
    int error = read_more(link);
    *message = link->bytes;
    *length = link->end;
    return error;
}

int link_receive(struct link *link, const uint8_t **message, size_t *length)
{
    if (link->options.kind == LINK_UDP)
        return receive_datagram(link, message, length);
    for (;;) {
        size_t have = link->end - link->start;
        const uint8_t *at = link->bytes + link->start;
        if (have >= 2 && have >= 2u + load_u16(at)) {
            *length = load_u16(at);
            *message = at + 2;
            link->start += 2 + *length;
            return 0;
        }
        int error = read_more(link);
        if (error)
            return error;
    }
}
