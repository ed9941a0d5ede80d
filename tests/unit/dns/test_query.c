/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/query.h"

/* A packet under construction: www.example.org A, RD. */
static struct packet {
    uint8_t bytes[600];
    size_t length;
} packet;

static void add(const void *bytes, size_t length)
{
    assert_true(packet.length + length <= sizeof packet.bytes);
    memcpy(packet.bytes + packet.length, bytes, length);
    packet.length += length;
}
#define ADD(text) add(text, sizeof(text) - 1)

static void begin(unsigned answers, unsigned authorities, unsigned additionals)
{
    packet.length = 0;
    ADD("\x12\x34\x01\x00\x00\x01");
    uint8_t counts[6];
    store_u16(counts, (uint16_t)answers);
    store_u16(counts + 2, (uint16_t)authorities);
    store_u16(counts + 4, (uint16_t)additionals);
    add(counts, sizeof counts);
    ADD("\3www\7Example\3org\0\0\1\0\1");
}

/* An OPT of version 0, 4096 bytes, DO. */
static void add_opt(const void *options, size_t length)
{
    uint8_t size[2];
    ADD("\0\0\x29\x10\0\0\0\x80\0");
    store_u16(size, (uint16_t)length);
    add(size, 2);
    add(options, length);
}
#define ADD_OPT(options) add_opt(options, sizeof(options) - 1)

/* Parses a copy of exactly the packet's size, so that a sanitizer sees any byte read behind it. */
static enum query_verdict parse(struct dns_query *out)
{
    static uint8_t *exact;
    free(exact);
    exact = malloc(packet.length ? packet.length : 1);
    memcpy(exact, packet.bytes, packet.length);
    return query_parse(exact, packet.length, out);
}

static enum query_verdict parse_options(const void *options, size_t length)
{
    struct dns_query query;
    begin(0, 0, 1);
    add_opt(options, length);
    return parse(&query);
}
#define PARSE_OPTIONS(options) parse_options(options, sizeof(options) - 1)

static void plain_query_is_read(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 0);
    assert_int_equal(parse(&query), QUERY_OK);
    assert_int_equal(query.id, 0x1234);
    assert_int_equal(query.flags, DNS_RD);
    assert_true(query_rd(&query));
    assert_false(query_cd(&query));
    assert_int_equal(query.opcode, OPCODE_QUERY);
    assert_int_equal(query.qname_length, 17);
    assert_int_equal(query.qname_labels, 3);
    assert_memory_equal(query.qname, "\3www\7Example\3org", 17);
    assert_int_equal(query.qtype, TYPE_A);
    assert_int_equal(query.qclass, CLASS_IN);
    assert_int_equal(query.question_end, packet.length);
    assert_false(query.has_edns);
    assert_int_equal(query.udp_size, 512);
}

static void question_for_the_root_is_read(void **state)
{
    (void)state;
    struct dns_query query;
    packet.length = 0;
    ADD("\0\0\0\0\0\1\0\0\0\0\0\0\0\0\2\0\1");
    assert_int_equal(parse(&query), QUERY_OK);
    assert_int_equal(query.qname_length, 1);
    assert_int_equal(query.qname_labels, 0);
    assert_int_equal(query.qtype, TYPE_NS);
}

static void edns_is_read(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 1);
    ADD_OPT("\0\3\0\0\0\x0a\0\x08"
            "abcdefgh\0\x0b\0\0\0\x0c\0\2\0\0");
    assert_int_equal(parse(&query), QUERY_OK);
    assert_true(query.has_edns);
    assert_true(query.dnssec_ok);
    assert_int_equal(query.udp_size, 4096);
    assert_true(query.wants_nsid);
    assert_true(query.wants_keepalive);
    assert_true(query.has_cookie);
    assert_int_equal(query.cookie_length, 8);
    assert_memory_equal(query.cookie, "abcdefgh", 8);
}

static void small_udp_size_counts_as_512(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 1);
    ADD("\0\0\x29\0\x10\0\0\0\0\0\0");
    assert_int_equal(parse(&query), QUERY_OK);
    assert_int_equal(query.udp_size, 512);
    assert_false(query.dnssec_ok);
}

static void every_truncation_is_dropped_or_formerr(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 1);
    ADD_OPT("\0\x0a\0\x08"
            "abcdefgh");
    size_t whole = packet.length;
    assert_int_equal(parse(&query), QUERY_OK);
    for (size_t length = 0; length < whole; length++) {
        packet.length = length;
        assert_int_equal(parse(&query), length < 12 ? QUERY_DROP : QUERY_FORMERR);
    }
}

