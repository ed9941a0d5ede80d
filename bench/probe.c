// SPDX-License-Identifier: GPL-3.0-or-later
/* probe ADDRESS PORT NAMES FRESH FRESH_US BLOCKED POST_S MOST_S OUT: asks a server steadily while its policy
 * changes.
 *
 * Each millisecond one question for a cached name of the file NAMES; each FRESH_US one for a new name
 * k%05d.FRESH, which the new version will block; each 10 ms one for a name k%05d.BLOCKED, which every version
 * blocks. Says "EFFECT t" at the first NXDOMAIN for a fresh name, goes on for POST_S seconds (in all for at
 * most MOST_S), then writes lines "sent waited" of the cached names' questions (-1: lost; -2: another answer
 * than NOERROR) into OUT, and says "BLOCKED asked unfiltered". Times: CLOCK_MONOTONIC seconds. Real-time
 * priority where permitted. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CACHED_SOCKETS = 8, FRESH = CACHED_SOCKETS, BLOCKED, SOCKETS, NAMES_MAX = 10000, FRESH_NAMES = 20000 };

#define CACHED_S 1e-3
#define BLOCKED_S 1e-2

static struct pollfd
    sockets[SOCKETS]; /* several for the cached names: all of the server's workers are seen */
static char names[NAMES_MAX][64];
static unsigned name_count;

/* Of each question for a cached name. */
static double *sent_s, *waited_s;
static uint32_t number_of[65536];
static long sent_count, sent_max;

static long fresh_count, blocked_count, unfiltered_count;
static double effect_s;

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(int which, uint16_t id, const char *name)
{
    uint8_t question[300] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1};
    size_t at = 12;
    while (*name) {
        size_t length = strcspn(name, ".");
        question[at++] = (uint8_t)length;
        memcpy(question + at, name, length);
        at += length;
        name += length + (name[length] == '.');
    }
    memcpy(question + at, "\0\0\1\0\1", 5);
    if (send(sockets[which].fd, question, at + 5, 0) < 0 && errno != ECONNREFUSED && errno != EAGAIN)
        perror("send");
}

static void ask_numbered(int which, long number, const char *below)
{
    char name[128];
    snprintf(name, sizeof name, "k%05ld.%s", number % FRESH_NAMES, below);
    ask(which, (uint16_t)number, name);
}

static void ask_cached(double at_s)
{
    if (sent_count == sent_max)
        return;
    number_of[sent_count & 0xffff] = (uint32_t)sent_count;
    sent_s[sent_count] = at_s;
    waited_s[sent_count] = -1;
    ask((int)(sent_count % CACHED_SOCKETS), (uint16_t)sent_count, names[sent_count % name_count]);
    sent_count++;
}

static void take(int which, const uint8_t *reply)
{
    unsigned rcode = reply[3] & 15;
    if (which == FRESH && rcode == 3 && effect_s == 0) {
        effect_s = now_s();
        printf("EFFECT %.6f\n", effect_s);
        fflush(stdout);
    } else if (which == BLOCKED) {
        unfiltered_count += rcode == 0;
    } else if (which < CACHED_SOCKETS) {
        uint32_t number = number_of[reply[0] << 8 | reply[1]];
        if (waited_s[number] == -1)
            waited_s[number] = rcode == 0 ? now_s() - sent_s[number] : -2;
    }
}

static void take_all(void)
{
    uint8_t reply[1500];
    for (int i = 0; i < SOCKETS; i++) {
        if (!sockets[i].revents)
            continue;
        for (;;) {
            ssize_t length = recv(sockets[i].fd, reply, sizeof reply, 0);
            if (length < 0 && errno != ECONNREFUSED)
                break;
            if (length >= 12)
                take(i, reply);
        }
    }
}

static void open_sockets(const char *address, const char *port)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int room = 8 << 20;
    inet_pton(AF_INET, address, &server.sin_addr);
    for (int i = 0; i < SOCKETS; i++) {
        sockets[i] = (struct pollfd){socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), POLLIN, 0};
        setsockopt(sockets[i].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        if (connect(sockets[i].fd, (void *)&server, sizeof server) != 0) {
            perror("connect");
            exit(1);
        }
    }
}

static void read_names(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    while (file && name_count < NAMES_MAX && fgets(line, sizeof line, file))
        name_count += sscanf(line, "%63s", names[name_count]) == 1;
    if (name_count == 0) {
        perror(path);
        exit(1);
    }
    fclose(file);
}

/* Is it time for the next of what is done each `step_s`? What was missed is not made up for. */
static bool due(double *next_s, double at_s, double step_s)
{
    if (at_s < *next_s)
        return false;
    *next_s = *next_s + step_s < at_s ? at_s + step_s : *next_s + step_s;
    return true;
}

static void run(const char *fresh, double fresh_step_s, const char *blocked, double post_s, double most_s)
{
    double began_s = now_s(), cached_s = began_s, fresh_s = began_s, blocked_s = began_s;
    for (;;) {
        double at_s = now_s(), stop_s = began_s + most_s;
        if (effect_s && effect_s + post_s < stop_s)
            stop_s = effect_s + post_s;
        bool asking = at_s < stop_s;
        if (at_s >= stop_s + 1)
            return;
        if (asking && due(&cached_s, at_s, CACHED_S))
            ask_cached(at_s);
        if (asking && due(&fresh_s, at_s, fresh_step_s))
            ask_numbered(FRESH, fresh_count++, fresh);
        if (asking && due(&blocked_s, at_s, BLOCKED_S))
            ask_numbered(BLOCKED, blocked_count++, blocked);
        double left_s = asking ? cached_s - now_s() : 0.01;
        struct timespec wait = {0, left_s > 0 ? (long)(left_s * 1e9) : 0};
        if (ppoll(sockets, SOCKETS, &wait, NULL) > 0)
            take_all();
    }
}

int main(int argc, char **argv)
{
    if (argc != 10) {
        fprintf(stderr, "usage: probe ADDRESS PORT NAMES FRESH FRESH_US BLOCKED POST_S MOST_S OUT\n");
        return 2;
    }
    double most_s = atof(argv[8]);
    read_names(argv[3]);
    open_sockets(argv[1], argv[2]);
    sent_max = (long)(most_s / CACHED_S) + 10;
    sent_s = calloc((size_t)sent_max, sizeof *sent_s);
    waited_s = calloc((size_t)sent_max, sizeof *waited_s);
    FILE *out = fopen(argv[9], "w");
    if (!sent_s || !waited_s || !out) {
        perror("probe");
        return 1;
    }
    struct sched_param first = {.sched_priority = 10};
    sched_setscheduler(0, SCHED_FIFO, &first);
    run(argv[4], atof(argv[5]) / 1e6, argv[6], atof(argv[7]), most_s);
    for (long i = 0; i < sent_count; i++)
        fprintf(out, "%.6f %.6f\n", sent_s[i], waited_s[i]);
    fclose(out);
    printf("BLOCKED %ld %ld\n", blocked_count, unfiltered_count);
    return 0;
}
