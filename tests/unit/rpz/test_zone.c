/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include <stdio.h>

#include "base/hash.h"
#include "dns/record.h"

#define ORIGIN "rpz.test."

static struct policy_zone *zone_of(const char *const *lines)
{
    static struct model model;
    model_init(&model, ORIGIN);
    model_add_text(&model, "@ 60 SOA 7");
    for (; *lines; lines++)
        model_add_text(&model, *lines);
    return model_build(&model);
}

#define ZONE(...) zone_of((const char *const[]){__VA_ARGS__, NULL})

static void assert_name(const struct policy_zone *zone, const char *name, const char *expected_owner,
                        enum rpz_action action)
{
    struct policy_hit hit;
    uint8_t owner[NAME_MAX_BYTES];
    assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire(name), false, &hit));
    assert_int_equal(hit.action, action);
    size_t length = policy_hit_owner(zone, &hit, wire(name), owner);
    assert_int_equal(length, name_length(owner));
    assert_true(name_equal(owner, wire(expected_owner)));
}

static void assert_no_name(const struct policy_zone *zone, const char *name)
{
    struct policy_hit hit;
    assert_false(policy_zone_match_name(zone, RPZ_QNAME, wire(name), false, &hit));
}

static void rule_01_a_zone_needs_a_soa_and_may_lack_ns(void **state)
{
    (void)state;
    struct policy_zone *zone;
    struct policy_zone_counts counts;
    assert_int_equal(policy_builder_finish(policy_builder_new(wire(ORIGIN)), &zone), ERR_NOT_FOUND);
    assert_null(zone);
    zone = ZONE("a 300 CNAME .");
    policy_zone_count(zone, &counts);
    assert_true(counts.no_ns);
    assert_int_equal(policy_zone_serial(zone), 7);
    assert_int_equal(policy_zone_soa(zone)->ttl_s, 60);
    assert_true(name_equal(policy_zone_soa(zone)->owner, wire(ORIGIN)));
    policy_zone_unref(zone);
    zone = ZONE("@ 60 NS ns.");
    policy_zone_count(zone, &counts);
    assert_false(counts.no_ns);
    assert_int_equal(counts.skipped[RPZ_SKIP_APEX_SOA_NS], 0);
    policy_zone_unref(zone);
}

static void rule_03_mistakes_are_skipped_and_counted(void **state)
{
    (void)state;
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    static const struct {
        const char *text;
        enum rpz_skip skip;
    } records[] = {{"@ 60 SOA 1", RPZ_SKIP_APEX_SOA_NS},
                   {"@ 60 A 1.2.3.4", RPZ_SKIP_APEX_DATA},
                   {"x.other. 60 CNAME .", RPZ_SKIP_OUT_OF_ZONE},
                   {"a 60 NS b.", RPZ_SKIP_TYPE},
                   {"a 60 CNAME rpz-x.", RPZ_SKIP_SPECIAL_TARGET},
                   {"rpz-ip 60 CNAME .", RPZ_SKIP_BARE_TRIGGER},
                   {"24.5.0.0.10.rpz-ip 60 CNAME .", RPZ_SKIP_HOST_BITS},
                   {"a 60 CNAME .", RPZ_KEPT},
                   {"a 60 CNAME .", RPZ_KEPT},
                   {"a 60 CNAME *.", RPZ_SKIP_CONFLICT},
                   {"a 60 A 1.2.3.4", RPZ_SKIP_CONFLICT},
                   {"A.xrpz.test. 60 CNAME .", RPZ_SKIP_OUT_OF_ZONE},
                   {"test. 60 CNAME .", RPZ_SKIP_OUT_OF_ZONE}};
    struct policy_zone *zone;
    struct policy_zone_counts counts;
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        struct model_record record;
        model_record_from_text(&record, wire(ORIGIN), records[i].text);
        struct policy_record given = model_policy_record(&record);
        assert_int_equal(policy_builder_add(builder, &given), records[i].skip);
    }
    struct policy_record chaos = {wire("b.rpz.test."), TYPE_A, CLASS_CH, 1, (const uint8_t *)"\1\2\3\4", 4};
    assert_int_equal(policy_builder_add(builder, &chaos), RPZ_SKIP_CLASS);
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
    policy_zone_count(zone, &counts);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        if (records[i].skip > RPZ_SKIP_APEX_SOA_NS)
            assert_true(counts.skipped[records[i].skip] > 0);
    assert_int_equal(counts.skipped[RPZ_SKIP_CONFLICT], 2);
    assert_int_equal(counts.skipped[RPZ_SKIP_OUT_OF_ZONE], 3);
    assert_int_equal(counts.rules[RPZ_QNAME], 1);
    policy_zone_unref(zone);
}

