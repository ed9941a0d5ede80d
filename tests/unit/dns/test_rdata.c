/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <string.h>

#include "base/address.h"
#include "dns/record.h"

struct sample {
    uint16_t type;
    const char *rdata;
    size_t length;
    const char *text;
};
#define SAMPLE(type, rdata, text)                                                                            \
    {                                                                                                        \
        type, rdata, sizeof(rdata) - 1, text                                                                 \
    }

static const struct sample good[] = {
    SAMPLE(TYPE_A, "\xc0\0\2\1", "192.0.2.1"),
    SAMPLE(TYPE_AAAA, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", "2001:db8::1"),
    SAMPLE(TYPE_MX, "\0\x0a\4mail\7example\0", "10 mail.example."),
    SAMPLE(TYPE_CNAME, "\0", "."),
    SAMPLE(TYPE_TXT, "\2ab\0\3c\"d", "\"ab\" \"\" \"c\\\"d\""),
    SAMPLE(TYPE_SOA, "\1n\0\1h\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", "n. h. 1 2 3 4 5"),
    SAMPLE(TYPE_SRV, "\0\1\0\2\0\x35\1s\0", "1 2 53 s."),
    SAMPLE(TYPE_HTTPS, "\0\1\0", "1 ."),
    SAMPLE(TYPE_HTTPS, "\0\1\0\0\3\0\2\1\xbb", "1 . port=443"),
    SAMPLE(257, "\0\5issueca.example", "0 issue \"ca.example\""),
    SAMPLE(TYPE_NSEC, "\1b\0\0\1\x40", "b. A"),
    SAMPLE(TYPE_DS, "\0\1\x08\2\xab\xcd", "1 8 2 ABCD"),
    SAMPLE(65280, "\1\2\xff", "\\# 3 0102FF"),
    SAMPLE(65280, "", "\\# 0"),
};

static const struct sample bad[] = {
    SAMPLE(TYPE_A, "\xc0\0\2", "\\# 3 C00002"),
    SAMPLE(TYPE_AAAA, "\xc0\0\2\1", "\\# 4 C0000201"),
    SAMPLE(TYPE_MX, "\0\x0a\4mail", NULL),
    SAMPLE(TYPE_CNAME, "", "\\# 0"),
    SAMPLE(TYPE_CNAME, "\xc0\x0c", NULL),
    SAMPLE(TYPE_CNAME, "\0\0", NULL),
    SAMPLE(TYPE_TXT, "", NULL),
    SAMPLE(TYPE_TXT, "\3ab", NULL),
    SAMPLE(TYPE_SOA, "\1n\0\1h\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0", NULL),
    SAMPLE(TYPE_SRV, "\0\1\0\2\0", NULL),
    SAMPLE(TYPE_HTTPS, "\0\1", NULL),
    SAMPLE(TYPE_HTTPS, "\0\1\0\0\3\0\2\1", NULL),
    SAMPLE(TYPE_HTTPS, "\0\1\0\0\3\0\0\0\3\0\0", NULL), /* the same key twice */
    SAMPLE(257, "\0\6issue", NULL),
    SAMPLE(257, "\0\0", NULL),
    SAMPLE(TYPE_NSEC, "\1b\0\0\0", NULL),
    SAMPLE(TYPE_NSEC, "\1b\0\0\2\x40", NULL),
    SAMPLE(TYPE_NSEC, "\1b\0\1\1\x40\0\1\x40", NULL), /* windows that do not ascend */
    SAMPLE(TYPE_NSEC3, "\1\0\0\0\0\5abc", NULL),
    SAMPLE(TYPE_DS, "\0\1\x08\2", NULL),
    SAMPLE(13, "\1a", NULL), /* HINFO has two strings */
};

static void well_formed_rdata_passes_and_reads_well(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char out[200];
        const uint8_t *rdata = (const uint8_t *)good[i].rdata;
        assert_true(rdata_check(good[i].type, rdata, good[i].length));
        assert_string_equal(rdata_to_text(good[i].type, rdata, good[i].length, out, sizeof out),
                            good[i].text);
    }
}

static void malformed_rdata_does_not_pass_and_is_printed_in_hexadecimal(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char out[200];
        const uint8_t *rdata = (const uint8_t *)bad[i].rdata;
        assert_false(rdata_check(bad[i].type, rdata, bad[i].length));
        rdata_to_text(bad[i].type, rdata, bad[i].length, out, sizeof out);
        assert_memory_equal(out, "\\# ", 3);
        if (bad[i].text)
            assert_string_equal(out, bad[i].text);
    }
}

static void text_is_cut_to_its_buffer(void **state)
{
    (void)state;
    char out[8];
    assert_string_equal(rdata_to_text(TYPE_A, (const uint8_t *)"\xc0\0\2\1", 4, out, sizeof out), "192.0.2");
    assert_string_equal(rdata_to_text(65280, (const uint8_t *)"abcdef", 6, out, sizeof out), "\\# 6 61");
    static uint8_t large[65535];
    static char text[200000];
    assert_true(strlen(rdata_to_text(65280, large, sizeof large, text, sizeof text)) > 131000);
    rdata_to_text(TYPE_TXT, large, sizeof large, text, sizeof text);
    assert_memory_equal(text, "\"\" \"\" ", 6);
}

static void address_is_taken_from_a_and_aaaa_only(void **state)
{
    (void)state;
    const uint8_t *bytes = (const uint8_t *)"\xc0\0\2\1aaaaaaaaaaaa";
    assert_int_equal(rdata_address(TYPE_A, bytes, 4).family, IP_V4);
    assert_int_equal(rdata_address(TYPE_AAAA, bytes, 16).family, IP_V6);
    assert_int_equal(rdata_address(TYPE_A, bytes, 16).family, IP_NONE);
    assert_int_equal(rdata_address(TYPE_AAAA, bytes, 4).family, IP_NONE);
    assert_int_equal(rdata_address(TYPE_TXT, bytes, 4).family, IP_NONE);
}

static void soa_fields(void **state)
{
    (void)state;
    const uint8_t *soa = (const uint8_t *)"\1n\3org\0\1h\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
    assert_int_equal(soa_serial(soa), 1);
    assert_int_equal(soa_refresh_s(soa), 2);
    assert_int_equal(soa_retry_s(soa), 3);
    assert_int_equal(soa_expire_s(soa), 4);
    assert_int_equal(soa_minimum_s(soa), 5);
}

static void serials_wrap_around(void **state)
{
    (void)state;
    assert_true(serial_newer(2, 1));
    assert_false(serial_newer(1, 2));
    assert_false(serial_newer(1, 1));
    assert_true(serial_newer(0, 0xffffffff));
    assert_true(serial_newer(0x7fffffff, 0));
    assert_false(serial_newer(0x80000001, 0));
    assert_false(serial_newer(0x80000000, 0)); /* undefined in RFC 1982: neither is newer */
    assert_false(serial_newer(0, 0x80000000));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_rdata_passes_and_reads_well),
        cmocka_unit_test(malformed_rdata_does_not_pass_and_is_printed_in_hexadecimal),
        cmocka_unit_test(text_is_cut_to_its_buffer),
        cmocka_unit_test(address_is_taken_from_a_and_aaaa_only),
        cmocka_unit_test(soa_fields),
        cmocka_unit_test(serials_wrap_around),
    };
    return RUN_TESTS(tests);
}
