/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "candord/link.h"

/* A server on loopback that the tests play themselves. */
struct server {
    int listener, connection;
    struct endpoint endpoint;
};

static struct server server_new(void)
{
    struct server server = {.connection = -1};
    union sockaddr_any any = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof any.v4;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.listener, &any.any, length), 0);
    assert_int_equal(listen(server.listener, 1), 0);
    assert_int_equal(getsockname(server.listener, &any.any, &length), 0);
    server.endpoint = (struct endpoint){ip_from_sockaddr(&any), sockaddr_port(&any)};
    return server;
}

static void server_end(struct server *server)
{
    if (server->connection >= 0)
        close(server->connection);
    close(server->listener);
}

static struct link connected(struct server *server, int cancel_fd)
{
    const struct link_options options = {
        .kind = LINK_TCP, .to = server->endpoint, .cancel_fd = cancel_fd, .connect_ms = 5000};
    struct link link;
    assert_int_equal(link_open(&link, &options), 0);
    server->connection = accept(server->listener, NULL, NULL);
    assert_true(server->connection >= 0);
    return link;
}

static void say(const struct server *server, const char *bytes, size_t length)
{
    assert_int_equal(write(server->connection, bytes, length), length);
}

static void assert_received(struct link *link, const char *expected)
{
    const uint8_t *message;
    size_t length;
    assert_int_equal(link_receive(link, &message, &length), 0);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(message, expected, length);
}

static void messages_are_framed(void **state)
{
    (void)state;
    struct server server = server_new();
    struct link link = connected(&server, -1);
    uint8_t got[5];
    assert_int_equal(link_send(&link, (const uint8_t *)"abc", 3), 0);
    assert_int_equal(read(server.connection, got, sizeof got), 5);
    assert_memory_equal(got, "\0\3abc", 5);
    link_close(&link);
    server_end(&server);
}

static void pieces_of_messages_are_put_together(void **state)
{
    (void)state;
    struct server server = server_new();
    struct link link = connected(&server, -1);
    say(&server, "\0\3one\0\3t", 8);
    assert_received(&link, "one");
    say(&server, "wo\0\0\0", 5);
    assert_received(&link, "two");
    assert_received(&link, "");
    say(&server, "\1x", 2);
    assert_received(&link, "x");
    link_close(&link);
    server_end(&server);
}

static void assert_fails(struct link *link, int error, const char *problem)
{
    const uint8_t *message;
    size_t length;
    assert_int_equal(link_receive(link, &message, &length), error);
    assert_non_null(strstr(link->problem, problem));
}

static void silence_ends_at_the_idle_time(void **state)
{
    (void)state;
    struct server server = server_new();
    struct link link = connected(&server, -1);
    link.idle_ms = 20;
    say(&server, "\0\5hal", 5);
    assert_fails(&link, ERR_TIMEOUT, "timed out");
    link_close(&link);
    server_end(&server);
}

static void slowness_ends_at_the_deadline(void **state)
{
    (void)state;
    struct server server = server_new();
    struct link link = connected(&server, -1);
    link.idle_ms = 60000;
    link.deadline_ms = 1; /* long ago */
    assert_fails(&link, ERR_TIMEOUT, "timed out");
    link_close(&link);
    server_end(&server);
}

static void closed_connection_is_told(void **state)
{
    (void)state;
    struct server server = server_new();
    struct link link = connected(&server, -1);
    say(&server, "\0\5hal", 5);
    shutdown(server.connection, SHUT_WR);
    assert_fails(&link, ERR_CLOSED, "closed");
    link_close(&link);
    server_end(&server);
}

static void cancelling_ends_a_wait(void **state)
{
    (void)state;
    int cancel_fd = eventfd(1, EFD_CLOEXEC);
    struct server server = server_new();
    struct link link = {.fd = -1};
    const struct link_options options = {
        .kind = LINK_TCP, .to = server.endpoint, .cancel_fd = cancel_fd, .connect_ms = 5000};
    int error = link_open(&link, &options);
    if (!error) /* loopback may connect without a wait */
        assert_fails(&link, ERR_CLOSED, "cancelled");
    else
        assert_int_equal(error, ERR_CLOSED);
    link_close(&link);
    close(cancel_fd);
    server_end(&server);
}

static void nobody_there_is_an_error_of_the_system(void **state)
{
    (void)state;
    struct server server = server_new();
    server_end(&server);
    struct link link;
    const struct link_options options = {
        .kind = LINK_TCP, .to = server.endpoint, .cancel_fd = -1, .connect_ms = 5000};
    assert_true(link_open(&link, &options) <= ERR_ERRNO_BASE);
    assert_non_null(strstr(link.problem, "refused"));
    link_close(&link);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_framed),
        cmocka_unit_test(pieces_of_messages_are_put_together),
        cmocka_unit_test(silence_ends_at_the_idle_time),
        cmocka_unit_test(slowness_ends_at_the_deadline),
        cmocka_unit_test(closed_connection_is_told),
        cmocka_unit_test(cancelling_ends_a_wait),
        cmocka_unit_test(nobody_there_is_an_error_of_the_system),
    };
    return RUN_TESTS(tests);
}
