/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/message.h"
#include "dns/name.h"
#include "transfer/incoming.h"

/* Messages are written from short lines: "SOA 5", "a A 1" (192.0.2.1), "a CNAME x."; owners without a final
 * dot are within the zone "z.", "-" starts the next message. */

static const uint8_t zone[] = "\1z";

static size_t put_rdata(uint16_t type, const char *value, uint8_t *out)
{
    uint32_t n = (uint32_t)strtoul(value, NULL, 10);
    if (type == TYPE_SOA) {
        memcpy(out, "\1m\0\1r\0", 6);
        store_u32(out + 6, n);
        for (uint32_t i = 1; i < 5; i++)
            store_u32(out + 6 + 4 * i, 100 * i);
        return 26;
    }
    if (type == TYPE_A) {
        store_u32(out, 0xc0000200 + n);
        return 4;
    }
    int length = name_from_text(value, zone, out);
    assert_true(length > 0);
    return (size_t)length;
}

static void put_line(struct message_writer *m, const char *line)
{
    char words[3][64];
    uint8_t name[NAME_MAX_BYTES], rdata[NAME_MAX_BYTES];
    int count = sscanf(line, "%63s %63s %63s", words[0], words[1], words[2]);
    if (count == 2)
        name_copy(name, zone);
    else
        assert_true(name_from_text(words[0], zone, name) > 0);
    struct rdata data = {.bytes = rdata};
    struct rrset set = {.owner = name, .ttl_s = 60, .count = 1, .rdatas = &data};
    set.type = (uint16_t)type_from_text(words[count - 2]);
    data.length = (uint16_t)put_rdata(set.type, words[count - 1], rdata);
    assert_int_equal(message_put_rrset(m, SECTION_ANSWER, &set, false), 0);
}

/* One message from the lines up to "-" or NULL; returns the line behind. */
static const char *const *write_message(const char *const *lines, uint16_t qtype, uint8_t *out,
                                        size_t *length)
{
    struct message_writer m;
    message_begin(&m, out, 65535, 7, DNS_QR | DNS_AA);
    assert_int_equal(message_put_question(&m, zone, qtype, CLASS_IN), 0);
    for (; *lines && strcmp(*lines, "-") != 0; lines++)
        put_line(&m, *lines);
    *length = message_finish(&m, 0);
    return *lines ? lines + 1 : lines;
}

static struct incoming_options options_of(uint16_t type)
{
    return (struct incoming_options){
        .request = {.zone = zone, .id = 7, .type = type, .serial = 5},
        .policy = true,
        .has_version = type == TYPE_IXFR,
        .old_records = 10,
    };
}

/* A copy of exactly its size, so that a sanitizer sees any byte read behind it. */
static int take_exact(struct incoming *in, const uint8_t *message, size_t length)
{
    uint8_t *copy = malloc(length ? length : 1);
    memcpy(copy, message, length);
    int result = incoming_take(in, copy, length);
    free(copy);
    return result;
}

static int take_lines(struct incoming *in, uint16_t type, const char *const *lines)
{
    static uint8_t message[65535];
    int result = 1;
    while (*lines && result == 1) {
        size_t length;
        lines = write_message(lines, type, message, &length);
        result = take_exact(in, message, length);
    }
    return result;
}

#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct incoming *taken(uint16_t type, const char *const *lines, int expected)
{
    const struct incoming_options options = options_of(type);
    struct incoming *in = incoming_new(&options);
    assert_non_null(in);
    assert_int_equal(take_lines(in, type, lines), expected);
    return in;
}

static void assert_fails(uint16_t type, const char *const *lines, int error, const char *problem)
{
    struct incoming *in = taken(type, lines, error);
    assert_non_null(strstr(incoming_problem(in), problem));
    incoming_free(in);
}