static void trailing_bytes_are_ignored(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 0);
    ADD("\0");
    assert_int_equal(parse(&query), QUERY_OK);
    assert_int_equal(query.id, 0x1234);
    assert_int_equal(query.qname_length, 17); /* the question can go into the answer */
}

static void response_is_dropped(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 0);
    packet.bytes[2] |= 0x80;
    assert_int_equal(parse(&query), QUERY_DROP);
}

static void number_of_questions_must_be_one(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 0);
    packet.bytes[5] = 0;
    assert_int_equal(parse(&query), QUERY_FORMERR);
    begin(0, 0, 0);
    packet.bytes[5] = 2;
    ADD("\0\0\1\0\1");
    assert_int_equal(parse(&query), QUERY_FORMERR);
    packet.length = 0;
    ADD("\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_int_equal(parse(&query), QUERY_FORMERR);
    assert_null(query.qname);
}

static void compression_in_the_question_is_formerr(void **state)
{
    (void)state;
    struct dns_query query;
    packet.length = 0;
    ADD("\0\0\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1");
    assert_int_equal(parse(&query), QUERY_FORMERR);
    packet.bytes[12] = 0x40; /* the reserved label types */
    assert_int_equal(parse(&query), QUERY_FORMERR);
    packet.bytes[12] = 0x80;
    assert_int_equal(parse(&query), QUERY_FORMERR);
    assert_null(query.qname);
}

static void longest_name_is_read_and_a_longer_one_is_not(void **state)
{
    (void)state;
    for (size_t last = 61; last <= 62; last++) {
        struct dns_query query;
        uint8_t label[64] = {0};
        packet.length = 0;
        ADD("\0\0\0\0\0\1\0\0\0\0\0\0");
        for (int i = 0; i < 4; i++) {
            label[0] = (uint8_t)(i < 3 ? 63 : last);
            add(label, label[0] + 1u);
        }
        ADD("\0\0\1\0\1");
        assert_int_equal(parse(&query), last == 61 ? QUERY_OK : QUERY_FORMERR);
        assert_int_equal(query.qname_length, last == 61 ? 255 : 0);
    }
}

static void opcodes(void **state)
{
    (void)state;
    for (unsigned opcode = 0; opcode < 16; opcode++) {
        struct dns_query query;
        bool done = opcode == OPCODE_QUERY || opcode == OPCODE_NOTIFY || opcode == OPCODE_UPDATE;
        begin(0, 0, 0);
        packet.bytes[2] = (uint8_t)(opcode << 3);
        assert_int_equal(parse(&query), done ? QUERY_OK : QUERY_NOTIMP);
        assert_int_equal(query.opcode, opcode);
    }
}

static void records_before_the_additional_section_are_passed_over(void **state)
{
    (void)state;
    struct dns_query query;
    begin(1, 1, 1);
    ADD("\xc0\x0c\0\1\0\1\0\0\0\0\0\4abcd");
    ADD("\1x\0\0\6\0\1\0\0\0\0\0\0");
    ADD_OPT("");
    assert_int_equal(parse(&query), QUERY_OK);
    assert_true(query.has_edns);
}

static void opt_in_another_section_is_formerr(void **state)
{
    (void)state;
    struct dns_query query;
    begin(1, 0, 0);
    ADD_OPT("");
    assert_int_equal(parse(&query), QUERY_FORMERR);
    begin(0, 1, 0);
    ADD_OPT("");
    assert_int_equal(parse(&query), QUERY_FORMERR);
}

static void two_opts_are_formerr(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 2);
    ADD_OPT("");
    ADD_OPT("");
    assert_int_equal(parse(&query), QUERY_FORMERR);
}

static void opt_owned_by_another_name_is_formerr(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 1);
    ADD("\1x");
    ADD_OPT("");
    assert_int_equal(parse(&query), QUERY_FORMERR);
    begin(0, 0, 1);
    ADD("\xc0\x1c\0\x29\x10\0\0\0\0\0\0\0"); /* a pointer to the root's byte */
    assert_int_equal(parse(&query), QUERY_FORMERR);
}

static void higher_edns_version_is_badvers_whatever_its_options(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 1);
    ADD("\0\0\x29\x10\0\0\1\0\0\0\2zz");
    assert_int_equal(parse(&query), QUERY_BADVERS);
    assert_true(query.has_edns);
    assert_int_equal(query.edns_version, 1);
}

