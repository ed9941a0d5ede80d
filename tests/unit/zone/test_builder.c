/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zonetext.h"

static const uint8_t address[] = {192, 0, 2, 1}, address2[] = {192, 0, 2, 2}, target[] = {1, 'x', 0};
static const uint8_t soa[] = {0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4};

#define BYTES(data) (data), sizeof(data)

static struct zone_builder *builder_of_example(void)
{
    struct zone_builder *builder = zone_builder_new(name_of("example."));
    assert_non_null(builder);
    return builder;
}

/* "": taken; otherwise why it was not. */
static const char *add(struct zone_builder *builder, const char *owner, uint16_t type, const uint8_t *rdata,
                       size_t length)
{
    const char *why = NULL;
    int error = zone_builder_add(builder, name_of(owner), type, CLASS_IN, 300, rdata, (uint16_t)length, &why);
    if (error)
        assert_int_equal(error, ERR_INVALID);
    return error ? why : "";
}

static struct zone_content *finish(struct zone_builder *builder)
{
    struct zone_content *content = NULL;
    const char *why;
    assert_string_equal(add(builder, "example.", TYPE_SOA, BYTES(soa)), "");
    assert_string_equal(add(builder, "example.", TYPE_NS, BYTES(target)), "");
    assert_int_equal(zone_builder_finish(builder, &content, &why), 0);
    return content;
}

static void records_that_cannot_stand_in_the_zone_are_refused(void **state)
{
    (void)state;
    struct zone_builder *builder = builder_of_example();
    const char *why;
    assert_string_equal(add(builder, "other.", TYPE_A, BYTES(address)), "outside the zone");
    assert_string_equal(add(builder, ".", TYPE_A, BYTES(address)), "outside the zone");
    assert_string_equal(add(builder, "a.example.", TYPE_ANY, BYTES(address)), "a type that no zone holds");
    assert_string_equal(add(builder, "a.example.", TYPE_OPT, BYTES(address)), "a type that no zone holds");
    assert_string_equal(add(builder, "a.example.", TYPE_A, address, 3), "malformed data");
    assert_string_equal(add(builder, "a.example.", TYPE_SOA, BYTES(soa)),
                        "SOA that is not at the zone's own name");
    assert_string_equal(add(builder, "*.example.", TYPE_NS, BYTES(target)), "NS at a wildcard");
    assert_int_equal(
        zone_builder_add(builder, name_of("a.example."), TYPE_A, CLASS_CH, 300, BYTES(address), &why),
        ERR_INVALID);
    assert_string_equal(why, "the class is not IN");
    zone_builder_free(builder);
}

static void a_cname_stands_alone(void **state)
{
    (void)state;
    struct zone_builder *builder = builder_of_example();
    assert_string_equal(add(builder, "a.example.", TYPE_A, BYTES(address)), "");
    assert_string_equal(add(builder, "A.example.", TYPE_CNAME, BYTES(target)), "CNAME beside other data");
    assert_string_equal(add(builder, "c.example.", TYPE_CNAME, BYTES(target)), "");
    assert_string_equal(add(builder, "c.example.", TYPE_A, BYTES(address)), "other data beside a CNAME");
    assert_string_equal(add(builder, "c.example.", TYPE_CNAME, (const uint8_t[]){1, 'y', 0}, 3),
                        "a second CNAME");
    assert_string_equal(add(builder, "c.example.", TYPE_CNAME, BYTES(target)), "");
    struct zone_content *content = finish(builder);
    assert_int_equal(zone_content_records(content), 4);
    zone_content_unref(content);
}

static void a_second_soa_is_refused(void **state)
{
    (void)state;
    struct zone_builder *builder = builder_of_example();
    uint8_t other[sizeof soa];
    memcpy(other, soa, sizeof soa);
    other[5] = 8;
    assert_string_equal(add(builder, "example.", TYPE_SOA, BYTES(soa)), "");
    assert_string_equal(add(builder, "example.", TYPE_SOA, BYTES(other)), "a second SOA");
    zone_content_unref(finish(builder));
}

static void an_identical_record_is_held_once(void **state)
{
    (void)state;
    struct zone_builder *builder = builder_of_example();
    for (int i = 0; i < 3; i++) {
        assert_string_equal(add(builder, "a.example.", TYPE_A, BYTES(address)), "");
        assert_string_equal(add(builder, "A.EXAMPLE.", TYPE_A, BYTES(address2)), "");
    }
    struct zone_content *content = finish(builder);
    assert_int_equal(zone_content_records(content), 4);
    expect(content, "a.example.", "A", ASK_PLAIN,
           "ANSWER\nan a.example. 300 A 192.0.2.1\nan a.example. 300 A 192.0.2.2\n");
    zone_content_unref(content);
}

static void different_ttls_of_a_set_become_the_first(void **state)
{
    (void)state;
    struct zone_builder *builder = builder_of_example();
    const char *why;
    const uint8_t *owner = name_of("a.example.");
    assert_int_equal(zone_builder_add(builder, owner, TYPE_A, CLASS_IN, 10, BYTES(address2), &why), 0);
    assert_int_equal(zone_builder_add(builder, owner, TYPE_A, CLASS_IN, 20, BYTES(address), &why), 0);
    struct zone_content *content = finish(builder);
    expect(content, "a.example.", "A", ASK_PLAIN,
           "ANSWER\nan a.example. 10 A 192.0.2.1\nan a.example. 10 A 192.0.2.2\n");
    zone_content_unref(content);
}

