/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/record.h"

/* A response to "a.example. A" with whatever records follow. */
#define HEADER "\x12\x34\x81\x80\0\1\0"
#define QUESTION "\1a\7example\0\0\1\0\1"

/* A copy of exactly the text's size, so that a sanitizer sees any byte read behind it; one at a time. */
static const uint8_t *exact(const void *bytes, size_t length)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    return copy;
}

static void assert_name(const char *message, size_t length, size_t offset, int taken, const char *text)
{
    uint8_t out[NAME_MAX_BYTES];
    char as_text[NAME_TEXT_MAX];
    assert_int_equal(message_name(exact(message, length), length, offset, out), taken);
    if (taken > 0)
        assert_string_equal(name_to_text(out, as_text), text);
}

static void names_are_expanded(void **state)
{
    (void)state;
    static const char names[] = "\1a\3org\0\1b\xc0\2\xc0\7\0";
    size_t length = sizeof names - 1;
    assert_name(names, length, 0, 7, "a.org.");
    assert_name(names, length, 7, 4, "b.org.");
    assert_name(names, length, 11, 2, "b.org."); /* a pointer to a name with a pointer */
    assert_name(names, length, 13, 1, ".");
}

static void loops_and_forward_pointers_are_malformed(void **state)
{
    (void)state;
    assert_name("\xc0\0", 2, 0, ERR_MALFORMED, NULL);
    assert_name("\1a\xc0\0", 4, 0, ERR_MALFORMED, NULL);
    assert_name("\1a\xc0\0", 4, 2, ERR_MALFORMED, NULL);
    assert_name("\xc0\2\xc0\0", 4, 2, ERR_MALFORMED, NULL);
    assert_name("\xc0\2\0", 3, 0, ERR_MALFORMED, NULL);
    assert_name("\xc0\xff\0", 3, 0, ERR_MALFORMED, NULL);
}

static void cut_and_reserved_labels_are_malformed(void **state)
{
    (void)state;
    assert_name("", 0, 0, ERR_MALFORMED, NULL);
    assert_name("\1", 1, 0, ERR_MALFORMED, NULL);
    assert_name("\1a", 2, 0, ERR_MALFORMED, NULL);
    assert_name("\0\1a\xc0", 4, 1, ERR_MALFORMED, NULL);
    assert_name("\100a\0", 3, 0, ERR_MALFORMED, NULL);
    assert_name("\200a\0", 3, 0, ERR_MALFORMED, NULL);
    assert_name("\0", 1, 1, ERR_MALFORMED, NULL);
    assert_name("\0", 1, 100, ERR_MALFORMED, NULL);
}

static void expanded_name_may_have_255_bytes_but_not_256(void **state)
{
    (void)state;
    uint8_t message[300] = {0}, out[NAME_MAX_BYTES];
    for (size_t at = 0; at < 192; at += 64) /* 192 bytes and the root's */
        message[at] = 63;
    message[193] = 61; /* 62 bytes and the pointer */
    store_u16(message + 255, 0xc000);
    assert_int_equal(message_name(message, 257, 193, out), 64);
    assert_int_equal(name_length(out), 255);
    message[193] = 62;
    store_u16(message + 256, 0xc000);
    assert_int_equal(message_name(message, 258, 193, out), ERR_MALFORMED);
}

static void records_are_walked_section_by_section(void **state)
{
    (void)state;
    static const char message[] = HEADER "\2\0\0\0\1" QUESTION "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x0e"
                                         "\1B\xc0\x0e\0\1\0\1\0\0\0\x1e\0\4\xc0\0\2\1"
                                         "\0\0\x29\2\0\0\0\0\0\0\0";
    struct message_reader m;
    struct message_record r;
    char text[NAME_TEXT_MAX];
    const uint8_t *copy = exact(message, sizeof message - 1);
    assert_int_equal(message_open(&m, copy, sizeof message - 1), 0);
    assert_int_equal(m.id, 0x1234);
    assert_int_equal(m.flags, DNS_QR | DNS_RD | DNS_RA);
    assert_int_equal(m.counts[0], 2);
    assert_int_equal(message_next(&m, &r), 1);
    assert_string_equal(name_to_text(r.owner, text), "a.example.");
    assert_int_equal(r.owner_length, 11);
    assert_int_equal(r.type, TYPE_CNAME);
    assert_int_equal(r.section, SECTION_ANSWER);
    assert_int_equal(r.ttl_s, 60);
    assert_int_equal(load_u32(copy + r.ttl_offset), 60);
    assert_int_equal(message_next(&m, &r), 1);
    assert_string_equal(name_to_text(r.owner, text), "B.example.");
    assert_int_equal(r.rdata_length, 4);
    assert_int_equal(rdata_address(r.type, r.rdata, r.rdata_length).bytes[0], 192);
    assert_int_equal(message_next(&m, &r), 1);
    assert_int_equal(r.type, TYPE_OPT);
    assert_int_equal(r.section, SECTION_ADDITIONAL);
    assert_int_equal(r.rclass, 512);
    assert_int_equal(message_next(&m, &r), 0);
}

static void every_truncation_of_a_message_is_malformed(void **state)
{
    (void)state;
    static const char message[] = HEADER "\1\0\0\0\0" QUESTION "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x0e";
    for (size_t length = 0; length < sizeof message - 1; length++) {
        struct message_reader m;
        struct message_record r;
        const uint8_t *copy = exact(message, length);
        assert_true(message_open(&m, copy, length) == ERR_MALFORMED || message_next(&m, &r) == ERR_MALFORMED);
    }
}