static void rule_04_apex_data_is_inert(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("@ 60 A 1.2.3.4", "@ 60 TXT x");
    assert_no_name(zone, ".");
    assert_no_name(zone, "com.");
    policy_zone_unref(zone);
}

static void rule_04_star_at_the_apex_matches_all_but_the_root(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("* 60 CNAME .", "a.b 60 CNAME *.");
    assert_no_name(zone, ".");
    assert_name(zone, "com.", "*.rpz.test.", RPZ_NXDOMAIN);
    assert_name(zone, "x.y.z.", "*.rpz.test.", RPZ_NXDOMAIN);
    assert_no_name(zone, "c.b.");
    assert_name(zone, "a.b.", "a.b.rpz.test.", RPZ_NODATA);
    policy_zone_unref(zone);
}

static void rule_05_two_spellings_of_an_address_are_one_prefix(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("128.1.zz.1.rpz-ip 60 CNAME *.", "128.1.0.zz.1.rpz-ip 60 CNAME .");
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    assert_int_equal(counts.noncanonical, 1);
    assert_int_equal(counts.rules[RPZ_IP], 2);
    policy_zone_unref(zone);
}

static void rule_06_case_does_not_matter(void **state)
{
    (void)state;
    struct policy_zone *zone =
        ZONE("WWW.Example.COM 60 CNAME RPZ-DROP.", "www.example.com 60 CNAME rpz-drop.");
    assert_name(zone, "www.example.com.", "www.example.com.rpz.test.", RPZ_DROP);
    policy_zone_unref(zone);
}

static void rule_08_empty_nonterminals_hide_a_wildcard(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("*.ent.t 60 CNAME .", "x.y.ent.t 60 CNAME *.");
    assert_no_name(zone, "y.ent.t.");
    assert_no_name(zone, "z.y.ent.t.");
    assert_name(zone, "x.y.ent.t.", "x.y.ent.t.rpz.test.", RPZ_NODATA);
    assert_no_name(zone, "w.x.y.ent.t.");
    assert_name(zone, "q.ent.t.", "*.ent.t.rpz.test.", RPZ_NXDOMAIN);
    assert_name(zone, "p.q.ent.t.", "*.ent.t.rpz.test.", RPZ_NXDOMAIN);
    policy_zone_unref(zone);
}

static void rule_08_a_wildcard_does_not_match_its_parent(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("*.ads.example 60 CNAME .", "*.example 60 CNAME *.");
    assert_no_name(zone, "ads.example.");
    assert_no_name(zone, "example.");
    assert_name(zone, "x.ads.example.", "*.ads.example.rpz.test.", RPZ_NXDOMAIN);
    assert_name(zone, "y.example.", "*.example.rpz.test.", RPZ_NODATA);
    assert_name(zone, "*.example.", "*.example.rpz.test.", RPZ_NODATA);
    policy_zone_unref(zone);
}

