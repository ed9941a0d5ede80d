/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/rule.h"

static const uint8_t *wire(const char *text)
{
    static uint8_t names[8][NAME_MAX_BYTES];
    static unsigned turn;
    uint8_t *name = names[turn++ % 8];
    assert_true(name_from_text(text, NULL, name) > 0);
    return name;
}

static enum rpz_skip decode(const char *relative, struct rpz_owner *out)
{
    uint8_t owner[NAME_MAX_BYTES];
    const uint8_t *origin = wire("rpz.test.");
    assert_true(name_from_text(relative, origin, owner) > 0);
    return rpz_owner_decode(owner, origin, out);
}

static void assert_qname(const char *relative, enum rpz_trigger trigger, const char *name, bool wildcard)
{
    struct rpz_owner owner;
    assert_int_equal(decode(relative, &owner), RPZ_KEPT);
    assert_int_equal(owner.trigger, trigger);
    assert_int_equal(owner.wildcard, wildcard);
    assert_memory_equal(owner.name, wire(name), name_length(wire(name)));
    assert_int_equal(owner.name_length, name_length(wire(name)));
}

static void rule_02_owner_without_special_label_is_qname(void **state)
{
    (void)state;
    assert_qname("example.com", RPZ_QNAME, "example.com.", false);
    assert_qname("*.example.com", RPZ_QNAME, "example.com.", true);
    assert_qname("*", RPZ_QNAME, ".", true);
    assert_qname("x.rpz-foo", RPZ_QNAME, "x.rpz-foo.", false);
    assert_qname("rpz-ip.example", RPZ_QNAME, "rpz-ip.example.", false);
    assert_qname("*.*.example", RPZ_QNAME, "*.example.", true);
}

static void rule_02_last_label_names_the_trigger(void **state)
{
    (void)state;
    struct rpz_owner owner;
    assert_qname("ns1.example.net.rpz-nsdname", RPZ_NSDNAME, "ns1.example.net.", false);
    assert_qname("*.example.net.RPZ-NSDNAME", RPZ_NSDNAME, "example.net.", true);
    assert_qname("*.rpz-nsdname", RPZ_NSDNAME, ".", true);
    assert_int_equal(decode("32.1.2.0.192.rpz-client-ip", &owner), RPZ_KEPT);
    assert_int_equal(owner.trigger, RPZ_CLIENT_IP);
    assert_int_equal(decode("32.1.2.0.192.Rpz-Ip", &owner), RPZ_KEPT);
    assert_int_equal(owner.trigger, RPZ_IP);
    assert_int_equal(decode("32.1.2.0.192.rpz-nsip", &owner), RPZ_KEPT);
    assert_int_equal(owner.trigger, RPZ_NSIP);
}

static void rule_02_bare_trigger_label_is_skipped(void **state)
{
    (void)state;
    struct rpz_owner owner;
    assert_int_equal(decode("rpz-ip", &owner), RPZ_SKIP_BARE_TRIGGER);
    assert_int_equal(decode("rpz-client-ip", &owner), RPZ_SKIP_BARE_TRIGGER);
    assert_int_equal(decode("rpz-nsip", &owner), RPZ_SKIP_BARE_TRIGGER);
    assert_int_equal(decode("rpz-nsdname", &owner), RPZ_SKIP_BARE_TRIGGER);
}

static void assert_prefix(const char *relative, const char *expected, bool noncanonical)
{
    struct rpz_owner owner;
    char text[IP_TEXT_MAX];
    assert_int_equal(decode(relative, &owner), RPZ_KEPT);
    assert_string_equal(prefix_to_text(&owner.prefix, text), expected);
    assert_int_equal(owner.noncanonical, noncanonical);
}

