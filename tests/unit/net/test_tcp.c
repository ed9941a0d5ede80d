/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/loop.h"
#include "net/tcp.h"

/* --- a server in a thread; what it does with a message is told by the message's first letter ---
 *   E  echo at once             L  keep, answer later      R  echo, and answer the kept ones, last first
 *   B  a large answer           N  no answer               T  an answer in 1,000 large parts
 */

enum { BIG = 60000, PARTS = 300, KEPT_MAX = 4096 };

struct kept {
    struct tcp_connection *connection;
    uint8_t text[8];
    size_t length;
};

struct transfer {
    struct tcp_connection *connection;
    unsigned sent;
};

struct server {
    struct loop *loop;
    struct tcp_server *tcp;
    pthread_t thread;
    struct kept kept[KEPT_MAX];
    _Atomic size_t kept_count;
    _Atomic unsigned transfers_ended, transfers_waited;
    bool wrong_peer;
};

static struct server server;
static const uint8_t big[BIG];

static void answer_kept(void)
{
    while (server.kept_count) {
        struct kept *kept = &server.kept[--server.kept_count];
        tcp_reply(kept->connection, kept->text, kept->length);
    }
}

static void transfer_on(void *context)
{
    struct transfer *transfer = context;
    int error = 0;
    while (!error && transfer->sent < PARTS) {
        error = tcp_reply_part(transfer->connection, big, BIG);
        transfer->sent += !error;
    }
    if (error == ERR_AGAIN) {
        server.transfers_waited++;
        tcp_on_drained(transfer->connection, transfer_on, transfer);
        return;
    }
    if (error == ERR_CLOSED)
        tcp_no_reply(transfer->connection);
    else
        tcp_reply(transfer->connection, (const uint8_t *)"end", 3);
    server.transfers_ended++;
    free(transfer);
}

static void begin_transfer(struct tcp_connection *connection)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);
    assert(transfer != NULL);
    transfer->connection = connection;
    transfer_on(transfer);
}

static void keep(struct tcp_connection *connection, const uint8_t *message, size_t length)
{
    struct kept *kept = &server.kept[server.kept_count];
    *kept = (struct kept){.connection = connection, .length = length};
    memcpy(kept->text, message, length);
    server.kept_count++;
}

static void on_message(void *context, struct tcp_connection *connection, const uint8_t *message,
                       size_t length)
{
    assert(context == &server);
    struct ip_address peer = ip_from_sockaddr(tcp_peer(connection)), local = tcp_local(connection);
    server.wrong_peer |= peer.family != IP_V4 || !ip_equal(&peer, &local);
    switch (length ? message[0] : 'E') {
    case 'L':
        keep(connection, message, length);
        break;
    case 'R':
        answer_kept();
        tcp_reply(connection, message, length);
        break;
    case 'B':
        tcp_reply(connection, big, sizeof big);
        break;
    case 'T':
        begin_transfer(connection);
        break;
    case 'N':
        tcp_no_reply(connection);
        break;
    default:
        tcp_reply(connection, message, length);
    }
}

static void *run_loop(void *loop)
{
    loop_run(loop);
    return NULL;
}

static const struct tcp_limits roomy = {.connections = 20000,
                                        .idle_ms = 10000,
                                        .message_ms = 10000,
                                        .write_stall_ms = 10000,
                                        .write_queue_bytes = 256 * 1024,
                                        .in_flight = 100};

static void resume(void)
{
    assert_int_equal(0, pthread_create(&server.thread, NULL, run_loop, server.loop));
}

/* Stops the thread; what follows may touch the server directly. */
static void halt(void)
{
    loop_stop(server.loop);
    pthread_join(server.thread, NULL);
}

static void start(const struct tcp_limits *limits)
{
    struct ip_address address;
    memset(&server, 0, sizeof server);
    assert_int_equal(0, ip_from_text("127.0.0.1", &address));
    assert_non_null(server.loop = loop_new());
    assert_int_equal(0, tcp_open(&address, 0, false, &server.tcp));
    assert_int_equal(0, tcp_serve(server.tcp, server.loop, limits, on_message, &server));
    resume();
}

static void finish(void)
{
    halt();
    assert_false(server.wrong_peer);
    answer_kept();
    tcp_close(server.tcp);
    loop_free(server.loop);
}

/* --- clients --- */

