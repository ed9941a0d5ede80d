/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists in each of their forms, and what is no list. */
#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit.h"

#include "dns/consts.h"
#include "dns/name.h"

struct result {
    int error;
    struct feed_report report;
    uint32_t serial;
    char soa[600], text[8192]; /* "name action\n" for each rule, in alphabetical order of the lines */
};

struct lines_of_text {
    char lines[200][300];
    size_t count;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int add_record(void *context, const struct policy_record *r)
{
    struct lines_of_text *to = context;
    char owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX] = "";
    if (r->type == TYPE_SOA || r->type == TYPE_NS)
        return 0;
    name_to_text_nodot(r->owner, owner);
    char *zone = strstr(owner, ".feed.test");
    assert_non_null(zone);
    *zone = 0;
    if (r->type == TYPE_CNAME)
        name_to_text(r->rdata, target);
    else
        snprintf(target, sizeof target, "TYPE%u/%u", r->type, r->rdata_length);
    snprintf(to->lines[to->count++], sizeof to->lines[0], "%.200s %.90s\n", owner, target);
    return 0;
}

static void dump(const struct zone_content *zone, struct result *out)
{
    static struct lines_of_text lines;
    const struct rrset *soa = zone_content_soa(zone);
    char mname[NAME_TEXT_MAX], rname[NAME_TEXT_MAX];
    lines.count = 0;
    assert_int_equal(zone_content_each(zone, add_record, &lines), 0);
    qsort(lines.lines, lines.count, sizeof lines.lines[0], by_text);
    for (size_t i = 0; i < lines.count; i++)
        strcat(out->text, lines.lines[i]);
    const uint8_t *rdata = soa->rdatas[0].bytes;
    snprintf(out->soa, sizeof out->soa, "%.250s %.250s", name_to_text(rdata, mname),
             name_to_text(rdata + name_length(rdata), rname));
    out->serial = zone_content_serial(zone);
}

static const struct feed_action nxdomain = {.action = RPZ_NXDOMAIN};

static struct result *read_whole(enum feed_format format, const struct feed_action *action, const void *bytes,
                                 size_t length)
{
    static struct result result;
    result = (struct result){0};
    struct zone_content *zone = NULL;
    const struct feed_options options = {.origin = (const uint8_t *)"\4feed\4test",
                                         .format = format,
                                         .action = *action,
                                         .host = "lists.example.net",
                                         .serial = 77,
                                         .refresh_s = 3600,
                                         .retry_s = 300};
    result.error = feed_read(bytes, length, &options, &zone, &result.report);
    assert_true((result.error == 0) == (zone != NULL));
    if (zone)
        dump(zone, &result);
    zone_content_unref(zone);
    return &result;
}

static struct result *read_list(enum feed_format format, const char *text)
{
    return read_whole(format, &nxdomain, text, strlen(text));
}

static void reads_as(enum feed_format format, const char *text, const char *rules)
{
    struct result *r = read_list(format, text);
    if (r->error)
        print_error("%s\n", r->report.problem);
    assert_int_equal(r->error, 0);
    assert_string_equal(r->text, rules);
}

static void refused(enum feed_format format, const char *text, const char *problem)
{
    struct result *r = read_list(format, text);
    assert_int_equal(r->error, ERR_MALFORMED);
    if (!strstr(r->report.problem, problem))
        print_error("said: %s\n", r->report.problem);
    assert_non_null(strstr(r->report.problem, problem));
}

/* --- domains --- */

static void a_domain_blocks_itself_and_all_below(void **state)
{
    (void)state;
    reads_as(FEED_FORMAT_DOMAINS, "bad.example\n", "*.bad.example .\nbad.example .\n");
}

static void domains_come_with_comments_crlf_bom_dots_capitals_and_twice(void **state)
{
    (void)state;
    reads_as(FEED_FORMAT_DOMAINS,
             "\xef\xbb\xbf# list\r\n\r\n; c\r\n! c\r\n// c\r\nBad.Example.\r\n\tbad.EXAMPLE  # twice\r\n"
             "*.star.example\r\n.dot.example",
             "*.bad.example .\n*.dot.example .\n*.star.example .\nbad.example .\ndot.example .\n"
             "star.example .\n");
}

