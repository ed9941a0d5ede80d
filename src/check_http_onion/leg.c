// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/leg.h"

#include "base/random.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Tor 0.4.9 keeps user names that begin with <torS0X> for itself and knows this one: "plain isolation, no
 * more to say"; the password is the isolation. Older Tors take any name. */
static const char ISOLATION_USER[] = "<torS0X>0";

static void hex(const uint8_t *bytes, size_t length, char *out)
{
    for (size_t i = 0; i < length; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void fail(struct leg *leg, int error)
{
    leg->phase = LEG_FAILED;
    leg->error = error;
    leg_end(leg);
}

/* Connects to the next address; fails with the error of the last one. */
static void connect_next(struct leg *leg, int error)
{
    close_fd(&leg->far_fd);
    while (leg->next < leg->list->count) {
        leg->far_fd = endpoint_connect(&leg->list->addresses[leg->next++]);
        if (leg->far_fd >= 0)
            return;
        error = leg->far_fd;
    }
    fail(leg, error);
}

static struct leg new_leg(const struct endpoint_list *list, uint64_t now_us)
{
    return (struct leg){.began_us = now_us, .list = list, .far_fd = -1, .listen_fd = -1, .near_fd = -1};
}

void leg_begin_direct(struct leg *leg, const struct endpoint_list *list, uint64_t now_us)
{
    *leg = new_leg(list, now_us);
    leg->direct = true;
    connect_next(leg, ERR_NOT_FOUND);
}

void leg_begin(struct leg *leg, const struct endpoint_list *proxy, const char *host, uint16_t port,
               uint64_t now_us)
{
    uint8_t token[16];
    *leg = new_leg(proxy, now_us);
    random_bytes(token, sizeof token);
    hex(token, sizeof token, leg->token);
    int error = socks_begin(&leg->socks, host, port, ISOLATION_USER, leg->token);
    if (error)
        fail(leg, error);
    else
        connect_next(leg, ERR_NOT_FOUND);
}

int leg_listen(struct leg *leg)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    uint8_t random[16];
    random_bytes(random, sizeof random);
    strcpy(leg->name, "onion-leg-");
    hex(random, sizeof random, leg->name + strlen(leg->name));
    memcpy(address.sun_path + 1, leg->name, strlen(leg->name));
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(leg->name));
    leg->up = calloc(1, sizeof *leg->up);
    leg->down = calloc(1, sizeof *leg->down);
    leg->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (leg->up && leg->down && leg->listen_fd >= 0 &&
        !bind(leg->listen_fd, (struct sockaddr *)&address, length) && !listen(leg->listen_fd, 1))
        return 0;
    fail(leg, leg->up && leg->down ? err_from_errno(errno) : ERR_NOMEM);
    return leg->error;
}

void leg_end(struct leg *leg)
{
    close_fd(&leg->far_fd);
    close_fd(&leg->listen_fd);
    close_fd(&leg->near_fd);
    free(leg->up);
    free(leg->down);
    leg->up = leg->down = NULL;
    if (leg->phase != LEG_FAILED)
        leg->phase = LEG_DONE;
}

/* ---- what to wait for ---- */

static size_t pipe_room(const struct leg_pipe *pipe)
{
    return sizeof pipe->bytes - pipe->end;
}

/* Events of the descriptor that is the source of `in` and the sink of `out`. */
static short pipe_events(const struct leg_pipe *in, const struct leg_pipe *out)
{
    return (short)((!in->finished && pipe_room(in) ? POLLIN : 0) | (out->end > out->start ? POLLOUT : 0));
}

size_t leg_poll(const struct leg *leg, struct pollfd *fds)
{
    size_t waiting;
    switch (leg->phase) {
    case LEG_CONNECTING:
        fds[0] = (struct pollfd){.fd = leg->far_fd, .events = POLLOUT};
        return 1;
    case LEG_TALKING:
        fds[0] = (struct pollfd){.fd = leg->far_fd, .events = POLLIN};
        if (socks_output(&leg->socks, &waiting))
            fds[0].events |= POLLOUT;
        return 1;
    case LEG_READY:
        fds[0] = (struct pollfd){.fd = leg->listen_fd, .events = POLLIN};
        return leg->listen_fd >= 0;
    case LEG_MOVING:
        fds[0] = (struct pollfd){.fd = leg->far_fd, .events = pipe_events(leg->down, leg->up)};
        fds[1] = (struct pollfd){.fd = leg->near_fd, .events = pipe_events(leg->up, leg->down)};
        for (size_t i = 0; i < 2; i++) /* a closed end with nothing to do would wake us for ever */
            if (!fds[i].events)
                fds[i].fd = -1;
        return 2;
    case LEG_DONE:
    case LEG_FAILED:
        break;
    }
    return 0;
}