static void cookie_lengths(void **state)
{
    (void)state;
    for (unsigned length = 0; length <= 50; length++) {
        uint8_t option[60] = {0, EDNS_COOKIE, 0, (uint8_t)length};
        bool good = length == 8 || (length >= 16 && length <= 40);
        assert_int_equal(parse_options(option, 4 + length), good ? QUERY_OK : QUERY_FORMERR);
    }
}

static void first_of_two_cookies_counts(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 1);
    ADD_OPT("\0\x0a\0\x08"
            "aaaaaaaa\0\x0a\0\x08"
            "bbbbbbbb");
    assert_int_equal(parse(&query), QUERY_OK);
    assert_memory_equal(query.cookie, "aaaaaaaa", 8);
}

static void options_that_do_not_fit_their_opt_are_formerr(void **state)
{
    (void)state;
    assert_int_equal(PARSE_OPTIONS("\0"), QUERY_FORMERR);
    assert_int_equal(PARSE_OPTIONS("\0\3\0"), QUERY_FORMERR);
    assert_int_equal(PARSE_OPTIONS("\0\3\0\1"), QUERY_FORMERR);
    assert_int_equal(PARSE_OPTIONS("\xff\xff\0\0\0"), QUERY_FORMERR);
    assert_int_equal(PARSE_OPTIONS("\xff\xff\0\1x"), QUERY_OK);
    assert_int_equal(PARSE_OPTIONS("\0\x0b\0\2\0\0"), QUERY_FORMERR); /* RFC 7828: empty in a query */
}

static void client_subnet_must_be_well_formed(void **state)
{
    (void)state;
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\7\0\1\x18\0\xc0\0\2"), QUERY_OK);
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\4\0\1\0\0"), QUERY_OK);
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\4\0\0\0\0"), QUERY_OK);
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\3\0\1\0"), QUERY_FORMERR);
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\6\0\1\x18\0\xc0\0"), QUERY_FORMERR);     /* too short */
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\5\0\1\4\0\xc8"), QUERY_FORMERR);         /* bits set */
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\x09\0\1\x21\0abcde"), QUERY_FORMERR);    /* over 32 */
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\5\0\3\x08\0a"), QUERY_FORMERR);          /* family 3 */
    assert_int_equal(PARSE_OPTIONS("\0\x08\0\7\0\1\x18\x18\xc0\0\2"), QUERY_FORMERR); /* scope */
}

static void tsig_must_be_the_last_record(void **state)
{
    (void)state;
    struct dns_query query;
    begin(0, 0, 2);
    ADD_OPT("");
    ADD("\3key\0\0\xfa\0\xff\0\0\0\0\0\0");
    assert_int_equal(parse(&query), QUERY_OK);
    begin(0, 0, 2);
    ADD("\3key\0\0\xfa\0\xff\0\0\0\0\0\0");
    ADD_OPT("");
    assert_int_equal(parse(&query), QUERY_FORMERR);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_query_is_read),
        cmocka_unit_test(question_for_the_root_is_read),
        cmocka_unit_test(edns_is_read),
        cmocka_unit_test(small_udp_size_counts_as_512),
        cmocka_unit_test(every_truncation_is_dropped_or_formerr),
        cmocka_unit_test(trailing_bytes_are_ignored),
        cmocka_unit_test(response_is_dropped),
        cmocka_unit_test(number_of_questions_must_be_one),
        cmocka_unit_test(compression_in_the_question_is_formerr),
        cmocka_unit_test(longest_name_is_read_and_a_longer_one_is_not),
        cmocka_unit_test(opcodes),
        cmocka_unit_test(records_before_the_additional_section_are_passed_over),
        cmocka_unit_test(opt_in_another_section_is_formerr),
        cmocka_unit_test(two_opts_are_formerr),
        cmocka_unit_test(opt_owned_by_another_name_is_formerr),
        cmocka_unit_test(higher_edns_version_is_badvers_whatever_its_options),
        cmocka_unit_test(cookie_lengths),
        cmocka_unit_test(first_of_two_cookies_counts),
        cmocka_unit_test(options_that_do_not_fit_their_opt_are_formerr),
        cmocka_unit_test(client_subnet_must_be_well_formed),
        cmocka_unit_test(tsig_must_be_the_last_record),
    };
    return RUN_TESTS(tests);
}