static void a_name_below_a_listed_one_makes_no_hole(void **state)
{
    (void)state;
    /* a.b.bad.example as an owner would hide *.bad.example from b.bad.example. */
    reads_as(FEED_FORMAT_DOMAINS, "a.b.bad.example\nbad.example\n", "*.bad.example .\nbad.example .\n");
}

static void unicode_names_become_a_labels_or_are_counted(void **state)
{
    (void)state;
    struct result *r = read_list(FEED_FORMAT_DOMAINS, "b\xc3\xbc"
                                                      "cher.example\nok.example\nbad\xff.example\n");
    assert_int_equal(r->error, 0);
    assert_string_equal(r->text,
                        "*.ok.example .\n*.xn--bcher-kva.example .\nok.example .\nxn--bcher-kva.example .\n");
    assert_int_equal(r->report.skipped[FEED_SKIP_IDN], 1);
    assert_int_equal(r->report.first_line[FEED_SKIP_IDN], 3);
}

static void what_is_no_domain_is_counted_by_reason(void **state)
{
    (void)state;
    static char text[8192] = "1.a\n2.a\n3.a\n4.a\n5.a\n6.a\n7.a\n8.a\n9.a\n10.a\n"
                             "two words.example\nhttp://x.example/\n192.0.2.1\n2001:db8::1\na..b\n.\ncom\n"
                             "zip.\n.top\n";
    size_t start = strlen(text), length = start + 70;
    memset(text + start, 'x', 64);
    strcpy(text + start + 64, ".test\n");
    memset(text + length, 'y', 5000);
    text[length + 5000] = '\n';
    memcpy(text + length + 5001, "nul\0.test\n", 10);
    struct result *r = read_whole(FEED_FORMAT_DOMAINS, &nxdomain, text, length + 5011);
    assert_int_equal(r->error, 0);
    const uint64_t *skipped = r->report.skipped;
    assert_int_equal(skipped[FEED_SKIP_WORDS], 1);
    assert_int_equal(skipped[FEED_SKIP_CHARACTERS], 1);
    assert_int_equal(skipped[FEED_SKIP_ADDRESS], 2);
    assert_int_equal(skipped[FEED_SKIP_EMPTY_LABEL], 2);
    assert_int_equal(skipped[FEED_SKIP_ONE_LABEL], 1);
    assert_int_equal(skipped[FEED_SKIP_TOO_LONG], 1);
    assert_int_equal(skipped[FEED_SKIP_LINE_TOO_LONG], 1);
    assert_int_equal(skipped[FEED_SKIP_NUL], 1);
    assert_int_equal(r->report.names, 12);
    assert_non_null(strstr(r->text, "\n*.zip .\n"));
    assert_non_null(strstr(r->text, "\ntop .\n"));
}

static void a_name_without_room_below_the_zone_is_counted(void **state)
{
    (void)state;
    char text[300];
    for (int i = 0; i < 4; i++)
        memset(text + 62 * i, 'a', 61), text[62 * i + 61] = '.';
    strcpy(text + 247, "\nok.example\n");
    struct result *r = read_list(FEED_FORMAT_DOMAINS, text);
    assert_int_equal(r->error, 0);
    assert_string_equal(r->text, "*.ok.example .\nok.example .\n");
    assert_int_equal(r->report.skipped[FEED_SKIP_TOO_LONG], 2);
}

/* --- hosts --- */

static void hosts_block_the_names_alone(void **state)
{
    (void)state;
    reads_as(
        FEED_FORMAT_HOSTS,
        "127.0.0.1 localhost localhost.localdomain\n::1 ip6-localhost # x\n255.255.255.255 broadcasthost\n"
        "fe80::1%lo0 localhost\n0.0.0.0 0.0.0.0\n# Ads\n0.0.0.0 a.example b.example # c.example\n"
        "127.0.0.1\tc.example\n:: D.example.\n",
        "a.example .\nb.example .\nc.example .\nd.example .\n");
}

