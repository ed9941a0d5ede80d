/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Outgoing transfers: which records, in which order, in how many messages, and that they read back as they
 * were. */
#include <stdlib.h>

#include "../zone/changetext.h"

#include "transfer/outgoing.h"

#define APEX "@ 3600 SOA ns.z. root.z. 7 7200 1800 2592000 3600\n@ NS ns.z.\n"

/* What a client gathers: one line a record, and the messages' sizes. */
struct taken {
    struct text text;
    size_t messages, largest, questions;
};

static void read_message(const uint8_t *message, size_t length, struct taken *taken)
{
    static struct message_record record;
    struct message_reader m;
    struct arena arena;
    char owner[NAME_TEXT_MAX], data[300];
    struct rdata rdata;
    arena_init(&arena, 0);
    assert_int_equal(message_open(&m, message, length), 0);
    assert_int_equal(m.flags & (DNS_QR | DNS_AA), DNS_QR | DNS_AA);
    taken->questions += load_u16(message + 4);
    while (message_next(&m, &record) == 1) {
        assert_int_equal(message_rdata(&m, &record, &arena, &rdata), 0);
        put_text(&taken->text, "%s %s %s\n", name_to_text(record.owner, owner), type_to_text(record.type),
                 rdata_to_text(record.type, rdata.bytes, rdata.length, data, sizeof data));
    }
    assert_int_equal(reader_left(&m.reader), 0);
    arena_fini(&arena);
}

static void take(struct outgoing_options *options, size_t size, struct taken *taken)
{
    static uint8_t buffer[65535];
    struct outgoing *outgoing = outgoing_new(options);
    size_t length;
    bool last = false;
    memset(taken, 0, sizeof *taken);
    assert_non_null(outgoing);
    while (!last) {
        assert_int_equal(outgoing_next(outgoing, buffer, size, &length, &last), 0);
        assert_true(length <= size);
        taken->largest = length > taken->largest ? length : taken->largest;
        taken->messages++;
        read_message(buffer, length, taken);
    }
    assert_int_equal(outgoing_messages(outgoing), taken->messages);
    outgoing_free(outgoing);
}

static struct outgoing_options whole(struct zone_content *content)
{
    return (struct outgoing_options){.form = OUTGOING_WHOLE,
                                     .id = 77,
                                     .qname = name_of("Z."),
                                     .qtype = TYPE_AXFR,
                                     .message_bytes = 20480,
                                     .content = content};
}

#define SOA_LINE "z. SOA ns.z. root.z. 7 7200 1800 2592000 3600\n"

static void whole_zone_stands_between_two_soas(void **state)
{
    (void)state;
    static struct taken taken;
    struct zone_content *plain =
        zone_of("z.", APEX "ns A 192.0.2.1\nb MX 10 a.b\n*.b TXT \"x\"\nb AAAA ::1\n");
    struct outgoing_options options = whole(plain);
    take(&options, 65535, &taken);
    assert_string_equal(taken.text.bytes, SOA_LINE "z. NS ns.z.\nb.z. MX 10 a.b.z.\nb.z. AAAA ::1\n"
                                                   "*.b.z. TXT \"x\"\nns.z. A 192.0.2.1\n" SOA_LINE);
    assert_int_equal(taken.messages, 1);
    assert_int_equal(taken.questions, 1);
    zone_content_unref(plain);
}

static struct zone_content *many_rules(unsigned count)
{
    static char text[400000];
    size_t at = (size_t)sprintf(text, APEX);
    for (unsigned i = 0; i < count; i++)
        at += (size_t)sprintf(text + at, "h%u.example.com CNAME .\n*.h%u.example.com CNAME .\n", i, i);
    return policy_of("z.", text);
}

static int count_one(void *context, const struct policy_record *record)
{
    (void)record;
    ++*(uint64_t *)context;
    return 0;
}

static uint64_t transferred(struct zone_content *content, size_t message_bytes, bool one_answer,
                            size_t *messages, size_t *bytes)
{
    static uint8_t buffer[65535];
    struct outgoing_options options = whole(content);
    options.message_bytes = message_bytes;
    options.one_answer = one_answer;
    struct outgoing *outgoing = outgoing_new(&options);
    size_t length;
    bool last = false;
    for (*messages = *bytes = 0; !last; ++*messages, *bytes += length) {
        assert_int_equal(outgoing_next(outgoing, buffer, sizeof buffer, &length, &last), 0);
        assert_true(length <= message_bytes);
    }
    uint64_t records = outgoing_records(outgoing);
    outgoing_free(outgoing);
    return records;
}

