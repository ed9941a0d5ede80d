/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"
#include "net/udp.h"

struct server {
    struct loop *loop;
    struct udp_socket *udp;
    struct loop_timer timer;
    size_t seen, wanted, biggest_batch;
    struct udp_peer last_peer;
    bool silent;
};

static struct server server;

/* Says each datagram backwards; "quiet" gets no answer. */
static void answer_backwards(void *context, struct udp_socket *udp, struct udp_datagram *batch, size_t count)
{
    struct server *s = context;
    assert_ptr_equal(s->udp, udp);
    assert_true(count > 0 && count <= UDP_BATCH);
    for (size_t i = 0; i < count; i++) {
        s->last_peer = *batch[i].peer;
        if (s->silent || (batch[i].length == 5 && !memcmp(batch[i].bytes, "quiet", 5)))
            continue;
        for (size_t k = 0; k < batch[i].length; k++)
            batch[i].reply[k] = batch[i].bytes[batch[i].length - 1 - k];
        batch[i].reply_length = batch[i].length;
    }
    s->seen += count;
    s->biggest_batch = count > s->biggest_batch ? count : s->biggest_batch;
    if (s->seen >= s->wanted)
        loop_stop(s->loop);
}

static void time_is_up(struct loop_timer *timer)
{
    (void)timer;
    loop_stop(server.loop);
}

/* Serves until `wanted` more datagrams have come, or for `at_most_ms`. */
static void serve(size_t wanted, uint64_t at_most_ms)
{
    server.wanted = server.seen + wanted;
    assert_int_equal(
        0, loop_timer_set(server.loop, &server.timer, loop_now_ms(server.loop) + at_most_ms, time_is_up));
    loop_run(server.loop);
    loop_timer_cancel(server.loop, &server.timer);
}

static void start(const char *address_text)
{
    struct ip_address address;
    memset(&server, 0, sizeof server);
    assert_int_equal(0, ip_from_text(address_text, &address));
    assert_non_null(server.loop = loop_new());
    assert_int_equal(0, udp_open(&address, 0, false, &server.udp));
    assert_int_equal(0, udp_serve(server.udp, server.loop, answer_backwards, &server));
}

static void stop(void)
{
    udp_close(server.udp);
    loop_free(server.loop);
}

/* A client socket, connected: it takes answers only from the address that it asked. */
static int client_of(const char *address_text)
{
    struct ip_address address;
    union sockaddr_any to;
    assert_int_equal(0, ip_from_text(address_text, &address));
    socklen_t length = ip_to_sockaddr(&address, udp_port(server.udp), &to);
    int fd = socket(to.any.sa_family, SOCK_DGRAM, 0);
    struct timeval patience = {.tv_sec = 2};
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    assert_int_equal(0, connect(fd, &to.any, length));
    return fd;
}

static void expect(int fd, const char *text)
{
    char got[UDP_SEND_MAX];
    assert_int_equal(strlen(text), recv(fd, got, sizeof got, 0));
    assert_memory_equal(text, got, strlen(text));
}

static void an_answer_goes_back_to_its_asker(void **state)
{
    (void)state;
    start("127.0.0.1");
    assert_true(udp_port(server.udp) > 0);
    int one = client_of("127.0.0.1"), two = client_of("127.0.0.1");
    assert_int_equal(3, send(one, "abc", 3, 0));
    assert_int_equal(4, send(two, "wxyz", 4, 0));
    serve(2, 1000);
    expect(one, "cba");
    expect(two, "zyxw");
    struct udp_counters counted;
    udp_count(server.udp, &counted);
    assert_int_equal(2, counted.received);
    assert_int_equal(2, counted.sent);
    assert_int_equal(0, counted.send_failed);
    close(one);
    close(two);
    stop();
}

static void a_full_batch_with_some_unanswered_keeps_answers_and_askers_together(void **state)
{
    (void)state;
    start("127.0.0.1");
    enum { CLIENTS = 10, EACH = 20 };
    int clients[CLIENTS];
    char text[16];
    for (int c = 0; c < CLIENTS; c++)
        clients[c] = client_of("127.0.0.1");
    for (int m = 0; m < EACH; m++)
        for (int c = 0; c < CLIENTS; c++) {
            bool quiet = (m + c) % 3 == 0;
            int length = quiet ? 5 : snprintf(text, sizeof text, "%c%02d", 'a' + c, m);
            assert_int_equal(length, send(clients[c], quiet ? "quiet" : text, (size_t)length, 0));
        }
    serve(CLIENTS * EACH, 2000);
    assert_int_equal(UDP_BATCH, server.biggest_batch);
    for (int m = 0; m < EACH; m++)
        for (int c = 0; c < CLIENTS; c++) {
            if ((m + c) % 3 == 0)
                continue;
            snprintf(text, sizeof text, "%d%d%c", m % 10, m / 10, 'a' + c);
            expect(clients[c], text);
        }
    for (int c = 0; c < CLIENTS; c++)
        close(clients[c]);
    stop();
}