static void axfr_becomes_a_version(void **state)
{
    (void)state;
    struct incoming *in =
        taken(TYPE_AXFR, LINES("SOA 9", "a CNAME .", "-", "b A 1", "b A 2", "-", "c CNAME x.", "SOA 9"), 0);
    struct zone_content *content;
    assert_int_equal(incoming_kind(in), INCOMING_WHOLE);
    assert_int_equal(incoming_messages(in), 3);
    assert_int_equal(incoming_records(in), 5);
    assert_int_equal(incoming_soa(in)->refresh_s, 100);
    assert_int_equal(incoming_build(in, &content), 0);
    assert_int_equal(zone_content_serial(content), 9);
    assert_int_equal(zone_content_records(content), 5);
    zone_content_unref(content);
    incoming_free(in);
}

static void later_messages_may_lack_the_question(void **state)
{
    (void)state;
    static const char message[] = "\0\7\x84\0\0\0\0\1\0\0\0\0\1z\0\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0\x09"
                                  "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4";
    struct incoming *in = taken(TYPE_AXFR, LINES("SOA 9", "-", "a CNAME ."), 1);
    assert_int_equal(take_exact(in, (const uint8_t *)message, sizeof message - 1), 0);
    incoming_free(in);
}

static struct zone_content *received(const struct zone_content *old, const char *const *lines)
{
    struct incoming_options options = options_of(TYPE_AXFR);
    struct zone_content *content;
    options.old = old;
    struct incoming *in = incoming_new(&options);
    assert_non_null(in);
    assert_int_equal(take_lines(in, TYPE_AXFR, lines), 0);
    assert_int_equal(incoming_build(in, &content), 0);
    incoming_free(in);
    return content;
}

static void axfr_beside_the_version_that_we_have(void **state)
{
    (void)state;
    struct zone_content *old = received(NULL, LINES("SOA 7", "a CNAME .", "b CNAME .", "c A 1", "SOA 7"));
    struct incoming_options options = options_of(TYPE_AXFR);
    options.old = old;
    struct incoming *in = incoming_new(&options);
    assert_int_equal(take_lines(in, TYPE_AXFR, LINES("SOA 8", "a CNAME .", "d CNAME .")), 1);
    incoming_free(in); /* broken off */
    struct zone_content *next = received(old, LINES("SOA 9", "b CNAME .", "c A 2", "a CNAME .", "SOA 9"));
    assert_int_equal(zone_content_records(old), 4);
    assert_int_equal(zone_content_serial(next), 9);
    assert_int_equal(zone_content_records(next), 4);
    zone_content_unref(old);
    old = received(next, LINES("SOA 10", "SOA 10"));
    assert_int_equal(zone_content_records(old), 1);
    zone_content_unref(next);
    zone_content_unref(old);
}

static void ixfr_becomes_changes_step_by_step(void **state)
{
    (void)state;
    struct incoming *in = taken(
        TYPE_IXFR,
        LINES("SOA 7", "SOA 5", "a CNAME .", "SOA 6", "b CNAME .", "-", "SOA 6", "SOA 7", "c A 1", "SOA 7"),
        0);
    static const bool removes[] = {true, true, false, false, true, false, false};
    assert_int_equal(incoming_kind(in), INCOMING_CHANGES);
    struct zone_changes *changes = incoming_changes(in);
    uint32_t from, to;
    assert_int_equal(zone_changes_serials(changes, &from, &to), 0);
    assert_int_equal(from, 5);
    assert_int_equal(to, 7);
    assert_int_equal(zone_changes_count(changes), 7);
    for (int i = 0; i < 7; i++)
        assert_int_equal(zone_changes_get(changes)[i].remove, removes[i]);
    zone_changes_free(changes);
    incoming_free(in);
}

static void ixfr_may_be_answered_with_the_whole_zone(void **state)
{
    (void)state;
    struct incoming *in = taken(TYPE_IXFR, LINES("SOA 7", "-", "a CNAME .", "SOA 7"), 0);
    assert_int_equal(incoming_kind(in), INCOMING_WHOLE);
    incoming_free(in);
    in = taken(TYPE_IXFR, LINES("SOA 7", "SOA 7"), 0); /* an empty one */
    assert_int_equal(incoming_kind(in), INCOMING_WHOLE);
    incoming_free(in);
}