static int client(void)
{
    struct ip_address address = {.family = IP_V4, .bytes = {127, 0, 0, 1}};
    union sockaddr_any to;
    socklen_t length = ip_to_sockaddr(&address, tcp_port(server.tcp), &to);
    struct timeval patience = {.tv_sec = 5};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    assert_int_equal(0, setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    assert_int_equal(0, connect(fd, &to.any, length));
    return fd;
}

static size_t frame(uint8_t *to, const char *text)
{
    store_u16(to, (uint16_t)strlen(text));
    memcpy(to + 2, text, strlen(text));
    return 2 + strlen(text);
}

static void say(int fd, const char *text)
{
    uint8_t bytes[256];
    size_t length = frame(bytes, text);
    assert_int_equal(length, send(fd, bytes, length, MSG_NOSIGNAL));
}

static void receive_all(int fd, uint8_t *to, size_t length)
{
    assert_int_equal(length, recv(fd, to, length, MSG_WAITALL));
}

static size_t hear_message(int fd, uint8_t *to)
{
    uint8_t prefix[2];
    receive_all(fd, prefix, 2);
    size_t length = load_u16(prefix);
    if (length)
        receive_all(fd, to, length);
    return length;
}

static void hear(int fd, const char *text)
{
    uint8_t got[65536];
    assert_int_equal(strlen(text), hear_message(fd, got));
    assert_memory_equal(text, got, strlen(text));
}

/* The server has closed: an end or a reset. */
static void hear_end(int fd)
{
    uint8_t byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
}

static bool is_quiet(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 50) == 0;
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    assert_int_equal(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
    close(fd);
}

static struct tcp_counters count(void)
{
    struct tcp_counters counters;
    tcp_count(server.tcp, &counters);
    return counters;
}

#define wait_until(condition)                                                                                \
    do {                                                                                                     \
        for (int tries = 0; tries < 1000 && !(condition); tries++)                                           \
            usleep(5000);                                                                                    \
        assert_true(condition);                                                                              \
    } while (0)

/* --- the tests --- */

static void messages_are_answered_on_one_connection_one_after_another(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    say(fd, "E1");
    hear(fd, "E1");
    say(fd, "");
    hear(fd, "");
    say(fd, "E2");
    hear(fd, "E2");
    assert_int_equal(3, count().messages);
    assert_int_equal(1, count().open_now);
    close(fd);
    wait_until(count().open_now == 0);
    finish();
}

static void pipelined_messages_in_one_write_are_all_answered(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    uint8_t bytes[4096];
    size_t used = 0;
    char text[8];
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "E%d", i);
        used += frame(bytes + used, text);
    }
    assert_int_equal(used, send(fd, bytes, used, 0));
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "E%d", i);
        hear(fd, text);
    }
    close(fd);
    finish();
}

static void answers_may_come_in_another_order(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    say(fd, "L1");
    say(fd, "L2");
    say(fd, "E");
    hear(fd, "E");
    say(fd, "R");
    hear(fd, "L2");
    hear(fd, "L1");
    hear(fd, "R");
    close(fd);
    finish();
}

static void a_message_that_comes_byte_by_byte_is_whole(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    uint8_t bytes[16];
    size_t length = frame(bytes, "Ebytewise");
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < length; i++) {
            assert_int_equal(1, send(fd, bytes + i, 1, 0));
            usleep(1000);
        }
        hear(fd, "Ebytewise");
    }
    close(fd);
    finish();
}

static void messages_of_any_size_arrive_unharmed(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    static uint8_t sent[65537], got[65536];
    static const size_t sizes[] = {1, 511, 512, 513, 16381, 16382, 16383, 16384, 40000, 65535};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            sent[2 + k] = (uint8_t)(k * 31 + i);
        sent[2] = 'E';
        store_u16(sent, (uint16_t)sizes[i]);
        assert_int_equal(sizes[i] + 2, send(fd, sent, sizes[i] + 2, 0));
        assert_int_equal(sizes[i], hear_message(fd, got));
        assert_memory_equal(sent + 2, got, sizes[i]);
    }
    close(fd);
    finish();
}

static void after_a_half_close_what_is_owed_is_answered_then_closed(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client(), other = client();
    say(fd, "L");
    say(fd, "E");
    assert_int_equal(3, send(fd, "\0\5E", 3, 0)); /* and a piece that never ends */
    assert_int_equal(0, shutdown(fd, SHUT_WR));
    hear(fd, "E");
    assert_true(is_quiet(fd));
    say(other, "R");
    hear(fd, "L");
    hear_end(fd);
    hear(other, "R");
    wait_until(count().open_now == 1);
    close(fd);
    close(other);
    finish();
}

