// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "check_http_onion/print.h"
#include "check_http_onion/words.h"

static struct arena arena;
static struct options o;
static struct report r;

static void clear_name_has_check_https_figures_to_the_letter(void **state)
{
    (void)state;
    assert_string_equal(print_perfdata(&arena, &o, &r), "time=0.250000s;;;0.000000;10.000000 size=68B;;;0;");
    o.has_warn = o.has_crit = true;
    o.warn = (struct range){.end = 1};
    o.crit = (struct range){.start = 5, .end = __builtin_inf()};
    o.size_min = 10;
    assert_string_equal(print_perfdata(&arena, &o, &r),
                        "time=0.250000s;1.000000;0.000000;0.000000;10.000000 size=68B;10;0;0;");
}

static void extended_figures_have_the_gap_where_tls_would_be(void **state)
{
    (void)state;
    o.extended_perfdata = true;
    assert_string_equal(
        print_perfdata(&arena, &o, &r),
        "time=0.250000s;;;0.000000;10.000000 size=68B;;;0; time_connect=0.010000s;;;;10.000000  "
        "time_headers=0.010000s;;;;10.000000 time_firstbyte=0.020000s;;;;10.000000 "
        "time_transfer=0.030000s;;;;10.000000");
    r.seen.target.tls = true;
    r.seen.tries[0].answer.tls_s = 0.015;
    assert_non_null(
        strstr(print_perfdata(&arena, &o, &r), " time_ssl=0.005000s;;;;10.000000 time_headers=0.005000s"));
}

static void onion_adds_its_own_after_time_and_size(void **state)
{
    (void)state;
    r.seen.onion = true;
    r.seen.tries[0].ready_s = 0.2;
    r.seen.try_count = 3;
    r.seen.tries[1].end = TRY_PROXY_NO;
    r.seen.control = (struct control_facts){.end = CONTROL_ANSWERED, .bootstrap_percent = 100};
    assert_string_equal(
        print_perfdata(&arena, &o, &r),
        "time=0.250000s;;;0.000000;10.000000 size=68B;;;0; time_socks=0.200000s;;;;10.000000 "
        "time_firstbyte=0.020000s;;;;10.000000 time_transfer=0.030000s;;;;10.000000 circuits=3;;;0;3 "
        "circuits_failed=1;;;0;3 bootstrap=100%;;;0;100");
}

static void the_four_forms_of_the_line(void **state)
{
    struct verdict v = {.state = STATE_OK, .service = "HTTP", .judged = true, .text = "fine"};
    (void)state;
    assert_string_equal(print_line(&arena, &v), "HTTP OK: fine");
    v = (struct verdict){.state = STATE_CRITICAL, .service = "HTTP", .text = "no"};
    assert_string_equal(print_line(&arena, &v), "HTTP CRITICAL - no");
    v = (struct verdict){.state = STATE_WARNING, .text = "soon"};
    assert_string_equal(print_line(&arena, &v), "WARNING - soon");
    v = (struct verdict){.state = STATE_UNKNOWN, .service = "TOR", .judged = true, .text = "a|b\nc"};
    assert_string_equal(print_line(&arena, &v), "TOR UNKNOWN: a/b?c");
}

static void prometheus_labels_are_escaped_and_the_state_is_the_exit_code(void **state)
{
    char *text = NULL;
    size_t length;
    FILE *to = open_memstream(&text, &length);
    (void)state;
    o.output = OUTPUT_PROMETHEUS;
    r.verdict =
        (struct verdict){.state = STATE_WARNING, .service = "HTTP", .judged = true, .text = "a \"b\" \\c "};
    assert_int_equal(print_report(&arena, &o, &r, to), STATE_WARNING);
    fclose(to);
    assert_non_null(strstr(text, "text=\"HTTP WARNING: a \\\"b\\\" \\\\c\"} 1\n"));
    assert_non_null(strstr(text, "check_http_onion_state{target=\"http://h:80/\"} 1\n"));
    free(text);
}

static void every_reply_has_words(void **state)
{
    (void)state;
    for (int reply = 0; reply < 256; reply++) {
        assert_true(strlen(words_of_reply((uint8_t)reply, true)) > 5);
        assert_true(strlen(words_of_reply((uint8_t)reply, false)) > 5);
        assert_true(strlen(words_of_clear_reply((uint8_t)reply)) > 5);
    }
    assert_null(words_of_address(ONION_V3));
    assert_non_null(words_of_address(ONION_CHECKSUM));
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    o = (struct options){
        .host_name = "h", .address = "h", .port = 80, .path = "/", .timeout_s = 10, .circuits = 3};
    r = (struct report){.elapsed_s = 0.25, .before = "", .seen = {.chosen = 0, .try_count = 1}};
    r.seen.tries[0].end = TRY_ANSWERED;
    r.seen.tries[0].answer = (struct http_answer){.end = HTTP_COMPLETE,
                                                  .wire_bytes = 68,
                                                  .connected_s = 0.01,
                                                  .requested_s = 0.02,
                                                  .firstbyte_s = 0.04,
                                                  .total_s = 0.05};
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
        CASE(clear_name_has_check_https_figures_to_the_letter),
        CASE(extended_figures_have_the_gap_where_tls_would_be),
        CASE(onion_adds_its_own_after_time_and_size),
        CASE(the_four_forms_of_the_line),
        CASE(prometheus_labels_are_escaped_and_the_state_is_the_exit_code),
        CASE(every_reply_has_words),
    };
    return RUN_TESTS(tests);
}
