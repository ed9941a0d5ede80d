// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_http_onion/control.h"

#define ONION "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid"

/* A conversation without a socket: nobody listens at that path. */
static struct control talking(void)
{
    struct endpoint_address nowhere = {.local = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"},
                                       .length = sizeof(struct sockaddr_un)};
    struct control c;
    control_begin(&c, &nowhere, "00FF", "www." ONION ".onion");
    assert_int_equal(c.facts.end, CONTROL_UNREACHABLE);
    c.facts.end = CONTROL_TALKING;
    return c;
}

static void say(struct control *c, const char *const *lines)
{
    for (; *lines; lines++)
        control_take_line(c, *lines);
}

static void all_answers_become_facts(void **state)
{
    static const char *const lines[] = {
        "250 OK",
        "250 OK",
        "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY=\"Connecting\" "
        "WARNING=\"Connection refused\" REASON=CONNECTREFUSED COUNT=3 RECOMMENDATION=warn",
        "250 OK",
        "250-network-liveness=down",
        "250 OK",
        "250-status/circuit-established=0",
        "250 OK",
        "250-consensus/valid-until=2026-11-21 21:00:00",
        "250 OK",
        "250-consensus/fresh-until=2026-11-21 19:00:00",
        "250 OK",
        NULL};
    (void)state;
    struct control c = talking();
    assert_string_equal(c.command, "AUTHENTICATE 00FF\r\n");
    say(&c, lines);
    assert_int_equal(c.facts.end, CONTROL_ANSWERED);
    assert_int_equal(c.facts.bootstrap_percent, 5);
    assert_string_equal(c.facts.bootstrap_tag, "conn");
    assert_string_equal(c.facts.bootstrap_warning, "Connection refused");
    assert_int_equal(c.facts.network_live, 0);
    assert_int_equal(c.facts.circuit_established, 0);
    assert_int_equal(c.facts.consensus_valid_until_s, 1795294800);
}

static void a_question_that_tor_does_not_know_leaves_the_others(void **state)
{
    static const char *const lines[] = {"250 OK",
                                        "552 Unrecognized event",
                                        "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done",
                                        "250 OK",
                                        "552 Unrecognized key",
                                        "552 Unrecognized key",
                                        "551 No consensus",
                                        "551 No consensus",
                                        NULL};
    (void)state;
    struct control c = talking();
    say(&c, lines);
    assert_int_equal(c.facts.end, CONTROL_ANSWERED);
    assert_int_equal(c.facts.bootstrap_percent, 100);
    assert_int_equal(c.facts.network_live, -1);
    assert_int_equal(c.facts.consensus_valid_until_s, 0);
}

static void refused_authentication(void **state)
{
    static const char *const lines[] = {"515 Authentication failed: Wrong length", NULL};
    (void)state;
    struct control c = talking();
    say(&c, lines);
    assert_int_equal(c.facts.end, CONTROL_REFUSED);
    assert_string_equal(c.facts.refusal, "Authentication failed: Wrong length");
}

static void what_is_not_the_protocol_is_nonsense(void **state)
{
    static const char *const wrong[] = {"", "HTTP/1.1 400 Bad Request", "25", "250", "abc ", "250?x"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct control c = talking();
        control_take_line(&c, wrong[i]);
        assert_int_equal(c.facts.end, CONTROL_NONSENSE);
    }
}

static void descriptor_events_of_this_service_only(void **state)
{
    static const char *const lines[] = {"650 HS_DESC REQUESTED " ONION " NO_AUTH $AAAA desc",
                                        "650 HS_DESC FAILED " ONION " NO_AUTH $AAAA desc REASON=NOT_FOUND",
                                        "650 HS_DESC RECEIVED zzzzz NO_AUTH $AAAA",
                                        "650 HS_DESC REQUESTED " ONION " NO_AUTH $BBBB desc", NULL};
    static const char *const later[] = {"650 HS_DESC RECEIVED " ONION " NO_AUTH $BBBB desc",
                                        "650 HS_DESC FAILED " ONION " NO_AUTH $CCCC REASON=NOT_FOUND", NULL};
    (void)state;
    struct control c = talking();
    say(&c, lines);
    assert_string_equal(c.facts.descriptor, "FAILED");
    assert_string_equal(c.facts.descriptor_reason, "NOT_FOUND");
    say(&c, later);
    assert_string_equal(c.facts.descriptor, "RECEIVED");
    assert_string_equal(c.facts.descriptor_reason, "");
}

static void secrets_from_files(void **state)
{
    char name[] = "/tmp/onion-cookie-XXXXXX", out[1024];
    int fd = mkstemp(name);
    (void)state;
    assert_int_equal(write(fd, "a\"b\\c\nrest\xff", 11), 11);
    close(fd);
    assert_int_equal(control_secret(NULL, name, out, sizeof out), 0);
    assert_string_equal(out, "\"a\\\"b\\\\c\"");
    assert_int_equal(control_secret(name, NULL, out, sizeof out), 0);
    assert_string_equal(out, "6122625C630A72657374FF");
    assert_int_equal(control_secret(NULL, NULL, out, sizeof out), 0);
    assert_string_equal(out, "");
    unlink(name);
    assert_true(control_secret(name, NULL, out, sizeof out) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_answers_become_facts),
        cmocka_unit_test(a_question_that_tor_does_not_know_leaves_the_others),
        cmocka_unit_test(refused_authentication),
        cmocka_unit_test(what_is_not_the_protocol_is_nonsense),
        cmocka_unit_test(descriptor_events_of_this_service_only),
        cmocka_unit_test(secrets_from_files),
    };
    return RUN_TESTS(tests);
}
