/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A UDP socket that reads and writes in batches (recvmmsg/sendmmsg). With a wildcard address the reply leaves
 * from the address that was asked (IP_PKTINFO). One thread per socket; SO_REUSEPORT spreads over several. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "net/loop.h"

enum { UDP_BATCH = 64, UDP_RECEIVE_MAX = 4096, UDP_SEND_MAX = 4096 };

/* Where a datagram came from and so where its answer goes. Copyable: keep it for an answer that comes later.
 */
struct udp_peer {
    union sockaddr_any address;
    socklen_t address_length;
    bool has_local;           /* wildcard socket: answer from `local` */
    struct ip_address local;  /* the address that was asked; on a bound socket the bound one */
    uint32_t local_interface; /* index for link-local */
};

struct udp_socket;

struct udp_datagram {
    const uint8_t *bytes; /* valid during the callback */
    size_t length;
    const struct udp_peer *peer;
    /* Room for the answer, UDP_SEND_MAX bytes; set reply_length (0: no answer now). */
    uint8_t *reply;
    size_t reply_length;
};

/* Handles a batch of up to UDP_BATCH datagrams; the replies leave together after it returns. */
typedef void udp_batch_fn(void *context, struct udp_socket *socket, struct udp_datagram *batch, size_t count);

struct udp_counters {
    uint64_t received, sent, send_failed, truncated_in;
};

/* Binds. *out or an error of the system. With port 0 the kernel chooses: udp_port() tells. */
int udp_open(const struct ip_address *address, uint16_t port, bool reuse_port,
             struct udp_socket **out) MUST_CHECK;

/* Begins to serve on a loop. */
int udp_serve(struct udp_socket *socket, struct loop *loop, udp_batch_fn *batch, void *context) MUST_CHECK;

/* Sends one datagram later on, for an answer that had to wait. A full socket buffer drops it (counted). */
void udp_send(struct udp_socket *socket, const struct udp_peer *peer, const uint8_t *bytes, size_t length);

uint16_t udp_port(const struct udp_socket *socket);
void udp_count(const struct udp_socket *socket, struct udp_counters *out);

/* Stops reading; answers may still be sent. */
void udp_stop(struct udp_socket *socket);
void udp_close(struct udp_socket *socket);

#endif
