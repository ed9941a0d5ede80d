// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "check_http_onion/endpoint.h"
#include "check_http_onion/options.h"

#define ONION "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion"
#define PARSE(...) parse((char *[]){"check", __VA_ARGS__, NULL})

static struct arena arena;
static struct options o;
static struct options_refusal refusal;

static int parse(char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return options_parse(&arena, argc, argv, &o, &refusal);
}

static void defaults_of_clear_and_onion_names(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-H", "www.example.com"), 0);
    assert_int_equal(o.timeout_s, 10);
    assert_int_equal(o.port, 80);
    assert_false(o.socks_given);
    assert_int_equal(PARSE("-H", ONION), 0);
    assert_int_equal(o.timeout_s, 30);
    assert_int_equal(o.circuits, 3);
    assert_string_equal(o.socks.host, "127.0.0.1");
    assert_int_equal(o.socks.port, 9050);
    assert_int_equal(PARSE("-H", ONION, "-t", "7"), 0);
    assert_int_equal(o.timeout_s, 7);
    assert_int_equal(PARSE("-H", "x", "-c", "20"), 0);
    assert_int_equal(o.timeout_s, 21);
}

static void words_without_option_are_address_and_name(void **state)
{
    (void)state;
    assert_int_equal(PARSE("192.0.2.1", "www.x.test"), 0);
    assert_string_equal(o.address, "192.0.2.1");
    assert_string_equal(o.host_name, "www.x.test");
    assert_int_equal(PARSE("-S", "1.2", "-H", "x"), 0);
    assert_string_equal(o.address, "1.2");
}

static void port_comes_from_p_then_h_then_tls(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-H", "x:81"), 0);
    assert_int_equal(o.port, 81);
    assert_int_equal(PARSE("-H", "x:81", "-p", "82"), 0);
    assert_int_equal(o.port, 82);
    assert_int_equal(o.host_port, 81);
    assert_int_equal(PARSE("-S", "-H", "[2001:db8::1]:81"), 0);
    assert_int_equal(o.port, 81);
    assert_string_equal(o.host_name, "[2001:db8::1]");
    assert_int_equal(PARSE("-H", "2001:db8::1", "-S"), 0);
    assert_int_equal(o.port, 443);
    assert_string_equal(o.host_name, "2001:db8::1");
}

static void tls_versions(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-H", "x", "-S1.2+"), 0);
    assert_int_equal(o.tls_min, TLS_1_2);
    assert_int_equal(o.tls_max, TLS_ANY);
    assert_int_equal(PARSE("-H", "x", "--ssl=1"), 0);
    assert_int_equal(o.tls_min, TLS_1_0);
    assert_int_equal(o.tls_max, TLS_1_0);
    assert_int_equal(PARSE("-H", "x", "-S4"), ERR_INVALID);
}

/* All 45 of the ITL's http CheckCommand in one line, some twice as Icinga would not. */
static void every_argument_of_icingas_http_command(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-H", "x", "-I", "192.0.2.1", "-u", "/", "-p", "80", "-S", "-S1", "-S1.1", "-S1.2",
                           "-S2", "-S3", "-S1+", "-S1.1+", "-S1.2+", "-S2+", "-S3+", "--sni", "-C", "14,7",
                           "-J", "/dev/null", "-K", "/dev/null", "-a", "u:p", "--no-body", "-w", "1", "-c",
                           "2", "-e", "200", "-d", "h", "-s", "t", "-P", "d", "-j", "PUT", "-M", "1d", "-T",
                           "t/t", "-l", "-r", "a", "-R", "b", "--invert-regex", "-b", "u:p", "-A", "agent",
                           "-k", "A: b", "-k", "C: d", "-E", "-f", "follow", "-m", "1:2", "-t", "15", "-4",
                           "-6", "-L", "-v"),
                     0);
    assert_int_equal(o.header_count, 2);
    assert_string_equal(o.method, "PUT");
    assert_string_equal(o.headers[1], "C: d");
    assert_int_equal(o.timeout_s, 15);
    assert_true(o.link && o.verbose && o.sni && o.ignore_body && o.extended_perfdata && o.invert_pattern);
    options_fini(&o);
}

static void l_counts_only_before_the_pattern(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-H", "x", "-l", "-r", "a.b"), 0);
    assert_int_equal(regexec(&o.pattern, "a\nb", 0, NULL, 0), 0);
    options_fini(&o);
    assert_int_equal(PARSE("-H", "x", "-r", "a.b", "-l"), 0);
    assert_int_equal(regexec(&o.pattern, "a\nb", 0, NULL, 0), REG_NOMATCH);
    options_fini(&o);
}

