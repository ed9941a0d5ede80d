/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <string.h>

#include "dns/message.h"
#include "dns/name.h"

static uint8_t buffer[65535];
static struct message_writer m;

#define NAME(text) ((const uint8_t *)(text))
#define OWNER NAME("\3www\7Example\3org")
#define RDATA(text)                                                                                          \
    {                                                                                                        \
        sizeof(text) - 1, (const uint8_t *)(text)                                                            \
    }

static const struct rdata addresses[] = {RDATA("\xc0\0\2\1"), RDATA("\xc0\0\2\2"), RDATA("\xc0\0\2\3")};

static void begin(size_t size)
{
    message_begin(&m, buffer, size, 0x1234, DNS_QR | DNS_RD);
    assert_int_equal(message_put_question(&m, OWNER, TYPE_A, CLASS_IN), 0);
}

static struct rrset a_set(const uint8_t *owner, uint16_t count)
{
    return (struct rrset){.owner = owner, .type = TYPE_A, .ttl_s = 300, .count = count, .rdatas = addresses};
}

static void assert_bytes(size_t from, const void *expected, size_t length)
{
    assert_int_equal(writer_used(&m.writer), from + length);
    assert_memory_equal(buffer + from, expected, length);
}
#define BYTES(from, text) assert_bytes(from, text, sizeof(text) - 1)

enum { QUESTION_END = 12 + 17 + 4 };

static void header_and_question(void **state)
{
    (void)state;
    begin(512);
    assert_int_equal(message_finish(&m, RCODE_BADCOOKIE), QUESTION_END);
    BYTES(0, "\x12\x34\x81\x07\0\1\0\0\0\0\0\0\3www\7Example\3org\0\0\1\0\1");
}

static void owner_of_the_question_is_a_pointer(void **state)
{
    (void)state;
    begin(512);
    struct rrset set = a_set(OWNER, 2);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    BYTES(QUESTION_END, "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2");
    message_finish(&m, 0);
    assert_int_equal(load_u16(buffer + 6), 2);
}

static void compression_ignores_case_and_shares_tails(void **state)
{
    (void)state;
    begin(512);
    struct rrset set = a_set(NAME("\4mail\7eXAMPLE\3org"), 2);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    BYTES(QUESTION_END, "\4mail\xc0\x10\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1"
                        "\xc0\x21\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2");
}

static void compression_does_not_mix_up_signs(void **state)
{
    (void)state;
    message_begin(&m, buffer, 512, 0, 0);
    assert_int_equal(message_put_question(&m, NAME("\2[@"), TYPE_A, CLASS_IN), 0);
    struct rrset set = a_set(NAME("\2{`"), 1); /* differ by 0x20 but are no letters */
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    BYTES(12 + 8, "\2{`\0\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1");
}

static void root_owner_is_one_byte(void **state)
{
    (void)state;
    begin(512);
    struct rrset set = a_set(NAME(""), 2);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    BYTES(QUESTION_END, "\0\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1\0\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\2");
}

static void names_in_rdata_are_compressed_for_old_types_only(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        struct rdata before, after;
    } cases[] = {
        {TYPE_CNAME, RDATA("\1x\7example\3org\0"), RDATA("\1x\xc0\x10")},
        {TYPE_MX, RDATA("\0\1\3WWW\7example\3org\0"), RDATA("\0\1\xc0\x0c")},
        {TYPE_SOA, RDATA("\3org\0\1h\3org\0aaaabbbbccccddddeeee"),
         RDATA("\xc0\x18\1h\xc0\x18"
               "aaaabbbbccccddddeeee")},
        {TYPE_SRV, RDATA("\0\1\0\2\0\3\3org\0"), RDATA("\0\1\0\2\0\3\3org\0")},
        {TYPE_DNAME, RDATA("\3org\0"), RDATA("\3org\0")},
        {65280, RDATA("\3org\0"), RDATA("\3org\0")},
        {TYPE_TXT, RDATA("\3org\0"), RDATA("\3org\0")},
        {TYPE_CNAME, RDATA("\0"), RDATA("\0")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(512);
        struct rrset set = {.owner = OWNER, .type = cases[i].type, .count = 1, .rdatas = &cases[i].before};
        assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
        assert_int_equal(load_u16(buffer + QUESTION_END + 10), cases[i].after.length);
        assert_bytes(QUESTION_END + 12, cases[i].after.bytes, cases[i].after.length);
    }
}

