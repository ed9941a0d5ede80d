/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "transfer/request.h"

static const uint8_t zone[] = "\7example\3org";

static struct transfer_request request_of(uint16_t type)
{
    return (struct transfer_request){.zone = zone, .id = 0x1234, .type = type};
}

static void assert_written(const struct transfer_request *request, const char *expected, size_t length)
{
    uint8_t out[REQUEST_BYTES_MAX];
    assert_int_equal(transfer_request_write(request, out), length);
    assert_memory_equal(out, expected, length);
}

#define QUESTION(type) "\7example\3org\0\0" type "\0\1"
#define WRITTEN(text) text, sizeof(text) - 1

static void questions_are_written_byte_by_byte(void **state)
{
    (void)state;
    struct transfer_request request = request_of(TYPE_AXFR);
    assert_written(&request, WRITTEN("\x12\x34\0\0\0\1\0\0\0\0\0\0" QUESTION("\xfc")));
    request = request_of(TYPE_SOA);
    request.edns_bytes = 1232;
    request.ask_expire = true;
    assert_written(&request, WRITTEN("\x12\x34\0\0\0\1\0\0\0\0\0\1" QUESTION(
                                 "\6") "\0\0\x29\4\xd0\0\0\0\0\0\4\0\x09\0\0"));
    request = request_of(TYPE_IXFR);
    request.serial = 0xfffffffe;
    assert_written(&request, WRITTEN("\x12\x34\0\0\0\1\0\0\0\1\0\0" QUESTION(
                                 "\xfb") "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\xff\xff\xff\xfe"
                                         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
}

#define SOA_RECORD "\xc0\x0c\0\6\0\1\0\0\1\x2c\0\x18\1a\0\0\0\0\0\x2a\0\0\0\x0a\0\0\0\x0b\0\0\0\x0c\0\0\0\x0d"
#define ANSWER(flags, counts) "\x12\x34" flags "\0\1" counts QUESTION("\6")

static int read_text(const char *message, size_t length, struct soa_answer *out)
{
    struct transfer_request request = request_of(TYPE_SOA);
    return soa_answer_read(&request, (const uint8_t *)message, length, out);
}

static void soa_and_expire_are_read(void **state)
{
    (void)state;
    static const char message[] =
        ANSWER("\x84\0", "\0\1\0\0\0\1") SOA_RECORD "\0\0\x29\4\xd0\0\0\0\0\0\x08\0\x09\0\4\0\0\1\0";
    struct soa_answer soa;
    assert_int_equal(read_text(WRITTEN(message), &soa), 0);
    assert_true(soa.has_soa && soa.authority && !soa.truncated && soa.has_expire);
    assert_int_equal(soa.serial, 42);
    assert_int_equal(soa.refresh_s, 10);
    assert_int_equal(soa.retry_s, 11);
    assert_int_equal(soa.expire_s, 12);
    assert_int_equal(soa.expire_option_s, 256);
    uint32_t expire_s = 0;
    assert_true(transfer_expire_option((const uint8_t *)message, sizeof message - 1, &expire_s));
    assert_int_equal(expire_s, 256);
}

static void answers_without_soa_are_told_apart(void **state)
{
    (void)state;
    struct soa_answer soa;
    assert_int_equal(read_text(WRITTEN(ANSWER("\x80\5", "\0\0\0\0\0\0")), &soa), 0);
    assert_int_equal(soa.rcode, RCODE_REFUSED);
    assert_int_equal(read_text(WRITTEN(ANSWER("\x86\0", "\0\1\0\0\0\0")), &soa), 0);
    assert_true(soa.truncated && !soa.has_soa);
    assert_int_equal(read_text(WRITTEN(ANSWER("\x84\0", "\0\1\0\0\0\0")), &soa), ERR_MALFORMED);
    static const char other_name[] =
        ANSWER("\x84\0", "\0\1\0\0\0\0") "\xc0\x14\0\6\0\1\0\0\0\0\0\x16\0\0"
                                         "\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_int_equal(read_text(WRITTEN(other_name), &soa), 0);
    assert_false(soa.has_soa);
}

static void answers_to_something_else_are_refused(void **state)
{
    (void)state;
    struct soa_answer soa;
    static const char *const others[] = {
        "\x12\x35\x84\0\0\1\0\0\0\0\0\0" QUESTION("\6"),          /* another id */
        "\x12\x34\4\0\0\1\0\0\0\0\0\0" QUESTION("\6"),            /* a question */
        "\x12\x34\xa4\0\0\1\0\0\0\0\0\0" QUESTION("\6"),          /* NOTIFY */
        "\x12\x34\x84\0\0\1\0\0\0\0\0\0" QUESTION("\xfc"),        /* another type */
        "\x12\x34\x84\0\0\1\0\0\0\0\0\0\7exbmple\3org\0\0\6\0\1", /* another name */
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(read_text(others[i], 29, &soa), ERR_INVALID);
    assert_int_equal(read_text(WRITTEN("\x12\x34\x84\0\0\0\0\0\0\0\0\0"), &soa), 0); /* without a question */
}

static void every_truncation_is_survived(void **state)
{
    (void)state;
    static const char whole[] = ANSWER("\x84\0", "\0\1\0\0\0\0") SOA_RECORD;
    struct soa_answer soa;
    for (size_t length = 0; length < sizeof whole - 1; length++)
        assert_true(read_text(whole, length, &soa) < 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_written_byte_by_byte),
        cmocka_unit_test(soa_and_expire_are_read),
        cmocka_unit_test(answers_without_soa_are_told_apart),
        cmocka_unit_test(answers_to_something_else_are_refused),
        cmocka_unit_test(every_truncation_is_survived),
    };
    return RUN_TESTS(tests);
}
