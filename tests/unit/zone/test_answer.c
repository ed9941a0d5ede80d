/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers of a plain zone. What is expected here is what named 9.18 answers from the same zone. */
#include "zonetext.h"

static const char zone_text[] =
    "@ 3600 SOA ns1 host 1 3600 900 604800 60\n"
    "@ NS ns1\n"
    "@ NS ns.out.test.\n"
    "@ MX 10 mail\n"
    "ns1 A 192.0.2.1\n"
    "ns1 AAAA 2001:db8::1\n"
    "mail A 192.0.2.2\n"
    "WwW A 192.0.2.3\n"
    "www TXT \"a\"\n"
    "c1 CNAME c2\n"
    "c2 CNAME www\n"
    "cw CNAME nowhere\n"
    "cout CNAME Far.Away.\n"
    "cdel CNAME foo.sub\n"
    "loop1 CNAME loop2\n"
    "loop2 CNAME loop1\n"
    "self CNAME self\n"
    "*.wild A 192.0.2.9\n"
    "a.b.wild A 192.0.2.10\n"
    "*.cw CNAME www\n"
    "sub NS ns.sub\n"
    "sub NS ns1\n"
    "ns.sub A 192.0.2.50\n"
    "www.sub A 192.0.2.51\n"
    "sub DS 1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
    "d DNAME www.dd\n"
    "x.www.dd A 192.0.2.77\n"
    "dout DNAME far.away.\n"
    "both NS ns1\n"
    "both DNAME www\n"
    "_s._tcp SRV 0 0 1 mail\n"
    "_s._tcp SRV 0 0 2 ns.sub\n"
    "np NAPTR 1 1 \"S\" \"\" \"\" _s._tcp\n"
    "hs HTTPS 1 www\n"
    "hsa HTTPS 0 hs\n"
    "mxw MX 10 foo.wild\n"
    "mxc MX 5 c1\n"
    "nomail MX 0 .\n";

#define SOA "au ex.test. 60 SOA ns1.ex.test. host.ex.test. 1 3600 900 604800 60\n"
#define APEX_NS "au ex.test. 300 NS ns.out.test.\nau ex.test. 300 NS ns1.ex.test.\n"
#define NS_ADDRESSES "ad ns1.ex.test. 300 A 192.0.2.1\nad ns1.ex.test. 300 AAAA 2001:db8::1\n"
#define CUT "au sub.ex.test. 300 NS ns.sub.ex.test.\nau sub.ex.test. 300 NS ns1.ex.test.\n"
#define GLUE "ad ns.sub.ex.test. 300 A 192.0.2.50\n"
#define DATA_OF_DS "1 8 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"

static struct zone_content *zone;

static int open_zone(void **state)
{
    (void)state;
    zone = zone_of("ex.test.", zone_text);
    return 0;
}

static int close_zone(void **state)
{
    (void)state;
    zone_content_unref(zone);
    return 0;
}

static void data_comes_with_the_owner_as_the_zone_writes_it(void **state)
{
    (void)state;
    expect(zone, "WWW.ex.test.", "A", ASK_PLAIN, "ANSWER\nan WwW.ex.test. 300 A 192.0.2.3\n");
    expect(zone, "www.EX.test.", "TXT", ASK_PLAIN, "ANSWER\nan www.ex.test. 300 TXT \"a\"\n");
}

static void another_type_is_no_data_with_the_soa_at_its_minimum(void **state)
{
    (void)state;
    expect(zone, "www.ex.test.", "AAAA", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "www.ex.test.", "RRSIG", ASK_PLAIN, "NODATA\n" SOA);
}

static void a_missing_name_is_nxdomain(void **state)
{
    (void)state;
    expect(zone, "no.ex.test.", "A", ASK_PLAIN, "NXDOMAIN\n" SOA);
    expect(zone, "no.ex.test.", "DS", ASK_PLAIN, "NXDOMAIN\n" SOA);
}

static void a_denied_soa_is_not_to_be_kept(void **state)
{
    (void)state;
    expect(zone, "no.ex.test.", "SOA", ASK_PLAIN,
           "NXDOMAIN\nau ex.test. 0 SOA ns1.ex.test. host.ex.test. 1 3600 900 604800 60\n");
}

static void an_empty_non_terminal_exists(void **state)
{
    (void)state;
    expect(zone, "www.dd.ex.test.", "A", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "_tcp.ex.test.", "ANY", ASK_PLAIN, "NODATA\n" SOA);
}

