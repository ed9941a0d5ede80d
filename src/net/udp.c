/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SOCKET_BUFFER_BYTES = 4 << 20, /* rides out a worker that is busy for some milliseconds */
    BATCHES_PER_ROUND = 4,         /* then other descriptors have their turn */
    /* Buffers stand a few cache lines more than a page apart, or all their first lines would compete for the
     * same few sets of the first-level cache. */
    STRIDE_BYTES = 4096 + 5 * 64
};

/* Room for IPV6_PKTINFO, the larger, or IP_PKTINFO. */
struct local_control {
    alignas(struct cmsghdr) char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

/* What is needed per slot of a batch, set up once. */
struct udp_slots {
    struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
    struct iovec in_buffer[UDP_BATCH], out_buffer[UDP_BATCH];
    struct local_control control[UDP_BATCH];
    struct udp_peer peers[UDP_BATCH];
    struct udp_datagram batch[UDP_BATCH];
    alignas(64) uint8_t received[UDP_BATCH][STRIDE_BYTES], replies[UDP_BATCH][STRIDE_BYTES];
};

struct udp_socket {
    struct loop_watch watch; /* first: ready() casts back */
    struct loop *loop;       /* NULL: not serving */
    int fd;
    bool wildcard;
    uint16_t port;
    udp_batch_fn *batch;
    void *context;
    _Atomic uint64_t received, sent, send_failed, truncated_in; /* written by the loop's thread only */
    struct udp_slots slots;
};

static void count_add(_Atomic uint64_t *counter, size_t n)
{
    uint64_t old = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, old + n, memory_order_relaxed);
}

/* --- opening --- */

static void enlarge_buffer(int fd, int force, int plain)
{
    int bytes = SOCKET_BUFFER_BYTES; /* forcing needs CAP_NET_ADMIN */
    if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) != 0)
        (void)!setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

/* What may fail without harm: large buffers, and fragments that no forged ICMP can shrink. */
static void set_helpful_options(int fd, bool v6)
{
    enlarge_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF);
    enlarge_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF);
    int omit = v6 ? IPV6_PMTUDISC_OMIT : IP_PMTUDISC_OMIT;
    (void)!setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &omit,
                      sizeof omit);
}

static int set_needed_options(int fd, bool v6, bool wildcard, bool reuse_port)
{
    int on = 1;
    if (reuse_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return -1;
    if (v6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return -1;
    if (!wildcard)
        return 0;
    return setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on);
}

static int bind_and_learn_port(struct udp_socket *socket, const struct ip_address *address, uint16_t port)
{
    union sockaddr_any bound;
    socklen_t length = ip_to_sockaddr(address, port, &bound);
    if (bind(socket->fd, &bound.any, length) != 0 || getsockname(socket->fd, &bound.any, &length) != 0)
        return -1;
    socket->port = sockaddr_port(&bound);
    return 0;
}

static bool is_wildcard(const struct ip_address *address)
{
    static const uint8_t zeros[16];
    return memcmp(address->bytes, zeros, sizeof zeros) == 0;
}

/* Everything in the slots that is the same for each datagram. */
static void prepare_slots(struct udp_socket *socket, const struct ip_address *address)
{
    struct udp_slots *slots = &socket->slots;
    for (size_t i = 0; i < UDP_BATCH; i++) {
        slots->in_buffer[i] = (struct iovec){slots->received[i], UDP_RECEIVE_MAX};
        slots->out_buffer[i].iov_base = slots->replies[i];
        slots->in[i].msg_hdr = (struct msghdr){
            .msg_name = &slots->peers[i].address,
            .msg_namelen = sizeof slots->peers[i].address,
            .msg_iov = &slots->in_buffer[i],
            .msg_iovlen = 1,
            .msg_control = socket->wildcard ? &slots->control[i] : NULL,
            .msg_controllen = socket->wildcard ? sizeof slots->control[i] : 0,
        };
        slots->out[i].msg_hdr = (struct msghdr){.msg_iovlen = 1};
        slots->peers[i].has_local = false;
        slots->peers[i].local = *address;
    }
}

int udp_open(const struct ip_address *address, uint16_t port, bool reuse_port, struct udp_socket **out)
{
    bool v6 = address->family == IP_V6;
    struct udp_socket *opened = aligned_alloc(64, (sizeof *opened + 63) & ~(size_t)63);
    if (!opened)
        return ERR_NOMEM;
    memset(opened, 0, offsetof(struct udp_socket, slots.received)); /* the buffers stay untouched */
    opened->wildcard = is_wildcard(address);
    opened->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened->fd < 0 || set_needed_options(opened->fd, v6, opened->wildcard, reuse_port) != 0 ||
        bind_and_learn_port(opened, address, port) != 0) {
        int error = err_from_errno(errno);
        udp_close(opened);
        return error;
    }
    set_helpful_options(opened->fd, v6);
    prepare_slots(opened, address);
    *out = opened;
    return 0;
}

