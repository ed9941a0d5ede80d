/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/name.h"

/* One under which the names of these tests do not get into each other's places. */
enum { SEED = 1 };

static const struct ip_address nobody = {.family = IP_NONE};

static enum limits_verdict enter(struct limits *limits, const char *text, const struct ip_address *client,
                                 struct limits_place *place)
{
    uint8_t name[255];
    assert_true(name_from_text(text, NULL, name) > 0);
    return limits_enter(limits, name, client, 5000, place);
}

/* How many of `tries` questions host0.ZONE, host1.ZONE … get in. */
static unsigned crowd(struct limits *limits, const char *zone, unsigned tries, struct limits_place *places)
{
    unsigned in = 0;
    char text[128];
    for (unsigned i = 0; i < tries; i++) {
        snprintf(text, sizeof text, "host%u.%s", i, zone);
        in += enter(limits, text, &nobody, &places[in]) == LIMITS_OK;
    }
    return in;
}

static void learn(struct limits *limits, const char *text, unsigned labels)
{
    uint8_t name[255];
    assert_true(name_from_text(text, NULL, name) > 0);
    limits_learn(limits, name, labels);
}

static unsigned zone_labels(struct limits *limits, const char *text)
{
    uint8_t name[255];
    assert_true(name_from_text(text, NULL, name) > 0);
    return limits_zone_labels(limits, name);
}

static void one_zone_gets_half_and_two_a_third_each(void **state)
{
    (void)state;
    struct limits *limits = limits_new(300, 0, SEED);
    struct limits_place first[400], second[400];
    unsigned in = crowd(limits, "dead.test.", 400, first);
    assert_int_equal(in, 150);
    assert_int_equal(crowd(limits, "dying.test.", 400, second), 75);
    for (unsigned i = 0; i < in; i++)
        limits_leave(limits, &first[i], false, 5000);
    assert_int_equal(limits_used(limits), 75);
    assert_int_equal(crowd(limits, "dead.test.", 400, first), 113);
    limits_free(limits);
}

static void a_zone_that_answers_may_have_more(void **state)
{
    (void)state;
    struct limits *limits = limits_new(300, 0, SEED);
    struct limits_place places[400];
    uint8_t name[255];
    unsigned in = crowd(limits, "alive.test.", 400, places);
    assert_int_equal(in, 150);
    limits_leave(limits, &places[--in], true, 4500);
    assert_int_equal(in + crowd(limits, "alive.test.", 400, places + in), 240);
    assert_true(name_from_text("x.alive.test.", NULL, name) > 0);
    limits_leave(limits, &places[0], false, 5000);
    assert_int_equal(limits_enter(limits, name, &nobody, 5400, places), LIMITS_OK);
    limits_leave(limits, places, false, 5400);
    assert_int_equal(limits_enter(limits, name, &nobody, 5500, places),
                     LIMITS_ZONE_FULL); /* silent for a second */
    limits_free(limits);
}

static void there_is_room_for_another_zone_however_many_are_dead(void **state)
{
    (void)state;
    struct limits *limits = limits_new(1000, 0, SEED);
    struct limits_place place, places[1000];
    char zone[32];
    for (unsigned i = 0; i < 8; i++) {
        snprintf(zone, sizeof zone, "dead%u.test.", i);
        assert_true(crowd(limits, zone, 1000, places) > 0);
    }
    assert_int_equal(enter(limits, "www.alive.test.", &nobody, &place), LIMITS_OK);
    limits_free(limits);
}

static void a_configured_cap_per_zone_holds(void **state)
{
    (void)state;
    struct limits *limits = limits_new(1000, 20, SEED);
    struct limits_place places[100];
    assert_int_equal(crowd(limits, "dead.test.", 100, places), 20);
    limits_free(limits);
}

static void the_cap_in_all_holds(void **state)
{
    (void)state;
    struct limits *limits = limits_new(4, 0, SEED);
    struct limits_place place;
    assert_int_equal(enter(limits, "a.a.", &nobody, &place), LIMITS_OK);
    assert_int_equal(enter(limits, "b.b.", &nobody, &place), LIMITS_OK);
    assert_int_equal(enter(limits, "c.c.", &nobody, &place), LIMITS_OK);
    assert_int_equal(enter(limits, "d.d.", &nobody, &place), LIMITS_OK);
    assert_int_equal(enter(limits, "e.e.", &nobody, &place), LIMITS_FULL);
    limits_leave(limits, &place, false, 5000);
    assert_int_equal(enter(limits, "e.e.", &nobody, &place), LIMITS_OK);
    limits_free(limits);
}

