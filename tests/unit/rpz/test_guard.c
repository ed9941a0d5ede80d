/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include <stdio.h>

#include "rpz/guard.h"

#define ORIGIN "rpz.test."

/* --- versions, made of lines and of many rules with numbers --- */

static void add(struct policy_builder *builder, const char *line)
{
    struct model_record record;
    model_record_from_text(&record, wire(ORIGIN), line);
    const struct policy_record policy = model_policy_record(&record);
    assert_true(policy_builder_add(builder, &policy) >= 0);
}

static struct policy_zone *version(unsigned serial, unsigned first, unsigned end, const char *const *lines)
{
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    struct policy_zone *zone;
    char line[64];
    snprintf(line, sizeof line, "@ 60 SOA %u", serial);
    add(builder, line);
    for (unsigned i = first; i < end; i++) {
        snprintf(line, sizeof line, "n%u.example 60 CNAME .", i);
        add(builder, line);
    }
    for (; *lines; lines++)
        add(builder, *lines);
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
    return zone;
}

#define MANY(serial, first, end, ...) version(serial, first, end, (const char *const[]){__VA_ARGS__, NULL})
#define ZONE(...) MANY(1, 0, 0, "keep.example 60 CNAME .", __VA_ARGS__)

/* "fr", "co.uk" and "github.io" are the public suffixes of these tests. */
static bool is_suffix(const void *context, const uint8_t *name)
{
    (void)context;
    return name_equal(name, wire("fr")) || name_equal(name, wire("co.uk")) ||
           name_equal(name, wire("github.io"));
}

struct bench {
    struct guard_options options;
    struct guard_input input;
    struct guard_report report;
    struct asked asked;
    struct asked_name names[4];
    uint8_t name_bytes[4][NAME_MAX_BYTES];
};

static void bench_init(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->options = guard_defaults();
    bench->input = (struct guard_input){.options = &bench->options, .is_public_suffix = is_suffix};
}

static void bench_ask(struct bench *bench, uint64_t others, const char *name, uint64_t queries)
{
    size_t number = bench->asked.count++;
    name_copy(bench->name_bytes[number], wire(name));
    bench->names[number] = (struct asked_name){queries, bench->name_bytes[number]};
    bench->asked.names = bench->names;
    bench->asked.queries += others + queries;
    bench->input.asked = &bench->asked;
}

/* Both versions are given back. */
static enum guard_verdict weigh(struct bench *bench, struct policy_zone *old, struct policy_zone *fresh)
{
    bench->input.old = old;
    bench->input.fresh = fresh;
    assert_int_equal(guard_weigh(&bench->input, &bench->report), 0);
    if (old)
        policy_zone_unref(old);
    policy_zone_unref(fresh);
    return bench->report.verdict;
}

static bool held_for(const struct bench *bench, enum guard_reason reason)
{
    return bench->report.held == 1u << reason;
}

static void assert_sentence(const struct bench *bench, enum guard_reason reason, const char *expected)
{
    char text[GUARD_TEXT_MAX];
    assert_string_equal(guard_sentence(&bench->report, reason, text), expected);
}

/* --- rules for suffixes --- */

static void a_rule_for_a_public_suffix_is_held(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME .", "*.co.uk 60 CNAME *.")), GUARD_HELD);
    assert_true(held_for(&bench, GUARD_SUFFIX));
    assert_int_equal(bench.report.finding_count, 2);
    assert_sentence(&bench, GUARD_SUFFIX,
                    "has 2 new rules for the root or a public suffix: *.fr (NXDOMAIN), *.co.uk (NODATA)");
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("fr 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("* 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 A 192.0.2.1")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr.rpz-nsdname 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME rpz-tcp-only.")), GUARD_HELD);
}

static void rules_that_harm_nobody_pass(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME rpz-passthru.")), GUARD_PASSES);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.fr 60 CNAME .")), GUARD_PASSES);
    /* Not in the list: its implicit rule `*` does not count. */
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.nosuchtld 60 CNAME .")), GUARD_PASSES);
    bench.input.is_public_suffix = NULL; /* without a list each name of one label is one */
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.nosuchtld 60 CNAME .")), GUARD_HELD);
}