static void a_reset_client_leaves_its_messages_to_be_answered_into_nothing(void **state)
{
    (void)state;
    start(&roomy);
    int other = client();
    for (int i = 0; i < 50; i++) {
        int fd = client();
        say(fd, "L");
        say(fd, "L");
        wait_until(server.kept_count == (size_t)(i + 1) * 2);
        reset(fd);
    }
    wait_until(count().open_now == 1);
    say(other, "R");
    hear(other, "R");
    close(other);
    finish();
}

static void an_idle_connection_is_closed(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.idle_ms = 80;
    start(&limits);
    int silent = client(), busy = client(), owed = client();
    say(owed, "L");
    for (int i = 0; i < 12; i++) {
        usleep(20000);
        say(busy, "E");
        hear(busy, "E");
    }
    assert_int_equal(1, count().closed_idle);
    hear_end(silent);
    say(busy, "R"); /* who is owed an answer is not idle */
    hear(owed, "L");
    hear(busy, "R");
    hear_end(owed);
    close(silent);
    close(busy);
    close(owed);
    finish();
}

static void a_message_that_takes_too_long_is_cut_off_also_when_bytes_drip(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.message_ms = 80;
    start(&limits);
    int fd = client();
    say(fd, "E");
    hear(fd, "E");
    uint64_t began_ms = clock_mono_ms();
    assert_int_equal(2, send(fd, "\1\0", 2, MSG_NOSIGNAL));
    while (count().closed_slow == 0 && clock_mono_ms() - began_ms < 3000) {
        usleep(10000);
        (void)!send(fd, "x", 1, MSG_NOSIGNAL);
    }
    assert_int_equal(1, count().closed_slow);
    assert_true(clock_mono_ms() - began_ms >= 70);
    hear_end(fd);
    close(fd);
    finish();
}

static void an_old_connection_ends_after_what_it_is_owed(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.lifetime_ms = 80;
    start(&limits);
    int fd = client(), owed = client();
    say(owed, "L");
    uint64_t began_ms = clock_mono_ms();
    while (count().closed_limit < 2 && clock_mono_ms() - began_ms < 3000) {
        (void)!send(fd, "\0\1E", 3, MSG_NOSIGNAL);
        usleep(5000);
    }
    assert_int_equal(2, count().closed_limit);
    wait_until(count().open_now == 1);
    assert_true(is_quiet(owed));
    int fresh = client();
    say(fresh, "R");
    hear(owed, "L");
    hear_end(owed);
    close(fd);
    close(owed);
    close(fresh);
    finish();
}

static void a_reader_without_progress_is_cut_off(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.write_stall_ms = 80;
    start(&limits);
    int fd = client();
    for (int i = 0; i < 200; i++) /* 12 MB: more than the kernel holds */
        say(fd, "B");
    wait_until(count().closed_slow == 1);
    wait_until(count().open_now == 0);
    assert_true(count().messages < 200); /* no more was made than the queue takes */
    close(fd);
    finish();
}

static void a_slow_reader_with_progress_gets_everything(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    static uint8_t got[65536];
    for (int i = 0; i < 200; i++)
        say(fd, "B");
    for (int i = 0; i < 200; i++) {
        if (i % 20 == 0)
            usleep(5000);
        assert_int_equal(BIG, hear_message(fd, got));
    }
    assert_int_equal(0, count().closed_slow);
    close(fd);
    finish();
}

static void more_answers_than_the_queue_takes_cut_the_client_off(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.write_queue_bytes = 0; /* the least there is */
    start(&limits);
    int fd = client();
    for (int i = 0; i < 90; i++)
        say(fd, "L");
    wait_until(server.kept_count == 90);
    halt();
    static uint8_t huge[65535];
    while (server.kept_count)
        tcp_reply(server.kept[--server.kept_count].connection, huge, sizeof huge);
    assert_int_equal(1, count().closed_slow);
    assert_true(tcp_idle(server.tcp));
    resume();
    close(fd);
    finish();
}