static void message_without_a_question_can_be_read(void **state)
{
    (void)state;
    struct message_reader m;
    struct message_record r;
    static const char message[] = "\0\0\x80\0\0\0\0\1\0\0\0\0\0\0\1\0\1\0\0\0\0\0\4abcd";
    assert_int_equal(message_open(&m, (const uint8_t *)message, sizeof message - 1), 0);
    assert_int_equal(message_next(&m, &r), 1);
    assert_int_equal(message_next(&m, &r), 0);
    static const char two[] = "\0\0\x80\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1";
    assert_int_equal(message_open(&m, (const uint8_t *)two, sizeof two - 1), ERR_MALFORMED);
}

/* Expands the RDATA `rdata` that stands behind the question. */
static int expand(uint16_t type, const void *rdata, size_t length, struct arena *arena, struct rdata *out)
{
    uint8_t bytes[600];
    struct writer w = writer_of(bytes, sizeof bytes);
    struct message_reader m;
    struct message_record r;
    write_bytes(&w, HEADER "\1\0\0\0\0" QUESTION "\xc0\x0c", 12 + 15 + 2);
    write_u16(&w, type);
    write_u16(&w, CLASS_IN);
    write_u32(&w, 60);
    write_u16(&w, (uint16_t)length);
    write_bytes(&w, rdata, length);
    assert_int_equal(w.error, 0);
    assert_int_equal(message_open(&m, exact(bytes, writer_used(&w)), writer_used(&w)), 0);
    assert_int_equal(message_next(&m, &r), 1);
    return message_rdata(&m, &r, arena, out);
}

static void assert_expanded(uint16_t type, const void *from, size_t length, const void *to, size_t expected)
{
    struct arena arena;
    struct rdata out;
    arena_init(&arena, 0);
    assert_int_equal(expand(type, from, length, &arena, &out), 0);
    assert_int_equal(out.length, expected);
    assert_memory_equal(out.bytes, to, expected);
    arena_fini(&arena);
}
#define EXPANDED(type, from, to) assert_expanded(type, from, sizeof(from) - 1, to, sizeof(to) - 1)

static void names_in_rdata_are_expanded_by_type(void **state)
{
    (void)state;
    EXPANDED(TYPE_A, "abcd", "abcd");
    EXPANDED(TYPE_CNAME, "\1b\xc0\x0e", "\1b\7example\0");
    EXPANDED(TYPE_MX, "\0\x0a\xc0\x0c", "\0\x0a\1a\7example\0");
    EXPANDED(TYPE_SOA,
             "\xc0\x0e\1h\xc0\x0e"
             "aaaabbbbccccddddeeee",
             "\7example\0\1h\7example\0"
             "aaaabbbbccccddddeeee");
    EXPANDED(TYPE_SRV, "\0\1\0\2\0\3\xc0\x0e", "\0\1\0\2\0\3\7example\0");
    EXPANDED(35 /* NAPTR */, "\0\1\0\2\1S\3SIP\0\xc0\x0e", "\0\1\0\2\1S\3SIP\0\7example\0");
    EXPANDED(26 /* PX */, "\0\1\xc0\x0e\xc0\x0e", "\0\1\7example\0\7example\0");
    EXPANDED(65280, "\xc0\x0e", "\xc0\x0e"); /* unknown: as it is */
    EXPANDED(TYPE_TXT, "\1\xc0", "\1\xc0");
}

static void malformed_rdata_is_found(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        const char *rdata;
        size_t length;
    } cases[] = {
        {TYPE_A, "abc", 3},
        {TYPE_A, "abcde", 5},
        {TYPE_AAAA, "abcd", 4},
        {TYPE_CNAME, "", 0},
        {TYPE_CNAME, "\1b", 2}, /* the name ends behind the RDATA */
        {TYPE_CNAME, "\xc0", 1},
        {TYPE_CNAME, "\xc0\x29", 2},   /* points at itself */
        {TYPE_CNAME, "\xc0\x0e\0", 3}, /* something left over */
        {TYPE_MX, "\0", 1},
        {TYPE_SOA,
         "\xc0\x0e\xc0\x0e"
         "aaaabbbbccccddddeee",
         23},
        {TYPE_DNAME, "\xc0\x0e", 2}, /* must not be compressed (RFC 6672) */
        {35, "\0\1\0\2\5S", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        struct rdata out;
        arena_init(&arena, 0);
        assert_int_equal(expand(cases[i].type, cases[i].rdata, cases[i].length, &arena, &out), ERR_MALFORMED);
        arena_fini(&arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_expanded),
        cmocka_unit_test(loops_and_forward_pointers_are_malformed),
        cmocka_unit_test(cut_and_reserved_labels_are_malformed),
        cmocka_unit_test(expanded_name_may_have_255_bytes_but_not_256),
        cmocka_unit_test(records_are_walked_section_by_section),
        cmocka_unit_test(every_truncation_of_a_message_is_malformed),
        cmocka_unit_test(message_without_a_question_can_be_read),
        cmocka_unit_test(names_in_rdata_are_expanded_by_type),
        cmocka_unit_test(malformed_rdata_is_found),
    };
    return RUN_TESTS(tests);
}
