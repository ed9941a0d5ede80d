/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/truth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asker.h"
#include "dns/message.h"
#include "dns/name.h"

/* --- messages to make truths from --- */

struct sketch {
    struct message_writer m;
    uint8_t name[255];
    uint16_t qtype;
    uint8_t bytes[4096];
};

static const uint8_t address_1[] = {192, 0, 2, 1}, address_2[] = {192, 0, 2, 2};
/* Covered type A, algorithm 13, 2 labels, TTL, times, tag, signer example.org., a short signature. */
static const uint8_t signature[] = {0, 1, 13,  2,   0,   0,   1,   44,  0,   0, 0,   9,   0,   0, 0, 1, 0,
                                    7, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0, 1, 2, 3};

static void begin(struct sketch *s, const char *qname, uint16_t qtype)
{
    assert_true(name_from_text(qname, NULL, s->name) > 0);
    s->qtype = qtype;
    message_begin(&s->m, s->bytes, sizeof s->bytes, 0, DNS_QR);
    assert_int_equal(message_put_question(&s->m, s->name, qtype, CLASS_IN), 0);
    name_to_lower(s->name);
}

static void put(struct sketch *s, enum dns_section section, const char *owner, uint16_t type, uint32_t ttl_s,
                const void *rdata, size_t length)
{
    uint8_t name[255];
    struct rdata data = {(uint16_t)length, rdata};
    assert_true(name_from_text(owner, NULL, name) > 0);
    struct rrset set = {.owner = name, .type = type, .ttl_s = ttl_s, .count = 1, .rdatas = &data};
    assert_int_equal(message_put_rrset(&s->m, section, &set, false), 0);
}

static void put_a(struct sketch *s, const char *owner, uint32_t ttl_s, const uint8_t *address)
{
    put(s, SECTION_ANSWER, owner, TYPE_A, ttl_s, address, 4);
}

static void put_name(struct sketch *s, enum dns_section section, const char *owner, uint16_t type,
                     uint32_t ttl_s, const char *target)
{
    uint8_t name[255];
    int length = name_from_text(target, NULL, name);
    put(s, section, owner, type, ttl_s, name, (size_t)length);
}

static void put_soa(struct sketch *s, const char *owner, uint32_t ttl_s, uint32_t minimum_s)
{
    uint8_t rdata[22] = {0, 0};
    store_u32(rdata + 18, minimum_s);
    put(s, SECTION_AUTHORITY, owner, TYPE_SOA, ttl_s, rdata, sizeof rdata);
}

static struct truth_source source_of(struct sketch *s, uint16_t rcode)
{
    return (struct truth_source){.name = s->name,
                                 .qtype = s->qtype,
                                 .message_length = message_finish(&s->m, rcode),
                                 .message = s->bytes,
                                 .now_ms = 50000,
                                 .max_ttl_s = 86400,
                                 .max_negative_ttl_s = 3600};
}

static struct truth *finish(struct sketch *s, uint16_t rcode)
{
    struct truth_source source = source_of(s, rcode);
    struct truth *truth = NULL;
    assert_int_equal(truth_from_message(&source, &truth), 0);
    return truth;
}

static uint64_t lives_s(const struct truth *truth)
{
    return (truth->expires_ms - truth->fetched_ms) / 1000;
}

/* --- what is kept --- */

static void the_ttls_of_one_rrset_become_the_smallest(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 300, address_1);
    put_a(&s, "A.example.ORG.", 200, address_2);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_string_equal(wire_text(truth, &truth->plain),
                        "0 a.example.org. 200 A 192.0.2.1\n0 a.example.org. 200 A 192.0.2.2\n");
    assert_int_equal(lives_s(truth), 200);
    assert_int_equal(truth->links[0].address_count, 2);
    truth_unref(truth);
}

