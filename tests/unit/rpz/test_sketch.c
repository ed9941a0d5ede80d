/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "rpz/sketch.h"

enum { VIEW = 7, NAMES = 20000, HOUR_MS = 3600 * 1000 };

static void ask(struct sketch *sketch, unsigned number, uint32_t view, uint64_t now_ms)
{
    char text[64];
    uint8_t name[NAME_MAX_BYTES];
    snprintf(text, sizeof text, "www.name%u.example", number);
    int length = name_from_text(text, NULL, name);
    sketch_ask(sketch, name, (size_t)length, view, now_ms);
}

static unsigned number_of(const struct asked_name *name)
{
    char text[NAME_TEXT_MAX];
    unsigned number;
    assert_int_equal(sscanf(name_to_text(name->name, text), "www.name%u.", &number), 1);
    return number;
}

static int by_queries(const void *a, const void *b)
{
    const struct asked_name *x = a, *y = b;
    return (x->queries < y->queries) - (x->queries > y->queries);
}

/* The most asked first. */
static struct asked gather(struct sketch *sketch, uint32_t view, uint64_t now_ms)
{
    struct asked asked;
    assert_int_equal(asked_gather(&sketch, 1, view, now_ms, &asked), 0);
    if (asked.count)
        qsort(asked.names, asked.count, sizeof *asked.names, by_queries);
    return asked;
}

static void few_names_are_counted_exactly(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_new(1, 2048);
    for (unsigned i = 0; i < 100; i++)
        for (unsigned times = 0; times <= i; times++)
            ask(sketch, i, VIEW, 1000 + 100 * i);
    struct asked asked = gather(sketch, 0, 12000);
    assert_int_equal(asked.queries, 5050);
    assert_int_equal(asked.count, 100);
    assert_int_equal(asked.step, 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(number_of(&asked.names[i]), 99 - i);
        assert_int_equal(asked.names[i].queries, 100 - i);
    }
    asked_free(&asked);
    sketch_free(sketch);
}

/* Zipf's law with exponent 1: name i is asked with a frequency of 1/(i+1). */
struct zipf {
    double upto[NAMES];
    uint64_t truth[NAMES];
    struct dice dice;
};

static void zipf_init(struct zipf *zipf, uint64_t seed)
{
    double sum = 0;
    memset(zipf, 0, sizeof *zipf);
    zipf->dice.state = seed;
    for (unsigned i = 0; i < NAMES; i++)
        zipf->upto[i] = sum += 1.0 / (i + 1);
}