static void single_soa_that_is_not_newer_is_no_news(void **state)
{
    (void)state;
    static const char *const serials[] = {"SOA 5", "SOA 4", "SOA 4294967295"};
    for (int i = 0; i < 3; i++) {
        struct incoming *in = taken(TYPE_IXFR, LINES(serials[i]), 0);
        assert_int_equal(incoming_kind(in), INCOMING_UP_TO_DATE);
        incoming_free(in);
    }
    struct incoming *in = taken(TYPE_IXFR, LINES("SOA 6"), 1); /* a newer one: more has to come */
    incoming_free(in);
}

static void serials_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    assert_fails(TYPE_IXFR, LINES("SOA 7", "SOA 4", "SOA 7", "SOA 7"), ERR_NOT_FOUND, "begin at serial 4");
    assert_fails(TYPE_IXFR, LINES("SOA 7", "SOA 5", "SOA 4", "SOA 7"), ERR_INVALID, "back to 4");
    assert_fails(TYPE_IXFR, LINES("SOA 7", "SOA 5", "SOA 5", "SOA 7"), ERR_INVALID, "back to 5");
    assert_fails(TYPE_IXFR, LINES("SOA 7", "SOA 5", "SOA 6", "SOA 7"), ERR_INVALID, "followed by serial 7");
    assert_fails(TYPE_AXFR, LINES("SOA 7", "a CNAME .", "SOA 8"), ERR_INVALID, "ends with 8");
    assert_fails(TYPE_IXFR, LINES("SOA 7", "a CNAME .", "SOA 5"), ERR_INVALID, "ends with 5");
}

static void serials_wrap_around(void **state)
{
    (void)state;
    struct incoming_options options = options_of(TYPE_IXFR);
    options.request.serial = 4294967290u;
    struct incoming *in = incoming_new(&options);
    const char *const lines[] = {"SOA 3", "SOA 4294967290", "SOA 3", "a CNAME .", "SOA 3", NULL};
    assert_int_equal(take_lines(in, TYPE_IXFR, lines), 0);
    incoming_free(in);
}

static void what_is_behind_the_end_or_before_the_beginning_is_refused(void **state)
{
    (void)state;
    assert_fails(TYPE_AXFR, LINES("SOA 7", "SOA 7", "a CNAME ."), ERR_MALFORMED, "behind the last SOA");
    assert_fails(TYPE_AXFR, LINES("a CNAME .", "SOA 7"), ERR_MALFORMED, "does not begin with the SOA");
    assert_fails(TYPE_IXFR, LINES("SOA 5", "a CNAME ."), ERR_MALFORMED, "behind the last SOA");
    assert_fails(TYPE_AXFR, LINES("SOA 7", "sub SOA 7"), ERR_MALFORMED, "not the zone's");
}

static void records_out_of_the_zone_are_left_out(void **state)
{
    (void)state;
    const char *why;
    struct incoming *in = taken(TYPE_AXFR, LINES("SOA 7", "other. A 1", "a CNAME .", "SOA 7"), 0);
    struct zone_content *content;
    assert_int_equal(incoming_left_out(in, &why), 1);
    assert_non_null(why);
    assert_int_equal(incoming_build(in, &content), 0);
    assert_int_equal(zone_content_records(content), 2);
    zone_content_unref(content);
    incoming_free(in);
    in = taken(TYPE_IXFR, LINES("SOA 7", "SOA 5", "other. A 1", "SOA 7", "SOA 7"), 0);
    assert_int_equal(incoming_left_out(in, &why), 1);
    incoming_free(in);
}