static void a_zone_needs_soa_and_ns(void **state)
{
    (void)state;
    struct zone_content *content = NULL;
    const char *why;
    struct zone_builder *builder = builder_of_example();
    assert_string_equal(add(builder, "example.", TYPE_NS, BYTES(target)), "");
    assert_int_equal(zone_builder_finish(builder, &content, &why), ERR_NOT_FOUND);
    assert_string_equal(why, "no SOA at the zone's own name");
    builder = builder_of_example();
    assert_string_equal(add(builder, "example.", TYPE_SOA, BYTES(soa)), "");
    assert_int_equal(zone_builder_finish(builder, &content, &why), ERR_NOT_FOUND);
    assert_string_equal(why, "no NS at the zone's own name");
    assert_null(content);
}

static int write_record(void *context, const struct policy_record *record)
{
    char owner[NAME_TEXT_MAX], data[300];
    put_text(context, "%s %u %s %s\n", name_to_text(record->owner, owner), (unsigned)record->ttl_s,
             type_to_text(record->type),
             rdata_to_text(record->type, record->rdata, record->rdata_length, data, sizeof data));
    return 0;
}

static void every_record_is_enumerated_soa_first(void **state)
{
    (void)state;
    struct zone_content *content = zone_of("ex.", "z A 192.0.2.1\n@ NS z\n@ SOA z z 1 2 3 4 5\n"
                                                  "a.b TXT x\n*.b 7 AAAA ::1\n");
    struct text t = {.length = 0};
    assert_int_equal(zone_content_each(content, write_record, &t), 0);
    assert_string_equal(t.bytes, "ex. 300 SOA z.ex. z.ex. 1 2 3 4 5\nex. 300 NS z.ex.\n*.b.ex. 7 AAAA ::1\n"
                                 "a.b.ex. 300 TXT \"x\"\nz.ex. 300 A 192.0.2.1\n");
    zone_content_unref(content);
}

static int stop_at_two(void *context, const struct policy_record *record)
{
    (void)record;
    return ++*(int *)context == 2 ? 17 : 0;
}

static void an_enumeration_stops_when_told(void **state)
{
    (void)state;
    struct zone_content *content = zone_of("ex.", "@ SOA z z 1 2 3 4 5\n@ NS z\nz A 192.0.2.1\n");
    int seen = 0;
    assert_int_equal(zone_content_each(content, stop_at_two, &seen), 17);
    assert_int_equal(seen, 2);
    zone_content_unref(content);
}

static void what_a_zone_says_about_itself(void **state)
{
    (void)state;
    struct zone_content *content = zone_of("Ex.", "@ SOA z z 2026 2 3 4 5\n@ NS z\nz A 192.0.2.1\n");
    assert_int_equal(zone_content_serial(content), 2026);
    assert_int_equal(zone_content_records(content), 3);
    assert_int_equal(zone_content_soa(content)->type, TYPE_SOA);
    assert_memory_equal(zone_content_origin(content), "\2ex", 4);
    assert_true(zone_content_bytes(content) > 100);
    assert_null(zone_content_get_policy(content));
    zone_content_unref(content);
}

static void an_empty_zone_answers_as_binds_do(void **state)
{
    (void)state;
    struct zone_content *content = zone_content_empty(name_of("10.in-addr.arpa."));
#define EMPTY_SOA "10.in-addr.arpa. 86400 SOA 10.in-addr.arpa. . 0 28800 7200 604800 86400\n"
    expect(content, "10.in-addr.arpa.", "ANY", ASK_PLAIN,
           "ANSWER\nan 10.in-addr.arpa. 0 NS 10.in-addr.arpa.\nan " EMPTY_SOA);
    expect(content, "1.10.in-addr.arpa.", "PTR", ASK_PLAIN, "NXDOMAIN\nau " EMPTY_SOA);
    zone_content_unref(content);
}

static void a_large_zone_is_found_again(void **state)
{
    (void)state;
    struct zone_builder *builder = builder_of_example();
    char owner[64];
    for (int i = 0; i < 5000; i++) {
        snprintf(owner, sizeof owner, "h%d.d%d.example.", i, i % 100);
        assert_string_equal(add(builder, owner, TYPE_A, BYTES(address)), "");
    }
    struct zone_content *content = finish(builder);
    assert_int_equal(zone_content_records(content), 5002);
    expect(content, "h4711.d11.example.", "A", ASK_PLAIN, "ANSWER\nan h4711.d11.example. 300 A 192.0.2.1\n");
    expect(content, "h4711.d12.example.", "A", ASK_PLAIN, "NXDOMAIN\nau example. 4 SOA . . 7 1 2 3 4\n");
    expect(content, "d12.example.", "A", ASK_PLAIN, "NODATA\nau example. 4 SOA . . 7 1 2 3 4\n");
    zone_content_unref(content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_that_cannot_stand_in_the_zone_are_refused),
        cmocka_unit_test(a_cname_stands_alone),
        cmocka_unit_test(a_second_soa_is_refused),
        cmocka_unit_test(an_identical_record_is_held_once),
        cmocka_unit_test(different_ttls_of_a_set_become_the_first),
        cmocka_unit_test(a_zone_needs_soa_and_ns),
        cmocka_unit_test(every_record_is_enumerated_soa_first),
        cmocka_unit_test(an_enumeration_stops_when_told),
        cmocka_unit_test(what_a_zone_says_about_itself),
        cmocka_unit_test(an_empty_zone_answers_as_binds_do),
        cmocka_unit_test(a_large_zone_is_found_again),
    };
    return RUN_TESTS(tests);
}