static void a_suffix_rule_in_force_is_no_news(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, ZONE("*.fr 60 CNAME ."), ZONE("*.fr 60 CNAME .", "b.fr 60 CNAME .")),
                     GUARD_PASSES);
    assert_int_equal(bench.report.added, 1);
    assert_int_equal(weigh(&bench, ZONE("*.fr 60 CNAME ."), ZONE("*.fr 60 CNAME *.")), GUARD_PASSES);
    assert_int_equal(bench.report.changed, 1);
    assert_int_equal(weigh(&bench, ZONE("*.fr 60 CNAME rpz-passthru."), ZONE("*.fr 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE("*.fr 60 CNAME rpz-tcp-only."), ZONE("*.fr 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE("*.fr 60 CNAME ."), ZONE("*.fr 60 CNAME rpz-tcp-only.")),
                     GUARD_PASSES);
    assert_int_equal(weigh(&bench, ZONE("fr 60 CNAME ."), ZONE("fr 60 CNAME .", "*.fr 60 CNAME .")),
                     GUARD_HELD);
}

static void a_first_load_is_only_warned_about(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, NULL, ZONE("*.fr 60 CNAME .")), GUARD_PASSES_WARNED);
    assert_true(bench.report.first_load);
    assert_int_equal(bench.report.warned, 1u << GUARD_SUFFIX);
    assert_int_equal(weigh(&bench, NULL, MANY(1, 0, 3000, NULL)), GUARD_PASSES);
    assert_int_equal(bench.report.added, 3000);
}

static void words_decide_what_a_finding_leads_to(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.options.handling[GUARD_SUFFIX] = GUARD_WARN;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME .")), GUARD_PASSES_WARNED);
    bench.options.handling[GUARD_SUFFIX] = GUARD_APPLY;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME .")), GUARD_PASSES);
    assert_int_equal(bench.report.finding_count, 0);
    bench.options = guard_defaults();
    bench.options.on = false;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME .")), GUARD_PASSES);
}

static void a_zone_with_another_policy_does_what_that_says(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_ask(&bench, 100, "www.fr", 20000);
    bench.input.override = RPZ_OVERRIDE_DISABLED;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME .")), GUARD_PASSES);
    assert_int_equal(bench.report.affected, 0);
    bench.input.override = RPZ_OVERRIDE_NODATA;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.fr 60 CNAME rpz-passthru.")), GUARD_HELD);
    assert_int_equal(bench.report.affected, 20000);
    assert_int_equal(bench.report.findings[0].action, RPZ_NODATA);
    assert_int_equal(weigh(&bench, ZONE("*.fr 60 A 192.0.2.1"), ZONE("*.fr 60 A 192.0.2.2")), GUARD_PASSES);
    assert_int_equal(bench.report.changed + bench.report.affected, 0);
}

/* --- blocks of addresses --- */

static void blocks_wider_than_the_limit_are_found(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("7.0.0.0.10.rpz-ip 60 CNAME .")), GUARD_PASSES_WARNED);
    assert_sentence(&bench, GUARD_WIDE_PREFIX,
                    "has 1 new rule for a wide block of addresses: 10.0.0.0/7.rpz-ip (NXDOMAIN)");
    bench.options.handling[GUARD_WIDE_PREFIX] = GUARD_HOLD;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("8.0.0.0.10.rpz-ip 60 CNAME .")), GUARD_PASSES);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("7.0.0.0.10.rpz-nsip 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("7.0.0.0.10.rpz-client-ip 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("7.0.0.0.10.rpz-client-ip 60 CNAME rpz-passthru.")),
                     GUARD_PASSES);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("19.zz.2001.rpz-ip 60 CNAME .")), GUARD_HELD);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("20.zz.2001.rpz-ip 60 CNAME .")), GUARD_PASSES);
}

/* --- protected names --- */

struct protection {
    struct protected_name one;
    struct protected_names names;
};

static const struct protected_names *protect(struct protection *protection, const char *name, unsigned how)
{
    protection->one = (struct protected_name){wire(name), (uint8_t)how};
    protected_init(&protection->names, &protection->one, 1);
    return &protection->names;
}

static bool hits(const char *name, unsigned how, const char *rule)
{
    struct bench bench;
    bench_init(&bench);
    struct protection protection;
    bench.input.protected = protect(&protection, name, how);
    weigh(&bench, ZONE(NULL), ZONE(rule));
    assert_true(!bench.report.held || held_for(&bench, GUARD_PROTECTED));
    return bench.report.held != 0;
}