static void signatures_are_in_the_full_wire_only(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "example.org.", TYPE_A);
    put_a(&s, "example.org.", 300, address_1);
    put(&s, SECTION_ANSWER, "example.org.", TYPE_RRSIG, 300, signature, sizeof signature);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_true(truth->has_sigs);
    assert_int_equal(truth->plain.counts[0], 1);
    assert_int_equal(truth->full.counts[0], 2);
    assert_int_equal(truth->full.ttl_count, 2);
    assert_int_equal(truth->zone_labels, 2);
    truth_unref(truth);
}

static void signatures_asked_for_are_given(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "example.org.", TYPE_RRSIG);
    put(&s, SECTION_ANSWER, "example.org.", TYPE_RRSIG, 300, signature, sizeof signature);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(truth->plain.counts[0], 1);
    truth_unref(truth);
}

static void without_signatures_both_wires_are_the_same_bytes(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 300, address_1);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_false(truth->has_sigs);
    assert_ptr_equal(truth->full.bytes, truth->plain.bytes);
    /* Owner compressed to the question, so the wire is 12 bytes and the address. */
    assert_int_equal(truth->plain.length, 16);
    assert_memory_equal(truth->plain.bytes, "\xc0\x0c", 2);
    truth_unref(truth);
}

static void what_nobody_asked_for_is_left_out(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 300, address_1);
    put_a(&s, "other.example.org.", 300, address_2);
    put_name(&s, SECTION_AUTHORITY, "example.org.", TYPE_NS, 300, "ns.example.org.");
    put(&s, SECTION_ADDITIONAL, "ns.example.org.", TYPE_A, 300, address_2, 4);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_string_equal(wire_text(truth, &truth->plain), "0 a.example.org. 300 A 192.0.2.1\n");
    truth_unref(truth);
}

static void a_chain_is_put_in_order(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "c.example.org.", 300, address_1);
    put_name(&s, SECTION_ANSWER, "B.example.org.", TYPE_CNAME, 100, "c.example.org.");
    put_name(&s, SECTION_ANSWER, "a.example.org.", TYPE_CNAME, 200, "b.example.org.");
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_string_equal(wire_text(truth, &truth->plain), "0 a.example.org. 200 CNAME B.example.org.\n"
                                                         "0 B.example.org. 100 CNAME c.example.org.\n"
                                                         "0 c.example.org. 300 A 192.0.2.1\n");
    assert_int_equal(truth->link_count, 3);
    assert_memory_equal(truth->links[2].name, "\1c\7example\3org", 15); /* lower case */
    assert_int_equal(truth->links[1].record_count, 1);
    assert_int_equal(truth->links[2].record_count, 2);
    assert_int_equal(truth->links[2].wire_end + 16, truth->plain.length);
    assert_int_equal(lives_s(truth), 100);
    truth_unref(truth);
}

static void a_chain_in_a_circle_ends(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_name(&s, SECTION_ANSWER, "a.example.org.", TYPE_CNAME, 100, "b.example.org.");
    put_name(&s, SECTION_ANSWER, "b.example.org.", TYPE_CNAME, 100, "a.example.org.");
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(truth->plain.counts[0], 2);
    truth_unref(truth);
}

static void a_cname_asked_for_is_not_followed(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_CNAME);
    put_name(&s, SECTION_ANSWER, "a.example.org.", TYPE_CNAME, 100, "b.example.org.");
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(truth->link_count, 1);
    assert_int_equal(truth->plain.counts[0], 1);
    truth_unref(truth);
}

static void any_takes_everything_of_the_name(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_ANY);
    put_a(&s, "a.example.org.", 300, address_1);
    put(&s, SECTION_ANSWER, "a.example.org.", TYPE_TXT, 300, "\3one", 4);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(truth->plain.counts[0], 2);
    truth_unref(truth);
}

