// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <string.h>

#include "check_http_onion/judge_tor.h"

enum { NOW = 1000000 };

static struct arena arena;
static struct options o;
static struct observation seen;

/* Three tries that failed alike. */
static void all_fail(enum try_end end, uint8_t reply)
{
    seen = (struct observation){.onion = true, .address = ONION_V3, .chosen = -1, .try_count = 3};
    seen.target = (struct target){.address = "x.onion", .host_name = "x.onion", .port = 81, .path = "/"};
    for (int i = 0; i < 3; i++)
        seen.tries[i] = (struct try_facts){.end = end, .reply = reply};
}

static void reference(uint8_t reply)
{
    seen.reference_count = 1;
    seen.references[0] = (struct side_facts){SIDE_REPLIED, reply};
}

static void control(int percent, int live, int64_t valid_until_s)
{
    seen.control = (struct control_facts){.end = CONTROL_ANSWERED,
                                          .bootstrap_percent = percent,
                                          .network_live = live,
                                          .circuit_established = 1,
                                          .consensus_valid_until_s = valid_until_s};
}

static void assert_verdict(const char *service, enum plugin_state state, const char *words)
{
    struct verdict v = judge_onion_failure(&arena, &o, &seen, NOW);
    assert_string_equal(v.service, service);
    assert_int_equal(v.state, state);
    if (!strstr(v.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, v.text);
}

static enum tor_health health(void)
{
    const char *why;
    return judge_health(&arena, &seen, NOW, &why);
}

static void reference_beats_control_and_any_good_one_is_enough(void **state)
{
    (void)state;
    all_fail(TRY_PROXY_NO, 0xf2);
    assert_int_equal(health(), TOR_UNKNOWN);
    control(100, 1, NOW + 60);
    assert_int_equal(health(), TOR_SEEMS_WELL);
    control(5, 0, 0);
    assert_int_equal(health(), TOR_SICK);
    reference(0);
    assert_int_equal(health(), TOR_WELL);
    seen.reference_count = 2;
    seen.references[1] = (struct side_facts){SIDE_REPLIED, 0xf2};
    assert_int_equal(health(), TOR_WELL);
    seen.references[0].reply = 0xf2;
    assert_int_equal(health(), TOR_SICK);
}

static void what_reaches_a_reference(void **state)
{
    (void)state;
    all_fail(TRY_PROXY_NO, 0xf2);
    reference(0x05);
    assert_int_equal(health(), TOR_WELL);
    reference(0x01);
    assert_int_equal(health(), TOR_WELL);
    all_fail(TRY_PROXY_NO, 0x04); /* a plain port: 01 may be anything */
    reference(0x01);
    assert_int_equal(health(), TOR_SICK);
    seen.references[0].end = SIDE_RUNNING;
    assert_int_equal(health(), TOR_SICK);
}

static void each_symptom_of_a_sick_tor(void **state)
{
    (void)state;
    all_fail(TRY_PROXY_NO, 0xf2);
    control(100, 0, 0);
    assert_verdict("TOR", STATE_UNKNOWN, "it sees no network");
    control(100, 1, NOW - 600);
    assert_verdict("TOR", STATE_UNKNOWN, "its consensus ran out 10 minutes ago");
    control(80, 1, 0);
    assert_verdict("TOR", STATE_UNKNOWN, "it has not joined the network: bootstrap 80%");
    control(100, 1, 0);
    seen.control.circuit_established = 0;
    assert_verdict("TOR", STATE_UNKNOWN, "it can build no circuits");
    o.tor_critical = true;
    assert_verdict("TOR", STATE_CRITICAL, "it can build no circuits");
    o.tor_critical = false;
}

static void services_own_failures_need_no_evidence(void **state)
{
    (void)state;
    all_fail(TRY_PROXY_NO, 0x05);
    assert_verdict("ONION", STATE_CRITICAL, "does not offer port 81");
    all_fail(TRY_PROXY_NO, 0x01);
    assert_verdict("ONION", STATE_CRITICAL, "the web server behind it does not");
    all_fail(TRY_PROXY_NO, 0xf2);
    assert_verdict("ONION", STATE_CRITICAL, "--control or --reference would tell");
}

static void rendezvous_trouble_is_the_services_only_with_evidence(void **state)
{
    (void)state;
    for (int code = 0; code < 2; code++) {
        all_fail(TRY_PROXY_NO, code ? 0xf3 : 0xf7);
        assert_verdict("ONION", STATE_UNKNOWN, "");
        control(100, 1, 0);
        assert_verdict("ONION", STATE_CRITICAL, "so it is probably the service");
    }
}

static void keys_and_addresses_are_our_setup(void **state)
{
    (void)state;
    all_fail(TRY_PROXY_NO, 0xf4);
    assert_verdict("ONION", STATE_UNKNOWN, "holds no key");
    o.auth_critical = true;
    assert_verdict("ONION", STATE_CRITICAL, "holds no key");
    all_fail(TRY_PROXY_NO, 0xf6);
    assert_verdict("ONION", STATE_UNKNOWN, "impossible");
    o.auth_critical = false;
    seen.address = ONION_V2;
    assert_verdict("ONION", STATE_UNKNOWN, "version 2");
}

static void the_try_that_tells_most_is_judged(void **state)
{
    (void)state;
    all_fail(TRY_RUNNING, 0);
    seen.tries[1] = (struct try_facts){.end = TRY_PROXY_NO, .reply = 0xf2};
    assert_ptr_equal(telling_try(&seen), &seen.tries[1]);
    seen.tries[2] = (struct try_facts){.end = TRY_RUNNING, .granted = true};
    assert_ptr_equal(telling_try(&seen), &seen.tries[2]);
    seen.tries[0] = (struct try_facts){.end = TRY_PROXY_NO, .reply = 0xf4};
    assert_ptr_equal(telling_try(&seen), &seen.tries[0]);
    seen.try_count = 0;
    assert_null(telling_try(&seen));
}

static void only_the_services_failures_may_be_waited_for(void **state)
{
    (void)state;
    all_fail(TRY_PROXY_NO, 0xf2);
    assert_true(judge_onion_failure(&arena, &o, &seen, NOW).about_service);
    control(5, 0, 0);
    assert_false(judge_onion_failure(&arena, &o, &seen, NOW).about_service);
    all_fail(TRY_PROXY_NO, 0xf4);
    assert_false(judge_onion_failure(&arena, &o, &seen, NOW).about_service);
    all_fail(TRY_NO_PROXY, 0);
    assert_false(judge_onion_failure(&arena, &o, &seen, NOW).about_service);
}

static void silence_takes_the_timeouts_state(void **state)
{
    (void)state;
    all_fail(TRY_RUNNING, 0);
    o.timeout_s = 30;
    o.timeout_state = STATE_WARNING;
    assert_verdict("ONION", STATE_WARNING, "no answer in 30 s");
    reference(0);
    assert_verdict("ONION", STATE_CRITICAL, "so it is the service");
    reference(0xf2);
    assert_verdict("TOR", STATE_UNKNOWN, "not the service's fault");
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    o = (struct options){
        .socks = {.host = "127.0.0.1", .port = 9050}, .timeout_state = STATE_CRITICAL, .circuits = 3};
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
        CASE(reference_beats_control_and_any_good_one_is_enough),
        CASE(what_reaches_a_reference),
        CASE(each_symptom_of_a_sick_tor),
        CASE(services_own_failures_need_no_evidence),
        CASE(rendezvous_trouble_is_the_services_only_with_evidence),
        CASE(keys_and_addresses_are_our_setup),
        CASE(the_try_that_tells_most_is_judged),
        CASE(only_the_services_failures_may_be_waited_for),
        CASE(silence_takes_the_timeouts_state),
    };
    return RUN_TESTS(tests);
}
