// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check_http_onion/judge_http.h"

static struct arena arena;
static struct options o;
static const struct target here = {
    .address = "h", .host_name = "h", .port = 80, .host_port = 80, .path = "/"};

static struct http_answer answer_of(char *head, char *body)
{
    struct http_answer a = {.end = HTTP_COMPLETE, .announced_bytes = -1};
    a.head = (struct http_buffer){head, strlen(head), 0};
    a.body = (struct http_buffer){body, strlen(body), 0};
    a.body_wire_bytes = strlen(body);
    a.wire_bytes = strlen(head) + strlen(body);
    return a;
}

static void assert_judged(char *head, char *body, enum plugin_state state, const char *text)
{
    struct http_answer a = answer_of(head, body);
    struct verdict v = judge_answer(&arena, &o, &here, &a, 0.25, &(struct judge_extras){0});
    assert_string_equal(v.text, text);
    assert_int_equal(v.state, state);
}

static void status_decides(void **state)
{
    (void)state;
    assert_judged("HTTP/1.1 200 OK\r\n\r\n", "ab", STATE_OK,
                  "HTTP/1.1 200 OK - 21 bytes in 0.250 second response time ");
    assert_judged("HTTP/1.1 404 No\r\n\r\n", "", STATE_WARNING,
                  "HTTP/1.1 404 No - 19 bytes in 0.250 second response time ");
    assert_judged("HTTP/1.1 500 No\r\n\r\n", "", STATE_CRITICAL,
                  "HTTP/1.1 500 No - 19 bytes in 0.250 second response time ");
    assert_judged("HTTP/1.1 700 No\r\n\r\n", "", STATE_CRITICAL, "Invalid Status (HTTP/1.1 700 No)");
    assert_judged("HTTP/1.1\r\n\r\n", "", STATE_CRITICAL, "Invalid Status Line (HTTP/1.1)");
    assert_judged("junk", "", STATE_CRITICAL, "Invalid HTTP response received from host: junk");
}

static void complaints_are_joined_and_the_worst_wins(void **state)
{
    (void)state;
    o.body_string = "zz";
    o.size_min = 1000;
    o.has_warn = true;
    o.warn = (struct range){.start = 0, .end = 0.1};
    assert_judged("HTTP/1.1 200 OK\r\n\r\n", "ab", STATE_CRITICAL,
                  "HTTP/1.1 200 OK - string 'zz' not found on 'http://h:80/', page size 21 too small - 21 "
                  "bytes in 0.250 "
                  "second response time ");
}

static void headers_are_not_the_body(void **state)
{
    (void)state;
    o.header_string = "ab";
    assert_judged("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "ab", STATE_CRITICAL,
                  "HTTP/1.1 200 OK - header 'ab' not found on 'http://h:80/' - 27 bytes in 0.250 second "
                  "response time ");
    o.header_string = "X: y";
    assert_judged("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", "ab", STATE_OK,
                  "HTTP/1.1 200 OK - 27 bytes in 0.250 second response time ");
}

static void a_zero_byte_hides_nothing(void **state)
{
    struct answer_head head;
    char text[] = "HTTP/1.1 200 O\0K\r\nA: b\r\n\r\n";
    struct http_answer a = {.head = {text, sizeof text - 1, 0}};
    (void)state;
    assert_int_equal(answer_split(&arena, &a, &head), 0);
    assert_string_equal(head.status_line, "HTTP/1.1 200 O K");
    assert_string_equal(head.headers, "A: b");
}

static void cut_answers_say_how_much_there_was(void **state)
{
    struct http_answer a = answer_of("HTTP/1.1 200 OK\r\n\r\n", "abc");
    (void)state;
    assert_null(judge_cut(&arena, &a));
    a.end = HTTP_CUT;
    assert_string_equal(judge_cut(&arena, &a), "body cut at 3 bytes");
    a.announced_bytes = 10;
    assert_string_equal(judge_cut(&arena, &a), "body cut at 3 of 10 bytes");
    a.end = HTTP_BAD_CHUNKS;
    assert_string_equal(judge_cut(&arena, &a), "Failed to unchunk message body");
    a = answer_of("HTTP/1.1", "");
    a.end = HTTP_CUT;
    assert_string_equal(judge_cut(&arena, &a), "answer cut in its headers");
}

static void redirects_are_followed_only_where_asked(void **state)
{
    struct answer_head head = {.status_line = "", .headers = "", .body = "", .status = 302};
    (void)state;
    assert_false(answer_redirects(&o, &head));
    o.on_redirect = REDIRECT_FOLLOW;
    assert_true(answer_redirects(&o, &head));
    o.expect = "302";
    assert_false(answer_redirects(&o, &head));
    o.expect = NULL;
    head.status = 200;
    assert_false(answer_redirects(&o, &head));
}

static void certificate_days(void **state)
{
    static const struct {
        int64_t left_s;
        enum plugin_state state;
        const char *words;
    } cases[] = {{86400 * 30, STATE_OK, "will expire on"},
                 {86400 * 14 + 5, STATE_WARNING, "expires in 14 day(s)"},
                 {86400 * 7 + 5, STATE_CRITICAL, "expires in 7 day(s)"},
                 {7205, STATE_CRITICAL, "expires in 2 hours"},
                 {125, STATE_CRITICAL, "expires in 2 minutes"},
                 {-5, STATE_CRITICAL, "expired on"}};
    (void)state;
    o.certificate_warn_days = 14;
    o.certificate_crit_days = 7;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct certificate_facts f = {.seen = true,
                                      .dates_readable = true,
                                      .not_after_s = 1000000 + cases[i].left_s,
                                      .common_name = "n"};
        struct verdict v = judge_certificate(&arena, &o, &f, 1000000);
        assert_int_equal(v.state, cases[i].state);
        if (!strstr(v.text, cases[i].words))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].words, v.text);
    }
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    o = (struct options){.max_age_s = -1, .redirects_max = 15};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(status_decides),
        CASE(complaints_are_joined_and_the_worst_wins),
        CASE(headers_are_not_the_body),
        CASE(a_zero_byte_hides_nothing),
        CASE(cut_answers_say_how_much_there_was),
        CASE(redirects_are_followed_only_where_asked),
        CASE(certificate_days),
    };
    return RUN_TESTS(tests);
}