static void many_rules_are_cut_into_messages_without_loss(void **state)
{
    (void)state;
    size_t messages, bytes;
    uint64_t records = 0;
    struct zone_content *policy = many_rules(2000);
    assert_int_equal(zone_content_each(policy, count_one, &records), 0);
    static const size_t sizes[] = {512, 1000, 20480, 65535};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(transferred(policy, sizes[i], false, &messages, &bytes), records + 1);
        assert_true(messages >= bytes / sizes[i]);
        assert_true(messages <= bytes / (sizes[i] - 100) + 1);
    }
    assert_int_equal(transferred(policy, 20480, true, &messages, &bytes), records + 1);
    assert_int_equal(messages, records + 1);
    zone_content_unref(policy);
}

static void a_plain_zone_pauses_at_any_record(void **state)
{
    (void)state;
    static struct taken whole_taken, parts_taken;
    struct zone_content *plain =
        zone_of("z.", APEX "ns A 192.0.2.1\nns A 192.0.2.2\nb MX 10 a.b\n*.b TXT \"x\"\n"
                           "b AAAA ::1\na.b.c.d SRV 1 2 3 ns\n");
    struct outgoing_options options = whole(plain);
    take(&options, 65535, &whole_taken);
    options.one_answer = true;
    take(&options, 65535, &parts_taken);
    assert_string_equal(parts_taken.text.bytes, whole_taken.text.bytes);
    assert_int_equal(parts_taken.messages, 9);
    zone_content_unref(plain);
}

static void owners_are_compressed(void **state)
{
    (void)state;
    size_t messages, bytes;
    struct zone_content *policy = many_rules(500);
    transferred(policy, 16000, false, &messages, &bytes);
    /* a pair: label of at most 4 digits, pointer, fixed part, root; star, pointer, fixed part, root */
    assert_true(bytes < 500 * (6 + 2 + 11 + 2 + 2 + 11) + 200 * messages);
    zone_content_unref(policy);
}

static void a_record_larger_than_the_message_goes_alone(void **state)
{
    (void)state;
    static char text[4000];
    size_t at = (size_t)sprintf(text, APEX "t TXT");
    for (int i = 0; i < 9; i++)
        at += (size_t)sprintf(text + at, " \"%0200d\"", i);
    sprintf(text + at, "\nu A 192.0.2.1\n");
    struct zone_content *plain = zone_of("z.", text);
    struct outgoing_options options = whole(plain);
    uint8_t buffer[2500];
    size_t length;
    bool last = false;
    options.message_bytes = 512;
    struct outgoing *outgoing = outgoing_new(&options);
    unsigned messages = 0, larger = 0;
    for (; !last; messages++) {
        assert_int_equal(outgoing_next(outgoing, buffer, sizeof buffer, &length, &last), 0);
        larger += length > 512;
    }
    assert_int_equal(larger, 1);
    assert_int_equal(messages, 3);
    outgoing_free(outgoing);
    outgoing = outgoing_new(&options);
    int error;
    while ((error = outgoing_next(outgoing, buffer, 512, &length, &last)) == 0 && !last)
        ;
    assert_int_equal(error, ERR_SPACE);
    outgoing_free(outgoing);
    zone_content_unref(plain);
}

static void steps_stand_between_two_new_soas(void **state)
{
    (void)state;
    static struct taken taken;
    struct zone_content *policy = policy_of("z.", APEX "b.com CNAME .\n");
    struct zone_changes *steps = zone_changes_new();
    change(steps, true, "@ SOA ns.z. root.z. 6 7200 1800 2592000 3600\na.com CNAME .\n");
    change(steps, false, "@ SOA ns.z. root.z. 7 7200 1800 2592000 3600\nb.com CNAME .\n");
    struct outgoing_options options = whole(policy);
    options.form = OUTGOING_STEPS;
    options.qtype = TYPE_IXFR;
    options.steps = steps;
    take(&options, 65535, &taken);
    assert_string_equal(taken.text.bytes,
                        SOA_LINE "z. SOA ns.z. root.z. 6 7200 1800 2592000 3600\na.com.z. CNAME .\n" SOA_LINE
                                 "b.com.z. CNAME .\n" SOA_LINE);
    zone_content_unref(policy);
}

static void who_is_up_to_date_gets_one_soa(void **state)
{
    (void)state;
    static struct taken taken;
    struct zone_content *policy = policy_of("z.", APEX "b.com CNAME .\n");
    struct outgoing_options options = whole(policy);
    options.form = OUTGOING_SOA;
    take(&options, 512, &taken);
    assert_string_equal(taken.text.bytes, SOA_LINE);
    assert_int_equal(taken.messages, 1);
    zone_content_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_zone_stands_between_two_soas),
        cmocka_unit_test(many_rules_are_cut_into_messages_without_loss),
        cmocka_unit_test(a_plain_zone_pauses_at_any_record),
        cmocka_unit_test(owners_are_compressed),
        cmocka_unit_test(a_record_larger_than_the_message_goes_alone),
        cmocka_unit_test(steps_stand_between_two_new_soas),
        cmocka_unit_test(who_is_up_to_date_gets_one_soa),
    };
    return RUN_TESTS(tests);
}