static void protected_names_are_hit_exactly(void **state)
{
    (void)state;
    assert_true(hits("gouv.test", PROTECT_EXACT, "gouv.test 60 CNAME ."));
    assert_true(hits("gouv.test", PROTECT_EXACT, "*.gouv.test 60 CNAME ."));
    assert_true(hits("gouv.test", PROTECT_EXACT, "GOUV.test 60 CNAME ."));
    assert_true(hits("gouv.test", PROTECT_EXACT, "gouv.test.rpz-nsdname 60 CNAME ."));
    assert_false(hits("gouv.test", PROTECT_EXACT, "www.gouv.test 60 CNAME ."));
    assert_false(hits("gouv.test", PROTECT_EXACT, "xgouv.test 60 CNAME ."));
    assert_false(hits("gouv.test", PROTECT_EXACT, "gouv.test 60 CNAME rpz-passthru."));
    assert_false(hits("gouv.test", PROTECT_ABOVE | PROTECT_BELOW, "gouv.test 60 CNAME ."));
}

static void protected_names_are_hit_from_below(void **state)
{
    (void)state;
    assert_true(hits("gouv.test", PROTECT_BELOW, "www.gouv.test 60 CNAME ."));
    assert_true(hits("gouv.test", PROTECT_BELOW, "*.a.b.gouv.test 60 CNAME ."));
    assert_false(hits("gouv.test", PROTECT_BELOW, "gouv.other 60 CNAME ."));
    assert_false(hits("gouv.test", PROTECT_EXACT | PROTECT_ABOVE, "www.gouv.test 60 CNAME ."));
}

static void protected_names_are_hit_from_above(void **state)
{
    (void)state;
    assert_true(hits("www.gouv.test", PROTECT_ABOVE, "*.gouv.test 60 CNAME ."));
    assert_true(hits("www.gouv.test", PROTECT_ABOVE, "*.test 60 CNAME ."));
    assert_false(hits("www.gouv.test", PROTECT_ABOVE, "gouv.test 60 CNAME ."));
    assert_false(hits("www.gouv.test", PROTECT_EXACT | PROTECT_BELOW, "*.gouv.test 60 CNAME ."));
    /* `keep.example` is in the zone and hides the wildcard from what is below it. */
    assert_false(hits("www.keep.example", PROTECT_ABOVE, "*.example 60 CNAME ."));
}

static void a_list_of_protected_names_is_searched(void **state)
{
    (void)state;
    static uint8_t bytes[300][NAME_MAX_BYTES];
    struct protected_name list[300];
    struct protected_names names;
    char text[64];
    for (unsigned i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "p%u.d%u.test", i * 37 % 150, i % 7);
        name_copy(bytes[i], wire(text));
        list[i] = (struct protected_name){bytes[i], i < 150 ? PROTECT_EXACT : PROTECT_BELOW};
    }
    protected_init(&names, list, 300);
    assert_true(names.count >= 150 && names.count <= 300);
    for (unsigned i = 0; i < 150; i++)
        assert_true(name_equal(protected_find(&names, bytes[i], false, NULL, NULL), bytes[i]));
    assert_null(protected_find(&names, wire("p0.other"), false, NULL, NULL));
}

static void the_sentence_names_the_protected_name(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct protection protection;
    bench.input.protected = protect(&protection, "gouv.test", PROTECT_ALL);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("www.gouv.test 60 CNAME rpz-drop.")), GUARD_HELD);
    assert_sentence(&bench, GUARD_PROTECTED,
                    "has 1 new rule on a protected name: www.gouv.test (DROP, hits gouv.test)");
}

/* --- how much changes --- */

static void change_is_held_over_half_once_a_thousand_rules_changed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, MANY(1, 0, 2000, NULL), MANY(2, 0, 3000, NULL)), GUARD_PASSES); /* 50 % */
    assert_int_equal(weigh(&bench, MANY(1, 0, 2000, NULL), MANY(2, 0, 3001, NULL)), GUARD_HELD);
    assert_true(held_for(&bench, GUARD_CHANGE));
    assert_sentence(&bench, GUARD_CHANGE,
                    "would change 50 % of the 2000 rules in force (1001 added, 0 removed, 0 changed)");
    assert_int_equal(weigh(&bench, MANY(1, 0, 999, NULL), MANY(2, 0, 1998, NULL)), GUARD_PASSES); /* 999 */
    assert_int_equal(weigh(&bench, MANY(1, 0, 999, NULL), MANY(2, 0, 1999, NULL)), GUARD_HELD);
    assert_int_equal(weigh(&bench, MANY(1, 0, 2000, NULL), MANY(2, 600, 2500, NULL)), GUARD_HELD);
    assert_int_equal(bench.report.added, 500);
    assert_int_equal(bench.report.removed, 600);
    bench.options.max_change_percent = GUARD_NO_LIMIT;
    assert_int_equal(weigh(&bench, MANY(1, 0, 2000, NULL), MANY(2, 2000, 9000, NULL)), GUARD_PASSES);
}

