// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "check_http_onion/target.h"

#define ONION "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion"

static struct arena arena;
static const struct target here = {
    .address = "h", .host_name = "h", .port = 80, .host_port = 80, .path = "/a/b?c"};

static struct target place(const char *headers)
{
    struct target next = {0};
    assert_int_equal(redirect_place(&arena, &here, headers, &next), REDIRECT_GO);
    return next;
}

static void onion_name_wins_over_any_address(void **state)
{
    (void)state;
    struct target t = {.address = "192.0.2.1", .host_name = ONION};
    assert_string_equal(target_peer(&t), ONION);
    assert_true(target_is_onion(&t));
    t = (struct target){.address = "192.0.2.1", .host_name = "www.example.com"};
    assert_string_equal(target_peer(&t), "192.0.2.1");
    assert_false(target_is_onion(&t));
    t.address = ONION;
    assert_true(target_is_onion(&t));
}

static void places_are_resolved_as_rfc_3986(void **state)
{
    static const struct {
        const char *headers, *url;
    } cases[] = {
        {"Location: /x", "http://h:80/x"},
        {"Location: x", "http://h:80/a/x"},
        {"Location: ../x", "http://h:80/x"},
        {"Location: ?q=1", "http://h:80/a/b?q=1"},
        {"Location: //other/x", "http://other:80/x"},
        {"Location: https://other", "https://other:443/"},
        {"Location: http://other:8080/x#part", "http://other:8080/x"},
        {"Location: http://[2001:db8::1]/", "http://[2001:db8::1]:80/"},
        {"A: b\r\nlocation:  /y ", "http://h:80/y"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct target next = place(cases[i].headers);
        assert_string_equal(target_url(&arena, &next), cases[i].url);
    }
}

static void places_that_are_none(void **state)
{
    struct target next;
    (void)state;
    assert_int_equal(redirect_place(&arena, &here, "A: b", &next), REDIRECT_NO_PLACE);
    assert_int_equal(redirect_place(&arena, &here, "Location: ", &next), REDIRECT_EMPTY);
    assert_int_equal(redirect_place(&arena, &here, "Location: ftp://x/", &next), REDIRECT_UNREADABLE);
    assert_int_equal(redirect_place(&arena, &here, "Location: javascript:x", &next), REDIRECT_UNREADABLE);
    assert_int_equal(redirect_place(&arena, &here, "Location: http://h:99999/", &next), REDIRECT_BAD_PORT);
}

static void loops_depth_and_sticking(void **state)
{
    struct options o = {.redirects_max = 2};
    struct target next = here;
    (void)state;
    assert_int_equal(redirect_judge(&o, &here, 1, &next), REDIRECT_LOOP);
    next.path = "/other";
    assert_int_equal(redirect_judge(&o, &here, 3, &next), REDIRECT_TOO_MANY);
    assert_int_equal(redirect_judge(&o, &here, 2, &next), REDIRECT_GO);
    o.sticky_host = true;
    next =
        (struct target){.address = "other", .host_name = "other", .port = 81, .host_port = 81, .path = "/"};
    assert_int_equal(redirect_judge(&o, &here, 1, &next), REDIRECT_GO);
    assert_string_equal(next.address, "h");
    assert_string_equal(next.host_name, "other");
    assert_int_equal(next.port, 81);
    o.sticky_port = true;
    assert_int_equal(redirect_judge(&o, &here, 1, &next), REDIRECT_GO);
    assert_int_equal(next.port, 80);
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
        cmocka_unit_test(onion_name_wins_over_any_address),
        cmocka_unit_test(places_are_resolved_as_rfc_3986),
        cmocka_unit_test(places_that_are_none),
        cmocka_unit_test(loops_depth_and_sticking),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