static void too_many_messages_in_flight_pause_the_reading_and_lose_none(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.in_flight = 4;
    limits.message_ms = 100; /* a pause is not the client's fault */
    start(&limits);
    int fd = client(), other = client();
    for (int i = 0; i < 100; i++)
        say(fd, "L");
    wait_until(server.kept_count == 4);
    usleep(200000);
    assert_int_equal(4, count().messages);
    size_t heard = 0;
    while (heard < 100) { /* each round answers four and lets four more in */
        say(other, "R");
        hear(other, "R");
        while (heard < 100 && !is_quiet(fd)) {
            hear(fd, "L");
            heard++;
        }
    }
    assert_int_equal(0, count().closed_slow);
    close(fd);
    close(other);
    finish();
}

static void a_new_connection_takes_the_place_of_the_one_idle_longest(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.connections = 3;
    start(&limits);
    int oldest = client(), idle = client(), owed = client();
    say(owed, "L");
    say(idle, "E");
    hear(idle, "E");
    usleep(10000);
    say(oldest, "E"); /* no longer the one idle longest */
    hear(oldest, "E");
    int fresh = client();
    hear_end(idle);
    say(fresh, "E");
    hear(fresh, "E");
    say(oldest, "E");
    hear(oldest, "E");
    assert_int_equal(1, count().closed_limit);
    assert_int_equal(3, count().open_now);
    close(oldest);
    close(idle);
    close(owed);
    close(fresh);
    finish();
}

static void when_none_is_idle_a_new_connection_is_refused(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.connections = 2;
    start(&limits);
    int first = client(), second = client();
    say(first, "L");
    say(second, "L");
    wait_until(server.kept_count == 2);
    int refused = client();
    hear_end(refused);
    assert_int_equal(1, count().refused_limit);
    assert_int_equal(2, count().open_now);
    close(first);
    close(second);
    close(refused);
    finish();
}

static void one_client_gets_no_more_than_its_share(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.connections_per_client = 2;
    start(&limits);
    int first = client(), second = client(), third = client();
    hear_end(third);
    say(second, "E");
    hear(second, "E");
    close(first);
    wait_until(count().open_now == 1);
    int fourth = client();
    say(fourth, "E");
    hear(fourth, "E");
    assert_int_equal(1, count().refused_limit);
    close(second);
    close(third);
    close(fourth);
    finish();
}

static void a_transfer_in_many_parts_waits_for_its_reader(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client(), other = client();
    static uint8_t got[65536];
    say(fd, "T");
    say(other, "E"); /* others are served meanwhile */
    hear(other, "E");
    wait_until(server.transfers_waited > 0);
    for (int i = 0; i < PARTS; i++)
        assert_int_equal(BIG, hear_message(fd, got));
    hear(fd, "end");
    say(fd, "E");
    hear(fd, "E");
    close(fd);
    close(other);
    finish();
}

static void a_transfer_whose_client_goes_away_is_told(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    say(fd, "T");
    wait_until(server.transfers_waited > 0);
    reset(fd);
    wait_until(server.transfers_ended == 1);
    wait_until(count().open_now == 0);
    finish();
}

static void after_stop_what_is_owed_is_written_and_nothing_new_is_taken(void **state)
{
    (void)state;
    start(&roomy);
    int idle = client(), owed = client();
    say(owed, "L");
    wait_until(server.kept_count == 1 && count().open_now == 2);
    halt();
    tcp_stop(server.tcp);
    assert_false(tcp_idle(server.tcp));
    hear_end(idle);
    say(owed, "E");
    answer_kept();
    assert_true(tcp_idle(server.tcp));
    hear(owed, "L");
    hear_end(owed);
    resume();
    close(idle);
    close(owed);
    finish();
}

static void a_server_may_be_closed_before_its_messages_are_answered(void **state)
{
    (void)state;
    start(&roomy);
    int fd = client();
    say(fd, "L");
    say(fd, "L");
    say(fd, "T");
    wait_until(server.kept_count == 2 && server.transfers_waited > 0);
    halt();
    tcp_close(server.tcp);
    assert_int_equal(1, server.transfers_ended);
    answer_kept();
    loop_free(server.loop);
    close(fd);
}