static void a_wildcard_covers_what_does_not_exist(void **state)
{
    (void)state;
    expect(zone, "X.wild.ex.test.", "A", ASK_PLAIN, "ANSWER\nan X.wild.ex.test. 300 A 192.0.2.9\n");
    expect(zone, "x.y.wild.ex.test.", "A", ASK_PLAIN, "ANSWER\nan x.y.wild.ex.test. 300 A 192.0.2.9\n");
    expect(zone, "x.wild.ex.test.", "MX", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "*.wild.ex.test.", "A", ASK_PLAIN, "ANSWER\nan *.wild.ex.test. 300 A 192.0.2.9\n");
}

static void a_wildcard_covers_neither_its_parent_nor_what_is_below_another_name(void **state)
{
    (void)state;
    expect(zone, "wild.ex.test.", "A", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "b.wild.ex.test.", "A", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "z.b.wild.ex.test.", "A", ASK_PLAIN, "NXDOMAIN\n" SOA);
}

static void cnames_are_followed_inside_the_zone(void **state)
{
    (void)state;
    expect(zone, "c1.ex.test.", "A", ASK_PLAIN,
           "ANSWER\nan c1.ex.test. 300 CNAME c2.ex.test.\nan c2.ex.test. 300 CNAME www.ex.test.\n"
           "an WwW.ex.test. 300 A 192.0.2.3\n");
    expect(zone, "c2.ex.test.", "MX", ASK_PLAIN, "NODATA\nan c2.ex.test. 300 CNAME www.ex.test.\n" SOA);
    expect(zone, "cw.ex.test.", "A", ASK_PLAIN, "NXDOMAIN\nan cw.ex.test. 300 CNAME nowhere.ex.test.\n" SOA);
    expect(zone, "x.cw.ex.test.", "A", ASK_PLAIN,
           "ANSWER\nan x.cw.ex.test. 300 CNAME www.ex.test.\nan WwW.ex.test. 300 A 192.0.2.3\n");
}

static void a_cname_out_of_the_zone_says_where_to_go_on(void **state)
{
    (void)state;
    expect(zone, "cout.ex.test.", "A", ASK_PLAIN,
           "CNAME_OUT Far.Away.\nan cout.ex.test. 300 CNAME Far.Away.\n");
    expect(zone, "cdel.ex.test.", "A", ASK_PLAIN,
           "DELEGATION\nan cdel.ex.test. 300 CNAME foo.sub.ex.test.\n" CUT GLUE);
}

static void a_cname_is_itself_the_answer_to_cname_and_any(void **state)
{
    (void)state;
    expect(zone, "c1.ex.test.", "CNAME", ASK_PLAIN, "ANSWER\nan c1.ex.test. 300 CNAME c2.ex.test.\n");
    expect(zone, "c1.ex.test.", "ANY", ASK_PLAIN, "ANSWER\nan c1.ex.test. 300 CNAME c2.ex.test.\n");
    expect(zone, "c1.ex.test.", "NSEC", ASK_PLAIN, "NODATA\n" SOA);
}

static void loops_end(void **state)
{
    (void)state;
    expect(zone, "loop1.ex.test.", "A", ASK_PLAIN,
           "LOOP\nan loop1.ex.test. 300 CNAME loop2.ex.test.\nan loop2.ex.test. 300 CNAME loop1.ex.test.\n");
    expect(zone, "self.ex.test.", "A", ASK_PLAIN, "LOOP\nan self.ex.test. 300 CNAME self.ex.test.\n");
}

static void a_chain_is_followed_over_eleven_cnames_and_no_further(void **state)
{
    (void)state;
    struct text t = {.length = 0};
    put_text(&t, "@ SOA a b 1 2 3 4 5\n@ NS a\n");
    for (int i = 0; i < 24; i++)
        put_text(&t, "k%d CNAME k%d\n", i, i + 1);
    put_text(&t, "k24 A 192.0.2.1\n");
    struct zone_content *chain = zone_of("ex.test.", t.bytes);
    struct arena arena;
    arena_init(&arena, 0);
    struct zone_answer answer;
    assert_int_equal(zone_content_answer(chain, name_of("k13.ex.test."), TYPE_A, false, &arena, &answer), 0);
    assert_int_equal(answer.result, ZONE_ANSWER);
    assert_int_equal(answer.answer_count, 12);
    assert_int_equal(zone_content_answer(chain, name_of("k12.ex.test."), TYPE_A, false, &arena, &answer), 0);
    assert_int_equal(answer.result, ZONE_LOOP);
    assert_int_equal(answer.answer_count, 12);
    arena_fini(&arena);
    zone_content_unref(chain);
}

