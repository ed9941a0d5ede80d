// SPDX-License-Identifier: GPL-3.0-or-later
/* echo: the floor of the benchmark. Answers every question with the same A record, reading and writing as
 * candord does (epoll, recvmmsg, sendmmsg, SO_REUSEPORT) and thinking nothing: what it costs is what the
 * kernel costs. One thread. Usage: echo ADDRESS PORT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 512 };

static const unsigned char answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};

static unsigned char buffers[BATCH][ROOM];
static struct sockaddr_in peers[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

/* The end of the question, or 0 when this is no plain question. */
static size_t question_end(const unsigned char *message, size_t length)
{
    size_t at = 12;
    while (at < length && message[at] != 0)
        at += message[at] + 1;
    return at + 5 <= length ? at + 5 : 0;
}

static void make_answer(struct mmsghdr *message, unsigned char *bytes)
{
    size_t end = question_end(bytes, message->msg_len);
    message->msg_hdr.msg_iov->iov_len = 0;
    if (end == 0 || end + sizeof answer > ROOM)
        return;
    bytes[2] |= 0x80;
    bytes[3] = 0x80;
    bytes[7] = 1;
    memset(bytes + 8, 0, 4);
    memcpy(bytes + end, answer, sizeof answer);
    message->msg_hdr.msg_iov->iov_len = end + sizeof answer;
}

static void prepare(void)
{
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){buffers[i], ROOM};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
}

static void serve(int fd)
{
    prepare();
    int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        make_answer(&messages[i], buffers[i]);
    if (count > 0 && sendmmsg(fd, messages, (unsigned)count, MSG_DONTWAIT) < 0)
        perror("sendmmsg");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: echo ADDRESS PORT\n");
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    int on = 1, fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("bind");
        return 1;
    }
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll");
        return 1;
    }
    for (;;)
        if (epoll_wait(poll, &event, 1, -1) > 0)
            serve(fd);
}