static void a_flood_of_tiny_messages_and_resets_does_no_harm(void **state)
{
    (void)state;
    struct tcp_limits limits = roomy;
    limits.in_flight = 8;
    start(&limits);
    static uint8_t flood[60000]; /* 20,000 messages "N", or garbage when shifted */
    for (size_t i = 0; i + 3 <= sizeof flood; i += 3)
        memcpy(flood + i, "\0\1N", 3);
    for (int i = 0; i < 40; i++) {
        int fd = client();
        (void)!send(fd, flood + i % 3, sizeof flood - 3, MSG_NOSIGNAL);
        if (i % 2)
            reset(fd);
        else
            close(fd);
    }
    int fd = client();
    say(fd, "E");
    hear(fd, "E");
    assert_true(count().messages > 10000);
    close(fd);
    wait_until(count().open_now == 0);
    finish();
}

static long resident_kb(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(2, fscanf(file, "%ld %ld", &pages, &resident));
    fclose(file);
    return resident * sysconf(_SC_PAGESIZE) / 1024;
}

static void ten_thousand_idle_connections_cost_little_memory(void **state)
{
    (void)state;
    enum { MANY = 10000, FEW = 1000 };
    struct rlimit files;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &files));
    files.rlim_cur = files.rlim_max;
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &files));
    int many =
        files.rlim_max < 2 * MANY + 100 ? (int)(files.rlim_max - 100) / 2 : MANY; /* both ends are here */
    assert_true(many >= FEW);
    start(&roomy);
    static int fds[MANY];
    long before_kb = resident_kb();
    for (int i = 0; i < many; i++) {
        fds[i] = client();
        say(fds[i], "E");
        hear(fds[i], "E");
    }
    assert_int_equal(many, count().open_now);
#ifdef __SANITIZE_ADDRESS__
    assert_in_range(resident_kb() - before_kb, 0, 4 * many); /* red zones and shadow come on top */
#else
    assert_in_range(resident_kb() - before_kb, 0, many); /* less than 1 KB each */
#endif
    for (int i = 0; i < many; i += 97) {
        say(fds[i], "E");
        hear(fds[i], "E");
    }
    for (int i = 0; i < many; i++)
        close(fds[i]);
    wait_until(count().open_now == 0);
    finish();
}

static void without_descriptors_the_one_idle_longest_gives_way(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
    start(&roomy);
    int idle = client(), next = client();
    say(next, "E");
    hear(next, "E");
    wait_until(count().open_now == 2);
    int spare = dup(0);
    close(spare);
    /* The client's own descriptor is made first, then none is left for the server. */
    few = before;
    few.rlim_cur = (rlim_t)spare + 1;
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &few));
    int third = client();
    hear_end(idle);
    say(third, "E");
    hear(third, "E");
    assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
    assert_int_equal(1, count().closed_limit);
    close(idle);
    close(next);
    close(third);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_answered_on_one_connection_one_after_another),
        cmocka_unit_test(pipelined_messages_in_one_write_are_all_answered),
        cmocka_unit_test(answers_may_come_in_another_order),
        cmocka_unit_test(a_message_that_comes_byte_by_byte_is_whole),
        cmocka_unit_test(messages_of_any_size_arrive_unharmed),
        cmocka_unit_test(after_a_half_close_what_is_owed_is_answered_then_closed),
        cmocka_unit_test(a_reset_client_leaves_its_messages_to_be_answered_into_nothing),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(a_message_that_takes_too_long_is_cut_off_also_when_bytes_drip),
        cmocka_unit_test(an_old_connection_ends_after_what_it_is_owed),
        cmocka_unit_test(a_reader_without_progress_is_cut_off),
        cmocka_unit_test(a_slow_reader_with_progress_gets_everything),
        cmocka_unit_test(more_answers_than_the_queue_takes_cut_the_client_off),
        cmocka_unit_test(too_many_messages_in_flight_pause_the_reading_and_lose_none),
        cmocka_unit_test(a_new_connection_takes_the_place_of_the_one_idle_longest),
        cmocka_unit_test(when_none_is_idle_a_new_connection_is_refused),
        cmocka_unit_test(one_client_gets_no_more_than_its_share),
        cmocka_unit_test(a_transfer_in_many_parts_waits_for_its_reader),
        cmocka_unit_test(a_transfer_whose_client_goes_away_is_told),
        cmocka_unit_test(after_stop_what_is_owed_is_written_and_nothing_new_is_taken),
        cmocka_unit_test(a_server_may_be_closed_before_its_messages_are_answered),
        cmocka_unit_test(a_flood_of_tiny_messages_and_resets_does_no_harm),
        cmocka_unit_test(ten_thousand_idle_connections_cost_little_memory),
        cmocka_unit_test(without_descriptors_the_one_idle_longest_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