static void a_dname_moves_what_is_below_it(void **state)
{
    (void)state;
#define DNAME_AND_CNAME(label)                                                                               \
    "an d.ex.test. 300 DNAME www.dd.ex.test.\nan " label ".d.ex.test. 300 CNAME " label ".www.dd.ex.test.\n"
    expect(zone, "x.d.ex.test.", "A", ASK_PLAIN,
           "ANSWER\n" DNAME_AND_CNAME("x") "an x.www.dd.ex.test. 300 A 192.0.2.77\n");
    expect(zone, "No.d.ex.test.", "A", ASK_PLAIN, "NXDOMAIN\n" DNAME_AND_CNAME("No") SOA);
    expect(zone, "x.d.ex.test.", "CNAME", ASK_PLAIN, "ANSWER\n" DNAME_AND_CNAME("x"));
    expect(zone, "x.d.ex.test.", "ANY", ASK_PLAIN, "ANSWER\n" DNAME_AND_CNAME("x"));
    expect(zone, "x.d.ex.test.", "DNAME", ASK_PLAIN, "NODATA\n" DNAME_AND_CNAME("x") SOA);
    expect(zone, "d.ex.test.", "DNAME", ASK_PLAIN, "ANSWER\nan d.ex.test. 300 DNAME www.dd.ex.test.\n");
    expect(zone, "d.ex.test.", "A", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "a.dout.ex.test.", "A", ASK_PLAIN,
           "CNAME_OUT a.far.away.\nan dout.ex.test. 300 DNAME far.away.\n"
           "an a.dout.ex.test. 300 CNAME a.far.away.\n");
}

static void a_dname_that_makes_a_name_too_long_is_yxdomain(void **state)
{
    (void)state;
    char label[61], text[600], qname[300], expected[600];
    memset(label, 'm', 60);
    label[60] = 0;
    snprintf(text, sizeof text, "@ SOA a b 1 2 3 4 5\n@ NS a\nd DNAME %s.%s.%s\n", label, label, label);
    struct zone_content *content = zone_of("ex.test.", text);
    snprintf(qname, sizeof qname, "%s.%s.d.ex.test.", label, label);
    snprintf(expected, sizeof expected, "YXDOMAIN\nan d.ex.test. 300 DNAME %s.%s.%s.ex.test.\n", label, label,
             label);
    expect(content, qname, "A", ASK_PLAIN, expected);
    zone_content_unref(content);
}

static void below_a_cut_the_zone_refers_with_its_glue(void **state)
{
    (void)state;
    expect(zone, "sub.ex.test.", "A", ASK_PLAIN, "DELEGATION\n" CUT GLUE);
    expect(zone, "sub.ex.test.", "NS", ASK_PLAIN, "DELEGATION\n" CUT GLUE);
    expect(zone, "www.sub.ex.test.", "A", ASK_PLAIN, "DELEGATION\n" CUT GLUE);
    expect(zone, "www.sub.ex.test.", "ANY", ASK_AUTHORITY, "DELEGATION\n" CUT GLUE);
    expect(zone, "x.y.sub.ex.test.", "DS", ASK_PLAIN, "DELEGATION\n" CUT GLUE);
    expect(zone, "x.both.ex.test.", "A", ASK_PLAIN, "DELEGATION\nau both.ex.test. 300 NS ns1.ex.test.\n");
}

static void ds_at_a_cut_is_answered_by_the_parent(void **state)
{
    (void)state;
    expect(zone, "sub.ex.test.", "DS", ASK_PLAIN, "ANSWER\nan sub.ex.test. 300 DS " DATA_OF_DS);
    expect(zone, "both.ex.test.", "DS", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "ex.test.", "DS", ASK_PLAIN, "NODATA\n" SOA);
}

static void any_gives_all_types_and_nothing_additional(void **state)
{
    (void)state;
    expect(zone, "ex.test.", "ANY", ASK_AUTHORITY,
           "ANSWER\nan ex.test. 300 NS ns.out.test.\nan ex.test. 300 NS ns1.ex.test.\n"
           "an ex.test. 3600 SOA ns1.ex.test. host.ex.test. 1 3600 900 604800 60\n"
           "an ex.test. 300 MX 10 mail.ex.test.\n");
    expect(zone, "mail.ex.test.", "ANY", ASK_AUTHORITY, "ANSWER\nan mail.ex.test. 300 A 192.0.2.2\n" APEX_NS);
}