static void rule_08_exact_beats_wildcard(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("wikipedia.org 60 CNAME .", "*.wikipedia.org 60 CNAME .",
                                    "fr.wikipedia.org 60 CNAME fr.wikipedia.org.");
    assert_name(zone, "wikipedia.org.", "wikipedia.org.rpz.test.", RPZ_NXDOMAIN);
    assert_name(zone, "en.wikipedia.org.", "*.wikipedia.org.rpz.test.", RPZ_NXDOMAIN);
    assert_name(zone, "fr.wikipedia.org.", "fr.wikipedia.org.rpz.test.", RPZ_PASSTHRU);
    assert_no_name(zone, "x.fr.wikipedia.org.");
    policy_zone_unref(zone);
}

/* As named 9.18 does. */
static void rule_09_a_wildcard_cname_to_the_name_asked_for_passes(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("*.g.org 60 CNAME fixed.g.org.");
    assert_name(zone, "fixed.g.org.", "*.g.org.rpz.test.", RPZ_PASSTHRU);
    assert_name(zone, "other.g.org.", "*.g.org.rpz.test.", RPZ_LOCAL_DATA);
    policy_zone_unref(zone);
}

static void qname_rules_and_special_trees_do_not_meet(void **state)
{
    (void)state;
    struct policy_hit hit;
    struct policy_zone *zone = ZONE("32.1.0.0.10.rpz-ip 60 CNAME .", "ns.x.rpz-nsdname 60 CNAME .");
    assert_no_name(zone, "32.1.0.0.10.rpz-ip.");
    assert_no_name(zone, "ns.x.rpz-nsdname.");
    assert_true(policy_zone_match_name(zone, RPZ_NSDNAME, wire("ns.x."), false, &hit));
    assert_false(policy_zone_match_name(zone, RPZ_NSDNAME, wire("y.x."), false, &hit));
    assert_false(policy_zone_has(zone, RPZ_QNAME));
    assert_true(policy_zone_has(zone, RPZ_NSDNAME));
    policy_zone_unref(zone);
}

static void include_subdomains_covers_what_is_below(void **state)
{
    (void)state;
    struct policy_hit hit;
    struct policy_zone *zone =
        ZONE("example 60 CNAME .", "ok.example 60 CNAME rpz-passthru.", "a.b.example 60 CNAME *.");
    assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire("x.example."), true, &hit));
    assert_int_equal(hit.action, RPZ_NXDOMAIN);
    assert_int_equal(hit.matched_labels, 1);
    assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire("z.ok.example."), true, &hit));
    assert_int_equal(hit.action, RPZ_PASSTHRU);
    assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire("b.example."), true, &hit));
    assert_int_equal(hit.action, RPZ_NXDOMAIN);
    assert_false(policy_zone_match_name(zone, RPZ_QNAME, wire("x.example."), false, &hit));
    policy_zone_unref(zone);
}

/* --- data ---------------------------------------------------------------------------------------------- */

static int count_rrsets(void *context, const struct rrset *rrset)
{
    unsigned *counts = context;
    counts[0]++;
    counts[1] += rrset->count;
    if (rrset->type == TYPE_A)
        counts[2] = rrset->ttl_s;
    return 0;
}

static void local_data_comes_as_rrsets(void **state)
{
    (void)state;
    struct policy_hit hit;
    unsigned counts[3] = {0};
    struct policy_zone *zone =
        ZONE("a 60 A 10.0.0.1", "a 60 TXT x", "a 30 A 10.0.0.2", "*.a 300 CNAME garden.", "a 60 A 10.0.0.1");
    assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire("a."), false, &hit));
    assert_int_equal(hit.ttl_s, 30);
    assert_int_equal(policy_hit_data(zone, &hit, count_rrsets, counts), 0);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 3);
    assert_int_equal(counts[2], 30);
    assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire("x.a."), false, &hit));
    assert_int_equal(hit.ttl_s, 300);
    policy_zone_unref(zone);
}

static int append_type(void *context, const struct policy_record *record)
{
    char *text = context;
    strcat(text, type_to_text(record->type));
    strcat(text, " ");
    return 0;
}