/* ---- the handshake ---- */

static void flush_socks(struct leg *leg)
{
    size_t length;
    const uint8_t *bytes;
    while ((bytes = socks_output(&leg->socks, &length))) {
        ssize_t sent = send(leg->far_fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            if (sent < 0 && errno != EAGAIN && errno != EINTR)
                fail(leg, err_from_errno(errno));
            return;
        }
        socks_sent(&leg->socks, (size_t)sent);
    }
}

/* Byte by byte, so that nothing of the application's is read: the handshake is a dozen bytes. */
static void read_socks(struct leg *leg)
{
    while (leg->phase == LEG_TALKING && leg->socks.phase == SOCKS_TALKING) {
        uint8_t byte;
        ssize_t got = recv(leg->far_fd, &byte, 1, 0);
        if (got == 1)
            socks_feed(&leg->socks, &byte, 1);
        else if (got == 0)
            fail(leg, ERR_CLOSED);
        else if (errno != EINTR)
            break;
        if (leg->phase == LEG_TALKING)
            flush_socks(leg);
    }
    if (leg->phase == LEG_TALKING && leg->socks.phase == SOCKS_TALKING && errno != EAGAIN)
        fail(leg, err_from_errno(errno));
}

static void talk(struct leg *leg, uint64_t now_us)
{
    flush_socks(leg);
    if (leg->phase == LEG_TALKING)
        read_socks(leg);
    if (leg->phase != LEG_TALKING || leg->socks.phase == SOCKS_TALKING)
        return;
    leg->ready_us = now_us;
    if (leg->socks.phase == SOCKS_GRANTED)
        leg->phase = LEG_READY;
    else
        fail(leg, ERR_REFUSED);
}

/* ---- moving bytes ---- */

/* Reads into the pipe. An error of the far end is kept; for the other side it is an end like any. */
static void fill(struct leg_pipe *pipe, int fd, int *reset)
{
    if (pipe->finished || !pipe_room(pipe))
        return;
    ssize_t got = recv(fd, pipe->bytes + pipe->end, pipe_room(pipe), 0);
    if (got > 0)
        pipe->end += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        pipe->finished = true;
    if (got < 0 && pipe->finished && reset)
        *reset = errno;
}

/* Writes out of the pipe, and passes the end on when all is written. */
static void drain(struct leg_pipe *pipe, int fd)
{
    while (pipe->end > pipe->start) {
        ssize_t sent = send(fd, pipe->bytes + pipe->start, pipe->end - pipe->start, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (sent < 0) {
            pipe->finished = true; /* nobody reads any more */
            break;
        }
        pipe->start += (size_t)sent;
    }
    pipe->start = pipe->end = 0;
    if (pipe->finished && !pipe->passed) {
        shutdown(fd, SHUT_WR);
        pipe->passed = true;
    }
}

static void keep_first(struct leg *leg, size_t had)
{
    size_t new = leg->down->end - had, room = sizeof leg->first - leg->first_length;
    size_t length = new < room ? new : room;
    memcpy(leg->first + leg->first_length, leg->down->bytes + had, length);
    leg->first_length += length;
}

static void move(struct leg *leg)
{
    size_t had = leg->down->end;
    fill(leg->down, leg->far_fd, &leg->reset);
    keep_first(leg, had);
    fill(leg->up, leg->near_fd, NULL);
    drain(leg->down, leg->near_fd);
    drain(leg->up, leg->far_fd);
    if (leg->up->finished)
        leg_end(leg); /* libcurl has closed: nobody reads any more */
}

/* Only this process may connect: the name is a secret, and the kernel says who it is. */
static void accept_near(struct leg *leg)
{
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    int fd = accept4(leg->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) || peer.pid != getpid()) {
        close(fd);
        return;
    }
    leg->near_fd = fd;
    close_fd(&leg->listen_fd);
    leg->phase = LEG_MOVING;
}

void leg_carry_on(struct leg *leg, const struct pollfd *fds, size_t count, uint64_t now_us)
{
    bool ready = false;
    for (size_t i = 0; i < count; i++)
        ready = ready || fds[i].revents;
    if (!ready)
        return;
    if (leg->phase == LEG_CONNECTING) {
        int error = endpoint_connect_error(leg->far_fd);
        if (error)
            return connect_next(leg, error);
        leg->phase = leg->direct ? LEG_READY : LEG_TALKING;
        leg->ready_us = leg->direct ? now_us : 0;
    }
    if (leg->phase == LEG_TALKING)
        talk(leg, now_us);
    if (leg->phase == LEG_READY && leg->listen_fd >= 0)
        accept_near(leg);
    if (leg->phase == LEG_MOVING)
        move(leg);
}