static void signatures_come_along_when_wanted(void **state)
{
    (void)state;
    static const struct rdata sig = RDATA("\0\1\x0d\2\0\0\0\1\0\0\0\2\0\0\0\3\0\4\3org\0sig");
    struct rrset set = a_set(OWNER, 1);
    set.sigs = &sig;
    set.sig_count = 1;
    begin(512);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    assert_int_equal(m.counts[1], 1);
    begin(512);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, true), 0);
    assert_int_equal(m.counts[1], 2);
    assert_bytes(QUESTION_END + 16 + 12, sig.bytes, sig.length); /* its signer is not compressed */
}

static void rrset_that_does_not_fit_leaves_no_trace(void **state)
{
    (void)state;
    struct rrset set = a_set(NAME("\1a\1b"), 3);
    for (size_t size = QUESTION_END; size < QUESTION_END + 5 + 14 + 2 * 16; size++) {
        begin(size);
        memset(buffer + size, 0xee, 16);
        assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), ERR_SPACE);
        assert_true(m.truncated);
        assert_int_equal(writer_used(&m.writer), QUESTION_END);
        assert_int_equal(m.counts[1], 0);
        assert_int_equal(buffer[size], 0xee);
        /* what was taken back must not be pointed to */
        struct rrset next = a_set(NAME("\1b"), 1);
        if (message_put_rrset(&m, SECTION_ANSWER, &next, false) == 0)
            assert_int_equal(buffer[QUESTION_END], 1);
    }
    begin(QUESTION_END + 5 + 14 + 2 * 16);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    assert_false(m.truncated);
}

static void additional_data_that_does_not_fit_is_no_truncation(void **state)
{
    (void)state;
    struct rrset set = a_set(OWNER, 3);
    begin(QUESTION_END + 20);
    assert_int_equal(message_put_rrset(&m, SECTION_ADDITIONAL, &set, false), ERR_SPACE);
    assert_false(m.truncated);
    assert_int_equal(message_put_rrset(&m, SECTION_AUTHORITY, &set, false), ERR_SPACE);
    assert_true(m.truncated);
}

static void question_that_does_not_fit(void **state)
{
    (void)state;
    message_begin(&m, buffer, QUESTION_END - 1, 0, 0);
    assert_int_equal(message_put_question(&m, OWNER, TYPE_A, CLASS_IN), ERR_SPACE);
    assert_int_equal(message_finish(&m, 0), 12);
    assert_int_equal(load_u16(buffer + 4), 0);
}

static void edns_uses_the_room_that_was_kept(void **state)
{
    (void)state;
    struct edns_reply edns = {.udp_size = 1232,
                              .dnssec_ok = true,
                              .extended_rcode = RCODE_BADVERS,
                              .keepalive_100ms = -1,
                              .ede = EDE_FILTERED,
                              .ede_text = "why"};
    size_t bytes = edns_reply_bytes(&edns);
    assert_int_equal(bytes, 11 + 4 + 2 + 3);
    begin(QUESTION_END + bytes);
    message_reserve(&m, bytes);
    struct rrset set = a_set(OWNER, 1);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), ERR_SPACE);
    message_put_edns(&m, &edns);
    BYTES(QUESTION_END, "\0\0\x29\x04\xd0\x01\0\x80\0\0\x09\0\x0f\0\5\0\x11why");
    message_finish(&m, RCODE_BADVERS);
    assert_int_equal(load_u16(buffer + 10), 1);
    assert_int_equal(buffer[3] & 15, 0);
}

