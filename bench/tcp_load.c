// SPDX-License-Identifier: GPL-3.0-or-later
/* tcp_load ADDRESS PORT NAMES IDLE BUSY PIPELINE SECONDS: opens IDLE connections that say nothing, then BUSY
 * ones that each keep PIPELINE questions under way for SECONDS, over the names in the file NAMES ("name type"
 * lines, A is asked), and at last asks one question on each idle one. Answers may come in any order; a
 * connection that the server closes is opened again. Says "ready" when the idle ones are open and waits for a
 * line on standard input before it goes on, twice: so that who runs it can look at the server's memory.
 * Prints key=value lines. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NAMES_MAX = 100000, QUESTION_MAX = 300, ROOM = 1 << 16, EVENTS = 256, OPENING_S = 30 };

struct question {
    uint16_t length; /* with the two bytes in front */
    uint8_t bytes[QUESTION_MAX];
};

struct connection {
    int fd;
    unsigned under_way;
    size_t have; /* bytes of answers not read yet */
    uint8_t *room;
};

static struct question *questions;
static size_t question_count, next_question;
static struct sockaddr_in server;
static unsigned long answered, refused, closed, failed;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_question(struct question *q, const char *name)
{
    static const uint8_t head[12] = {0, 0, 1, 0, 0, 1};
    uint8_t *at = q->bytes + 2;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    while (*name && at < q->bytes + QUESTION_MAX - 70) {
        size_t length = strcspn(name, ".");
        *at++ = (uint8_t)length;
        memcpy(at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    memcpy(at, "\0\0\1\0\1", 5);
    q->length = (uint16_t)(at + 5 - q->bytes);
    q->bytes[0] = (uint8_t)((q->length - 2) >> 8);
    q->bytes[1] = (uint8_t)(q->length - 2);
}

static void read_names(const char *path)
{
    char line[QUESTION_MAX];
    FILE *file = fopen(path, "r");
    questions = calloc(NAMES_MAX, sizeof *questions);
    if (!file || !questions)
        die(path);
    while (question_count < NAMES_MAX && fgets(line, sizeof line, file)) {
        line[strcspn(line, " \n")] = 0;
        make_question(&questions[question_count++], line);
    }
    fclose(file);
    if (!question_count)
        die("no names");
}

/* Connections come from several addresses, so that no limit per client or port range is in the way. */
static int open_one(size_t index)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000001u + (uint32_t)(index % 16))};
    if (fd < 0)
        die("socket");
    struct timeval patience = {.tv_sec = 3};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        die("bind");
    if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0) {
        failed++;
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* One write for as many questions as may be under way. A full socket means that the server does not read. */
static void ask(struct connection *c, unsigned pipeline)
{
    static uint8_t out[ROOM];
    size_t length = 0;
    while (c->under_way < pipeline && length + QUESTION_MAX < sizeof out) {
        struct question *q = &questions[next_question++ % question_count];
        memcpy(out + length, q->bytes, q->length);
        length += q->length;
        c->under_way++;
    }
    for (size_t done = 0; done < length;) {
        ssize_t sent = send(c->fd, out + done, length - done, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            return; /* closed: reading tells */
        done += sent > 0 ? (size_t)sent : 0;
    }
}

/* Counts the whole answers in the room. */
static void take_answers(struct connection *c)
{
    size_t at = 0;
    while (c->have - at >= 2) {
        size_t length = (size_t)c->room[at] << 8 | c->room[at + 1];
        if (c->have - at < 2 + length)
            break;
        unsigned rcode = length > 3 ? c->room[at + 5] & 15u : 15;
        answered++;
        refused += rcode == 2 || rcode == 5;
        c->under_way -= c->under_way > 0;
        at += 2 + length;
    }
    memmove(c->room, c->room + at, c->have - at);
    c->have -= at;
}

/* False: the server has closed it. */
static bool hear(struct connection *c)
{
    ssize_t got = recv(c->fd, c->room + c->have, ROOM - c->have, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN))
        return false;
    c->have += got > 0 ? (size_t)got : 0;
    take_answers(c);
    return true;
}

static void watch(int epoll, struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll_ctl");
}

static struct connection *open_many(size_t count, size_t *opened)
{
    struct connection *all = calloc(count ? count : 1, sizeof *all);
    double end_s = now_s() + OPENING_S;
    for (size_t i = 0; i < count && now_s() < end_s; i++) {
        int fd = open_one(i);
        if (fd < 0)
            continue;
        all[*opened].fd = fd;
        all[(*opened)++].room = malloc(ROOM);
    }
    return all;
}

static void end(struct connection *c)
{
    closed++;
    close(c->fd);
    c->fd = -1;
}

/* The server ended a connection: a new one goes on in its place. */
static void reopen(int epoll, struct connection *c, size_t index)
{
    end(c);
    c->under_way = 0;
    c->have = 0;
    c->fd = open_one(index);
    if (c->fd >= 0)
        watch(epoll, c);
}

/* Until `seconds` are over, or with `pipeline` 0 until nothing is under way. */
static void run(struct connection *all, size_t count, unsigned pipeline, unsigned first, double seconds)
{
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    double end_s = now_s() + seconds;
    for (size_t i = 0; i < count; i++) {
        watch(epoll, &all[i]);
        ask(&all[i], first);
    }
    while (now_s() < end_s) {
        int ready = epoll_wait(epoll, events, EVENTS, 500);
        if (!pipeline && ready == 0)
            break;
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            bool open = hear(c);
            if (!open && pipeline)
                reopen(epoll, c, (size_t)(c - all));
            else if (!open)
                end(c);
            if (c->fd >= 0 && pipeline)
                ask(c, pipeline);
        }
    }
    close(epoll);
}

static void pause_for_measuring(const char *what)
{
    char line[16];
    printf("%s\n", what);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        exit(1);
}

static void allow_many_files(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    if (argc != 8) {
        fprintf(stderr, "usage: tcp_load ADDRESS PORT NAMES IDLE BUSY PIPELINE SECONDS\n");
        return 2;
    }
    size_t idle_open = 0, busy_open = 0;
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    allow_many_files();
    read_names(argv[3]);
    struct connection *idle = open_many((size_t)atoi(argv[4]), &idle_open);
    pause_for_measuring("ready");
    double begin_s = now_s();
    struct connection *busy = open_many((size_t)atoi(argv[5]), &busy_open);
    run(busy, busy_open, (unsigned)atoi(argv[6]), (unsigned)atoi(argv[6]), atof(argv[7]));
    printf("seconds=%.3f\nanswered=%lu\nnot_served=%lu\nclosed=%lu\nbusy=%zu\n", now_s() - begin_s, answered,
           refused, closed, busy_open);
    pause_for_measuring("done");
    answered = closed = 0;
    run(idle, idle_open, 0, 1, 10);
    printf("idle=%zu\nidle_answered=%lu\nidle_closed=%lu\nnot_opened=%lu\n", idle_open, answered, closed,
           failed);
    return 0;
}
