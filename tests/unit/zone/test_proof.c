/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone signed with NSEC sends along when DO is set (RFC 4035 section 3.1.3), as named 9.18 does. The
 * signatures are stand-ins: nothing here checks them. */
#include "zonetext.h"

#define SIG(type, labels) "RRSIG " type " 13 " labels " 300 20300101000000 20200101000000 1 ex.test. AAAA\n"

static const char zone_text[] =
    "@ 3600 SOA ns1 host 1 3600 900 604800 60\n"
    "@ 3600 " SIG("SOA", "2") "@ NS ns1\n@ " SIG("NS", "2") "@ 60 NSEC c NS SOA RRSIG NSEC\n@ 60 " SIG(
        "NSEC",
        "2") "c CNAME www\nc " SIG("CNAME",
                                   "3") "c 60 NSEC d CNAME RRSIG NSEC\nc 60 " SIG("NSEC",
                                                                                  "3") "d DNAME wild\nd " SIG("DNAME", "3") "d 60 NSEC ns1 DNAME RRSIG NSEC\nd 60 " SIG("NSEC", "3") "ns1 A 192.0.2.1\nns1 " SIG("A",
                                                                                                                                                                                                                 "3") "ns1 60 NSEC sec A RRSIG NSEC\nns1 60 " SIG("NSEC", "3") "sec NS ns.sub\n"
                                                                                                                                                                                                                                                                               "sec DS 1 8 1 0011223344556677889900112233445566778899\nsec " SIG("DS",
                                                                                                                                                                                                                                                                                                                                                 "3") "sec 60 NSEC sub NS DS RRSIG NSEC\nsec 60 " SIG("NSEC",
                                                                                                                                                                                                                                                                                                                                                                                                      "3") "sub NS ns.sub\n"
                                                                                                                                                                                                                                                                                                                                                                                                           "sub 60 NSEC *.wild NS RRSIG NSEC\nsub 60 " SIG("NSEC", "3") "ns.sub A 192.0.2.4\n"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "*.wild A 192.0.2.9\n*.wild " SIG("A",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "3") "*.wild 60 NSEC a.b.wild A RRSIG NSEC\n*.wild 60 " SIG("NSEC", "3") "a.b.wild A 192.0.2.10\na.b.wild " SIG("A", "5") "a.b.wild 60 NSEC www A RRSIG NSEC\na.b.wild 60 " SIG("NSEC", "5") "www A 192.0.2.3\nwww " SIG("A",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                   "3") "www 60 NSEC @ A RRSIG NSEC\nwww 60 " SIG("NSEC",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                  "3");

#define SOA "au ex.test. 60 SOA ns1.ex.test. host.ex.test. 1 3600 900 604800 60\nau ex.test. 60 RRSIG SOA\n"
#define NSEC(owner, rest) "au " owner ".ex.test. 60 NSEC " rest "\nau " owner ".ex.test. 60 RRSIG NSEC\n"
#define NSEC_APEX "au ex.test. 60 NSEC c.ex.test. NS SOA RRSIG NSEC\nau ex.test. 60 RRSIG NSEC\n"
#define NSEC_WWW NSEC("www", "ex.test. A RRSIG NSEC")
#define NSEC_STAR NSEC("*.wild", "a.b.wild.ex.test. A RRSIG NSEC")
#define NSEC_AB NSEC("a.b.wild", "www.ex.test. A RRSIG NSEC")
#define NSEC_SUB NSEC("sub", "*.wild.ex.test. NS RRSIG NSEC")

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

static void signatures_come_along_only_when_asked_for(void **state)
{
    (void)state;
    expect(zone, "www.ex.test.", "A", ASK_DNSSEC,
           "ANSWER\nan www.ex.test. 300 A 192.0.2.3\nan www.ex.test. 300 RRSIG A\n");
    expect(zone, "www.ex.test.", "A", ASK_PLAIN, "ANSWER\nan www.ex.test. 300 A 192.0.2.3\n");
    expect(zone, "www.ex.test.", "MX", ASK_PLAIN,
           "NODATA\nau ex.test. 60 SOA ns1.ex.test. host.ex.test. 1 3600 900 604800 60\n");
}

static void no_data_is_proved_by_the_names_own_nsec(void **state)
{
    (void)state;
    expect(zone, "www.ex.test.", "MX", ASK_DNSSEC, "NODATA\n" SOA NSEC_WWW);
}