static void assert_at(const struct policy_zone *zone, const char *owner, bool expected, const char *types)
{
    char text[200] = "";
    bool exists;
    assert_int_equal(policy_zone_at(zone, wire(owner), &exists, append_type, text), 0);
    assert_string_equal(text, types);
    assert_int_equal(exists, expected);
}

static void what_stands_at_an_owner(void **state)
{
    (void)state;
    struct policy_zone *zone =
        ZONE("@ 60 NS ns.", "a.b 60 CNAME .", "*.c 60 A 1.2.3.4", "d 60 NS x.",
             "24.0.0.0.10.rpz-ip 60 CNAME .", "a.b 60 CNAME *.", "33.1.2.3.10.rpz-ip 60 CNAME .");
    assert_at(zone, "RPZ.test.", true, "SOA NS ");
    assert_at(zone, "A.b.rpz.test.", true, "CNAME CNAME ");
    assert_at(zone, "b.rpz.test.", true, "");
    assert_at(zone, "c.rpz.test.", true, "");
    assert_at(zone, "*.c.rpz.test.", true, "A ");
    assert_at(zone, "x.c.rpz.test.", false, "");
    assert_at(zone, "d.rpz.test.", true, "NS ");
    assert_at(zone, "24.0.0.0.10.rpz-ip.rpz.test.", true, "CNAME ");
    assert_at(zone, "rpz-ip.rpz.test.", true, "");
    assert_at(zone, "nothing.rpz.test.", false, "");
    assert_at(zone, "33.1.2.3.10.rpz-ip.rpz.test.", true, "CNAME ");
    assert_at(zone, "2.3.10.rpz-ip.rpz.test.", true, "");
    assert_at(zone, "9.3.10.rpz-ip.rpz.test.", false, "");
    policy_zone_unref(zone);
}

static int stop_at_third(void *context, const struct policy_record *record)
{
    (void)record;
    return ++*(int *)context == 3 ? 42 : 0;
}

static void enumeration_stops_when_told(void **state)
{
    (void)state;
    int seen = 0;
    struct policy_zone *zone = ZONE("a 60 CNAME .", "b 60 CNAME .", "c 60 CNAME .");
    assert_int_equal(policy_zone_each(zone, stop_at_third, &seen), 42);
    assert_int_equal(seen, 3);
    policy_zone_unref(zone);
}

struct paused {
    unsigned seen, pause_at;
    uint64_t sum;
};

static uint64_t digest(const struct policy_record *record)
{
    uint64_t hash = hash_bytes(record->ttl_s, record->owner, name_length(record->owner));
    return hash_bytes(hash + record->type, record->rdata, record->rdata_length);
}

static int pause_now_and_then(void *context, const struct policy_record *record)
{
    struct paused *paused = context;
    if (paused->seen == paused->pause_at) {
        paused->pause_at += 1 + paused->seen % 3;
        return 42;
    }
    paused->seen++;
    paused->sum = hash_mix(paused->sum ^ digest(record), 0x9e3779b97f4a7c15u);
    return 0;
}

static void a_walk_goes_on_where_it_paused(void **state)
{
    (void)state;
    struct policy_zone *zone =
        ZONE("@ 60 NS ns.", "a 60 A 10.0.0.1", "a 60 A 10.0.0.2", "a 60 TXT x", "*.a 60 CNAME .",
             "b 60 CNAME .", "*.b 60 CNAME .", "*.c 60 A 10.0.0.1", "c 60 NS x.", "b 60 CNAME *.");
    struct paused whole = {.pause_at = UINT32_MAX}, pieces = {.pause_at = 0};
    struct policy_cursor cursor = {0};
    unsigned pauses = 0;
    assert_int_equal(policy_zone_each(zone, pause_now_and_then, &whole), 0);
    assert_int_equal(whole.seen, 11);
    while (policy_zone_walk(zone, &cursor, pause_now_and_then, &pieces) == 42)
        pauses++;
    assert_true(pauses > 4);
    assert_int_equal(pieces.seen, whole.seen);
    assert_true(pieces.sum == whole.sum);
    assert_int_equal(policy_zone_walk(zone, &cursor, pause_now_and_then, &pieces), 0);
    assert_int_equal(pieces.seen, whole.seen);
    policy_zone_unref(zone);
}