static void an_emptied_zone_is_noticed(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(weigh(&bench, MANY(1, 0, 50, NULL), MANY(2, 0, 0, NULL)), GUARD_PASSES_WARNED);
    assert_int_equal(bench.report.warned, 1u << GUARD_EMPTIED);
    assert_sentence(&bench, GUARD_EMPTIED, "would leave the zone without a rule (50 are in force)");
    assert_int_equal(weigh(&bench, MANY(1, 0, 1000, NULL), MANY(2, 0, 0, NULL)), GUARD_HELD);
    assert_true(held_for(&bench, GUARD_CHANGE));
    bench.options.handling[GUARD_EMPTIED] = GUARD_HOLD;
    assert_int_equal(weigh(&bench, MANY(1, 0, 50, NULL), MANY(2, 0, 0, NULL)), GUARD_HELD);
    assert_int_equal(weigh(&bench, MANY(1, 0, 0, NULL), MANY(2, 0, 5000, NULL)), GUARD_PASSES);
}

static void ttls_are_no_change_and_other_data_is(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    weigh(&bench, ZONE("a.example 60 A 192.0.2.1", "b.example 60 CNAME ."),
          ZONE("a.example 90 A 192.0.2.1", "b.example 90 CNAME ."));
    assert_int_equal(bench.report.changed + bench.report.added + bench.report.removed, 0);
    weigh(&bench, ZONE("a.example 60 A 192.0.2.1", "a.example 60 A 192.0.2.2"),
          ZONE("a.example 60 A 192.0.2.2", "a.example 60 A 192.0.2.1"));
    assert_int_equal(bench.report.changed, 0);
    weigh(&bench, ZONE("a.example 60 A 192.0.2.1"), ZONE("a.example 60 A 192.0.2.2"));
    assert_int_equal(bench.report.changed, 1);
}

/* --- traffic --- */

static void the_share_of_queries_is_held_over_ten_per_cent(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_ask(&bench, 59693, "www.example.test", 8140);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME .")), GUARD_HELD);
    assert_true(held_for(&bench, GUARD_AFFECTED));
    assert_sentence(&bench, GUARD_AFFECTED,
                    "would change the answer to 12 % of the last hour's queries; the largest: "
                    "www.example.test, 8140 queries");
    bench_init(&bench);
    bench_ask(&bench, 9000, "www.example.test", 1000); /* ten */
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME .")), GUARD_PASSES);
    bench_init(&bench);
    bench_ask(&bench, 9000, "www.example.test", 1001);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME .")), GUARD_HELD);
    bench_init(&bench);
    bench_ask(&bench, 8000, "www.example.test", 1999); /* too few have been seen */
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME .")), GUARD_PASSES);
    assert_true(bench.report.too_few_queries);
    assert_int_equal(bench.report.affected, 1999);
}

static void an_answer_changes_when_rules_go_and_when_data_change(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench_ask(&bench, 5000, "www.example.test", 6000);
    assert_int_equal(weigh(&bench, ZONE("*.example.test 60 CNAME ."), ZONE(NULL)), GUARD_HELD);
    assert_int_equal(bench.report.names[0].before, RPZ_NXDOMAIN);
    assert_int_equal(bench.report.names[0].after, RPZ_NONE);
    assert_int_equal(
        weigh(&bench, ZONE("*.example.test 60 A 192.0.2.1"), ZONE("*.example.test 60 A 192.0.2.2")),
        GUARD_HELD);
    assert_int_equal(
        weigh(&bench, ZONE("*.example.test 60 A 192.0.2.1"), ZONE("*.example.test 90 A 192.0.2.1")),
        GUARD_PASSES);
    assert_int_equal(weigh(&bench, ZONE("*.example.test 60 CNAME ."),
                           ZONE("*.example.test 60 CNAME .", "www.example.test 60 CNAME .")),
                     GUARD_PASSES);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME rpz-passthru.")), GUARD_PASSES);
}