static void answer_from_asked_address(const char *bound, const char *asked, bool wildcard)
{
    struct ip_address address;
    start(bound);
    assert_int_equal(0, ip_from_text(asked, &address));
    int fd = client_of(asked);
    for (int i = 0; i < 3; i++) { /* slots are used again */
        assert_int_equal(2, send(fd, "ab", 2, 0));
        serve(1, 1000);
        expect(fd, "ba");
        assert_true(ip_equal(&address, &server.last_peer.local));
        assert_int_equal(wildcard, server.last_peer.has_local);
        udp_send(server.udp, &server.last_peer, (const uint8_t *)"later", 5);
        expect(fd, "later");
    }
    close(fd);
    stop();
}

static void a_wildcard_socket_answers_from_the_address_that_was_asked(void **state)
{
    (void)state;
    answer_from_asked_address("0.0.0.0", "127.0.0.1", true);
    answer_from_asked_address("0.0.0.0", "127.7.7.7", true);
    answer_from_asked_address("127.3.3.3", "127.3.3.3", false);
}

static void ipv6_answers_from_the_address_that_was_asked_and_leaves_ipv4_alone(void **state)
{
    (void)state;
    answer_from_asked_address("::", "::1", true);
    answer_from_asked_address("::1", "::1", false);
    struct ip_address v4, v6;
    struct udp_socket *first, *second;
    assert_int_equal(0, ip_from_text("0.0.0.0", &v4));
    assert_int_equal(0, ip_from_text("::", &v6));
    assert_int_equal(0, udp_open(&v6, 0, false, &first));
    assert_int_equal(0, udp_open(&v4, udp_port(first), false, &second));
    udp_close(first);
    udp_close(second);
}

static void several_sockets_share_a_port_only_when_told(void **state)
{
    (void)state;
    struct ip_address address;
    struct udp_socket *first, *second;
    assert_int_equal(0, ip_from_text("127.0.0.1", &address));
    assert_int_equal(0, udp_open(&address, 0, true, &first));
    assert_int_equal(0, udp_open(&address, udp_port(first), true, &second));
    udp_close(second);
    assert_int_equal(err_from_errno(EADDRINUSE), udp_open(&address, udp_port(first), false, &second));
    udp_close(first);
}

static void a_datagram_that_is_too_long_is_left_out_and_counted(void **state)
{
    (void)state;
    start("127.0.0.1");
    int fd = client_of("127.0.0.1");
    static char big[UDP_RECEIVE_MAX + 1];
    memset(big, 'x', sizeof big);
    assert_int_equal(1, send(fd, "a", 1, 0));
    assert_int_equal(sizeof big, send(fd, big, sizeof big, 0));
    assert_int_equal(2, send(fd, "bc", 2, 0));
    assert_int_equal(UDP_RECEIVE_MAX, send(fd, big, UDP_RECEIVE_MAX, 0));
    assert_int_equal(0, send(fd, "", 0, 0));
    serve(4, 1000);
    expect(fd, "a");
    expect(fd, "cb");
    assert_int_equal(UDP_RECEIVE_MAX, recv(fd, big, sizeof big, 0));
    struct udp_counters counted;
    udp_count(server.udp, &counted);
    assert_int_equal(5, counted.received);
    assert_int_equal(1, counted.truncated_in);
    close(fd);
    stop();
}

static void an_answer_that_cannot_leave_is_counted_and_stops_no_other(void **state)
{
    (void)state;
    start("127.0.0.1");
    struct udp_peer nowhere = {.address_length = sizeof(struct sockaddr_in)};
    nowhere.address.v4.sin_family = AF_INET; /* port 0 */
    udp_send(server.udp, &nowhere, (const uint8_t *)"x", 1);
    struct udp_counters counted;
    udp_count(server.udp, &counted);
    assert_int_equal(1, counted.send_failed);
    int fd = client_of("127.0.0.1");
    assert_int_equal(2, send(fd, "ab", 2, 0));
    serve(1, 1000);
    expect(fd, "ba");
    close(fd);
    stop();
}

static void after_stop_nothing_is_read_but_answers_still_leave(void **state)
{
    (void)state;
    start("127.0.0.1");
    int fd = client_of("127.0.0.1");
    server.silent = true;
    assert_int_equal(1, send(fd, "a", 1, 0));
    serve(1, 1000);
    assert_int_equal(1, server.seen);
    udp_stop(server.udp);
    udp_stop(server.udp);
    assert_int_equal(1, send(fd, "b", 1, 0));
    serve(1, 30);
    assert_int_equal(1, server.seen);
    udp_send(server.udp, &server.last_peer, (const uint8_t *)"bye", 3);
    expect(fd, "bye");
    close(fd);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_goes_back_to_its_asker),
        cmocka_unit_test(a_full_batch_with_some_unanswered_keeps_answers_and_askers_together),
        cmocka_unit_test(a_wildcard_socket_answers_from_the_address_that_was_asked),
        cmocka_unit_test(ipv6_answers_from_the_address_that_was_asked_and_leaves_ipv4_alone),
        cmocka_unit_test(several_sockets_share_a_port_only_when_told),
        cmocka_unit_test(a_datagram_that_is_too_long_is_left_out_and_counted),
        cmocka_unit_test(an_answer_that_cannot_leave_is_counted_and_stops_no_other),
        cmocka_unit_test(after_stop_nothing_is_read_but_answers_still_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