static void nxdomain_is_proved_for_the_name_and_for_the_wildcard(void **state)
{
    (void)state;
    expect(zone, "nope.ex.test.", "A", ASK_DNSSEC,
           "NXDOMAIN\n" SOA NSEC("d", "ns1.ex.test. DNAME RRSIG NSEC") NSEC_APEX);
    expect(zone, "z.b.wild.ex.test.", "A", ASK_DNSSEC, "NXDOMAIN\n" SOA NSEC_AB NSEC_STAR);
}

static void one_nsec_that_proves_both_is_sent_once(void **state)
{
    (void)state;
    expect(zone, "z.www.ex.test.", "A", ASK_DNSSEC, "NXDOMAIN\n" SOA NSEC_WWW);
}

static void an_empty_non_terminal_is_proved_by_the_nsec_before_it(void **state)
{
    (void)state;
    expect(zone, "b.wild.ex.test.", "A", ASK_DNSSEC, "NODATA\n" SOA NSEC_STAR);
}

static void a_wildcard_answer_proves_that_the_name_is_not_there(void **state)
{
    (void)state;
    expect(zone, "x.wild.ex.test.", "A", ASK_DNSSEC,
           "ANSWER\nan x.wild.ex.test. 300 A 192.0.2.9\nan x.wild.ex.test. 300 RRSIG A\n" NSEC_AB);
    expect(zone, "x.wild.ex.test.", "MX", ASK_DNSSEC, "NODATA\n" SOA NSEC_AB NSEC_STAR);
}

static void a_referral_carries_ds_or_the_proof_that_there_is_none(void **state)
{
    (void)state;
    expect(zone, "sub.ex.test.", "A", ASK_DNSSEC,
           "DELEGATION\nau sub.ex.test. 300 NS ns.sub.ex.test.\n" NSEC_SUB
           "ad ns.sub.ex.test. 300 A 192.0.2.4\n");
    expect(zone, "x.sec.ex.test.", "A", ASK_DNSSEC,
           "DELEGATION\nau sec.ex.test. 300 NS ns.sub.ex.test.\n"
           "au sec.ex.test. 300 DS 1 8 1 0011223344556677889900112233445566778899\n"
           "au sec.ex.test. 300 RRSIG DS\nad ns.sub.ex.test. 300 A 192.0.2.4\n");
    expect(zone, "sub.ex.test.", "DS", ASK_DNSSEC, "NODATA\n" SOA NSEC_SUB);
}

static void the_cname_of_a_dname_is_not_signed(void **state)
{
    (void)state;
    expect(zone, "x.d.ex.test.", "A", ASK_DNSSEC,
           "ANSWER\nan d.ex.test. 300 DNAME wild.ex.test.\nan d.ex.test. 300 RRSIG DNAME\n"
           "an x.d.ex.test. 300 CNAME x.wild.ex.test.\n"
           "an x.wild.ex.test. 300 A 192.0.2.9\nan x.wild.ex.test. 300 RRSIG A\n" NSEC_AB);
}

static void rrsig_and_any_show_signatures_without_do(void **state)
{
    (void)state;
    expect(zone, "www.ex.test.", "RRSIG", ASK_PLAIN,
           "ANSWER\nan www.ex.test. 300 RRSIG A\nan www.ex.test. 60 RRSIG NSEC\n");
    expect(zone, "www.ex.test.", "ANY", ASK_PLAIN,
           "ANSWER\nan www.ex.test. 300 RRSIG A\nan www.ex.test. 300 A 192.0.2.3\n"
           "an www.ex.test. 60 RRSIG NSEC\nan www.ex.test. 60 NSEC ex.test. A RRSIG NSEC\n");
    expect(zone, "www.ex.test.", "NSEC", ASK_PLAIN,
           "ANSWER\nan www.ex.test. 60 NSEC ex.test. A RRSIG NSEC\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_come_along_only_when_asked_for),
        cmocka_unit_test(no_data_is_proved_by_the_names_own_nsec),
        cmocka_unit_test(nxdomain_is_proved_for_the_name_and_for_the_wildcard),
        cmocka_unit_test(one_nsec_that_proves_both_is_sent_once),
        cmocka_unit_test(an_empty_non_terminal_is_proved_by_the_nsec_before_it),
        cmocka_unit_test(a_wildcard_answer_proves_that_the_name_is_not_there),
        cmocka_unit_test(a_referral_carries_ds_or_the_proof_that_there_is_none),
        cmocka_unit_test(the_cname_of_a_dname_is_not_signed),
        cmocka_unit_test(rrsig_and_any_show_signatures_without_do),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, open_zone, close_zone);
}