static void the_soa_stands_before_the_proofs(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put(&s, SECTION_AUTHORITY, "0.example.org.", TYPE_NSEC, 300, "\1b\0\0\1\x40", 6);
    put_soa(&s, "example.org.", 300, 120);
    struct truth *truth = finish(&s, RCODE_NXDOMAIN);
    assert_int_equal(truth->plain.counts[1], 1);
    assert_string_equal(wire_text(truth, &truth->full), "1 example.org. 120 SOA . . 0 0 0 0 120\n"
                                                        "1 0.example.org. 120 NSEC b. A\n");
    truth_unref(truth);
}

/* --- what proves the zone of a name --- */

static uint8_t proven(const char *name, uint16_t qtype, enum truth_security security, bool is_signed)
{
    struct sketch s;
    begin(&s, name, qtype);
    put_a(&s, name, 300, address_1);
    if (is_signed)
        put(&s, SECTION_ANSWER, name, TYPE_RRSIG, 300, signature, sizeof signature);
    struct truth_source source = source_of(&s, RCODE_NOERROR);
    struct truth *truth = NULL;
    source.security = security;
    assert_int_equal(truth_from_message(&source, &truth), 0);
    uint8_t labels = truth->links[0].zone_labels;
    truth_unref(truth);
    return labels;
}

static void a_signer_proves_the_zone_when_it_was_validated(void **state)
{
    (void)state;
    assert_int_equal(proven("a.example.org.", TYPE_A, TRUTH_SECURE, true), 2);
    assert_int_equal(proven("a.example.org.", TYPE_A, TRUTH_INSECURE, true), ZONE_NOT_PROVEN);
    assert_int_equal(proven("a.example.org.", TYPE_A, TRUTH_SECURE, false), ZONE_NOT_PROVEN);
    assert_int_equal(proven("a.example.org.", TYPE_ANY, TRUTH_SECURE, true), ZONE_NOT_PROVEN);
}

static void the_soa_of_what_is_denied_proves_the_zone_of_the_last_name(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.evil.example.org.", TYPE_A);
    put_name(&s, SECTION_ANSWER, "a.evil.example.org.", TYPE_CNAME, 300, "no.example.org.");
    put_soa(&s, "example.org.", 300, 120);
    struct truth *truth = finish(&s, RCODE_NXDOMAIN);
    assert_int_equal(truth->links[0].zone_labels, ZONE_NOT_PROVEN);
    assert_int_equal(truth->links[1].zone_labels, 2);
    truth_unref(truth);
}

static void what_the_parent_may_answer_proves_nothing(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "example.org.", TYPE_DS);
    put_soa(&s, "org.", 300, 120);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(truth->links[0].zone_labels, ZONE_NOT_PROVEN);
    truth_unref(truth);
}

static void an_alias_that_was_asked_for_exists(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.d.example.org.", TYPE_CNAME);
    put_name(&s, SECTION_ANSWER, "d.example.org.", TYPE_DNAME, 300, "example.net.");
    put_name(&s, SECTION_ANSWER, "a.d.example.org.", TYPE_CNAME, 0, "a.example.net.");
    struct truth *truth = finish(&s, RCODE_NXDOMAIN); /* of what it leads to */
    assert_int_equal(truth->rcode, RCODE_NOERROR);
    assert_string_equal(wire_text(truth, &truth->plain), "0 d.example.org. 300 DNAME example.net.\n"
                                                         "0 a.d.example.org. 300 CNAME a.example.net.\n");
    truth_unref(truth);
}

/* --- how long it lives --- */

static void a_negative_answer_lives_for_the_soa_minimum(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_soa(&s, "example.org.", 7200, 120);
    struct truth *truth = finish(&s, RCODE_NXDOMAIN);
    assert_int_equal(truth->rcode, RCODE_NXDOMAIN);
    assert_int_equal(lives_s(truth), 120);
    assert_non_null(strstr(wire_text(truth, &truth->plain), "1 example.org. 120 SOA"));
    assert_int_equal(truth->zone_labels, 2);
    truth_unref(truth);
}

static void a_negative_answer_lives_for_the_soa_ttl_when_that_is_less(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_soa(&s, "example.org.", 60, 120);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(lives_s(truth), 60);
    truth_unref(truth);
}