static void findings_with_many_queries_come_first(void **state)
{
    (void)state;
    struct bench bench;
    char line[64];
    const char *lines[31] = {0};
    static char texts[30][64];
    bench_init(&bench);
    bench.input.is_public_suffix = NULL;
    bench_ask(&bench, 900000, "www.t17", 500);
    bench_ask(&bench, 0, "www.t03", 700);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(texts[i], sizeof texts[i], "*.t%02u 60 CNAME .", i);
        lines[i] = texts[i];
    }
    weigh(&bench, ZONE(NULL), version(2, 0, 0, lines));
    assert_int_equal(bench.report.found[GUARD_SUFFIX], 30);
    assert_int_equal(bench.report.finding_count, GUARD_FINDINGS_MAX);
    assert_true(name_equal(bench.report.findings[0].owner, wire("*.t03")));
    assert_int_equal(bench.report.findings[0].queries, 700);
    assert_true(name_equal(bench.report.findings[1].owner, wire("*.t17")));
    assert_string_equal(guard_rule_text(&bench.report.findings[1], line), "*.t17");
}

static void a_version_held_for_traffic_stays_so_until_there_is_traffic(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    bench.input.held_for_traffic = true;
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME .")), GUARD_HELD);
    assert_true(bench.report.held_on);
    assert_sentence(&bench, GUARD_AFFECTED,
                    "follows a version that is held for the queries that it would have changed, and too few "
                    "(0) have been seen since the start to weigh that anew");
    bench_ask(&bench, 20000, "www.example.test", 3);
    assert_int_equal(weigh(&bench, ZONE(NULL), ZONE("*.example.test 60 CNAME .")), GUARD_PASSES);
}

/* --- changes instead of a comparison --- */

static struct policy_change change(struct model_record *store, bool remove, const char *line)
{
    model_record_from_text(store, wire(ORIGIN), line);
    return (struct policy_change){remove, model_policy_record(store)};
}

static void known_changes_give_the_same_report_as_a_comparison(void **state)
{
    (void)state;
    struct model_record records[6];
    const struct policy_change changes[] = {
        change(&records[0], true, "@ 60 SOA 1"),
        change(&records[1], true, "gone.example 60 CNAME ."),
        change(&records[2], true, "else.example 60 CNAME ."),
        change(&records[3], false, "@ 60 SOA 2"),
        change(&records[4], false, "*.fr 60 CNAME ."),
        change(&records[5], false, "else.example 60 CNAME *."),
    };
    struct policy_zone *old = ZONE("gone.example 60 CNAME .", "else.example 60 CNAME ."), *fresh;
    struct bench compared, given;
    assert_int_equal(policy_zone_apply(old, changes, 6, &fresh), 0);
    bench_init(&compared);
    bench_init(&given);
    given.input.changes = changes;
    given.input.change_count = 6;
    weigh(&compared, policy_zone_ref(old), policy_zone_ref(fresh));
    weigh(&given, old, fresh);
    assert_memory_equal(&compared.report, &given.report, sizeof given.report);
    assert_int_equal(given.report.added, 1);
    assert_int_equal(given.report.removed, 1);
    assert_int_equal(given.report.changed, 1);
    assert_int_equal(given.report.serial, 2);
    assert_int_equal(given.report.verdict, GUARD_HELD);
}

/* What accumulates behind a held version is weighed against the version in force. */
static void later_changes_behind_a_held_version_are_weighed_with_it(void **state)
{
    (void)state;
    struct model_record records[2];
    struct policy_zone *force = ZONE(NULL), *held = ZONE("*.fr 60 CNAME ."), *later, *mended;
    const struct policy_change more = change(&records[0], false, "bad.example 60 CNAME ."),
                               mend = change(&records[1], true, "*.fr 60 CNAME .");
    struct bench bench;
    bench_init(&bench);
    assert_int_equal(policy_zone_apply(held, &more, 1, &later), 0);
    assert_int_equal(policy_zone_apply(later, &mend, 1, &mended), 0);
    assert_int_equal(weigh(&bench, policy_zone_ref(force), held), GUARD_HELD);
    assert_int_equal(weigh(&bench, policy_zone_ref(force), later), GUARD_HELD);
    assert_int_equal(bench.report.added, 2);
    assert_int_equal(weigh(&bench, force, mended), GUARD_PASSES);
    assert_int_equal(bench.report.added, 1);
}

/* --- without what offends --- */

static enum rpz_action action_of(const struct policy_zone *zone, const char *name)
{
    struct policy_hit hit;
    return policy_zone_match_name(zone, RPZ_QNAME, wire(name), false, &hit) ? hit.action : RPZ_NONE;
}

