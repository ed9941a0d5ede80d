/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Like answers to one network, counted. */
#include "../unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "candord/rate_limit.h"
#include "dns/name.h"

enum { AT_MS = 5000000 };

static const uint8_t www[] = "\3www\4test", mail[] = "\4mail\4test";

static struct rate_limit_options five(void)
{
    return (struct rate_limit_options){
        .per_second = {[RATE_RESPONSE] = 5, [RATE_NODATA] = 5, [RATE_NXDOMAIN] = 5, [RATE_ERROR] = 5},
        .window_s = 10,
        .slip = 2,
        .max_entries = 1000,
        .prefix_bits_v4 = 24,
        .prefix_bits_v6 = 56,
    };
}

static struct ip_address address(const char *text)
{
    struct ip_address ip;
    assert_int_equal(ip_from_text(text, &ip), 0);
    return ip;
}

struct counted {
    unsigned passed, slipped, dropped;
};

static struct counted ask(struct rate_limiter *limiter, const char *client, enum rate_kind kind,
                          const uint8_t *name, uint16_t qtype, uint64_t now_ms, unsigned times)
{
    struct counted counted = {0};
    const struct ip_address ip = address(client);
    const struct rate_answer answer = {.kind = kind, .client = &ip, .name = name, .qtype = qtype};
    while (times--)
        switch (rate_limiter_judge(limiter, &answer, now_ms).result) {
        case RATE_PASS:
            counted.passed++;
            break;
        case RATE_SLIP:
            counted.slipped++;
            break;
        case RATE_DROP:
            counted.dropped++;
        }
    return counted;
}

static struct counted ask_www(struct rate_limiter *limiter, uint64_t now_ms, unsigned times)
{
    return ask(limiter, "192.0.2.1", RATE_RESPONSE, www, 1, now_ms, times);
}

#define assert_counted(counted_, a, b, c)                                                                    \
    do {                                                                                                     \
        const struct counted is = counted_;                                                                  \
        assert_int_equal(is.passed, a);                                                                      \
        assert_int_equal(is.slipped, b);                                                                     \
        assert_int_equal(is.dropped, c);                                                                     \
    } while (0)

static void test_a_second_holds_so_many_and_every_other_one_slips(void **state)
{
    (void)state;
    const struct rate_limit_options options = five();
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask_www(limiter, AT_MS, 20), 5, 8, 7);
    rate_limiter_unref(limiter);
}

static void test_a_client_within_the_limit_is_never_limited(void **state)
{
    (void)state;
    const struct rate_limit_options options = five();
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    for (unsigned i = 0; i < 500; i++)
        assert_counted(ask_www(limiter, AT_MS + i * 200, 1), 1, 0, 0);
    rate_limiter_unref(limiter);
}

static void test_what_is_owed_has_to_be_waited_for_at_most_a_window(void **state)
{
    (void)state;
    struct rate_limit_options options = five();
    options.slip = 0;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask_www(limiter, AT_MS, 1000), 5, 0, 995);
    assert_counted(ask_www(limiter, AT_MS + 9900, 1), 0, 0, 1);
    assert_counted(ask_www(limiter, AT_MS + 10500, 1), 1, 0, 0);
    assert_counted(ask_www(limiter, AT_MS + 22000, 6), 5, 0, 1);
    rate_limiter_unref(limiter);
}

static void test_a_little_too_much_is_forgiven_after_a_little(void **state)
{
    (void)state;
    struct rate_limit_options options = five();
    options.slip = 0;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask_www(limiter, AT_MS, 7), 5, 0, 2);
    assert_counted(ask_www(limiter, AT_MS + 601, 1), 1, 0, 0);
    rate_limiter_unref(limiter);
}

