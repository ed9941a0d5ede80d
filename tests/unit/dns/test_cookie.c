/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vectors of RFC 9018 appendix A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/cookie.h"

static const uint8_t SECRET[] = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
                                 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf};
static const uint8_t NEW_SECRET[] = {0x44, 0x55, 0x36, 0xbc, 0xd2, 0x51, 0x32, 0x98,
                                     0x07, 0x5a, 0x5d, 0x37, 0x96, 0x63, 0xc9, 0x62};

struct vector {
    const uint8_t *secret;
    const char *client;
    uint32_t made_s;
    uint8_t cookie[COOKIE_WHOLE_BYTES];
};

static const struct vector MADE[] = {
    {SECRET, "198.51.100.100", 1559731985, {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57,
                                            0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0x9f, 0x11,
                                            0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80}},
    {SECRET, "198.51.100.100", 1559734385, {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57,
                                            0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0xa8, 0x71,
                                            0xd4, 0xa5, 0x64, 0xa1, 0x44, 0x2a, 0xca, 0x77}},
    {SECRET, "203.0.113.203", 1559734700, {0xfc, 0x93, 0xfc, 0x62, 0x80, 0x7d, 0xdb, 0x86,
                                           0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7, 0xa9, 0xac,
                                           0xf7, 0x3a, 0x78, 0x10, 0xac, 0xa2, 0x38, 0x1e}},
    {NEW_SECRET, "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, {0x22, 0x68, 0x1a, 0xb9, 0x7d, 0x52,
                                                                    0xc2, 0x98, 0x01, 0x00, 0x00, 0x00,
                                                                    0x5c, 0xf7, 0xc6, 0x09, 0xa6, 0xbb,
                                                                    0x79, 0xd1, 0x66, 0x25, 0x50, 0x7a}},
};

/* Another server's, with bits in the reserved field: they are hashed as they are (appendix A.3). */
static const struct vector RESERVED = {
    SECRET, "203.0.113.203", 1559727985, {0xfc, 0x93, 0xfc, 0x62, 0x80, 0x7d, 0xdb, 0x86,
                                          0x01, 0xab, 0xcd, 0xef, 0x5c, 0xf7, 0x8f, 0x71,
                                          0xa3, 0x14, 0x22, 0x7b, 0x66, 0x79, 0xeb, 0xf5}};

static struct ip_address address_of(const struct vector *vector)
{
    struct ip_address address;
    assert_int_equal(ip_from_text(vector->client, &address), 0);
    return address;
}

static int valid(const struct vector *vector, const uint8_t *cookie, unsigned length, uint32_t now_s)
{
    struct ip_address address = address_of(vector);
    return cookie_valid(vector->secret, cookie, length, &address, now_s);
}

static void cookies_are_those_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof MADE / sizeof *MADE; i++) {
        struct ip_address address = address_of(&MADE[i]);
        uint8_t out[COOKIE_WHOLE_BYTES];
        assert_int_equal(cookie_make(MADE[i].secret, MADE[i].cookie, &address, MADE[i].made_s, out),
                         COOKIE_WHOLE_BYTES);
        assert_memory_equal(out, MADE[i].cookie, sizeof out);
        assert_true(valid(&MADE[i], out, sizeof out, MADE[i].made_s));
    }
}

static void reserved_bits_are_hashed_as_they_are(void **state)
{
    (void)state;
    assert_true(valid(&RESERVED, RESERVED.cookie, COOKIE_WHOLE_BYTES, RESERVED.made_s));
}

static void a_cookie_lives_for_an_hour(void **state)
{
    (void)state;
    const struct vector *v = &MADE[0];
    assert_true(valid(v, v->cookie, COOKIE_WHOLE_BYTES, v->made_s + 3600));
    assert_false(valid(v, v->cookie, COOKIE_WHOLE_BYTES, v->made_s + 3601));
    assert_true(valid(v, v->cookie, COOKIE_WHOLE_BYTES, v->made_s - 300));
    assert_false(valid(v, v->cookie, COOKIE_WHOLE_BYTES, v->made_s - 301));
}

static void a_time_near_the_end_of_its_numbers_counts_on(void **state)
{
    (void)state;
    struct ip_address address = address_of(&MADE[0]);
    uint8_t out[COOKIE_WHOLE_BYTES];
    cookie_make(SECRET, MADE[0].cookie, &address, UINT32_MAX - 5, out);
    assert_true(cookie_valid(SECRET, out, sizeof out, &address, 100));
    assert_false(cookie_valid(SECRET, out, sizeof out, &address, 4000));
}

static void what_is_not_ours_is_none(void **state)
{
    (void)state;
    const struct vector *v = &MADE[0];
    struct vector other = *v;
    other.client = "198.51.100.101";
    assert_false(valid(&other, v->cookie, COOKIE_WHOLE_BYTES, v->made_s));
    other = *v;
    other.secret = NEW_SECRET;
    assert_false(valid(&other, v->cookie, COOKIE_WHOLE_BYTES, v->made_s));
    assert_false(valid(v, v->cookie, 8, v->made_s));
    assert_false(valid(v, v->cookie, COOKIE_WHOLE_BYTES - 1, v->made_s));
    for (size_t i = 0; i < COOKIE_WHOLE_BYTES; i++) {
        other = *v;
        other.cookie[i] ^= 1;
        assert_false(valid(&other, other.cookie, COOKIE_WHOLE_BYTES, v->made_s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_those_of_the_rfc),
        cmocka_unit_test(reserved_bits_are_hashed_as_they_are),
        cmocka_unit_test(a_cookie_lives_for_an_hour),
        cmocka_unit_test(a_time_near_the_end_of_its_numbers_counts_on),
        cmocka_unit_test(what_is_not_ours_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