/* --- chance -------------------------------------------------------------------------------------------- */

static void random_model(struct dice *dice, struct model *model, unsigned records)
{
    model_init(model, ORIGIN);
    model_add_text(model, "@ 60 SOA 7");
    for (unsigned i = 0; i < records; i++) {
        struct model_record record;
        model_random_record(dice, model->origin, &record);
        (void)model_add(model, &record);
    }
}

static void assert_hit(const struct policy_zone *zone, const struct model_record *expected, bool found,
                       const struct policy_hit *hit, const uint8_t *name)
{
    uint8_t owner[NAME_MAX_BYTES];
    char text[NAME_TEXT_MAX];
    if (found != (expected != NULL))
        fail_msg("%s: %s", name ? name_to_text(name, text) : "address", found ? "found" : "not found");
    if (!found)
        return;
    policy_hit_owner(zone, hit, name, owner);
    assert_true(name_equal(owner, expected->owner));
    assert_int_equal(hit->action, model_action(expected, name));
    assert_int_equal(hit->wildcard, expected->decoded.wildcard);
    if (name)
        assert_int_equal(hit->matched_labels, name_labels(expected->decoded.name));
    else
        assert_memory_equal(&hit->prefix.address, &expected->decoded.prefix.address,
                            sizeof hit->prefix.address);
}

static void compare_names(struct dice *dice, const struct model *model, const struct policy_zone *zone)
{
    for (unsigned i = 0; i < 120; i++) {
        uint8_t name[NAME_MAX_BYTES];
        struct policy_hit hit;
        enum rpz_trigger trigger = dice_percent(dice, 70) ? RPZ_QNAME : RPZ_NSDNAME;
        bool below = dice_percent(dice, 30);
        model_random_name(dice, name);
        bool found = policy_zone_match_name(zone, trigger, name, below, &hit);
        assert_hit(zone, model_match_name(model, trigger, name, below), found, &hit, name);
    }
}

static void compare_addresses(struct dice *dice, const struct model *model, const struct policy_zone *zone)
{
    static const enum rpz_trigger triggers[] = {RPZ_CLIENT_IP, RPZ_IP, RPZ_NSIP};
    for (unsigned i = 0; i < 60; i++) {
        struct policy_hit hit;
        struct ip_address address = model_random_address(dice);
        enum rpz_trigger trigger = triggers[dice_below(dice, 3)];
        bool found = policy_zone_match_address(zone, trigger, &address, &hit);
        assert_hit(zone, model_match_address(model, trigger, &address), found, &hit, NULL);
    }
}

static void random_zones_match_as_the_model_says(void **state)
{
    (void)state;
    static struct model model;
    for (unsigned seed = 0; seed < 400; seed++) {
        struct dice dice = {seed};
        random_model(&dice, &model, 1 + dice_below(&dice, dice_percent(&dice, 90) ? 60 : 300));
        struct policy_zone *zone = model_build(&model);
        model_assert_same(&model, zone);
        compare_names(&dice, &model, zone);
        compare_addresses(&dice, &model, zone);
        policy_zone_unref(zone);
    }
}

/* --- deltas -------------------------------------------------------------------------------------------- */

enum { CHANGES = 40 };

struct change_list {
    struct model_record records[CHANGES];
    struct policy_change changes[CHANGES];
    size_t count;
};

static void add_change(struct change_list *list, struct model *model, const struct model_record *record,
                       bool remove)
{
    struct model_record *own = &list->records[list->count];
    *own = *record;
    list->changes[list->count++] = (struct policy_change){remove, model_policy_record(own)};
    bool was = model_remove(model, record);
    assert_true(was || !remove);
    if (!remove)
        (void)model_add(model, record);
}