static void hosts_that_lead_elsewhere_or_lack_a_part_are_counted(void **state)
{
    (void)state;
    struct result *r =
        read_list(FEED_FORMAT_HOSTS, "0.0.0.0 a.example\n0.0.0.0 b.example\n0.0.0.0 c.example\n"
                                     "192.0.2.7 trap.example\n0.0.0.0\nname.example\n0.0.0.0 x\n");
    assert_int_equal(r->error, 0);
    assert_string_equal(r->text, "a.example .\nb.example .\nc.example .\n");
    assert_int_equal(r->report.skipped[FEED_SKIP_ELSEWHERE], 1);
    assert_int_equal(r->report.skipped[FEED_SKIP_NO_NAME], 1);
    assert_int_equal(r->report.skipped[FEED_SKIP_NO_ADDRESS], 1);
    assert_int_equal(r->report.skipped[FEED_SKIP_ONE_LABEL], 1);
}

/* --- adblock --- */

static void adblock_rules_of_names_are_taken(void **state)
{
    (void)state;
    struct result *r =
        read_list(FEED_FORMAT_ADBLOCK,
                  "[Adblock Plus 2.0]\n! Title: x\n# comment\n||ads.example^\n||zip^\n||pipe.example^|\n"
                  "||*.below.example^\n||path.example/ad^\n||part.ex\n/regex/\n-banner-\n##.ad\n"
                  "shop.example##.banner\n||third.example^$third-party\n||st*r.example^\n");
    assert_int_equal(r->error, 0);
    assert_string_equal(r->text,
                        "*.ads.example .\n*.below.example .\n*.pipe.example .\n*.zip .\nads.example .\n"
                        "pipe.example .\nzip .\n");
    assert_int_equal(r->report.skipped[FEED_SKIP_COSMETIC], 2);
    assert_int_equal(r->report.skipped[FEED_SKIP_MODIFIER], 1);
    assert_int_equal(r->report.skipped[FEED_SKIP_PATTERN], 5);
}

static void an_exception_wins_over_what_is_blocked_at_and_below_it(void **state)
{
    (void)state;
    reads_as(FEED_FORMAT_ADBLOCK, "||good.example^\n||x.good.example^\n@@||good.example^\n||bad.example^\n",
             "*.bad.example .\n*.good.example rpz-passthru.\nbad.example .\ngood.example rpz-passthru.\n");
}

static void an_important_rule_wins_over_an_exception(void **state)
{
    (void)state;
    reads_as(FEED_FORMAT_ADBLOCK, "@@||a.example^\n||a.example^$important\n@@||b.a.example^\n",
             "*.a.example .\na.example .\n");
}

static void an_exception_below_a_blocked_name_unblocks_nothing_beside_it(void **state)
{
    (void)state;
    reads_as(FEED_FORMAT_ADBLOCK, "||bad.example^\n@@||deep.y.bad.example^\n||z.bad.example^\n",
             "*.bad.example .\n*.deep.y.bad.example rpz-passthru.\n*.y.bad.example .\nbad.example .\n"
             "deep.y.bad.example rpz-passthru.\ny.bad.example .\n");
}

/* --- rpz --- */

#define APEX "$TTL 60\n@ SOA ns.pub.example. h.pub.example. 5 1 2 3 4\n@ NS ns.pub.example.\n"

static void a_policy_zone_keeps_its_own_records(void **state)
{
    (void)state;
    struct result *r =
        read_list(FEED_FORMAT_RPZ, APEX "bad.example CNAME .\n24.0.2.0.192.rpz-ip CNAME *.\nw A 192.0.2.1\n");
    assert_int_equal(r->error, 0);
    assert_string_equal(r->text, "24.0.2.0.192.rpz-ip *.\nbad.example .\nw TYPE1/4\n");
    assert_string_equal(r->soa, "ns.pub.example. h.pub.example.");
    assert_int_equal(r->serial, 5);
}