static void max_records_ends_it(void **state)
{
    (void)state;
    struct incoming_options options = options_of(TYPE_AXFR);
    options.max_records = 2;
    struct incoming *in = incoming_new(&options);
    assert_int_equal(take_lines(in, TYPE_AXFR, LINES("SOA 7", "a CNAME .", "b CNAME .", "SOA 7")), ERR_LIMIT);
    incoming_free(in);
    options = options_of(TYPE_IXFR);
    options.max_records = 11;
    in = incoming_new(&options);
    const char *const lines[] = {"SOA 7", "SOA 5", "SOA 7", "a CNAME .", "b CNAME .", "SOA 7", NULL};
    assert_int_equal(take_lines(in, TYPE_IXFR, lines), ERR_LIMIT);
    incoming_free(in);
}

static void headers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        int error;
    } cases[] = {{0, 9, ERR_MALFORMED},    {2, 0x04, ERR_MALFORMED}, {2, 0xa4, ERR_MALFORMED},
                 {2, 0x86, ERR_MALFORMED}, {3, 5, ERR_REFUSED},      {13, 'x', ERR_MALFORMED},
                 {7, 0, ERR_MALFORMED},    {7, 9, ERR_MALFORMED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static uint8_t message[65535];
        size_t length;
        write_message(LINES("SOA 7", "a CNAME ."), TYPE_AXFR, message, &length);
        message[cases[i].at] = cases[i].value;
        const struct incoming_options options = options_of(TYPE_AXFR);
        struct incoming *in = incoming_new(&options);
        assert_int_equal(take_exact(in, message, length), cases[i].error);
        assert_true(incoming_problem(in)[0] != 0);
        incoming_free(in);
    }
}

static void older_zone_is_taken_when_the_operator_wants_it(void **state)
{
    (void)state;
    struct incoming_options options = options_of(TYPE_AXFR);
    options.has_version = true;
    struct incoming *in = incoming_new(&options);
    assert_int_equal(take_lines(in, TYPE_AXFR, LINES("SOA 3")), 0);
    assert_int_equal(incoming_kind(in), INCOMING_UP_TO_DATE);
    incoming_free(in);
    options.any_serial = true;
    in = incoming_new(&options);
    assert_int_equal(take_lines(in, TYPE_AXFR, LINES("SOA 3", "SOA 3")), 0);
    assert_int_equal(incoming_kind(in), INCOMING_WHOLE);
    incoming_free(in);
}

static void every_cut_of_a_message_leaves_nothing(void **state)
{
    (void)state;
    static uint8_t message[65535];
    size_t whole;
    write_message(LINES("SOA 7", "SOA 5", "a A 1", "SOA 7", "b CNAME x.y", "SOA 7"), TYPE_IXFR, message,
                  &whole);
    for (size_t length = 0; length < whole; length++) {
        const struct incoming_options options = options_of(TYPE_IXFR);
        struct incoming *in = incoming_new(&options);
        assert_true(take_exact(in, message, length) < 0);
        incoming_free(in);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(axfr_becomes_a_version),
        cmocka_unit_test(later_messages_may_lack_the_question),
        cmocka_unit_test(axfr_beside_the_version_that_we_have),
        cmocka_unit_test(ixfr_becomes_changes_step_by_step),
        cmocka_unit_test(ixfr_may_be_answered_with_the_whole_zone),
        cmocka_unit_test(single_soa_that_is_not_newer_is_no_news),
        cmocka_unit_test(serials_that_do_not_fit_are_refused),
        cmocka_unit_test(serials_wrap_around),
        cmocka_unit_test(what_is_behind_the_end_or_before_the_beginning_is_refused),
        cmocka_unit_test(records_out_of_the_zone_are_left_out),
        cmocka_unit_test(max_records_ends_it),
        cmocka_unit_test(headers_that_do_not_fit_are_refused),
        cmocka_unit_test(older_zone_is_taken_when_the_operator_wants_it),
        cmocka_unit_test(every_cut_of_a_message_leaves_nothing),
    };
    return RUN_TESTS(tests);
}