static void rule_05_addresses_are_read(void **state)
{
    (void)state;
    assert_prefix("24.0.2.0.192.rpz-ip", "192.0.2.0/24", false);
    assert_prefix("32.255.255.255.255.rpz-ip", "255.255.255.255/32", false);
    assert_prefix("1.0.0.0.128.rpz-ip", "128.0.0.0/1", false);
    assert_prefix("128.57.zz.db8.2001.rpz-ip", "2001:db8::57/128", false);
    assert_prefix("48.zz.1.db8.2001.rpz-ip", "2001:db8:1::/48", false);
    assert_prefix("128.1.zz.rpz-ip", "::1/128", false);
    assert_prefix("128.8.7.6.5.4.3.2.1.rpz-ip", "1:2:3:4:5:6:7:8/128", false);
    assert_prefix("128.ABCD.zz.1.rpz-ip", "1::abcd/128", false);
}

/* The spellings that named 9.18 reports as canonical or not. */
static void rule_05_other_spellings_of_ipv6_are_accepted_with_a_note(void **state)
{
    (void)state;
    assert_prefix("128.1.1.1.1.1.1.0.1.rpz-ip", "1:0:1:1:1:1:1:1/128", false);
    assert_prefix("128.1.1.1.1.1.1.zz.1.rpz-ip", "1:0:1:1:1:1:1:1/128", true);
    assert_prefix("128.1.0.0.1.1.zz.1.rpz-ip", "1::1:1:0:0:1/128", false);
    assert_prefix("128.1.zz.1.1.0.0.1.rpz-ip", "1::1:1:0:0:1/128", true);
    assert_prefix("128.1.zz.0.0.1.1.rpz-ip", "1:1::1/128", true);
    assert_prefix("128.0001.zz.1.rpz-ip", "1::1/128", true);
    assert_prefix("128.0.0.0.0.0.0.0.1.rpz-ip", "1::/128", true);
}

static void assert_skip(const char *relative, enum rpz_skip expected)
{
    struct rpz_owner owner;
    enum rpz_skip skip = decode(relative, &owner);
    if (skip != expected)
        fail_msg("%s: %s, expected %s", relative, rpz_skip_text(skip), rpz_skip_text(expected));
}