static void random_changes(struct dice *dice, struct model *model, struct change_list *list)
{
    struct model_record soa;
    list->count = 0;
    model_record_from_text(&soa, model->origin, "@ 60 SOA 7");
    add_change(list, model, &soa, true);
    while (list->count < CHANGES - 1) {
        struct model_record record;
        bool remove = model->count && dice_percent(dice, 50);
        if (remove)
            record = model->records[dice_below(dice, (uint32_t)model->count)];
        else
            model_random_record(dice, model->origin, &record);
        add_change(list, model, &record, remove);
    }
    model_record_from_text(&soa, model->origin, "@ 60 SOA 8");
    add_change(list, model, &soa, false);
    model_rejudge(model);
}

static void a_delta_makes_what_a_rebuild_makes(void **state)
{
    (void)state;
    static struct model model;
    static struct change_list list;
    for (unsigned seed = 0; seed < 300; seed++) {
        struct dice dice = {seed + 1000};
        random_model(&dice, &model, 1 + dice_below(&dice, 80));
        struct policy_zone *old = model_build(&model), *made, *rebuilt;
        static struct model before;
        before = model;
        model_rules_first(&model);
        random_changes(&dice, &model, &list);
        assert_int_equal(policy_zone_apply(old, list.changes, list.count, &made), 0);
        rebuilt = model_build(&model);
        model_assert_same(&model, made);
        model_assert_same(&model, rebuilt);
        model_assert_same(&before, old);
        compare_addresses(&dice, &model, made);
        compare_names(&dice, &model, made);
        assert_int_equal(policy_zone_serial(made), 8);
        policy_zone_unref(old);
        policy_zone_unref(made);
        policy_zone_unref(rebuilt);
    }
}

static struct policy_change change_of(bool remove, const char *text)
{
    static struct model_record records[8];
    static unsigned turn;
    struct model_record *record = &records[turn++ % 8];
    model_record_from_text(record, wire(ORIGIN), text);
    return (struct policy_change){remove, model_policy_record(record)};
}

static void removing_what_is_not_there_makes_nothing(void **state)
{
    (void)state;
    struct policy_zone *made, *zone = ZONE("a 60 CNAME .");
    struct policy_change missing = change_of(true, "b 60 CNAME .");
    assert_int_equal(policy_zone_apply(zone, &missing, 1, &made), ERR_NOT_FOUND);
    assert_null(made);
    struct policy_change twice[] = {change_of(true, "a 60 CNAME ."), change_of(true, "a 60 CNAME .")};
    assert_int_equal(policy_zone_apply(zone, twice, 2, &made), ERR_NOT_FOUND);
    struct policy_change soa = change_of(true, "@ 60 SOA 7");
    assert_int_equal(policy_zone_apply(zone, &soa, 1, &made), ERR_NOT_FOUND);
    policy_zone_unref(zone);
}

static void a_new_soa_takes_the_place_of_the_old(void **state)
{
    (void)state;
    struct policy_zone *made, *zone = ZONE("a 60 CNAME .");
    struct policy_change soas[] = {change_of(false, "@ 60 SOA 8"), change_of(false, "@ 60 SOA 9")};
    assert_int_equal(policy_zone_apply(zone, soas, 2, &made), 0);
    assert_int_equal(policy_zone_serial(made), 9);
    assert_at(made, ORIGIN, true, "SOA ");
    policy_zone_unref(zone);
    policy_zone_unref(made);
}

static void a_ttl_can_change(void **state)
{
    (void)state;
    struct policy_hit hit;
    struct policy_zone *made, *zone = ZONE("a 60 CNAME .");
    struct policy_change longer = change_of(false, "A 90 CNAME .");
    assert_int_equal(policy_zone_apply(zone, &longer, 1, &made), 0);
    assert_true(policy_zone_match_name(made, RPZ_QNAME, wire("a."), false, &hit));
    assert_int_equal(hit.ttl_s, 90);
    policy_zone_unref(zone);
    policy_zone_unref(made);
}