static void offending_rules_are_left_out(void **state)
{
    (void)state;
    struct bench bench;
    uint64_t dropped;
    struct policy_zone *made, *old = ZONE("co.uk 60 CNAME rpz-tcp-only."),
                              *fresh = ZONE("*.fr 60 CNAME .", "co.uk 60 CNAME .", "bad.fr 60 CNAME .");
    bench_init(&bench);
    bench_ask(&bench, 100, "www.fr", 20000); /* offends twice */
    bench.input.old = old;
    bench.input.fresh = fresh;
    assert_int_equal(guard_without_offenders(&bench.input, &made, &dropped), 0);
    assert_int_equal(dropped, 2);
    assert_int_equal(action_of(made, "www.fr"), RPZ_NONE);
    assert_int_equal(action_of(made, "co.uk"), RPZ_TCP_ONLY); /* as it was */
    assert_int_equal(action_of(made, "bad.fr"), RPZ_NXDOMAIN);
    assert_int_equal(policy_zone_serial(made), policy_zone_serial(fresh));
    policy_zone_unref(made);
    policy_zone_unref(old);
    policy_zone_unref(fresh);
}

static void rules_that_touch_the_most_queries_are_left_out_first(void **state)
{
    (void)state;
    struct bench bench;
    uint64_t dropped;
    struct policy_zone *made, *old = ZONE(NULL),
                              *fresh = ZONE("*.big.test 60 CNAME .", "*.small.test 60 CNAME .");
    bench_init(&bench);
    bench_ask(&bench, 80000, "www.small.test", 5000);
    bench_ask(&bench, 0, "www.big.test", 15000);
    bench.input.old = old;
    bench.input.fresh = fresh;
    assert_int_equal(guard_without_offenders(&bench.input, &made, &dropped), 0);
    assert_int_equal(dropped, 1);
    assert_int_equal(action_of(made, "www.big.test"), RPZ_NONE);
    assert_int_equal(action_of(made, "www.small.test"), RPZ_NXDOMAIN);
    policy_zone_unref(made);
    policy_zone_unref(old);
    policy_zone_unref(fresh);
}

static void too_much_change_has_no_single_offenders(void **state)
{
    (void)state;
    struct bench bench;
    uint64_t dropped;
    struct policy_zone *made, *old = MANY(1, 0, 1000, NULL), *fresh = MANY(2, 2000, 4000, NULL);
    bench_init(&bench);
    bench.input.old = old;
    bench.input.fresh = fresh;
    assert_int_equal(guard_without_offenders(&bench.input, &made, &dropped), ERR_REFUSED);
    assert_null(made);
    policy_zone_unref(old);
    policy_zone_unref(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_for_a_public_suffix_is_held),
        cmocka_unit_test(rules_that_harm_nobody_pass),
        cmocka_unit_test(a_suffix_rule_in_force_is_no_news),
        cmocka_unit_test(a_first_load_is_only_warned_about),
        cmocka_unit_test(words_decide_what_a_finding_leads_to),
        cmocka_unit_test(a_zone_with_another_policy_does_what_that_says),
        cmocka_unit_test(blocks_wider_than_the_limit_are_found),
        cmocka_unit_test(protected_names_are_hit_exactly),
        cmocka_unit_test(protected_names_are_hit_from_below),
        cmocka_unit_test(protected_names_are_hit_from_above),
        cmocka_unit_test(a_list_of_protected_names_is_searched),
        cmocka_unit_test(the_sentence_names_the_protected_name),
        cmocka_unit_test(change_is_held_over_half_once_a_thousand_rules_changed),
        cmocka_unit_test(an_emptied_zone_is_noticed),
        cmocka_unit_test(ttls_are_no_change_and_other_data_is),
        cmocka_unit_test(the_share_of_queries_is_held_over_ten_per_cent),
        cmocka_unit_test(an_answer_changes_when_rules_go_and_when_data_change),
        cmocka_unit_test(findings_with_many_queries_come_first),
        cmocka_unit_test(a_version_held_for_traffic_stays_so_until_there_is_traffic),
        cmocka_unit_test(known_changes_give_the_same_report_as_a_comparison),
        cmocka_unit_test(later_changes_behind_a_held_version_are_weighed_with_it),
        cmocka_unit_test(offending_rules_are_left_out),
        cmocka_unit_test(rules_that_touch_the_most_queries_are_left_out_first),
        cmocka_unit_test(too_much_change_has_no_single_offenders),
    };
    return RUN_TESTS(tests);
}
