/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "candord/cookie_table.h"

static const uint8_t SECRET[COOKIE_SECRET_BYTES] = "sixteen bytes !";
static const struct ip_address HERE = {IP_V4, {192, 0, 2, 1}}, THERE = {IP_V4, {192, 0, 2, 2}};

static void make(struct cookie_table *table, const char *client_cookie, const struct ip_address *client,
                 uint64_t now_ms, uint8_t out[COOKIE_WHOLE_BYTES])
{
    assert_int_equal(cookie_table_make(table, (const uint8_t *)client_cookie, client, now_ms, out),
                     COOKIE_WHOLE_BYTES);
    assert_memory_equal(out, client_cookie, 8);
    assert_true(cookie_valid(SECRET, out, COOKIE_WHOLE_BYTES, client, (uint32_t)clock_wall_s()));
}

static void who_comes_back_gets_the_same(void **state)
{
    (void)state;
    struct cookie_table *table = cookie_table_new(SECRET, 1);
    uint8_t first[COOKIE_WHOLE_BYTES], again[COOKIE_WHOLE_BYTES];
    make(table, "client 1", &HERE, 1000, first);
    make(table, "client 1", &HERE, 1000 + COOKIE_REUSE_S * 1000 - 1, again);
    assert_memory_equal(first, again, sizeof first);
    cookie_table_free(table);
}

static void another_address_gets_his_own(void **state)
{
    (void)state;
    struct cookie_table *table = cookie_table_new(SECRET, 1);
    uint8_t here[COOKIE_WHOLE_BYTES], there[COOKIE_WHOLE_BYTES];
    struct ip_address v6 = HERE;
    v6.family = IP_V6;
    make(table, "client 1", &HERE, 1000, here);
    make(table, "client 1", &THERE, 1000, there);
    assert_memory_not_equal(here, there, sizeof here);
    make(table, "client 1", &HERE, 1000, here);
    make(table, "client 1", &v6, 1000, there);
    cookie_table_free(table);
}

/* More clients than it remembers. */
static void each_of_many_clients_gets_a_good_one(void **state)
{
    (void)state;
    struct cookie_table *table = cookie_table_new(SECRET, 1);
    uint8_t out[COOKIE_WHOLE_BYTES];
    char cookie[9];
    for (int turn = 0; turn < 2; turn++)
        for (unsigned i = 0; i < 3000; i++) {
            snprintf(cookie, sizeof cookie, "%08u", i);
            make(table, cookie, &HERE, 1000 + i, out);
        }
    cookie_table_free(table);
}

/* The secret stays as it is in the daemon; here it shows when a cookie is made. */
static void an_old_one_is_made_anew(void **state)
{
    (void)state;
    uint8_t secret[COOKIE_SECRET_BYTES] = "another secret", out[3][COOKIE_WHOLE_BYTES];
    struct cookie_table *table = cookie_table_new(secret, 1);
    const uint8_t *client_cookie = (const uint8_t *)"client 1";
    (void)cookie_table_make(table, client_cookie, &HERE, 1000, out[0]);
    memcpy(secret, SECRET, sizeof secret);
    (void)cookie_table_make(table, client_cookie, &HERE, 999 + COOKIE_REUSE_S * 1000, out[1]);
    assert_memory_equal(out[0], out[1], COOKIE_WHOLE_BYTES);
    make(table, "client 1", &HERE, 1000 + COOKIE_REUSE_S * 1000, out[2]);
    cookie_table_free(table);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_comes_back_gets_the_same),
        cmocka_unit_test(another_address_gets_his_own),
        cmocka_unit_test(each_of_many_clients_gets_a_good_one),
        cmocka_unit_test(an_old_one_is_made_anew),
    };
    return RUN_TESTS(tests);
}
