// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <string.h>

#include "check_http_onion/request.h"

static struct arena arena;

static const char *text_of(const struct options *o, const struct target *t)
{
    static struct http_request r;
    assert_int_equal(request_compose(&arena, o, t, &r), 0);
    return request_text(&arena, &r);
}

static void lines_in_check_https_order(void **state)
{
    struct options o = {.method = "POST",
                        .user_agent = "ua",
                        .post_data = "a=b",
                        .authorization = "u:p",
                        .proxy_authorization = "q:r",
                        .headers = {"X: y", "Host: other"},
                        .header_count = 2};
    struct target t = {.address = "192.0.2.1", .host_name = "h", .port = 80, .host_port = 80, .path = "/"};
    (void)state;
    assert_string_equal(text_of(&o, &t),
                        "POST / HTTP/1.1\r\nUser-Agent: ua\r\nConnection: close\r\nHost: other\r\nX: y\r\n"
                        "Authorization: Basic dTpw\r\nProxy-Authorization: Basic cTpy\r\n"
                        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b");
}

static void host_carries_the_port_unless_it_is_the_usual_one(void **state)
{
    struct options o = {.method = "GET", .user_agent = "ua"};
    struct target t = {.address = "h", .host_name = "h", .port = 81, .host_port = 81, .path = "/"};
    (void)state;
    assert_non_null(strstr(text_of(&o, &t), "\r\nHost: h:81\r\n"));
    t.host_port = 443;
    assert_non_null(strstr(text_of(&o, &t), "\r\nHost: h:443\r\n"));
    t.tls = true;
    assert_non_null(strstr(text_of(&o, &t), "\r\nHost: h\r\n"));
}

static void without_a_name_it_is_http_1_0_without_host(void **state)
{
    struct options o = {.method = "GET", .user_agent = "ua"};
    struct target t = {.address = "192.0.2.1", .port = 80, .host_port = 80, .path = "/"};
    (void)state;
    assert_string_equal(text_of(&o, &t), "GET / HTTP/1.0\r\nUser-Agent: ua\r\nConnection: close\r\n\r\n");
}

static void connect_with_tls_is_a_tunnel(void **state)
{
    struct options o = {.method = "CONNECT:HEAD", .user_agent = "ua", .proxy_authorization = "u:p"};
    struct target t = {
        .address = "192.0.2.1", .host_name = "h", .port = 3128, .host_port = 3128, .tls = true, .path = "/"};
    struct http_request r;
    (void)state;
    assert_int_equal(request_compose(&arena, &o, &t, &r), 0);
    assert_string_equal(r.tunnel_host, "h");
    assert_string_equal(r.host, "192.0.2.1");
    assert_string_equal(r.method, "HEAD");
    assert_string_equal(r.proxy_authorization, "u:p");
    assert_null(r.tunnel_socks);
    o.socks_given = true;
    o.socks = (struct endpoint){.host = "127.0.0.1", .port = 9050};
    assert_int_equal(request_compose(&arena, &o, &t, &r), 0);
    assert_string_equal(r.tunnel_socks, "socks5h://127.0.0.1:9050");
    t.tls = false;
    assert_int_equal(request_compose(&arena, &o, &t, &r), 0);
    assert_null(r.tunnel_host);
}

static void brackets_come_off_the_address_and_sni_only_where_asked(void **state)
{
    struct options o = {.method = "GET", .user_agent = "ua"};
    struct target t = {.address = "[::1]", .host_name = "h", .port = 443, .tls = true, .path = "/"};
    struct http_request r;
    (void)state;
    assert_int_equal(request_compose(&arena, &o, &t, &r), 0);
    assert_string_equal(r.host, "::1");
    assert_null(r.sni);
    o.sni = true;
    assert_int_equal(request_compose(&arena, &o, &t, &r), 0);
    assert_string_equal(r.sni, "h");
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_in_check_https_order),
        cmocka_unit_test(host_carries_the_port_unless_it_is_the_usual_one),
        cmocka_unit_test(without_a_name_it_is_http_1_0_without_host),
        cmocka_unit_test(connect_with_tls_is_a_tunnel),
        cmocka_unit_test(brackets_come_off_the_address_and_sni_only_where_asked),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