static void a_policy_zone_may_have_single_bad_records(void **state)
{
    (void)state;
    struct result *r =
        read_list(FEED_FORMAT_RPZ, APEX "bad.example CNAME .\nx A nonsense\n33.0.2.0.192.rpz-ip CNAME .\n");
    assert_int_equal(r->error, 0);
    assert_int_equal(r->report.skipped[FEED_SKIP_RECORD], 1);
    assert_int_equal(r->report.skipped[FEED_SKIP_NO_RULE], 1);
}

static void a_policy_zone_from_elsewhere_reads_no_files_of_ours(void **state)
{
    (void)state;
    refused(FEED_FORMAT_RPZ, APEX "$INCLUDE /etc/hosts\n", "$INCLUDE");
}

static void a_policy_zone_does_not_swell(void **state)
{
    (void)state;
    refused(FEED_FORMAT_RPZ, APEX "$GENERATE 1-90000 a$ CNAME .\n", "$GENERATE");
}

static void a_policy_zone_of_another_name_is_refused(void **state)
{
    (void)state;
    refused(FEED_FORMAT_RPZ, "$ORIGIN rpz.other.\n$TTL 60\n@ SOA a. b. 1 2 3 4 5\nx CNAME .\n", "SOA");
}

/* --- what is no list --- */

static void pages_and_archives_are_called_by_their_name(void **state)
{
    (void)state;
    static const char *const html[] = {"<!DOCTYPE html><p>Login", "\n\n <HTML><body>no",
                                       "<!-- x -->\n<html>"};
    for (int format = 0; format < FEED_FORMATS; format++) {
        for (size_t i = 0; i < 3; i++)
            refused((enum feed_format)format, html[i], "this is an HTML page, not a list");
        refused((enum feed_format)format, "{\"message\": \"rate limited\"}", "JSON");
        refused((enum feed_format)format, "<?xml version='1.0'?><Error/>", "XML");
        refused((enum feed_format)format, "\x1f\x8b\x08", "a gzip file");
        refused((enum feed_format)format, "", "an empty body");
        refused((enum feed_format)format, " \r\n\r\n", "an empty body");
    }
}

static void a_text_that_hardly_fits_is_no_list(void **state)
{
    (void)state;
    static const char text[] = "404: Not Found\n";
    static const char prose[] =
        "Dear user,\nthe list has moved to\nlists.example\nPlease update your settings\n";
    for (int format = FEED_FORMAT_DOMAINS; format < FEED_FORMATS; format++) {
        refused((enum feed_format)format, text, "this is no list of format");
        refused((enum feed_format)format, prose, "this is no list of format");
    }
    refused(FEED_FORMAT_RPZ, text, "");
    refused(FEED_FORMAT_HOSTS, "a.example\nb.example\n", "no-address");
    refused(FEED_FORMAT_DOMAINS, "0.0.0.0 a.example\n0.0.0.0 b.example\n", "several-words");
    refused(FEED_FORMAT_ADBLOCK, "a.example\nb.example\n", "0 of 2 entries");
}

static void a_list_of_comments_alone_is_an_empty_list(void **state)
{
    (void)state;
    reads_as(FEED_FORMAT_DOMAINS, "# nothing today\n", "");
}

/* --- the zone --- */