static void a_negative_answer_is_bounded(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_soa(&s, "example.org.", 90000, 80000);
    struct truth *truth = finish(&s, RCODE_NXDOMAIN);
    assert_int_equal(lives_s(truth), 3600);
    truth_unref(truth);
}

static void a_negative_answer_without_soa_lives_shortly(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    struct truth *truth = finish(&s, RCODE_NXDOMAIN);
    assert_int_equal(lives_s(truth), NEGATIVE_NO_SOA_TTL_S);
    assert_int_equal(truth->plain.length, 0);
    truth_unref(truth);
}

static void positive_ttls_are_bounded_on_both_sides(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_name(&s, SECTION_ANSWER, "a.example.org.", TYPE_CNAME, 1000000, "b.example.org.");
    put_a(&s, "b.example.org.", 1, address_1);
    struct truth_source source = source_of(&s, RCODE_NOERROR);
    struct truth *truth = NULL;
    source.min_ttl_s = 10;
    assert_int_equal(truth_from_message(&source, &truth), 0);
    assert_string_equal(wire_text(truth, &truth->plain), "0 a.example.org. 86400 CNAME b.example.org.\n"
                                                         "0 b.example.org. 10 A 192.0.2.1\n");
    assert_int_equal(lives_s(truth), 10);
    truth_unref(truth);
}

static void a_bogus_answer_says_why_and_lives_shortly(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 5000, address_1);
    struct truth_source source = source_of(&s, RCODE_NOERROR);
    struct truth *truth = NULL;
    source.security = TRUTH_BOGUS;
    source.ede = EDE_SIGNATURE_EXPIRED;
    source.ede_text = "too old";
    source.stale_s = 1000;
    assert_int_equal(truth_from_message(&source, &truth), 0);
    assert_int_equal(truth->ede, EDE_SIGNATURE_EXPIRED);
    assert_string_equal(truth->ede_text, "too old");
    assert_int_equal(lives_s(truth), BOGUS_TTL_S);
    assert_int_equal(truth->stale_until_ms, truth->expires_ms);
    truth_unref(truth);
}

/* --- copying --- */

static uint32_t copied_ttl(const struct truth *truth, uint64_t now_ms)
{
    uint8_t out[512];
    truth_copy_wire(truth, &truth->plain, now_ms, 30, out);
    return load_u32(out + truth->plain.ttl_at[0]);
}

static void copies_count_down(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 300, address_1);
    struct truth_source source = source_of(&s, RCODE_NOERROR);
    struct truth *truth = NULL;
    source.stale_s = 1000;
    assert_int_equal(truth_from_message(&source, &truth), 0);
    assert_int_equal(copied_ttl(truth, 50000), 300);
    assert_int_equal(copied_ttl(truth, 50999), 300);
    assert_int_equal(copied_ttl(truth, 51000), 299);
    assert_int_equal(copied_ttl(truth, 349999), 1);
    assert_int_equal(copied_ttl(truth, 350000), 30); /* stale */
    assert_int_equal(truth->stale_until_ms, 1350000);
    truth_unref(truth);
}

static void an_answer_for_zero_seconds_is_copied_as_such(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 0, address_1);
    struct truth *truth = finish(&s, RCODE_NOERROR);
    assert_int_equal(copied_ttl(truth, 50020), 0);
    truth_unref(truth);
}

static void a_failure_has_no_wire_and_keeps_its_text(void **state)
{
    (void)state;
    uint8_t name[255];
    struct truth *truth = NULL;
    assert_true(name_from_text("a.example.org.", NULL, name) > 0);
    char text[] = "why";
    assert_int_equal(truth_from_failure(name, TYPE_A, EDE_NETWORK_ERROR, text, 1000, 500, &truth), 0);
    text[0] = 'X';
    assert_string_equal(truth->ede_text, "why");
    assert_true(truth->failed);
    assert_int_equal(truth->expires_ms, 1500);
    assert_int_equal(truth->link_count, 1);
    assert_int_equal(truth->plain.length, 0);
    truth_copy_wire(truth, &truth->plain, 1000, 30, NULL); /* copies nothing */
    truth_unref(truth);
}