static void targets_get_their_addresses(void **state)
{
    (void)state;
    expect(zone, "ex.test.", "MX", ASK_PLAIN,
           "ANSWER\nan ex.test. 300 MX 10 mail.ex.test.\nad mail.ex.test. 300 A 192.0.2.2\n");
    expect(zone, "mxw.ex.test.", "MX", ASK_PLAIN,
           "ANSWER\nan mxw.ex.test. 300 MX 10 foo.wild.ex.test.\nad foo.wild.ex.test. 300 A 192.0.2.9\n");
    expect(zone, "_s._tcp.ex.test.", "SRV", ASK_PLAIN,
           "ANSWER\nan _s._tcp.ex.test. 300 SRV 0 0 1 mail.ex.test.\n"
           "an _s._tcp.ex.test. 300 SRV 0 0 2 ns.sub.ex.test.\nad mail.ex.test. 300 A 192.0.2.2\n");
    expect(zone, "hs.ex.test.", "HTTPS", ASK_PLAIN,
           "ANSWER\nan hs.ex.test. 300 HTTPS 1 www.ex.test.\nad WwW.ex.test. 300 A 192.0.2.3\n");
}

static void targets_lead_on_to_further_targets(void **state)
{
    (void)state;
    expect(zone, "np.ex.test.", "NAPTR", ASK_PLAIN,
           "ANSWER\nan np.ex.test. 300 NAPTR 1 1 \"S\" \"\" \"\" _s._tcp.ex.test.\n"
           "ad _s._tcp.ex.test. 300 SRV 0 0 1 mail.ex.test.\n"
           "ad _s._tcp.ex.test. 300 SRV 0 0 2 ns.sub.ex.test.\nad mail.ex.test. 300 A 192.0.2.2\n");
    expect(zone, "hsa.ex.test.", "HTTPS", ASK_PLAIN,
           "ANSWER\nan hsa.ex.test. 300 HTTPS 0 hs.ex.test.\nad hs.ex.test. 300 HTTPS 1 www.ex.test.\n"
           "ad WwW.ex.test. 300 A 192.0.2.3\n");
}

static void aliases_and_the_root_get_no_addresses(void **state)
{
    (void)state;
    expect(zone, "mxc.ex.test.", "MX", ASK_PLAIN, "ANSWER\nan mxc.ex.test. 300 MX 5 c1.ex.test.\n");
    expect(zone, "nomail.ex.test.", "MX", ASK_PLAIN, "ANSWER\nan nomail.ex.test. 300 MX 0 .\n");
}

static void the_zones_servers_are_added_when_asked_for(void **state)
{
    (void)state;
    expect(zone, "mail.ex.test.", "A", ASK_AUTHORITY,
           "ANSWER\nan mail.ex.test. 300 A 192.0.2.2\n" APEX_NS NS_ADDRESSES);
    expect(zone, "cout.ex.test.", "A", ASK_AUTHORITY,
           "CNAME_OUT Far.Away.\nan cout.ex.test. 300 CNAME Far.Away.\n" APEX_NS NS_ADDRESSES);
    expect(zone, "ex.test.", "NS", ASK_AUTHORITY,
           "ANSWER\nan ex.test. 300 NS ns.out.test.\nan ex.test. 300 NS ns1.ex.test.\n" NS_ADDRESSES);
    expect(zone, "no.ex.test.", "A", ASK_AUTHORITY, "NXDOMAIN\n" SOA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_comes_with_the_owner_as_the_zone_writes_it),
        cmocka_unit_test(another_type_is_no_data_with_the_soa_at_its_minimum),
        cmocka_unit_test(a_missing_name_is_nxdomain),
        cmocka_unit_test(a_denied_soa_is_not_to_be_kept),
        cmocka_unit_test(an_empty_non_terminal_exists),
        cmocka_unit_test(a_wildcard_covers_what_does_not_exist),
        cmocka_unit_test(a_wildcard_covers_neither_its_parent_nor_what_is_below_another_name),
        cmocka_unit_test(cnames_are_followed_inside_the_zone),
        cmocka_unit_test(a_cname_out_of_the_zone_says_where_to_go_on),
        cmocka_unit_test(a_cname_is_itself_the_answer_to_cname_and_any),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(a_chain_is_followed_over_eleven_cnames_and_no_further),
        cmocka_unit_test(a_dname_moves_what_is_below_it),
        cmocka_unit_test(a_dname_that_makes_a_name_too_long_is_yxdomain),
        cmocka_unit_test(below_a_cut_the_zone_refers_with_its_glue),
        cmocka_unit_test(ds_at_a_cut_is_answered_by_the_parent),
        cmocka_unit_test(any_gives_all_types_and_nothing_additional),
        cmocka_unit_test(targets_get_their_addresses),
        cmocka_unit_test(targets_lead_on_to_further_targets),
        cmocka_unit_test(aliases_and_the_root_get_no_addresses),
        cmocka_unit_test(the_zones_servers_are_added_when_asked_for),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, open_zone, close_zone);
}
