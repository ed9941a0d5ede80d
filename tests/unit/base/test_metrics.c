/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "base/metrics.h"

static const struct metric_def serve_defs[] = {
    {"queries", "queries", "Queries received.", METRIC_COUNTER},
    {"waiting", "queries", "Queries waiting.", METRIC_GAUGE},
};
static const struct metric_group serve = {"serve", serve_defs, 2};
static const struct metric_def cache_defs[] = {{"bytes", "bytes", "Bytes in use.", METRIC_GAUGE}};
static const struct metric_group cache = {"cache", cache_defs, 1};

static void append(void *context, const char *room, const struct metric_def *def, uint64_t value)
{
    char *text = context;
    sprintf(text + strlen(text), "%s_%s=%llu ", room, def->name, (unsigned long long)value);
}

static void numbers_are_summed_over_blocks_in_order_of_registration(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    assert_non_null(metrics);
    _Atomic uint64_t *first = metric_values(metrics_add_block(metrics, &serve));
    _Atomic uint64_t *other = metric_values(metrics_add_block(metrics, &cache));
    _Atomic uint64_t *second = metric_values(metrics_add_block(metrics, &serve));
    metric_add(first, 0, 5);
    metric_add(second, 0, 7);
    metric_set(first, 1, 2);
    metric_set(first, 1, 1);
    metric_set(other, 0, 100);
    char text[200] = "";
    metrics_read(metrics, append, text);
    assert_string_equal(text, "serve_queries=12 serve_waiting=1 cache_bytes=100 ");
    metrics_free(metrics);
}

static void blocks_have_cache_lines_of_their_own(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    assert_non_null(metrics);
    uintptr_t a = (uintptr_t)metric_values(metrics_add_block(metrics, &serve));
    uintptr_t b = (uintptr_t)metric_values(metrics_add_block(metrics, &serve));
    assert_int_equal(a % 64, 0);
    assert_int_equal(b % 64, 0);
    assert_int_not_equal(a, b);
    metrics_free(metrics);
}

static void empty_metrics_read_nothing(void **state)
{
    (void)state;
    struct metrics *metrics = metrics_new();
    char text[10] = "";
    assert_non_null(metrics);
    metrics_read(metrics, append, text);
    assert_string_equal(text, "");
    metrics_free(metrics);
    metrics_free(NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_summed_over_blocks_in_order_of_registration),
        cmocka_unit_test(blocks_have_cache_lines_of_their_own),
        cmocka_unit_test(empty_metrics_read_nothing),
    };
    return RUN_TESTS(tests);
}