static void rule_05_bad_prefix_lengths_are_skipped(void **state)
{
    (void)state;
    assert_skip("1.2.3.4.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("0.0.0.0.0.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("33.1.2.0.192.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("129.1.zz.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("024.0.2.0.192.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("x.0.2.0.192.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("*.0.2.0.192.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
    assert_skip("9999999999.0.2.0.192.rpz-ip", RPZ_SKIP_PREFIX_LENGTH);
}

static void rule_05_bad_addresses_are_skipped(void **state)
{
    (void)state;
    assert_skip("24.0.2.0.256.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("24.0.02.0.192.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("24.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("24.0.2.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("128.1.zz.2.zz.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("128.9.8.7.6.5.4.3.2.1.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("128.1.zz.8.7.6.5.4.3.2.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("128.12345.zz.rpz-ip", RPZ_SKIP_ADDRESS);
    assert_skip("128.g.zz.rpz-ip", RPZ_SKIP_ADDRESS);
}

static void rule_05_host_bits_are_skipped(void **state)
{
    (void)state;
    assert_skip("24.5.0.0.10.rpz-ip", RPZ_SKIP_HOST_BITS);
    assert_skip("64.1.zz.db8.2001.rpz-nsip", RPZ_SKIP_HOST_BITS);
    assert_skip("31.5.0.0.10.rpz-client-ip", RPZ_SKIP_HOST_BITS);
    assert_skip("30.4.0.0.10.rpz-client-ip", RPZ_KEPT);
}

static void owners_survive_decode_and_encode(void **state)
{
    (void)state;
    static const char *const owners[] = {"example.com",
                                         "*.Example.com",
                                         "*",
                                         "*.x.rpz-nsdname",
                                         "ns.x.rpz-nsdname",
                                         "24.0.2.0.192.rpz-ip",
                                         "128.57.zz.db8.2001.rpz-client-ip",
                                         "48.zz.1.db8.2001.rpz-nsip",
                                         "128.8.7.6.5.4.3.2.1.rpz-ip",
                                         "1.zz.8000.rpz-ip",
                                         "x.rpz-foo"};
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        struct rpz_owner owner;
        uint8_t expected[NAME_MAX_BYTES], encoded[NAME_MAX_BYTES];
        assert_true(name_from_text(owners[i], wire("rpz.test."), expected) > 0);
        assert_int_equal(decode(owners[i], &owner), RPZ_KEPT);
        assert_int_equal(rpz_owner_encode(&owner, wire("rpz.test."), encoded), name_length(expected));
        name_to_lower(expected);
        assert_memory_equal(encoded, expected, name_length(expected));
    }
}

static void encode_refuses_a_name_that_gets_too_long(void **state)
{
    (void)state;
    struct rpz_owner owner = {.trigger = RPZ_QNAME, .wildcard = true};
    uint8_t out[NAME_MAX_BYTES];
    unsigned at = 0;
    for (unsigned i = 0; i < 127; i++, at += 2)
        memcpy(owner.name + at, "\1x", 2);
    assert_int_equal(rpz_owner_encode(&owner, wire("."), out), ERR_SPACE);
    owner.wildcard = false;
    assert_int_equal(rpz_owner_encode(&owner, wire("."), out), 255);
    assert_int_equal(rpz_owner_encode(&owner, wire("a."), out), ERR_SPACE);
}

static void assert_action(const char *relative, const char *target, enum rpz_skip skip,
                          enum rpz_action action)
{
    struct rpz_owner owner;
    enum rpz_action found;
    const uint8_t *rdata = wire(target);
    assert_int_equal(decode(relative, &owner), RPZ_KEPT);
    assert_int_equal(rpz_action_decode(&owner, TYPE_CNAME, rdata, (uint16_t)name_length(rdata), &found),
                     skip);
    if (!skip)
        assert_int_equal(found, action);
}

static void rule_09_targets_say_the_action(void **state)
{
    (void)state;
    assert_action("x.y", ".", RPZ_KEPT, RPZ_NXDOMAIN);
    assert_action("x.y", "*.", RPZ_KEPT, RPZ_NODATA);
    assert_action("x.y", "rpz-passthru.", RPZ_KEPT, RPZ_PASSTHRU);
    assert_action("x.y", "RPZ-Passthru.", RPZ_KEPT, RPZ_PASSTHRU);
    assert_action("x.y", "rpz-drop.", RPZ_KEPT, RPZ_DROP);
    assert_action("x.y", "rpz-tcp-only.", RPZ_KEPT, RPZ_TCP_ONLY);
    assert_action("x.y", "garden.example.", RPZ_KEPT, RPZ_LOCAL_DATA);
    assert_action("x.y", "*.garden.example.", RPZ_KEPT, RPZ_LOCAL_DATA);
    assert_action("x.y", "rpz-passthru.example.", RPZ_KEPT, RPZ_LOCAL_DATA);
}

static void rule_09_unknown_special_targets_are_skipped(void **state)
{
    (void)state;
    assert_action("x.y", "rpz-unknown.", RPZ_SKIP_SPECIAL_TARGET, RPZ_NONE);
    assert_action("x.y", "a.rpz-passthru.", RPZ_SKIP_SPECIAL_TARGET, RPZ_NONE);
    assert_action("x.y", "24.0.2.0.192.rpz-ip.", RPZ_SKIP_SPECIAL_TARGET, RPZ_NONE);
}

/* As named 9.18 does: the owner without the zone; for addresses without the trigger's label as well. */
static void rule_09_a_target_equal_to_the_trigger_is_the_old_passthru(void **state)
{
    (void)state;
    assert_action("fr.wikipedia.org", "FR.wikipedia.org.", RPZ_KEPT, RPZ_PASSTHRU);
    assert_action("24.0.2.0.192.rpz-ip", "24.0.2.0.192.", RPZ_KEPT, RPZ_PASSTHRU);
    assert_action("ns.example.rpz-nsdname", "ns.example.", RPZ_KEPT, RPZ_PASSTHRU);
    assert_action("*.fr.wikipedia.org", "*.fr.wikipedia.org.", RPZ_KEPT, RPZ_LOCAL_DATA);
    assert_action("*.fr.wikipedia.org", "fr.wikipedia.org.", RPZ_KEPT, RPZ_LOCAL_DATA);
    assert_action("fr.wikipedia.org", "fr.wikipedia.org.rpz.test.", RPZ_KEPT, RPZ_LOCAL_DATA);
}

static void rule_09_types_that_are_never_rules(void **state)
{
    (void)state;
    static const uint16_t never[] = {TYPE_NS,   TYPE_SOA,   TYPE_DNAME,  TYPE_DS,        TYPE_RRSIG,
                                     TYPE_NSEC, TYPE_NSEC3, TYPE_DNSKEY, TYPE_NSEC3PARAM};
    static const uint16_t rules[] = {TYPE_A, TYPE_AAAA, TYPE_MX, TYPE_TXT, TYPE_SRV, TYPE_HTTPS, 65280};
    struct rpz_owner owner;
    enum rpz_action action;
    assert_int_equal(decode("x.y", &owner), RPZ_KEPT);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_int_equal(rpz_action_decode(&owner, never[i], (const uint8_t *)"", 0, &action), RPZ_SKIP_TYPE);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        assert_true(rpz_type_is_rule(rules[i]));
    assert_int_equal(rpz_action_decode(&owner, TYPE_A, (const uint8_t *)"\1\2\3\4", 4, &action), RPZ_KEPT);
    assert_int_equal(action, RPZ_LOCAL_DATA);
}

static void malformed_data_is_skipped(void **state)
{
    (void)state;
    struct rpz_owner owner;
    enum rpz_action action;
    assert_int_equal(decode("x.y", &owner), RPZ_KEPT);
    assert_int_equal(rpz_action_decode(&owner, TYPE_CNAME, (const uint8_t *)"\5ab", 3, &action),
                     RPZ_SKIP_RDATA);
    assert_int_equal(rpz_action_decode(&owner, TYPE_CNAME, (const uint8_t *)"\1a\0x", 4, &action),
                     RPZ_SKIP_RDATA);
    assert_int_equal(rpz_action_decode(&owner, TYPE_CNAME, (const uint8_t *)"", 0, &action), RPZ_SKIP_RDATA);
    assert_int_equal(rpz_action_decode(&owner, TYPE_A, (const uint8_t *)"\1\2\3", 3, &action),
                     RPZ_SKIP_RDATA);
}

static void every_number_has_a_text(void **state)
{
    (void)state;
    for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS; t++)
        assert_string_not_equal(rpz_trigger_text(t), "?");
    for (enum rpz_action a = 0; a < RPZ_ACTIONS; a++)
        assert_string_not_equal(rpz_action_text(a), "?");
    for (enum rpz_skip s = 0; s < RPZ_SKIPS; s++)
        assert_string_not_equal(rpz_skip_text(s), "?");
    assert_string_equal(rpz_skip_text(RPZ_SKIPS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_02_owner_without_special_label_is_qname),
        cmocka_unit_test(rule_02_last_label_names_the_trigger),
        cmocka_unit_test(rule_02_bare_trigger_label_is_skipped),
        cmocka_unit_test(rule_05_addresses_are_read),
        cmocka_unit_test(rule_05_other_spellings_of_ipv6_are_accepted_with_a_note),
        cmocka_unit_test(rule_05_bad_prefix_lengths_are_skipped),
        cmocka_unit_test(rule_05_bad_addresses_are_skipped),
        cmocka_unit_test(rule_05_host_bits_are_skipped),
        cmocka_unit_test(owners_survive_decode_and_encode),
        cmocka_unit_test(encode_refuses_a_name_that_gets_too_long),
        cmocka_unit_test(rule_09_targets_say_the_action),
        cmocka_unit_test(rule_09_unknown_special_targets_are_skipped),
        cmocka_unit_test(rule_09_a_target_equal_to_the_trigger_is_the_old_passthru),
        cmocka_unit_test(rule_09_types_that_are_never_rules),
        cmocka_unit_test(malformed_data_is_skipped),
        cmocka_unit_test(every_number_has_a_text),
    };
    return RUN_TESTS(tests);
}