static void edns_options_are_written(void **state)
{
    (void)state;
    struct edns_reply edns = {.udp_size = 512,
                              .nsid = NAME("ns"),
                              .nsid_length = 2,
                              .cookie = NAME("clientcoserverco"),
                              .cookie_length = 16,
                              .keepalive_100ms = 300,
                              .ede = EDE_NONE};
    begin(512);
    message_reserve(&m, edns_reply_bytes(&edns));
    message_put_edns(&m, &edns);
    BYTES(QUESTION_END, "\0\0\x29\2\0\0\0\0\0\0\x20\0\x0a\0\x10"
                        "clientcoserverco\0\x0b\0\2\1\x2c\0\3\0\2ns");
    assert_int_equal(writer_used(&m.writer), QUESTION_END + edns_reply_bytes(&edns));
}

static void ede_text_is_cut_between_characters_then_dropped(void **state)
{
    (void)state;
    static const struct {
        size_t room, option; /* behind the OPT's fixed part; length of the option's data */
        const char *text;
    } cases[] = {
        {4 + 2 + 6, 8, "a\303\244b\303\244"},
        {4 + 2 + 5, 6, "a\303\244b"},
        {4 + 2 + 2, 3, "a"},
        {4 + 2, 2, ""},
        {4 + 1, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct edns_reply edns = {
            .udp_size = 512, .keepalive_100ms = -1, .ede = EDE_BLOCKED, .ede_text = "a\303\244b\303\244"};
        begin(QUESTION_END + 11 + cases[i].room);
        message_reserve(&m, edns_reply_bytes(&edns));
        message_put_edns(&m, &edns);
        const uint8_t *opt = buffer + QUESTION_END;
        assert_int_equal(load_u16(opt + 9), cases[i].option ? 4 + cases[i].option : 0);
        if (cases[i].option) {
            assert_int_equal(load_u16(opt + 13), cases[i].option);
            assert_memory_equal(opt + 17, cases[i].text, cases[i].option - 2);
        }
    }
}

static void edns_without_room_is_left_out(void **state)
{
    (void)state;
    struct edns_reply edns = {.udp_size = 512, .keepalive_100ms = -1, .ede = EDE_NONE};
    begin(QUESTION_END + 10);
    message_put_edns(&m, &edns);
    assert_int_equal(message_finish(&m, 0), QUESTION_END);
    assert_int_equal(load_u16(buffer + 10), 0);
}

/* Many names, more than there are slots, and past what a pointer can reach: it must all read back. */
static void large_message_reads_back(void **state)
{
    (void)state;
    struct message_reader reader;
    struct message_record record;
    uint8_t owner[] = "\5n0000\7example\3org";
    begin(65535);
    unsigned sets = 0;
    for (; sets < 2000; sets++) {
        for (unsigned n = sets, i = 5; i > 1; i--, n /= 10)
            owner[i] = (uint8_t)('0' + n % 10);
        struct rrset set = a_set(owner, 1);
        assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    }
    size_t length = message_finish(&m, 0);
    assert_true(length > 0x4000);
    assert_int_equal(message_open(&reader, buffer, length), 0);
    for (unsigned i = 0; i < sets; i++) {
        assert_int_equal(message_next(&reader, &record), 1);
        for (unsigned n = i, k = 5; k > 1; k--, n /= 10)
            owner[k] = (uint8_t)('0' + n % 10);
        assert_true(name_equal(record.owner, owner));
    }
    assert_int_equal(message_next(&reader, &record), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_question),
        cmocka_unit_test(owner_of_the_question_is_a_pointer),
        cmocka_unit_test(compression_ignores_case_and_shares_tails),
        cmocka_unit_test(compression_does_not_mix_up_signs),
        cmocka_unit_test(root_owner_is_one_byte),
        cmocka_unit_test(names_in_rdata_are_compressed_for_old_types_only),
        cmocka_unit_test(signatures_come_along_when_wanted),
        cmocka_unit_test(rrset_that_does_not_fit_leaves_no_trace),
        cmocka_unit_test(additional_data_that_does_not_fit_is_no_truncation),
        cmocka_unit_test(question_that_does_not_fit),
        cmocka_unit_test(edns_uses_the_room_that_was_kept),
        cmocka_unit_test(edns_options_are_written),
        cmocka_unit_test(ede_text_is_cut_between_characters_then_dropped),
        cmocka_unit_test(edns_without_room_is_left_out),
        cmocka_unit_test(large_message_reads_back),
    };
    return RUN_TESTS(tests);
}