/* Changes kept for longer than their call. */
struct kept_changes {
    struct model_record records[2 * MODEL_RECORDS];
    struct policy_change changes[2 * MODEL_RECORDS];
    size_t count;
};

static int keep_change(void *context, const struct policy_change *change)
{
    struct kept_changes *kept = context;
    struct model_record *own = &kept->records[kept->count];
    assert_true(kept->count < 2 * MODEL_RECORDS);
    name_copy(own->owner, change->record.owner);
    own->type = change->record.type;
    own->ttl_s = change->record.ttl_s;
    own->rdata_length = change->record.rdata_length;
    memcpy(own->rdata, change->record.rdata, own->rdata_length);
    kept->changes[kept->count++] = (struct policy_change){change->remove, model_policy_record(own)};
    return 0;
}

static void a_diff_leads_from_one_version_to_the_other(void **state)
{
    (void)state;
    static struct model models[2];
    static struct kept_changes kept;
    for (unsigned seed = 0; seed < 200; seed++) {
        struct dice dice = {seed + 5000};
        random_model(&dice, &models[0], 1 + dice_below(&dice, 80));
        models[1] = models[0];
        for (unsigned i = dice_below(&dice, 20); i > 0 && models[1].count > 1; i--)
            (void)model_remove(&models[1],
                               &models[1].records[1 + dice_below(&dice, (uint32_t)models[1].count - 1)]);
        for (unsigned i = dice_below(&dice, 20); i > 0; i--) {
            struct model_record record;
            model_random_record(&dice, models[1].origin, &record);
            (void)model_add(&models[1], &record);
        }
        model_rejudge(&models[1]);
        struct policy_zone *old = model_build(&models[0]), *new = model_build(&models[1]), *made;
        kept.count = 0;
        assert_int_equal(policy_zone_diff(old, old, keep_change, &kept), 0);
        assert_int_equal(kept.count, 0);
        assert_int_equal(policy_zone_diff(old, new, keep_change, &kept), 0);
        for (size_t i = 1; i < kept.count; i++)
            assert_true(kept.changes[i - 1].remove || !kept.changes[i].remove);
        assert_int_equal(policy_zone_apply(old, kept.changes, kept.count, &made), 0);
        model_assert_same(&models[1], made);
        policy_zone_unref(old);
        policy_zone_unref(new);
        policy_zone_unref(made);
    }
}

static int stop_at_soa(void *context, const struct policy_change *change)
{
    *(bool *)context = change->remove;
    return change->record.type == TYPE_SOA ? 7 : 0;
}

static void a_diff_begins_with_the_soa(void **state)
{
    (void)state;
    bool removed = false;
    struct policy_zone *old = ZONE("a 60 CNAME .", "@ 60 NS ns.");
    struct policy_zone *new = ZONE("b 60 CNAME .");
    struct policy_change soa = change_of(false, "@ 60 SOA 8");
    struct policy_zone *moved;
    assert_int_equal(policy_zone_apply(new, &soa, 1, &moved), 0);
    assert_int_equal(policy_zone_diff(old, moved, stop_at_soa, &removed), 7);
    assert_true(removed);
    policy_zone_unref(old);
    policy_zone_unref(new);
    policy_zone_unref(moved);
}

static void add_pair(struct policy_builder *builder, const char *name, uint32_t ttl_s)
{
    uint8_t owner[NAME_MAX_BYTES];
    struct policy_record record = {owner, TYPE_CNAME, CLASS_IN, ttl_s, (const uint8_t *)"", 1};
    char text[110];
    snprintf(text, sizeof text, "*.%.100s", name);
    assert_true(name_from_text(name, wire(ORIGIN), owner) > 0);
    assert_int_equal(policy_builder_add(builder, &record), RPZ_KEPT);
    assert_true(name_from_text(text, wire(ORIGIN), owner) > 0);
    assert_int_equal(policy_builder_add(builder, &record), RPZ_KEPT);
}