static void the_action_is_what_the_operator_says(void **state)
{
    (void)state;
    const uint8_t *target = (const uint8_t *)"\5block\4test";
    const struct {
        struct feed_action action;
        const char *rules;
    } cases[] = {
        {{.action = RPZ_NODATA}, "*.a.b *.\na.b *.\n"},
        {{.action = RPZ_DROP}, "*.a.b rpz-drop.\na.b rpz-drop.\n"},
        {{.action = RPZ_PASSTHRU}, "*.a.b rpz-passthru.\na.b rpz-passthru.\n"},
        {{.action = RPZ_TCP_ONLY}, "*.a.b rpz-tcp-only.\na.b rpz-tcp-only.\n"},
        {{.action = RPZ_LOCAL_DATA, .cname = target}, "*.a.b block.test.\na.b block.test.\n"},
        {{.action = RPZ_LOCAL_DATA, .addresses = {{IP_V4, {192, 0, 2, 1}}, {IP_V6, {0x20, 1}}}},
         "*.a.b TYPE1/4\n*.a.b TYPE28/16\na.b TYPE1/4\na.b TYPE28/16\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result *r = read_whole(FEED_FORMAT_DOMAINS, &cases[i].action, "a.b", 3);
        assert_int_equal(r->error, 0);
        assert_string_equal(r->text, cases[i].rules);
    }
}

static void the_soa_says_which_host_is_responsible(void **state)
{
    (void)state;
    struct result *r = read_list(FEED_FORMAT_DOMAINS, "a.b\n");
    assert_string_equal(r->soa, "lists.example.net. hostmaster.lists.example.net.");
    assert_int_equal(r->serial, 77);
}

static void the_fingerprint_moves_with_the_rules_only(void **state)
{
    (void)state;
    uint64_t one = read_list(FEED_FORMAT_DOMAINS, "a.b\nc.d\n")->report.fingerprint;
    assert_true(one == read_list(FEED_FORMAT_DOMAINS, "# today\nc.d\na.b\n")->report.fingerprint);
    assert_true(one != read_list(FEED_FORMAT_DOMAINS, "a.b\nc.e\n")->report.fingerprint);
}

static void serials_go_forward(void **state)
{
    (void)state;
    assert_int_equal(feed_serial_next(0, 1700000000), 1700000000);
    assert_int_equal(feed_serial_next(1600000000, 1700000000), 1700000000);
    assert_int_equal(feed_serial_next(1700000000, 1700000000), 1700000001);
    assert_int_equal(feed_serial_next(1700000009, 1700000000), 1700000010);
    assert_int_equal(feed_serial_next(UINT32_MAX, UINT32_MAX), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_blocks_itself_and_all_below),
        cmocka_unit_test(domains_come_with_comments_crlf_bom_dots_capitals_and_twice),
        cmocka_unit_test(a_name_below_a_listed_one_makes_no_hole),
        cmocka_unit_test(unicode_names_become_a_labels_or_are_counted),
        cmocka_unit_test(what_is_no_domain_is_counted_by_reason),
        cmocka_unit_test(a_name_without_room_below_the_zone_is_counted),
        cmocka_unit_test(hosts_block_the_names_alone),
        cmocka_unit_test(hosts_that_lead_elsewhere_or_lack_a_part_are_counted),
        cmocka_unit_test(adblock_rules_of_names_are_taken),
        cmocka_unit_test(an_exception_wins_over_what_is_blocked_at_and_below_it),
        cmocka_unit_test(an_important_rule_wins_over_an_exception),
        cmocka_unit_test(an_exception_below_a_blocked_name_unblocks_nothing_beside_it),
        cmocka_unit_test(a_policy_zone_keeps_its_own_records),
        cmocka_unit_test(a_policy_zone_may_have_single_bad_records),
        cmocka_unit_test(a_policy_zone_from_elsewhere_reads_no_files_of_ours),
        cmocka_unit_test(a_policy_zone_does_not_swell),
        cmocka_unit_test(a_policy_zone_of_another_name_is_refused),
        cmocka_unit_test(pages_and_archives_are_called_by_their_name),
        cmocka_unit_test(a_text_that_hardly_fits_is_no_list),
        cmocka_unit_test(a_list_of_comments_alone_is_an_empty_list),
        cmocka_unit_test(the_action_is_what_the_operator_says),
        cmocka_unit_test(the_soa_says_which_host_is_responsible),
        cmocka_unit_test(the_fingerprint_moves_with_the_rules_only),
        cmocka_unit_test(serials_go_forward),
    };
    return RUN_TESTS(tests);
}
