// SPDX-License-Identifier: GPL-3.0-or-later
/* probe: steady DNS prober. Sends one query per INTERVAL us for cached names read from FILE and, every
 * 10 ms, one query for a fresh name k%05d.FRESH; prints "EFFECT t" at the first NXDOMAIN for a fresh
 * name, runs POST more seconds (or until MAXSEC), then dumps "send_time latency" lines (-1 = lost) of
 * the cached-name queries to OUT. Times: CLOCK_MONOTONIC seconds. Real-time priority where permitted. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS 8 /* sockets of the cached-name queries: all of the server's workers are seen */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int mkq(unsigned char *b, uint16_t id, const char *name)
{
    int n = 12;
    memset(b, 0, 12);
    b[0] = id >> 8;
    b[1] = id;
    b[2] = 1;
    b[5] = 1;
    while (*name) {
        int l = strcspn(name, ".");
        b[n++] = l;
        memcpy(b + n, name, l);
        n += l;
        name += l;
        if (*name == '.')
            name++;
    }
    b[n++] = 0;
    b[n++] = 0;
    b[n++] = 1;
    b[n++] = 0;
    b[n++] = 1;
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 9) {
        fprintf(stderr, "usage: probe IP PORT INTERVAL_US FILE FRESH|- POST MAXSEC OUT\n");
        return 2;
    }
    long iv = atol(argv[3]);
    const char *fresh = strcmp(argv[5], "-") ? argv[5] : NULL;
    double post = atof(argv[6]), maxs = atof(argv[7]);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    inet_pton(AF_INET, argv[1], &sa.sin_addr);
    static char names[10000][64];
    int nn = 0;
    char line[256];
    FILE *f = fopen(argv[4], "r");
    while (nn < 10000 && fgets(line, sizeof line, f))
        if (sscanf(line, "%63s", names[nn]) == 1)
            nn++;
    fclose(f);
    int s[NS + 1];
    for (int i = 0; i <= NS; i++) {
        s[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        int rb = 8 << 20;
        setsockopt(s[i], SOL_SOCKET, SO_RCVBUFFORCE, &rb, sizeof rb);
        if (connect(s[i], (void *)&sa, sizeof sa)) {
            perror("connect");
            return 1;
        }
    }
    struct sched_param sp = {.sched_priority = 10};
    sched_setscheduler(0, SCHED_FIFO, &sp);
    long max = (long)(maxs * 1e6 / iv) + 10;
    double *st = calloc(max, sizeof *st), *lat = calloc(max, sizeof *lat);
    uint32_t *idx = calloc(65536, sizeof *idx);
    double t0 = now(), end = t0 + maxs, next = t0, fnext = t0;
    long sent = 0, fsent = 0;
    int eff = 0;
    double stop = end;
    unsigned char b[1500];
    for (;;) {
        double t = now();
        int done = t >= stop;
        if (!done && t >= next && sent < max) {
            int l = mkq(b, sent & 0xffff, names[sent % nn]);
            idx[sent & 0xffff] = sent;
            st[sent] = t;
            lat[sent] = -1;
            if (send(s[sent % NS], b, l, 0) < 0) {
            }
            sent++;
            next += iv / 1e6;
            if (next < t)
                next = t;
        }
        if (!done && fresh && t >= fnext) {
            char n[128];
            snprintf(n, sizeof n, "k%05ld.%s", fsent % 4000, fresh);
            int l = mkq(b, fsent & 0xffff, n);
            if (send(s[NS], b, l, 0) < 0) {
            }
            fsent++;
            fnext = t + 0.01;
        }
        if (done && t >= stop + 1)
            break;
        struct pollfd p[NS + 1];
        for (int i = 0; i <= NS; i++)
            p[i] = (struct pollfd){s[i], POLLIN, 0};
        double w = done ? 0.01 : next - now();
        if (w < 0)
            w = 0;
        struct timespec ts = {0, (long)(w * 1e9)};
        ppoll(p, NS + 1, &ts, NULL);
        int r;
        for (int i = 0; i < NS; i++)
            if (p[i].revents)
                while ((r = recv(s[i], b, sizeof b, 0)) > 0 || (r < 0 && errno == ECONNREFUSED)) {
                    if (r < 12)
                        continue;
                    uint32_t k = idx[b[0] << 8 | b[1]];
                    if (lat[k] < 0)
                        lat[k] = (b[3] & 15) == 0 ? now() - st[k] : -2;
                }
        while ((r = recv(s[NS], b, sizeof b, 0)) > 0 || (r < 0 && errno == ECONNREFUSED)) {
            if (r < 12)
                continue;
            if (!eff && (b[3] & 15) == 3) {
                eff = 1;
                double e = now();
                printf("EFFECT %.6f\n", e);
                fflush(stdout);
                if (e + post < stop)
                    stop = e + post;
            }
        }
    }
    f = fopen(argv[8], "w");
    for (long i = 0; i < sent; i++)
        fprintf(f, "%.6f %.6f\n", st[i], lat[i]);
    fclose(f);
    printf("DONE %ld\n", sent);
    return 0;
}