static void test_names_types_kinds_and_networks_are_counted_apart(void **state)
{
    (void)state;
    const struct rate_limit_options options = five();
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask_www(limiter, AT_MS, 6), 5, 1, 0);
    assert_counted(ask(limiter, "192.0.2.1", RATE_RESPONSE, mail, 1, AT_MS, 5), 5, 0, 0);
    assert_counted(ask(limiter, "192.0.2.1", RATE_RESPONSE, www, 28, AT_MS, 5), 5, 0, 0);
    assert_counted(ask(limiter, "192.0.2.1", RATE_NXDOMAIN, www, 1, AT_MS, 5), 5, 0, 0);
    assert_counted(ask(limiter, "192.0.3.1", RATE_RESPONSE, www, 1, AT_MS, 5), 5, 0, 0);
    assert_counted(ask(limiter, "2001:db8::1", RATE_RESPONSE, www, 1, AT_MS, 5), 5, 0, 0);
    assert_counted(ask(limiter, "192.0.2.200", RATE_RESPONSE, www, 1, AT_MS, 1), 0, 0, 1);
    assert_counted(ask(limiter, "2001:db8:0:ff::1", RATE_RESPONSE, www, 1, AT_MS, 1), 0, 1, 0);
    rate_limiter_unref(limiter);
}

static void test_answers_without_data_are_alike_for_all_types(void **state)
{
    (void)state;
    const struct rate_limit_options options = five();
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask(limiter, "192.0.2.1", RATE_NODATA, www, 1, AT_MS, 5), 5, 0, 0);
    assert_counted(ask(limiter, "192.0.2.1", RATE_NODATA, www, 16, AT_MS, 2), 0, 1, 1);
    rate_limiter_unref(limiter);
}

static void test_errors_do_not_slip_and_are_all_alike(void **state)
{
    (void)state;
    const struct rate_limit_options options = five();
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask(limiter, "192.0.2.1", RATE_ERROR, NULL, 1, AT_MS, 4), 4, 0, 0);
    assert_counted(ask(limiter, "192.0.2.1", RATE_ERROR, NULL, 28, AT_MS, 4), 1, 0, 3);
    rate_limiter_unref(limiter);
}

static void test_a_rate_of_zero_is_no_limit(void **state)
{
    (void)state;
    struct rate_limit_options options = five();
    options.per_second[RATE_RESPONSE] = 0;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask_www(limiter, AT_MS, 5000), 5000, 0, 0);
    rate_limiter_unref(limiter);
}

static void test_all_together_are_dropped_and_do_not_slip(void **state)
{
    (void)state;
    struct rate_limit_options options = five();
    options.per_second[RATE_ALL] = 8;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    assert_counted(ask_www(limiter, AT_MS, 4), 4, 0, 0);
    assert_counted(ask(limiter, "192.0.2.1", RATE_RESPONSE, mail, 1, AT_MS, 6), 4, 0, 2);
    rate_limiter_unref(limiter);
}

static void test_load_scales_limits_but_not_for_who_came_by_tcp(void **state)
{
    (void)state;
    struct rate_limit_options options = five();
    options.per_second[RATE_RESPONSE] = 100;
    options.qps_scale = 100;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    for (unsigned ms = 0; ms <= 11000; ms++) /* 1,000 answers a second, each to another network */
    {
        char client[32];
        snprintf(client, sizeof client, "10.%u.%u.1", ms / 200, ms % 200);
        (void)ask(limiter, client, RATE_RESPONSE, www, 1, AT_MS + ms, 1);
    }
    struct counted scaled = ask_www(limiter, AT_MS + 11001, 20);
    assert_in_range(scaled.passed, 9, 10); /* 100 / s * 100 / 1000 */
    const struct ip_address known = address("203.0.113.9");
    rate_limiter_see_tcp(limiter, &known, AT_MS + 11001);
    assert_counted(ask(limiter, "203.0.113.1", RATE_RESPONSE, www, 1, AT_MS + 11001, 20), 20, 0, 0);
    rate_limiter_unref(limiter);
}

