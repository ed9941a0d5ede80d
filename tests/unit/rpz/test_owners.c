/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What chance hardly ever shows: different names with the same fingerprint. */
#include "model.h"

#include <stdio.h>

#include "rpz/owners.h"
#include "rpz/version.h"

/* A key whose fingerprints are few: names collide all the time. The lower half of each hash is sound. */
static void weak_key(struct rpz_key *key, const uint8_t *name, uint32_t few)
{
    rpz_key_init(key, name, rpz_tail_none());
    for (unsigned level = 1; level <= key->labels; level++) {
        uint32_t sum = 0;
        for (const uint8_t *at = rpz_key_at(key, level); *at; at++)
            sum = sum * 31 + *at;
        (void)rpz_key_fingerprint(key, level);
        key->hash[level] = (uint64_t)(sum % few * 0x01010101u) << 32 | sum;
    }
    key->hashed = key->labels;
}

static const uint8_t *numbered_name(unsigned number)
{
    char text[64];
    snprintf(text, sizeof text, "n%u.z%u.example.", number, number % 7);
    return wire(text);
}

static const struct owner_entry plain = {.flags = 1};

static void put(struct owners_draft *draft, const uint8_t *name, uint32_t few,
                const struct owner_entry *entry)
{
    struct rpz_key key;
    struct owner_entry old;
    struct leaf_spot spot;
    weak_key(&key, name, few);
    (void)owners_get(draft, &key, &spot, &old);
    assert_int_equal(owners_put(draft, &key, spot, entry), 0);
}

static struct lineage *fill(struct owners_draft *draft, unsigned names, uint32_t few)
{
    struct lineage *lineage = lineage_new();
    struct owner_entry found;
    struct leaf_spot spot;
    assert_non_null(lineage);
    assert_int_equal(owners_draft_new(draft, lineage), 0);
    for (unsigned i = 0; i < names; i++) {
        struct rpz_key key;
        const uint8_t *name = numbered_name(i);
        weak_key(&key, name, few);
        assert_false(owners_get(draft, &key, &spot, &found));
        put(draft, name, few, &plain);
        assert_true(owners_get(draft, &key, &spot, &found));
    }
    return lineage;
}

static struct owner_found look_up(const struct owners *owners, const uint8_t *name, uint32_t few)
{
    struct rpz_key key;
    weak_key(&key, name, few);
    return owners_find(owners, &key);
}

/* Settles, and looks whether the names up to `names`, but for those that were removed, are there. */
static void check(struct owners_draft *draft, struct owners *owners, unsigned names, uint32_t few,
                  unsigned removed_below)
{
    assert_int_equal(owners_settle(draft, owners), 0);
    for (unsigned i = 0; i < names; i++) {
        struct owner_found found = look_up(owners, numbered_name(i), few);
        assert_int_equal(found.exists, i >= removed_below);
        if (i >= removed_below) {
            uint8_t name[NAME_MAX_BYTES];
            assert_int_equal(packed_name(found.entry + 1, name), name_length(numbered_name(i)));
            assert_true(name_equal(name, numbered_name(i)));
        }
    }
    struct owner_found middle = look_up(owners, wire("z3.example."), few);
    assert_int_equal(middle.exists, removed_below < names);
    assert_null(middle.entry);
    assert_false(look_up(owners, wire("n600.z5.example."), few).exists);
    assert_false(look_up(owners, wire("com."), few).exists);
}

static void names_with_one_fingerprint_are_told_apart(void **state)
{
    (void)state;
    static const uint32_t variety[] = {1, 2, 37, 255};
    for (size_t v = 0; v < sizeof variety / sizeof *variety; v++) {
        struct owners_draft draft;
        struct owners owners, fewer, none;
        uint32_t few = variety[v];
        struct lineage *lineage = fill(&draft, 600, few);
        check(&draft, &owners, 600, few, 0);
        assert_int_equal(owners_draft_from(&draft, lineage, &owners), 0);
        for (unsigned i = 0; i < 300; i++)
            put(&draft, numbered_name(i), few, &(struct owner_entry){0});
        check(&draft, &fewer, 600, few, 300);
        assert_int_equal(owners_draft_from(&draft, lineage, &fewer), 0);
        for (unsigned i = 300; i < 600; i++)
            put(&draft, numbered_name(i), few, &(struct owner_entry){0});
        check(&draft, &none, 600, few, 600);
        assert_false(look_up(&none, wire("example."), few).exists);
        assert_true(look_up(&owners, numbered_name(0), few).entry != NULL);
        owners_end(&owners, lineage);
        owners_end(&fewer, lineage);
        owners_end(&none, lineage);
        lineage_release(lineage);
    }
}

static void an_entry_takes_the_place_of_an_empty_nonterminal_and_leaves_it(void **state)
{
    (void)state;
    struct owners_draft draft;
    struct owners owners;
    struct owner_entry found;
    struct leaf_spot spot;
    struct rpz_key key;
    struct lineage *lineage = fill(&draft, 10, 1u << 24);
    weak_key(&key, wire("z3.example."), 1u << 24);
    assert_false(owners_get(&draft, &key, &spot, &found));
    put(&draft, wire("z3.example."), 1u << 24, &plain);
    assert_true(owners_get(&draft, &key, &spot, &found));
    put(&draft, wire("z3.example."), 1u << 24, &(struct owner_entry){0});
    assert_false(owners_get(&draft, &key, &spot, &found));
    assert_int_equal(owners_settle(&draft, &owners), 0);
    assert_true(look_up(&owners, wire("z3.example."), 1u << 24).exists);
    owners_end(&owners, lineage);
    lineage_release(lineage);
}

