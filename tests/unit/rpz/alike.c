/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "alike.h"

#include "base/hash.h"

static int add_digest(void *context, const struct policy_record *record)
{
    uint64_t hash = hash_bytes(record->ttl_s, record->owner, name_length(record->owner));
    *(uint64_t *)context += hash_bytes(hash + record->type, record->rdata, record->rdata_length);
    return 0;
}

uint64_t version_digest(const struct policy_zone *zone)
{
    uint64_t sum = 0;
    assert_int_equal(policy_zone_each(zone, add_digest, &sum), 0);
    return sum;
}

static int add_type(void *context, const struct policy_record *record)
{
    *(unsigned *)context += record->type + 1000u;
    return 0;
}

void assert_alike_at(const struct policy_zone *a, const struct policy_zone *b, const uint8_t *name)
{
    uint8_t owner[NAME_MAX_BYTES];
    unsigned types[2] = {0};
    bool exists[2];
    assert_true(name_join(name, policy_zone_origin(a), owner) > 0);
    assert_int_equal(policy_zone_at(a, owner, &exists[0], add_type, &types[0]), 0);
    assert_int_equal(policy_zone_at(b, owner, &exists[1], add_type, &types[1]), 0);
    assert_int_equal(exists[0], exists[1]);
    assert_int_equal(types[0], types[1]);
}

void assert_alike_hit(const struct policy_zone *a, const struct policy_zone *b, bool found_a, bool found_b,
                      const struct policy_hit *hit_a, const struct policy_hit *hit_b, const uint8_t *name)
{
    uint8_t owners[2][NAME_MAX_BYTES];
    assert_int_equal(found_a, found_b);
    if (!found_a)
        return;
    assert_int_equal(hit_a->action, hit_b->action);
    assert_int_equal(hit_a->wildcard, hit_b->wildcard);
    assert_int_equal(hit_a->ttl_s, hit_b->ttl_s);
    policy_hit_owner(a, hit_a, name, owners[0]);
    policy_hit_owner(b, hit_b, name, owners[1]);
    assert_true(name_equal(owners[0], owners[1]));
}

void assert_alike_matches(struct dice *dice, const struct policy_zone *a, const struct policy_zone *b,
                          unsigned times)
{
    static const enum rpz_trigger triggers[] = {RPZ_CLIENT_IP, RPZ_IP, RPZ_NSIP};
    for (unsigned i = 0; i < times; i++) {
        uint8_t name[NAME_MAX_BYTES];
        struct policy_hit hits[2];
        struct ip_address address = model_random_address(dice);
        enum rpz_trigger trigger = dice_percent(dice, 70) ? RPZ_QNAME : RPZ_NSDNAME;
        bool below = dice_percent(dice, 30);
        model_random_name(dice, name);
        bool found_a = policy_zone_match_name(a, trigger, name, below, &hits[0]);
        bool found_b = policy_zone_match_name(b, trigger, name, below, &hits[1]);
        assert_alike_hit(a, b, found_a, found_b, &hits[0], &hits[1], name);
        assert_alike_at(a, b, name);
        trigger = triggers[dice_below(dice, 3)];
        found_a = policy_zone_match_address(a, trigger, &address, &hits[0]);
        found_b = policy_zone_match_address(b, trigger, &address, &hits[1]);
        assert_alike_hit(a, b, found_a, found_b, &hits[0], &hits[1], NULL);
    }
}

void assert_alike_counts(const struct policy_zone *a, const struct policy_zone *b, bool left_out)
{
    struct policy_zone_counts counts[2];
    policy_zone_count(a, &counts[0]);
    policy_zone_count(b, &counts[1]);
    assert_int_equal(counts[0].records, counts[1].records);
    assert_int_equal(counts[0].noncanonical, counts[1].noncanonical);
    assert_int_equal(counts[0].no_ns, counts[1].no_ns);
    assert_memory_equal(counts[0].rules, counts[1].rules, sizeof counts[0].rules);
    for (unsigned i = 0; i < RPZ_SKIPS; i++)
        if (left_out || (i != RPZ_SKIP_OUT_OF_ZONE && i != RPZ_SKIP_CLASS))
            assert_int_equal(counts[0].skipped[i], counts[1].skipped[i]);
}