/* --- the local address of a datagram --- */

static bool is_link_local(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LINKLOCAL(address) || IN6_IS_ADDR_MC_LINKLOCAL(address);
}

/* Reads the packet info and turns it, in place, into what makes the answer leave from that address. The
 * interface is kept only where an address means nothing without it: the routes choose otherwise. */
static void learn_local(struct msghdr *message, struct udp_peer *peer)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    peer->has_local = false;
    if (!header)
        return;
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(header), sizeof info);
        info.ipi_ifindex = 0;
        memcpy(CMSG_DATA(header), &info, sizeof info);
        peer->local.family = IP_V4;
        memcpy(peer->local.bytes, &info.ipi_spec_dst, 4);
        peer->has_local = true;
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(header), sizeof info);
        if (!is_link_local(&info.ipi6_addr))
            info.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(header), &info, sizeof info);
        peer->local.family = IP_V6;
        memcpy(peer->local.bytes, &info.ipi6_addr, 16);
        peer->local_interface = info.ipi6_ifindex;
        peer->has_local = true;
    }
}

static void put_info(struct msghdr *message, int level, int type, const void *info, size_t length)
{
    message->msg_controllen = CMSG_SPACE(length);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(length);
    memcpy(CMSG_DATA(header), info, length);
}

/* Writes the packet info for an answer that comes later. */
static void put_local(struct msghdr *message, struct local_control *control, const struct udp_peer *peer)
{
    *control = (struct local_control){0};
    message->msg_control = control;
    message->msg_controllen = sizeof *control;
    if (peer->local.family == IP_V6) {
        struct in6_pktinfo info = {.ipi6_ifindex = peer->local_interface};
        memcpy(&info.ipi6_addr, peer->local.bytes, 16);
        put_info(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    } else {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, peer->local.bytes, 4);
        put_info(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    }
}

/* --- serving --- */

/* Makes the batch that the callee sees out of what was received; datagrams that were cut are left out. */
static size_t build_batch(struct udp_socket *socket, size_t received)
{
    struct udp_slots *slots = &socket->slots;
    size_t count = 0;
    for (size_t i = 0; i < received; i++) {
        struct msghdr *message = &slots->in[i].msg_hdr;
        slots->peers[i].address_length = message->msg_namelen;
        if (__builtin_expect(message->msg_flags & MSG_TRUNC, 0)) {
            count_add(&socket->truncated_in, 1);
            continue;
        }
        if (socket->wildcard)
            learn_local(message, &slots->peers[i]);
        slots->batch[count++] = (struct udp_datagram){
            .bytes = slots->received[i],
            .length = slots->in[i].msg_len,
            .peer = &slots->peers[i],
            .reply = slots->replies[i],
        };
    }
    count_add(&socket->received, received);
    return count;
}

/* The kernel has set these to what it received; makes them ready for the next time. */
static void reset_headers(struct udp_socket *socket, size_t received)
{
    for (size_t i = 0; i < received; i++) {
        struct msghdr *message = &socket->slots.in[i].msg_hdr;
        message->msg_namelen = sizeof socket->slots.peers[i].address;
        if (socket->wildcard)
            message->msg_controllen = sizeof socket->slots.control[i];
    }
}

/* The answer goes where the question came from: address and packet info are used where they stand. */
static size_t gather_replies(struct udp_socket *socket, size_t count, size_t received)
{
    struct udp_slots *slots = &socket->slots;
    size_t replies = 0;
    for (size_t k = 0; k < count; k++) {
        const struct udp_datagram *datagram = &slots->batch[k];
        if (!datagram->reply_length)
            continue;
        size_t slot = count == received ? k : (size_t)(datagram->peer - slots->peers);
        struct msghdr *out = &slots->out[replies++].msg_hdr;
        slots->out_buffer[slot].iov_len = datagram->reply_length;
        out->msg_name = &slots->peers[slot].address;
        out->msg_namelen = slots->peers[slot].address_length;
        out->msg_iov = &slots->out_buffer[slot];
        if (!socket->wildcard)
            continue; /* they have no packet info, and never will */
        out->msg_control = datagram->peer->has_local ? &slots->control[slot] : NULL;
        out->msg_controllen = datagram->peer->has_local ? slots->in[slot].msg_hdr.msg_controllen : 0;
    }
    return replies;
}

/* A full socket drops the rest: to wait would hold up the questions behind. Any other trouble is the first
 * message's own, which is passed over. */
static void send_replies(struct udp_socket *socket, size_t count)
{
    size_t done = 0, failed = 0;
    while (done < count) {
        int sent = sendmmsg(socket->fd, socket->slots.out + done, (unsigned)(count - done), MSG_DONTWAIT);
        if (sent > 0) {
            done += (size_t)sent;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            failed += count - done;
            break;
        } else if (errno != EINTR) {
            failed++;
            done++;
        }
    }
    count_add(&socket->sent, count - failed);
    if (failed)
        count_add(&socket->send_failed, failed);
}

static void udp_ready(struct loop_watch *watch, unsigned events)
{
    struct udp_socket *socket = (struct udp_socket *)watch;
    (void)events;
    for (int round = 0; round < BATCHES_PER_ROUND && socket->loop; round++) {
        int received = recvmmsg(socket->fd, socket->slots.in, UDP_BATCH, MSG_DONTWAIT, NULL);
        if (received <= 0)
            return;
        size_t count = build_batch(socket, (size_t)received);
        if (count)
            socket->batch(socket->context, socket, socket->slots.batch, count);
        size_t replies = gather_replies(socket, count, (size_t)received);
        if (replies)
            send_replies(socket, replies);
        reset_headers(socket, (size_t)received);
        if (received < UDP_BATCH)
            return;
    }
}

int udp_serve(struct udp_socket *socket, struct loop *loop, udp_batch_fn *batch, void *context)
{
    socket->batch = batch;
    socket->context = context;
    int error = loop_watch(loop, &socket->watch, socket->fd, LOOP_READ, udp_ready);
    if (!error)
        socket->loop = loop;
    return error;
}

void udp_send(struct udp_socket *socket, const struct udp_peer *peer, const uint8_t *bytes, size_t length)
{
    struct local_control control;
    struct iovec buffer = {(void *)(uintptr_t)bytes, length};
    struct msghdr message = {.msg_name = (void *)(uintptr_t)&peer->address,
                             .msg_namelen = peer->address_length,
                             .msg_iov = &buffer,
                             .msg_iovlen = 1};
    if (peer->has_local)
        put_local(&message, &control, peer);
    ssize_t sent;
    do
        sent = sendmsg(socket->fd, &message, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    count_add(sent < 0 ? &socket->send_failed : &socket->sent, 1);
}

uint16_t udp_port(const struct udp_socket *socket)
{
    return socket->port;
}

void udp_count(const struct udp_socket *socket, struct udp_counters *out)
{
    *out = (struct udp_counters){
        .received = atomic_load_explicit(&socket->received, memory_order_relaxed),
        .sent = atomic_load_explicit(&socket->sent, memory_order_relaxed),
        .send_failed = atomic_load_explicit(&socket->send_failed, memory_order_relaxed),
        .truncated_in = atomic_load_explicit(&socket->truncated_in, memory_order_relaxed),
    };
}

void udp_stop(struct udp_socket *socket)
{
    if (socket->loop)
        loop_unwatch(socket->loop, &socket->watch);
    socket->loop = NULL;
}

void udp_close(struct udp_socket *socket)
{
    if (!socket)
        return;
    udp_stop(socket);
    if (socket->fd >= 0)
        close(socket->fd);
    free(socket);
}
