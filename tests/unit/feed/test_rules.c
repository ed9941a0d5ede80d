/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rules that lines make together, compared with what the lines say one by one: for many small random
 * lists, each name is looked up in a policy zone made of the rules and judged by hand from the lines. */
#include "feed/rules.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

#include "dns/consts.h"
#include "dns/name.h"
#include "zone/changes.h"

enum { LINES = 6, LISTS = 3000, DEPTH = 4 };

struct list_line {
    uint8_t name[32];
    enum rank self, below;
};

static uint32_t random_state = 12345;

static unsigned next_random(unsigned bound)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 16) % bound;
}

/* A name of up to DEPTH labels of one letter, of two letters each. */
static void random_name(uint8_t *out)
{
    unsigned labels = 1 + next_random(DEPTH);
    for (unsigned i = 0; i < labels; i++) {
        *out++ = 1;
        *out++ = (uint8_t)('a' + next_random(2));
    }
    *out = 0;
}

static enum rank said_of(const struct list_line *lines, const uint8_t *name)
{
    enum rank rank = RANK_NONE;
    for (size_t i = 0; i < LINES; i++) {
        bool same = name_equal(lines[i].name, name);
        bool below = !same && name_is_within(name, lines[i].name);
        enum rank said = same ? lines[i].self : below ? lines[i].below : RANK_NONE;
        rank = said > rank ? said : rank;
    }
    return rank;
}

static int put(void *context, const uint8_t *name, bool wildcard, bool allow)
{
    static const uint8_t passthru[] = "\14rpz-passthru";
    uint8_t relative[64] = "\1*", owner[NAME_MAX_BYTES];
    const char *why;
    name_copy(relative + 2, name);
    assert_true(name_join(wildcard ? relative : name, (const uint8_t *)"\1z", owner) > 0);
    struct policy_record record = {
        owner, TYPE_CNAME, CLASS_IN, 60, allow ? passthru : (const uint8_t *)"", allow ? sizeof passthru : 1};
    assert_int_equal(zone_draft_add(context, &record, &why), RPZ_KEPT);
    return 0;
}

static struct zone_content *zone_of_lines(const struct list_line *lines)
{
    struct zone_draft *draft = zone_draft_new((const uint8_t *)"\1z", true);
    struct zone_content *content;
    const char *why;
    static const uint8_t soa[2 + 20];
    struct policy_record apex = {(const uint8_t *)"\1z", TYPE_SOA, CLASS_IN, 60, soa, sizeof soa};
    assert_true(zone_draft_add(draft, &apex, &why) >= 0);
    struct rules rules;
    assert_int_equal(rules_init(&rules), 0);
    for (size_t i = 0; i < LINES; i++)
        assert_int_equal(
            rules_add(&rules, lines[i].name, name_length(lines[i].name), lines[i].self, lines[i].below), 0);
    assert_int_equal(rules_each(&rules, put, draft), 0);
    rules_fini(&rules);
    assert_int_equal(zone_draft_finish(draft, &content, &why), 0);
    return content;
}

static void check_name(const struct zone_content *zone, const struct list_line *lines, const uint8_t *name)
{
    struct policy_hit hit;
    enum rank expected = said_of(lines, name);
    bool found = policy_zone_match_name(zone_content_get_policy(zone), RPZ_QNAME, name, false, &hit);
    assert_int_equal(found, expected != RANK_NONE);
    if (found)
        assert_int_equal(hit.action, expected & 1 ? RPZ_PASSTHRU : RPZ_NXDOMAIN);
}

static void rules_say_of_each_name_what_the_lines_say(void **state)
{
    (void)state;
    for (int list = 0; list < LISTS; list++) {
        struct list_line lines[LINES];
        for (size_t i = 0; i < LINES; i++) {
            random_name(lines[i].name);
            enum rank rank = (enum rank)next_random(4);
            unsigned scope = next_random(3);
            lines[i].self = scope == 1 ? RANK_NONE : rank;
            lines[i].below = scope == 2 ? RANK_NONE : rank;
        }
        struct zone_content *zone = zone_of_lines(lines);
        for (int i = 0; i < 60; i++) {
            uint8_t name[32];
            random_name(name);
            check_name(zone, lines, name);
        }
        zone_content_unref(zone);
    }
}

static void many_names_are_kept_apart(void **state)
{
    (void)state;
    struct rules rules;
    assert_int_equal(rules_init(&rules), 0);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 20000; i++) {
            char text[40];
            uint8_t name[NAME_MAX_BYTES];
            snprintf(text, sizeof text, "n%u.test.", i);
            int length = name_from_text(text, NULL, name);
            assert_int_equal(rules_add(&rules, name, (size_t)length, RANK_BLOCK, RANK_BLOCK), 0);
        }
    assert_int_equal(rules.count, 20000);
    rules_fini(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_say_of_each_name_what_the_lines_say),
        cmocka_unit_test(many_names_are_kept_apart),
    };
    return RUN_TESTS(tests);
}