/* There are more names below one than a byte counts, and then fewer again. */
static void a_name_stays_until_the_last_of_many_below_it_goes(void **state)
{
    (void)state;
    enum { MANY = 7 * 300, FEW = 1u << 24 };
    struct owners_draft draft;
    struct owners owners, none;
    struct lineage *lineage = fill(&draft, MANY, FEW);
    assert_int_equal(owners_settle(&draft, &owners), 0);
    assert_int_equal(owners_draft_from(&draft, lineage, &owners), 0);
    for (unsigned i = 0; i < MANY; i++) {
        struct rpz_key key;
        struct owner_entry found;
        weak_key(&key, wire("z3.example."), FEW);
        struct leaf_spot spot;
        (void)owners_get(&draft, &key, &spot, &found);
        assert_true((spot.node != NULL) == (i <= MANY - 7 + 3));
        put(&draft, numbered_name(i), FEW, &(struct owner_entry){0});
    }
    assert_int_equal(owners_settle(&draft, &none), 0);
    assert_true(look_up(&owners, wire("z3.example."), FEW).exists);
    assert_false(look_up(&none, wire("example."), FEW).exists);
    owners_end(&owners, lineage);
    owners_end(&none, lineage);
    lineage_release(lineage);
}

static void an_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct owners_draft draft;
    struct owners owners;
    struct lineage *lineage = fill(&draft, 0, 1);
    assert_int_equal(owners_settle(&draft, &owners), 0);
    assert_false(look_up(&owners, wire("a.b."), 1).exists);
    assert_false(look_up(&owners, wire("a.b."), UINT32_MAX).exists);
    owners_end(&owners, lineage);
    lineage_release(lineage);
}

/* --- accidents while matching -------------------------------------------------------------------------- */

static struct policy_zone *zone_of(const char *first, const char *second)
{
    static struct model model;
    model_init(&model, "rpz.test.");
    model_add_text(&model, "@ 60 SOA 1");
    model_add_text(&model, first);
    model_add_text(&model, second);
    return model_build(&model);
}

/* The key of `name`, with the fingerprint that `like` has at each level from `from` on. */
static void mistaken_key(struct rpz_key *key, const char *name, const char *like, unsigned from)
{
    struct rpz_key other;
    rpz_key_init(key, wire(name), rpz_tail_none());
    rpz_key_init(&other, wire(like), rpz_tail_none());
    for (unsigned level = 1; level <= key->labels; level++) {
        (void)rpz_key_fingerprint(key, level);
        if (level >= from)
            key->hash[level] =
                (uint64_t)rpz_key_fingerprint(&other, level) << 32 | (uint32_t)key->hash[level];
    }
}

static void after_an_accident_the_next_ancestor_counts(void **state)
{
    (void)state;
    struct policy_zone *zone = zone_of("*.example 60 CNAME .", "listed.example 60 CNAME *.");
    struct policy_hit hit;
    struct rpz_key key;
    mistaken_key(&key, "other.example.", "listed.example.", 2);
    assert_true(policy_zone_match_key(zone, RPZ_QNAME, &key, false, &hit));
    assert_int_equal(hit.action, RPZ_NXDOMAIN);
    assert_true(hit.wildcard);
    mistaken_key(&key, "other.sample.", "listed.example.", 1);
    assert_false(policy_zone_match_key(zone, RPZ_QNAME, &key, false, &hit));
    mistaken_key(&key, "other.sample.", "listed.example.", 1);
    assert_false(policy_zone_match_key(zone, RPZ_QNAME, &key, true, &hit));
    policy_zone_unref(zone);
}

static void an_accident_at_the_first_label_leads_to_the_top(void **state)
{
    (void)state;
    struct policy_zone *zone = zone_of("* 60 CNAME .", "example 60 CNAME *.");
    struct policy_hit hit;
    struct rpz_key key;
    mistaken_key(&key, "sample.", "example.", 1);
    assert_true(policy_zone_match_key(zone, RPZ_QNAME, &key, false, &hit));
    assert_int_equal(hit.action, RPZ_NXDOMAIN);
    assert_int_equal(hit.matched_labels, 0);
    policy_zone_unref(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_with_one_fingerprint_are_told_apart),
        cmocka_unit_test(an_entry_takes_the_place_of_an_empty_nonterminal_and_leaves_it),
        cmocka_unit_test(a_name_stays_until_the_last_of_many_below_it_goes),
        cmocka_unit_test(an_empty_table_finds_nothing),
        cmocka_unit_test(after_an_accident_the_next_ancestor_counts),
        cmocka_unit_test(an_accident_at_the_first_label_leads_to_the_top),
    };
    return RUN_TESTS(tests);
}