/* Whoever invents names makes entries that are nearly full; those that owe most stay. */
static void test_a_flood_of_other_names_does_not_free_who_is_limited(void **state)
{
    (void)state;
    struct rate_limit_options options = five();
    options.max_entries = 64;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    bool crowded = false;
    (void)ask_www(limiter, AT_MS, 30);
    for (unsigned i = 0; i < 10000; i++) {
        char text[32];
        uint8_t name[NAME_MAX_BYTES];
        snprintf(text, sizeof text, "x%u.test.", i);
        assert_true(name_from_text(text, NULL, name) > 0);
        const struct ip_address ip = address("198.51.100.7");
        const struct rate_answer answer = {.kind = RATE_RESPONSE, .client = &ip, .name = name, .qtype = 1};
        crowded |= rate_limiter_judge(limiter, &answer, AT_MS).crowded;
    }
    assert_true(crowded);
    struct counted counted = ask_www(limiter, AT_MS + 100, 10);
    assert_int_equal(counted.passed, 0);
    rate_limiter_unref(limiter);
}

enum { THREADS = 4, EACH = 5000 };

static void *flood(void *context)
{
    struct counted counted = ask_www(context, AT_MS, EACH);
    return (void *)(uintptr_t)counted.passed;
}

static void test_the_limit_holds_over_threads(void **state)
{
    (void)state;
    const struct rate_limit_options options = five();
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    pthread_t threads[THREADS];
    uintptr_t passed = 0;
    (void)ask_www(limiter, AT_MS, 1); /* the entry is there */
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flood, limiter), 0);
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        passed += (uintptr_t)result;
    }
    assert_int_equal(passed, 4);
    rate_limiter_unref(limiter);
}

static char *log_of(const char *path)
{
    static char text[4096];
    log_flush();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void test_the_log_says_when_it_begins_and_when_it_ends(void **state)
{
    (void)state;
    char path[] = "/tmp/candor-rate-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    const struct log_channel channel = {.name = "x", .kind = LOG_TO_FILE, .path = path, .level = LEVEL_INFO};
    struct log_config config = {.channels = &channel, .channel_count = 1};
    config.routes[LOG_RATE_LIMIT] = 1;
    assert_int_equal(log_start(&config), 0);
    struct rate_limit_options options = five();
    options.log_only = true;
    struct rate_limiter *limiter = rate_limiter_new(&options, 1);
    (void)ask(limiter, "192.0.2.1", RATE_NXDOMAIN, www, 1, AT_MS, 30);
    assert_string_equal(log_of(path), "would limit NXDOMAIN responses to 192.0.2.0/24 for www.test\n");
    (void)ask(limiter, "192.0.2.1", RATE_NODATA, www, 1, AT_MS + 50000, 1);
    assert_null(strstr(log_of(path), "stop"));
    (void)ask(limiter, "192.0.2.1", RATE_NODATA, www, 1, AT_MS + 80000, 1);
    assert_non_null(
        strstr(log_of(path), "\nwould stop limiting NXDOMAIN responses to 192.0.2.0/24 for www.test\n"));
    (void)ask(limiter, "192.0.2.1", RATE_NXDOMAIN, www, 1, AT_MS + 90000, 30);
    char *second = strstr(log_of(path) + 1, "would limit ");
    assert_non_null(second);
    rate_limiter_unref(limiter);
    log_stop();
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_holds_so_many_and_every_other_one_slips),
        cmocka_unit_test(test_a_client_within_the_limit_is_never_limited),
        cmocka_unit_test(test_what_is_owed_has_to_be_waited_for_at_most_a_window),
        cmocka_unit_test(test_a_little_too_much_is_forgiven_after_a_little),
        cmocka_unit_test(test_names_types_kinds_and_networks_are_counted_apart),
        cmocka_unit_test(test_answers_without_data_are_alike_for_all_types),
        cmocka_unit_test(test_errors_do_not_slip_and_are_all_alike),
        cmocka_unit_test(test_a_rate_of_zero_is_no_limit),
        cmocka_unit_test(test_all_together_are_dropped_and_do_not_slip),
        cmocka_unit_test(test_load_scales_limits_but_not_for_who_came_by_tcp),
        cmocka_unit_test(test_a_flood_of_other_names_does_not_free_who_is_limited),
        cmocka_unit_test(test_the_limit_holds_over_threads),
        cmocka_unit_test(test_the_log_says_when_it_begins_and_when_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