static void one_client_leaves_room_for_others(void **state)
{
    (void)state;
    struct limits *limits = limits_new(100, 0, SEED);
    struct limits_place place;
    struct ip_address greedy, other;
    char text[64];
    unsigned in = 0;
    assert_int_equal(ip_from_text("192.0.2.1", &greedy), 0);
    assert_int_equal(ip_from_text("2001:db8::1", &other), 0);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "zone%u.test.", i);
        in += enter(limits, text, &greedy, &place) == LIMITS_OK;
    }
    assert_in_range(in, 80, 84);
    assert_int_equal(enter(limits, "more.test.", &greedy, &place), LIMITS_CLIENT_FULL);
    assert_int_equal(enter(limits, "more.test.", &other, &place), LIMITS_OK);
    limits_free(limits);
}

static void the_zone_is_two_labels_until_more_is_known(void **state)
{
    (void)state;
    struct limits *limits = limits_new(10, 0, SEED);
    assert_int_equal(zone_labels(limits, "."), 0);
    assert_int_equal(zone_labels(limits, "org."), 1);
    assert_int_equal(zone_labels(limits, "a.b.example.org."), 2);
    learn(limits, "x.b.example.org.", 3);
    assert_int_equal(zone_labels(limits, "a.b.example.org."), 3);
    assert_int_equal(zone_labels(limits, "a.c.example.org."), 2);
    limits_free(limits);
}

static void below_a_registry_one_label_more_is_a_zone(void **state)
{
    (void)state;
    struct limits *limits = limits_new(10, 0, SEED);
    char text[64];
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(zone_labels(limits, "www.dead.co.uk."), 2);
        snprintf(text, sizeof text, "www.shop%u.co.uk.", i);
        learn(limits, text, 3);
        learn(limits, text, 3); /* the same again counts once */
    }
    assert_int_equal(zone_labels(limits, "www.dead.co.uk."), 3);
    limits_free(limits);
}

static void coming_and_going_leaves_nothing_behind(void **state)
{
    (void)state;
    enum { PLACES = 64 };
    struct limits *limits = limits_new(PLACES, 0, SEED);
    struct limits_place places[PLACES];
    bool taken[PLACES] = {false};
    struct ip_address client;
    unsigned seed = 3;
    assert_int_equal(ip_from_text("192.0.2.1", &client), 0);
    for (unsigned round = 0; round < 20000; round++) {
        seed = seed * 1664525u + 1013904223u;
        unsigned i = (seed >> 8) % PLACES;
        char text[64];
        snprintf(text, sizeof text, "a.zone%u.test%u.", (seed >> 16) % 9, (seed >> 20) % 5);
        client.bytes[3] = (uint8_t)((seed >> 12) % 7);
        if (taken[i])
            limits_leave(limits, &places[i], false, 5000);
        taken[i] = !taken[i] && enter(limits, text, &client, &places[i]) == LIMITS_OK;
    }
    for (unsigned i = 0; i < PLACES; i++)
        if (taken[i])
            limits_leave(limits, &places[i], false, 5000);
    assert_int_equal(limits_used(limits), 0);
    struct limits_place again[PLACES];
    assert_int_equal(crowd(limits, "zone1.test1.", PLACES, again), PLACES / 2);
    limits_free(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_zone_gets_half_and_two_a_third_each),
        cmocka_unit_test(a_zone_that_answers_may_have_more),
        cmocka_unit_test(there_is_room_for_another_zone_however_many_are_dead),
        cmocka_unit_test(a_configured_cap_per_zone_holds),
        cmocka_unit_test(the_cap_in_all_holds),
        cmocka_unit_test(one_client_leaves_room_for_others),
        cmocka_unit_test(the_zone_is_two_labels_until_more_is_known),
        cmocka_unit_test(below_a_registry_one_label_more_is_a_zone),
        cmocka_unit_test(coming_and_going_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("resolve/limits", tests, NULL, NULL);
}
