/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy zone asked about itself, as any zone. */
#include "zonetext.h"

static const char zone_text[] = "@ 3600 SOA ns.example. root 7 7200 1800 2592000 3600\n"
                                "@ NS ns.example.\n"
                                "google-analytics.com CNAME .\n"
                                "*.google-analytics.com CNAME .\n"
                                "ads.example.net AAAA 2001:db8::1\n"
                                "ads.example.net AAAA 2001:db8::2\n"
                                "ads.example.net TXT \"ours\"\n"
                                "*.garden CNAME www.garden\n"
                                "www.garden A 192.0.2.1\n"
                                "24.0.2.0.192.rpz-ip CNAME .\n"
                                "33.1.2.3.10.rpz-ip CNAME .\n";

#define SOA "au loppsi. 3600 SOA ns.example. root.loppsi. 7 7200 1800 2592000 3600\n"

static struct zone_content *zone;

static int open_zone(void **state)
{
    (void)state;
    zone = policy_of("loppsi.", zone_text);
    return 0;
}

static int close_zone(void **state)
{
    (void)state;
    zone_content_unref(zone);
    return 0;
}

static void a_rule_is_a_record_like_any(void **state)
{
    (void)state;
    expect(zone, "google-analytics.com.loppsi.", "CNAME", ASK_PLAIN,
           "ANSWER\nan google-analytics.com.loppsi. 300 CNAME .\n");
    expect(zone, "24.0.2.0.192.rpz-ip.loppsi.", "CNAME", ASK_PLAIN,
           "ANSWER\nan 24.0.2.0.192.rpz-ip.loppsi. 300 CNAME .\n");
    expect(zone, "ads.example.net.loppsi.", "AAAA", ASK_PLAIN,
           "ANSWER\nan ads.example.net.loppsi. 300 AAAA 2001:db8::1\n"
           "an ads.example.net.loppsi. 300 AAAA 2001:db8::2\n");
    expect(zone, "ads.example.net.loppsi.", "ANY", ASK_PLAIN,
           "ANSWER\nan ads.example.net.loppsi. 300 TXT \"ours\"\n"
           "an ads.example.net.loppsi. 300 AAAA 2001:db8::1\n"
           "an ads.example.net.loppsi. 300 AAAA 2001:db8::2\n");
}

static void wildcards_work_as_in_any_zone(void **state)
{
    (void)state;
    expect(zone, "x.google-analytics.com.loppsi.", "CNAME", ASK_PLAIN,
           "ANSWER\nan x.google-analytics.com.loppsi. 300 CNAME .\n");
    expect(zone, "x.google-analytics.com.loppsi.", "A", ASK_PLAIN,
           "CNAME_OUT .\nan x.google-analytics.com.loppsi. 300 CNAME .\n");
    expect(zone, "x.garden.loppsi.", "A", ASK_PLAIN,
           "ANSWER\nan x.garden.loppsi. 300 CNAME www.garden.loppsi.\n"
           "an www.garden.loppsi. 300 A 192.0.2.1\n");
}

static void names_and_empty_non_terminals_exist(void **state)
{
    (void)state;
    expect(zone, "example.net.loppsi.", "A", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "rpz-ip.loppsi.", "A", ASK_PLAIN, "NODATA\n" SOA);
    expect(zone, "nothing.loppsi.", "A", ASK_PLAIN, "NXDOMAIN\n" SOA);
    expect(zone, "ads.example.net.loppsi.", "A", ASK_PLAIN, "NODATA\n" SOA);
}

static void a_record_that_is_no_rule_is_there_all_the_same(void **state)
{
    (void)state;
    expect(zone, "33.1.2.3.10.rpz-ip.loppsi.", "CNAME", ASK_PLAIN,
           "ANSWER\nan 33.1.2.3.10.rpz-ip.loppsi. 300 CNAME .\n");
}

static void the_apex_has_soa_and_ns(void **state)
{
    (void)state;
    expect(zone, "loppsi.", "SOA", ASK_AUTHORITY,
           "ANSWER\nan loppsi. 3600 SOA ns.example. root.loppsi. 7 7200 1800 2592000 3600\n"
           "au loppsi. 300 NS ns.example.\n");
    assert_int_equal(zone_content_serial(zone), 7);
    assert_int_equal(zone_content_records(zone), 11);
    assert_non_null(zone_content_get_policy(zone));
    assert_true(zone_content_bytes(zone) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_a_record_like_any),
        cmocka_unit_test(wildcards_work_as_in_any_zone),
        cmocka_unit_test(names_and_empty_non_terminals_exist),
        cmocka_unit_test(a_record_that_is_no_rule_is_there_all_the_same),
        cmocka_unit_test(the_apex_has_soa_and_ns),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, open_zone, close_zone);
}
