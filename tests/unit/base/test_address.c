/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <arpa/inet.h>

#include "base/address.h"

static struct ip_address ip(const char *text)
{
    struct ip_address out;
    assert_int_equal(ip_from_text(text, &out), 0);
    return out;
}

static void assert_prefix(const char *text, const char *expected)
{
    struct ip_prefix prefix;
    char out[IP_TEXT_MAX];
    assert_int_equal(prefix_from_text(text, &prefix), 0);
    assert_string_equal(prefix_to_text(&prefix, out), expected);
}

static void address_text_goes_there_and_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct ip_address address = ip(texts[i]);
        char out[IP_TEXT_MAX];
        assert_string_equal(ip_to_text(&address, out), texts[i]);
    }
}

static void address_rejects_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", ":", "2001:db8::g", "x"};
    struct ip_address out;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(ip_from_text(texts[i], &out), ERR_MALFORMED);
}

static void prefix_fills_missing_octets(void **state)
{
    (void)state;
    assert_prefix("10/8", "10.0.0.0/8");
    assert_prefix("172.16/12", "172.16.0.0/12");
    assert_prefix("192.0.2.0/24", "192.0.2.0/24");
    assert_prefix("192.0.2.1", "192.0.2.1/32");
    assert_prefix("0/0", "0.0.0.0/0");
    assert_prefix("2001:db8::/32", "2001:db8::/32");
    assert_prefix("::1", "::1/128");
}

static void prefix_rejects_host_bits_and_bad_lengths(void **state)
{
    (void)state;
    struct ip_prefix out;
    assert_int_equal(prefix_from_text("192.0.2.1/24", &out), ERR_INVALID);
    assert_int_equal(prefix_from_text("2001:db8::1/64", &out), ERR_INVALID);
    static const char *const texts[] = {"10.0.0.0/33", "::/129", "10/", "10/-1",       "10/8x", "10/ 8",
                                        "/8",          "",       "10",  "1.2.3.4.5/8", "10./8"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(prefix_from_text(texts[i], &out), ERR_MALFORMED);
}

static void prefix_contains_compares_the_first_bits_only(void **state)
{
    (void)state;
    struct ip_prefix prefix;
    assert_int_equal(prefix_from_text("10.128.0.0/9", &prefix), 0);
    struct ip_address in = ip("10.255.255.255"), out = ip("10.127.0.0"), other = ip("::");
    assert_true(prefix_contains(&prefix, &in));
    assert_false(prefix_contains(&prefix, &out));
    assert_false(prefix_contains(&prefix, &other));
    assert_int_equal(prefix_from_text("0/0", &prefix), 0);
    assert_true(prefix_contains(&prefix, &out));
    assert_false(prefix_contains(&prefix, &other));
}

static void mask_says_whether_bits_were_set(void **state)
{
    (void)state;
    struct ip_address address = ip("2001:db8::ffff");
    assert_false(ip_mask(&address, 128));
    assert_true(ip_mask(&address, 112));
    struct ip_address expected = ip("2001:db8::");
    assert_true(ip_equal(&address, &expected));
    assert_false(ip_mask(&address, 32));
}

static void sockaddr_goes_there_and_back(void **state)
{
    (void)state;
    struct ip_address v4 = ip("192.0.2.7"), v6 = ip("2001:db8::7"), back;
    union sockaddr_any any;
    char out[IP_TEXT_MAX];
    assert_int_equal(ip_to_sockaddr(&v4, 53, &any), sizeof any.v4);
    back = ip_from_sockaddr(&any);
    assert_true(ip_equal(&back, &v4));
    assert_int_equal(sockaddr_port(&any), 53);
    assert_string_equal(sockaddr_to_text(&any, out), "192.0.2.7#53");
    assert_int_equal(ip_to_sockaddr(&v6, 65535, &any), sizeof any.v6);
    back = ip_from_sockaddr(&any);
    assert_true(ip_equal(&back, &v6));
    assert_string_equal(sockaddr_to_text(&any, out), "2001:db8::7#65535");
}

static void mapped_address_becomes_v4(void **state)
{
    (void)state;
    union sockaddr_any any = {.v6 = {.sin6_family = AF_INET6}};
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &any.v6.sin6_addr), 1);
    struct ip_address address = ip_from_sockaddr(&any), expected = ip("192.0.2.7");
    assert_int_equal(address.family, IP_V4);
    assert_true(ip_equal(&address, &expected));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_text_goes_there_and_back),
        cmocka_unit_test(address_rejects_what_is_none),
        cmocka_unit_test(prefix_fills_missing_octets),
        cmocka_unit_test(prefix_rejects_host_bits_and_bad_lengths),
        cmocka_unit_test(prefix_contains_compares_the_first_bits_only),
        cmocka_unit_test(mask_says_whether_bits_were_set),
        cmocka_unit_test(sockaddr_goes_there_and_back),
        cmocka_unit_test(mapped_address_becomes_v4),
    };
    return RUN_TESTS(tests);
}