static void endpoints(void **state)
{
    struct endpoint e = {.host = "127.0.0.1", .port = 9050};
    (void)state;
    assert_int_equal(endpoint_from_text(&arena, ":9150", &e), 0);
    assert_string_equal(e.host, "127.0.0.1");
    assert_int_equal(e.port, 9150);
    assert_int_equal(endpoint_from_text(&arena, "9151", &e), 0);
    assert_int_equal(e.port, 9151);
    assert_int_equal(endpoint_from_text(&arena, "tor.example", &e), 0);
    assert_string_equal(e.host, "tor.example");
    assert_int_equal(e.port, 9151);
    assert_int_equal(endpoint_from_text(&arena, "[::1]:9052", &e), 0);
    assert_string_equal(e.host, "::1");
    assert_int_equal(e.port, 9052);
    assert_int_equal(endpoint_from_text(&arena, "/run/tor/socks", &e), 0);
    assert_string_equal(e.path, "/run/tor/socks");
    assert_int_equal(endpoint_from_text(&arena, "unix:/run/tor/socks", &e), 0);
    assert_string_equal(e.path, "/run/tor/socks");
    static const char *const wrong[] = {"", "a:", "a:0", "a:65536", "a:x", "[::1", "[::1]x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(endpoint_from_text(&arena, wrong[i], &e), ERR_INVALID);
}

static void environment_names_the_proxy(void **state)
{
    (void)state;
    setenv("TOR_SOCKS_HOST", "192.0.2.9", 1);
    setenv("TOR_SOCKS_PORT", "9999", 1);
    assert_int_equal(PARSE("-H", "x"), 0);
    assert_string_equal(o.socks.host, "192.0.2.9");
    assert_int_equal(o.socks.port, 9999);
    assert_int_equal(PARSE("-H", "x", "--socks", ":1"), 0);
    assert_string_equal(o.socks.host, "192.0.2.9");
    assert_int_equal(o.socks.port, 1);
    setenv("TOR_SOCKS_PORT", "x", 1);
    assert_int_equal(PARSE("-H", "x"), ERR_INVALID);
    unsetenv("TOR_SOCKS_HOST");
    unsetenv("TOR_SOCKS_PORT");
}

static void mistakes_are_told_and_unknown(void **state)
{
    (void)state;
    assert_int_equal(PARSE("-H", "x", "--reference", "example.com"), ERR_INVALID);
    assert_int_equal(PARSE("-H", "x", "--patience", "60"), ERR_INVALID);
    assert_string_equal(refusal.text, "check_http_onion: --patience needs --state FILE\n");
    assert_int_equal(PARSE("-H", "x", "--circuits", "0"), ERR_INVALID);
    assert_int_equal(PARSE("-H", "x", "--circuits", "17"), ERR_INVALID);
    assert_int_equal(PARSE("-H", "x", "--hedge", "-1"), ERR_INVALID);
    assert_int_equal(PARSE("-H", "x", "--output", "json"), ERR_INVALID);
    assert_int_equal(PARSE("-H", "x", "--timeout-result", "maybe"), ERR_INVALID);
    assert_int_equal(refusal.state, STATE_UNKNOWN);
    assert_true(refusal.short_usage);
    assert_int_equal(PARSE("-H", "x", "--nonsense"), ERR_INVALID);
    assert_string_equal(refusal.text,
                        "check_http_onion: Unknown option, or its value is missing - --nonsense\n");
    assert_int_equal(PARSE("-H", "x", "--circuits"), ERR_INVALID);
    assert_string_equal(refusal.text,
                        "check_http_onion: Unknown option, or its value is missing - --circuits\n");
    assert_int_equal(PARSE("-H", "x", "-vZ"), ERR_INVALID);
    assert_string_equal(refusal.text, "check_http_onion: Unknown option, or its value is missing - -Z\n");
    assert_int_equal(PARSE("-u", "/"), ERR_INVALID);
    assert_int_equal(PARSE("-h"), ERR_INVALID);
    assert_true(refusal.full_help);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    unsetenv("TOR_SOCKS_HOST");
    unsetenv("TOR_SOCKS_PORT");
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
        cmocka_unit_test(defaults_of_clear_and_onion_names),
        cmocka_unit_test(words_without_option_are_address_and_name),
        cmocka_unit_test(port_comes_from_p_then_h_then_tls),
        cmocka_unit_test(tls_versions),
        cmocka_unit_test(every_argument_of_icingas_http_command),
        cmocka_unit_test(l_counts_only_before_the_pattern),
        cmocka_unit_test(endpoints),
        cmocka_unit_test(environment_names_the_proxy),
        cmocka_unit_test(mistakes_are_told_and_unknown),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, setup, teardown);
}
