/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What chance hardly ever shows: different names with the same fingerprint. */
#include "model.h"

#include <stdio.h>

#include "rpz/owners.h"
#include "rpz/version.h"

/* A key whose fingerprints are few: names collide all the time. */
static void weak_key(struct rpz_key *key, const uint8_t *name, uint32_t few)
{
    rpz_key_init(key, name, rpz_tail_none());
    for (unsigned level = 1; level <= key->labels; level++) {
        uint32_t sum = 0;
        for (const uint8_t *at = rpz_key_at(key, level); *at; at++)
            sum = sum * 31 + *at;
        key->fingerprint[level] = sum % few * 0x01000001u;
    }
    key->hashed = key->labels;
}

static uint32_t put_entry(struct owners_draft *draft, const uint8_t *name)
{
    uint32_t offset = (uint32_t)draft->bytes.used;
    assert_int_equal(pages_append(&draft->bytes, "\1", 1), 0);
    assert_int_equal(pages_append(&draft->bytes, name, name_length(name)), 0);
    assert_int_equal(pages_reserve(&draft->bytes, OWNER_SLACK), 0);
    return offset;
}

static const uint8_t *numbered_name(unsigned number)
{
    char text[64];
    snprintf(text, sizeof text, "n%u.z%u.example.", number, number % 7);
    return wire(text);
}

static void fill(struct owners_draft *draft, unsigned names, uint32_t few)
{
    assert_int_equal(owners_draft_init(draft), 0);
    for (unsigned i = 0; i < names; i++) {
        struct rpz_key key;
        const uint8_t *name = numbered_name(i);
        weak_key(&key, name, few);
        assert_null(owners_draft_find(draft, &key));
        assert_int_equal(owners_draft_insert(draft, &key, put_entry(draft, name)), 0);
        assert_non_null(owners_draft_find(draft, &key));
    }
}

static const uint64_t *look_up(const struct owners *owners, const uint8_t *name, uint32_t few)
{
    struct rpz_key key;
    weak_key(&key, name, few);
    return owners_find(owners, &key);
}

static void names_with_one_fingerprint_are_told_apart(void **state)
{
    (void)state;
    static const uint32_t variety[] = {1, 2, 37, 255};
    for (size_t v = 0; v < sizeof variety / sizeof *variety; v++) {
        struct owners_draft draft;
        struct owners owners;
        uint32_t few = variety[v];
        fill(&draft, 600, few);
        assert_int_equal(owners_settle(&draft, &owners), 0);
        assert_int_equal(owners.count, 600 + 7 + 1);
        for (unsigned i = 0; i < 600; i++) {
            const uint64_t *slot = look_up(&owners, numbered_name(i), few);
            assert_non_null(slot);
            assert_false(slot_is_empty_nonterminal(*slot));
            assert_true(name_equal(slot_name(owners.bytes.base, *slot), numbered_name(i)));
        }
        assert_true(slot_is_empty_nonterminal(*look_up(&owners, wire("z3.example."), few)));
        assert_null(look_up(&owners, wire("n600.z5.example."), few));
        assert_null(look_up(&owners, wire("com."), few));
        owners_free(&owners);
    }
}

static void an_entry_takes_the_place_of_an_empty_nonterminal(void **state)
{
    (void)state;
    struct owners_draft draft;
    struct owners owners;
    struct rpz_key key;
    fill(&draft, 10, 1u << 24);
    weak_key(&key, wire("z3.example."), 1u << 24);
    assert_true(slot_is_empty_nonterminal(*owners_draft_find(&draft, &key)));
    assert_int_equal(owners_draft_insert(&draft, &key, put_entry(&draft, wire("z3.example."))), 0);
    assert_false(slot_is_empty_nonterminal(*owners_draft_find(&draft, &key)));
    assert_int_equal(owners_settle(&draft, &owners), 0);
    assert_int_equal(owners.count, 10 + 7 + 1);
    owners_free(&owners);
}

static void an_empty_table_finds_nothing(void **state)
{
    (void)state;
    struct owners_draft draft;
    struct owners owners;
    assert_int_equal(owners_draft_init(&draft), 0);
    assert_int_equal(owners_settle(&draft, &owners), 0);
    assert_null(look_up(&owners, wire("a.b."), 1));
    assert_null(look_up(&owners, wire("a.b."), UINT32_MAX));
    owners_free(&owners);
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
            key->fingerprint[level] = rpz_key_fingerprint(&other, level);
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
        cmocka_unit_test(an_entry_takes_the_place_of_an_empty_nonterminal),
        cmocka_unit_test(an_empty_table_finds_nothing),
        cmocka_unit_test(after_an_accident_the_next_ancestor_counts),
        cmocka_unit_test(an_accident_at_the_first_label_leads_to_the_top),
    };
    return RUN_TESTS(tests);
}