/* Enough for the tables to grow many times. */
static void a_large_zone_holds_every_rule(void **state)
{
    (void)state;
    enum { PAIRS = 60000 };
    struct policy_builder *builder = policy_builder_new(wire(ORIGIN));
    struct policy_zone *zone;
    struct policy_hit hit;
    char text[100];
    struct policy_record soa = {wire(ORIGIN), TYPE_SOA, CLASS_IN, 1, (const uint8_t[22]){0}, 22};
    assert_int_equal(policy_builder_add(builder, &soa), RPZ_SKIP_APEX_SOA_NS);
    for (unsigned i = 0; i < PAIRS; i++) {
        snprintf(text, sizeof text, "n%u.z%u.example", i, i % 1000);
        add_pair(builder, text, 300 + i % 7);
    }
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
    for (unsigned i = 0; i < PAIRS; i++) {
        snprintf(text, sizeof text, "n%u.z%u.example.", i, i % 1000);
        assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire(text), false, &hit));
        assert_int_equal(hit.ttl_s, 300 + i % 7);
        assert_false(hit.wildcard);
        snprintf(text, sizeof text, "www.n%u.z%u.example.", i, i % 1000);
        assert_true(policy_zone_match_name(zone, RPZ_QNAME, wire(text), false, &hit));
        assert_true(hit.wildcard);
        snprintf(text, sizeof text, "m%u.z%u.example.", i, i % 1000);
        assert_no_name(zone, text);
    }
    policy_zone_unref(zone);
}

static void references_are_counted(void **state)
{
    (void)state;
    struct policy_zone *zone = ZONE("a 60 CNAME .");
    assert_ptr_equal(policy_zone_ref(zone), zone);
    policy_zone_unref(zone);
    assert_name(zone, "a.", "a.rpz.test.", RPZ_NXDOMAIN);
    policy_zone_unref(zone);
    policy_zone_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_01_a_zone_needs_a_soa_and_may_lack_ns),
        cmocka_unit_test(rule_03_mistakes_are_skipped_and_counted),
        cmocka_unit_test(rule_04_apex_data_is_inert),
        cmocka_unit_test(rule_04_star_at_the_apex_matches_all_but_the_root),
        cmocka_unit_test(rule_05_two_spellings_of_an_address_are_one_prefix),
        cmocka_unit_test(rule_06_case_does_not_matter),
        cmocka_unit_test(rule_08_empty_nonterminals_hide_a_wildcard),
        cmocka_unit_test(rule_08_a_wildcard_does_not_match_its_parent),
        cmocka_unit_test(rule_08_exact_beats_wildcard),
        cmocka_unit_test(rule_09_a_wildcard_cname_to_the_name_asked_for_passes),
        cmocka_unit_test(qname_rules_and_special_trees_do_not_meet),
        cmocka_unit_test(include_subdomains_covers_what_is_below),
        cmocka_unit_test(local_data_comes_as_rrsets),
        cmocka_unit_test(what_stands_at_an_owner),
        cmocka_unit_test(enumeration_stops_when_told),
        cmocka_unit_test(a_walk_goes_on_where_it_paused),
        cmocka_unit_test(random_zones_match_as_the_model_says),
        cmocka_unit_test(a_delta_makes_what_a_rebuild_makes),
        cmocka_unit_test(removing_what_is_not_there_makes_nothing),
        cmocka_unit_test(a_new_soa_takes_the_place_of_the_old),
        cmocka_unit_test(a_ttl_can_change),
        cmocka_unit_test(a_diff_leads_from_one_version_to_the_other),
        cmocka_unit_test(a_diff_begins_with_the_soa),
        cmocka_unit_test(a_large_zone_holds_every_rule),
        cmocka_unit_test(references_are_counted),
    };
    return RUN_TESTS(tests);
}