static unsigned zipf_next(struct zipf *zipf)
{
    double at = zipf->upto[NAMES - 1] * dice_below(&zipf->dice, 1u << 30) / (1u << 30);
    unsigned low = 0, high = NAMES - 1;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (zipf->upto[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    zipf->truth[low]++;
    return low;
}

static void check_names(const struct zipf *zipf, const struct asked *asked)
{
    uint64_t seen[NAMES] = {0};
    for (size_t i = 0; i < asked->count; i++)
        seen[number_of(&asked->names[i])] = asked->names[i].queries;
    for (unsigned i = 0; i < NAMES; i++) {
        if (zipf->truth[i] > 5 * asked->step)
            assert_true(seen[i] + 5 * asked->step >= zipf->truth[i]); /* e^-5 of a chance to be worse */
        assert_true(seen[i] <= zipf->truth[i] + asked->step);
    }
}

/* The share of any set of names, for instance of each seventh one, most of which are rare. */
static void check_shares(const struct zipf *zipf, const struct asked *asked, double *worst)
{
    for (unsigned modulus = 2; modulus < 12; modulus++) {
        double truth = 0, estimate = 0;
        for (unsigned i = 1; i < NAMES; i += modulus)
            truth += (double)zipf->truth[i];
        for (size_t i = 0; i < asked->count; i++)
            estimate += number_of(&asked->names[i]) % modulus == 1 ? (double)asked->names[i].queries : 0;
        double squares = (estimate - truth) * (estimate - truth) / ((double)asked->step * truth);
        *worst = squares > *worst ? squares : *worst;
    }
}

static void zipf_traffic_stays_within_the_stated_error(void **state)
{
    (void)state;
    static struct zipf zipf;
    double worst = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct sketch *sketch = sketch_new(seed, 2048);
        zipf_init(&zipf, seed);
        for (unsigned i = 0; i < 300000; i++)
            ask(sketch, zipf_next(&zipf), VIEW, 1000 + i / 2); /* 2000 queries a second: each is noted */
        struct asked asked = gather(sketch, VIEW, 160000);
        assert_int_equal(asked.queries, 300000);
        assert_true(asked.step > 0 && asked.step <= 300000 / SKETCH_BINS);
        check_names(&zipf, &asked);
        check_shares(&zipf, &asked, &worst);
        asked_free(&asked);
        sketch_free(sketch);
    }
    assert_true(worst < 4 * 4); /* standard deviations, squared */
}

static void fast_traffic_is_sampled_and_stays_within_the_error(void **state)
{
    (void)state;
    static struct zipf zipf;
    double worst = 0;
    struct sketch *sketch = sketch_new(3, 2048);
    zipf_init(&zipf, 3);
    const unsigned queries = 2000000;
    for (unsigned i = 0; i < queries; i++)
        ask(sketch, zipf_next(&zipf), VIEW, 1000 + i / 200); /* 200,000 a second */
    struct asked asked = gather(sketch, VIEW, 12000);
    assert_true(asked.queries > queries - 400 && asked.queries <= queries);
    assert_true(asked.step < queries / 1000 + 300);
    check_shares(&zipf, &asked, &worst);
    assert_true(worst < 4 * 4); /* standard deviations, squared */
    assert_int_equal(number_of(&asked.names[0]), 0);
    asked_free(&asked);
    sketch_free(sketch);
}

static void after_a_burst_each_query_counts_again(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_new(4, 2048);
    for (unsigned i = 0; i < 1000000; i++)
        ask(sketch, i % 10, VIEW, 1000 + i / 200);
    for (unsigned i = 0; i < 4000; i++)
        ask(sketch, 11, VIEW, 10000 + i * 100); /* ten a second */
    struct asked asked = gather(sketch, VIEW, 420000);
    for (size_t i = 0; i < asked.count; i++)
        if (number_of(&asked.names[i]) == 11)
            assert_true(asked.names[i].queries > 3500 && asked.names[i].queries < 4500);
    assert_int_equal(asked.count, 11);
    assert_true(asked.queries >= 1003999 && asked.queries <= 1004000);
    asked_free(&asked);
    sketch_free(sketch);
}

static void what_was_asked_more_than_an_hour_ago_is_forgotten(void **state)
{
    (void)state;
    struct sketch *sketch = sketch_new(5, 2048);
    for (unsigned minute = 0; minute < 180; minute++)
        ask(sketch, minute, VIEW, minute * 60000ul);
    struct asked asked = gather(sketch, VIEW, 180 * 60000ul);
    for (size_t i = 0; i < asked.count; i++)
        assert_true(number_of(&asked.names[i]) >= 120);
    assert_true(asked.count >= 45 && asked.count <= 60);
    asked_free(&asked);
    asked = gather(sketch, VIEW, 180 * 60000ul + 2 * HOUR_MS);
    assert_int_equal(asked.count, 0);
    assert_int_equal(asked.queries, 0);
    asked_free(&asked);
    sketch_free(sketch);
}

static void views_are_told_apart_and_sketches_are_summed(void **state)
{
    (void)state;
    struct sketch *sketches[2] = {sketch_new(6, 2048), sketch_new(6, 2048)};
    for (unsigned i = 0; i < 10; i++) {
        ask(sketches[0], 1, VIEW, 1000);
        ask(sketches[1], 1, VIEW, 1000);
        ask(sketches[1], 1, VIEW + 1, 1000);
    }
    struct asked asked;
    assert_int_equal(asked_gather(sketches, 2, VIEW, 1000, &asked), 0);
    assert_int_equal(asked.count, 1);
    assert_int_equal(asked.names[0].queries, 20);
    asked_free(&asked);
    assert_int_equal(asked_gather(sketches, 2, 0, 1000, &asked), 0);
    assert_int_equal(asked.queries, 30);
    asked_free(&asked);
    sketch_free(sketches[0]);
    sketch_free(sketches[1]);
}

static void the_longest_name_is_kept_whole(void **state)
{
    (void)state;
    uint8_t name[NAME_MAX_BYTES];
    struct sketch *sketch = sketch_new(8, 2048);
    for (unsigned i = 0; i < 127; i++)
        memcpy(name + 2 * i, "\1x", 2);
    name[254] = 0;
    sketch_ask(sketch, name, sizeof name, VIEW, 1);
    struct asked asked = gather(sketch, VIEW, 1);
    assert_int_equal(asked.count, 1);
    assert_memory_equal(asked.names[0].name, name, sizeof name);
    asked_free(&asked);
    sketch_free(sketch);
}

/* --- a reader beside the writer --- */

struct shared {
    struct sketch *sketch;
    _Atomic bool ended;
};

static void *write_on(void *context)
{
    struct shared *shared = context;
    for (unsigned i = 0; i < 400000; i++)
        ask(shared->sketch, i * 7919u % 5000, VIEW, 1000 + i / 2);
    atomic_store(&shared->ended, true);
    return NULL;
}

static void a_reader_sees_whole_names_while_they_are_written(void **state)
{
    (void)state;
    struct shared shared = {.sketch = sketch_new(9, 2048)};
    pthread_t thread;
    unsigned rounds = 0;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &shared), 0);
    while (!atomic_load(&shared.ended) || !rounds) {
        struct asked asked = gather(shared.sketch, VIEW, 1000);
        for (size_t i = 0; i < asked.count; i++)
            assert_true(number_of(&asked.names[i]) < 5000);
        asked_free(&asked);
        rounds++;
    }
    pthread_join(thread, NULL);
    struct asked asked = gather(shared.sketch, VIEW, 1000);
    assert_int_equal(asked.queries, 400000);
    asked_free(&asked);
    sketch_free(shared.sketch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_names_are_counted_exactly),
        cmocka_unit_test(zipf_traffic_stays_within_the_stated_error),
        cmocka_unit_test(fast_traffic_is_sampled_and_stays_within_the_error),
        cmocka_unit_test(after_a_burst_each_query_counts_again),
        cmocka_unit_test(what_was_asked_more_than_an_hour_ago_is_forgotten),
        cmocka_unit_test(views_are_told_apart_and_sketches_are_summed),
        cmocka_unit_test(the_longest_name_is_kept_whole),
        cmocka_unit_test(a_reader_sees_whole_names_while_they_are_written),
    };
    return RUN_TESTS(tests);
}