/* --- nonsense --- */

static void a_cut_message_is_malformed(void **state)
{
    (void)state;
    struct sketch s;
    begin(&s, "a.example.org.", TYPE_A);
    put_a(&s, "a.example.org.", 300, address_1);
    struct truth_source source = source_of(&s, RCODE_NOERROR);
    struct truth *truth = NULL;
    size_t whole = source.message_length;
    for (source.message_length = 0; source.message_length < whole; source.message_length++)
        assert_int_equal(truth_from_message(&source, &truth), ERR_MALFORMED);
}

static void changed_bytes_never_harm(void **state)
{
    (void)state;
    struct sketch s, changed;
    begin(&s, "a.example.org.", TYPE_A);
    put_name(&s, SECTION_ANSWER, "a.example.org.", TYPE_CNAME, 100, "b.example.org.");
    put_a(&s, "b.example.org.", 300, address_1);
    put(&s, SECTION_ANSWER, "b.example.org.", TYPE_RRSIG, 300, signature, sizeof signature);
    put_soa(&s, "example.org.", 60, 120);
    struct truth_source source = source_of(&s, RCODE_NOERROR);
    unsigned made = 0, seed = 7;
    source.message = changed.bytes;
    for (unsigned round = 0; round < 20000; round++) {
        memcpy(changed.bytes, s.bytes, source.message_length);
        for (unsigned i = 0; i < 1 + round % 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            changed.bytes[(seed >> 8) % source.message_length] = (uint8_t)(seed >> 24);
        }
        struct truth *truth = NULL;
        if (truth_from_message(&source, &truth) == 0) {
            made++;
            assert_string_not_equal(wire_text(truth, &truth->full), "malformed");
            truth_unref(truth);
        }
    }
    assert_true(made > 100 && made < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ttls_of_one_rrset_become_the_smallest),
        cmocka_unit_test(signatures_are_in_the_full_wire_only),
        cmocka_unit_test(signatures_asked_for_are_given),
        cmocka_unit_test(without_signatures_both_wires_are_the_same_bytes),
        cmocka_unit_test(what_nobody_asked_for_is_left_out),
        cmocka_unit_test(a_chain_is_put_in_order),
        cmocka_unit_test(a_chain_in_a_circle_ends),
        cmocka_unit_test(a_cname_asked_for_is_not_followed),
        cmocka_unit_test(any_takes_everything_of_the_name),
        cmocka_unit_test(the_soa_stands_before_the_proofs),
        cmocka_unit_test(a_signer_proves_the_zone_when_it_was_validated),
        cmocka_unit_test(the_soa_of_what_is_denied_proves_the_zone_of_the_last_name),
        cmocka_unit_test(what_the_parent_may_answer_proves_nothing),
        cmocka_unit_test(an_alias_that_was_asked_for_exists),
        cmocka_unit_test(a_negative_answer_lives_for_the_soa_minimum),
        cmocka_unit_test(a_negative_answer_lives_for_the_soa_ttl_when_that_is_less),
        cmocka_unit_test(a_negative_answer_is_bounded),
        cmocka_unit_test(a_negative_answer_without_soa_lives_shortly),
        cmocka_unit_test(positive_ttls_are_bounded_on_both_sides),
        cmocka_unit_test(a_bogus_answer_says_why_and_lives_shortly),
        cmocka_unit_test(copies_count_down),
        cmocka_unit_test(an_answer_for_zero_seconds_is_copied_as_such),
        cmocka_unit_test(a_failure_has_no_wire_and_keeps_its_text),
        cmocka_unit_test(a_cut_message_is_malformed),
        cmocka_unit_test(changed_bytes_never_harm),
    };
    return cmocka_run_group_tests_name("resolve/truth", tests, NULL, NULL);
}
