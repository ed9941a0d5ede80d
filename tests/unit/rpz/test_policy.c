/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include <stdio.h>

#include "rpz/policy.h"

/* --- scenes: a few zones, a few facts ------------------------------------------------------------------ */

enum { SCENE_ZONES = 4, SCENE_LINKS = 3, SCENE_SERVERS = 3, SCENE_ADDRESSES = 3 };

struct scene {
    struct policy_set_options options;
    struct policy_set_zone zones[SCENE_ZONES];
    struct model models[SCENE_ZONES];
    size_t zone_count;
    struct policy_set *set;
    struct policy_facts facts;
    struct policy_link links[SCENE_LINKS];
    uint8_t names[SCENE_LINKS][NAME_MAX_BYTES];
    struct ip_address addresses[SCENE_LINKS][SCENE_ADDRESSES];
    struct policy_server servers[SCENE_LINKS][SCENE_SERVERS];
    uint8_t server_names[SCENE_LINKS][SCENE_SERVERS][NAME_MAX_BYTES];
    struct ip_address server_addresses[SCENE_LINKS][SCENE_SERVERS][SCENE_ADDRESSES];
    struct policy_verdict verdict;
};

/* BIND's defaults, but no waiting: most tests are not about it. */
static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    s->options = (struct policy_set_options){.qname_wait_recurse = true,
                                             .nsip_wait_recurse = true,
                                             .nsdname_wait_recurse = true,
                                             .min_ns_dots = 1};
    s->facts = (struct policy_facts){.rd = true, .answer_known = true, .links = s->links};
    assert_int_equal(ip_from_text("192.0.2.1", &s->facts.client), 0);
}

static struct policy_set_zone *scene_zone(struct scene *s, const char *const *lines)
{
    struct policy_set_zone *zone = &s->zones[s->zone_count];
    struct model *model = &s->models[s->zone_count++];
    char origin[32];
    snprintf(origin, sizeof origin, "rpz%zu.test.", s->zone_count);
    model_init(model, origin);
    model_add_text(model, "@ 60 SOA 1");
    for (; *lines; lines++)
        model_add_text(model, *lines);
    zone->options = (struct policy_zone_options){.max_policy_ttl_s = 3600,
                                                 .recursive_only = true,
                                                 .nsip_enable = true,
                                                 .nsdname_enable = true,
                                                 .ede = EDE_NONE};
    return zone;
}

#define ZONE(scene, ...) scene_zone(scene, (const char *const[]){__VA_ARGS__, NULL})

static struct policy_link *scene_link(struct scene *s, const char *name)
{
    size_t number = s->facts.link_count++;
    struct policy_link *link = &s->links[number];
    name_copy(s->names[number], wire(name));
    *link = (struct policy_link){.name = s->names[number],
                                 .addresses = s->addresses[number],
                                 .servers = s->servers[number],
                                 .servers_known = true};
    return link;
}

static void link_address(struct scene *s, const char *text)
{
    size_t number = s->facts.link_count - 1;
    struct policy_link *link = &s->links[number];
    assert_int_equal(ip_from_text(text, &s->addresses[number][link->address_count++]), 0);
}

static void link_server(struct scene *s, const char *name, const char *address)
{
    size_t number = s->facts.link_count - 1;
    struct policy_link *link = &s->links[number];
    size_t at = link->server_count++;
    name_copy(s->server_names[number][at], wire(name));
    assert_int_equal(ip_from_text(address, &s->server_addresses[number][at][0]), 0);
    s->servers[number][at] =
        (struct policy_server){s->server_names[number][at], s->server_addresses[number][at], 1};
}

static enum policy_step decide(struct scene *s)
{
    if (!s->set) {
        for (size_t i = 0; i < s->zone_count; i++)
            s->zones[i].zone = model_build(&s->models[i]);
        s->set = policy_set_new(&s->options, s->zones, s->zone_count);
        assert_non_null(s->set);
        for (size_t i = 0; i < s->zone_count; i++)
            policy_zone_unref(s->zones[i].zone);
    }
    return policy_decide(s->set, &s->facts, &s->verdict);
}

static void scene_end(struct scene *s)
{
    policy_set_unref(s->set);
    s->set = NULL;
}

static void assert_rule(struct scene *s, const char *owner, enum rpz_action action)
{
    uint8_t found[NAME_MAX_BYTES];
    char text[NAME_TEXT_MAX];
    assert_int_equal(decide(s), POLICY_RULE);
    const struct policy_match *match = &s->verdict.match;
    policy_hit_owner(s->set->zones[match->zone].zone, &match->hit, match->name, found);
    assert_string_equal(name_to_text(found, text), owner);
    assert_int_equal(match->action, action);
}

static struct scene scene;

/* --- the order of precedence --------------------------------------------------------------------------- */

static void rule_10_disabled_zones_are_noted_and_passed(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .")->options.override = RPZ_OVERRIDE_DISABLED;
    ZONE(&scene, "a 60 CNAME *.");
    scene_link(&scene, "a.");
    assert_rule(&scene, "a.rpz2.test.", RPZ_NODATA);
    assert_int_equal(scene.verdict.disabled_count, 1);
    assert_int_equal(scene.verdict.disabled[0].zone, 0);
    scene_end(&scene);
}

static void rule_11_1_an_earlier_name_of_the_chain_wins(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "second 60 CNAME .");
    ZONE(&scene, "first 60 CNAME *.");
    scene_link(&scene, "first.");
    scene_link(&scene, "second.");
    assert_rule(&scene, "first.rpz2.test.", RPZ_NODATA);
    assert_int_equal(scene.verdict.match.link, 0);
    scene_end(&scene);
}

static void rule_11_1_later_names_are_looked_at(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "second 60 CNAME .");
    scene_link(&scene, "first.");
    scene_link(&scene, "second.");
    assert_rule(&scene, "second.rpz1.test.", RPZ_NXDOMAIN);
    assert_int_equal(scene.verdict.match.link, 1);
    assert_ptr_equal(scene.verdict.match.name, scene.links[1].name);
    scene_end(&scene);
}

static void rule_11_2_zones_count_in_their_order(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "*.x 60 CNAME .");
    ZONE(&scene, "a.x 60 CNAME *.", "32.1.2.0.192.rpz-client-ip 60 CNAME rpz-drop.");
    scene_link(&scene, "a.x.");
    assert_rule(&scene, "*.x.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

static void rule_11_3_triggers_count_in_their_order(void **state)
{
    (void)state;
    static const char *const rules[] = {"32.1.2.0.192.rpz-client-ip 60 CNAME .", "a 60 CNAME .",
                                        "32.1.0.0.10.rpz-ip 60 CNAME .", "ns.a.rpz-nsdname 60 CNAME .",
                                        "32.2.0.0.10.rpz-nsip 60 CNAME ."};
    for (enum rpz_trigger first = 0; first < RPZ_TRIGGERS; first++) {
        const char *lines[RPZ_TRIGGERS + 1] = {0};
        for (unsigned i = first; i < RPZ_TRIGGERS; i++)
            lines[RPZ_TRIGGERS - 1 - i] = rules[i];
        scene_init(&scene);
        scene_zone(&scene, lines);
        scene_link(&scene, "a.");
        link_address(&scene, "10.0.0.1");
        link_server(&scene, "ns.a.", "10.0.0.2");
        assert_int_equal(decide(&scene), POLICY_RULE);
        assert_int_equal(scene.verdict.match.hit.trigger, first);
        scene_end(&scene);
    }
}

static void rule_11_4_of_several_servers_the_last_name_counts(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a1.n.rpz-nsdname 60 CNAME .", "b1.n.rpz-nsdname 60 CNAME *.",
         "c1.m.rpz-nsdname 60 CNAME rpz-drop.");
    scene_link(&scene, "x.z.");
    link_server(&scene, "a1.n.", "10.0.0.1");
    link_server(&scene, "b1.n.", "10.0.0.2");
    link_server(&scene, "c1.m.", "10.0.0.3");
    assert_rule(&scene, "b1.n.rpz-nsdname.rpz1.test.", RPZ_NODATA);
    assert_ptr_equal(scene.verdict.match.name, scene.server_names[0][1]);
    scene_end(&scene);
}

static void rule_11_6_of_equal_prefixes_the_smallest_address_counts(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "32.1.1.0.10.rpz-ip 60 CNAME .", "32.2.0.0.10.rpz-ip 60 CNAME *.");
    scene_link(&scene, "a.");
    link_address(&scene, "10.0.1.1");
    link_address(&scene, "10.0.0.2");
    assert_rule(&scene, "32.2.0.0.10.rpz-ip.rpz1.test.", RPZ_NODATA);
    scene_end(&scene);
}

static void rule_12_a_later_qname_rule_waits_for_an_earlier_ip_rule(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "24.0.0.0.10.rpz-ip 60 CNAME rpz-passthru.");
    ZONE(&scene, "a 60 CNAME .");
    scene_link(&scene, "a.");
    link_address(&scene, "10.0.0.7");
    assert_rule(&scene, "24.0.0.0.10.rpz-ip.rpz1.test.", RPZ_PASSTHRU);
    scene_end(&scene);
}

static void rule_12_and_for_earlier_server_rules(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "*.bad.rpz-nsdname 60 CNAME .");
    ZONE(&scene, "a 60 CNAME rpz-passthru.");
    scene_link(&scene, "a.")->servers_known = false;
    link_server(&scene, "ns.bad.", "10.0.0.7");
    assert_int_equal(decide(&scene), POLICY_NEEDS_SERVERS);
    assert_int_equal(scene.verdict.link, 0);
    scene.links[0].servers_known = true;
    assert_rule(&scene, "*.bad.rpz-nsdname.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

static void rule_12_an_earlier_qname_rule_asks_for_no_servers(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .", "*.bad.rpz-nsdname 60 CNAME .");
    scene_link(&scene, "a.")->servers_known = false;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

static void rule_13_passthru_ends_policy_for_the_whole_chain(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "pt 60 CNAME rpz-passthru.", "nx 60 CNAME .");
    scene_link(&scene, "pt.");
    scene_link(&scene, "nx.");
    assert_rule(&scene, "pt.rpz1.test.", RPZ_PASSTHRU);
    scene_end(&scene);
}

static void rule_14_the_client_counts_once_per_query(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "b 60 CNAME .");
    ZONE(&scene, "32.1.2.0.192.rpz-client-ip 60 CNAME rpz-passthru.");
    scene_link(&scene, "a.");
    scene_link(&scene, "b.");
    assert_rule(&scene, "32.1.2.0.192.rpz-client-ip.rpz2.test.", RPZ_PASSTHRU);
    assert_true(scene.verdict.depends_on_client);
    assert_int_equal(scene.verdict.match.link, 0);
    scene_end(&scene);
}

static void rule_16_the_longest_prefix_over_all_addresses_counts(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "8.0.0.0.10.rpz-ip 60 CNAME .", "28.16.0.0.192.rpz-ip 60 CNAME *.",
         "16.0.0.0.192.rpz-ip 60 CNAME .");
    scene_link(&scene, "a.");
    link_address(&scene, "10.0.0.1");
    link_address(&scene, "192.0.0.1");
    link_address(&scene, "192.0.0.17");
    assert_rule(&scene, "28.16.0.0.192.rpz-ip.rpz1.test.", RPZ_NODATA);
    scene_end(&scene);
}

static void rule_17_a_server_named_by_the_root_never_matches(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "*.rpz-nsdname 60 CNAME .");
    scene_link(&scene, "a.");
    link_server(&scene, ".", "10.0.0.1");
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    link_server(&scene, "ns.a.", "10.0.0.1");
    assert_rule(&scene, "*.rpz-nsdname.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

/* --- before and after recursion ------------------------------------------------------------------------ */

static void rule_18_by_default_recursion_comes_first(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .");
    scene_link(&scene, "a.");
    scene.facts.answer_known = false;
    assert_int_equal(decide(&scene), POLICY_NEEDS_ANSWER);
    scene.facts.answer_known = true;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    assert_false(scene.verdict.before_recursion);
    scene_end(&scene);
}

static void rule_18_without_waiting_up_to_the_pivot_zone(void **state)
{
    (void)state;
    scene_init(&scene);
    scene.options.qname_wait_recurse = false;
    ZONE(&scene, "a 60 CNAME .");
    ZONE(&scene, "b 60 CNAME .", "8.0.0.0.10.rpz-ip 60 CNAME *.");
    ZONE(&scene, "c 60 CNAME .");
    scene_link(&scene, "a.");
    scene.facts.answer_known = false;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    assert_true(scene.verdict.before_recursion);
    name_copy(scene.names[0], wire("b."));
    assert_rule(&scene, "b.rpz2.test.", RPZ_NXDOMAIN);
    assert_true(scene.verdict.before_recursion);
    name_copy(scene.names[0], wire("c."));
    assert_int_equal(decide(&scene), POLICY_NEEDS_ANSWER);
    scene.facts.answer_known = true;
    assert_rule(&scene, "c.rpz3.test.", RPZ_NXDOMAIN);
    assert_false(scene.verdict.before_recursion);
    scene_end(&scene);
}

static void rule_18_a_client_rule_may_act_first_as_well(void **state)
{
    (void)state;
    scene_init(&scene);
    scene.options.qname_wait_recurse = false;
    ZONE(&scene, "8.0.0.0.10.rpz-ip 60 CNAME *.", "24.0.2.0.192.rpz-client-ip 60 CNAME rpz-drop.");
    scene_link(&scene, "a.");
    scene.facts.answer_known = false;
    assert_rule(&scene, "24.0.2.0.192.rpz-client-ip.rpz1.test.", RPZ_DROP);
    scene_end(&scene);
}

static void rule_18_not_for_clients_that_validate(void **state)
{
    (void)state;
    scene_init(&scene);
    scene.options.qname_wait_recurse = false;
    ZONE(&scene, "a 60 CNAME .");
    scene_link(&scene, "a.");
    scene.facts.answer_known = false;
    scene.facts.dnssec_ok = true;
    assert_int_equal(decide(&scene), POLICY_NEEDS_ANSWER);
    scene_end(&scene);
    scene.options.break_dnssec = true;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

static void rule_19_a_failed_answer_stays_what_it_is(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .");
    scene_link(&scene, "a.");
    scene.facts.answer_failed = true;
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    scene_end(&scene);
    scene.options.qname_wait_recurse = false;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

static void rule_19_names_before_the_one_that_failed_are_rewritten(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .", "b 60 CNAME *.");
    scene_link(&scene, "a.");
    scene_link(&scene, "b.");
    scene.facts.answer_failed = true;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
    scene_init(&scene);
    ZONE(&scene, "b 60 CNAME *.");
    scene_link(&scene, "a.");
    scene_link(&scene, "b.");
    scene.facts.answer_failed = true;
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    scene_end(&scene);
    scene.options.qname_wait_recurse = false;
    assert_rule(&scene, "b.rpz1.test.", RPZ_NODATA);
    assert_false(scene.verdict.before_recursion);
    scene_end(&scene);
}

static void rule_20_answers_without_addresses_are_rewritten(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "8.0.0.0.10.rpz-ip 60 CNAME .", "8.0.0.0.11.rpz-nsip 60 CNAME *.");
    scene_link(&scene, "a.");
    link_server(&scene, "ns.b.", "11.1.2.3");
    assert_rule(&scene, "8.0.0.0.11.rpz-nsip.rpz1.test.", RPZ_NODATA);
    scene_end(&scene);
}

static void rule_21_is_for_each_name_of_a_chain(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .", "b 60 CNAME *.", "32.1.0.0.10.rpz-client-ip 60 CNAME rpz-drop.");
    scene_link(&scene, "a.")->is_signed = true;
    scene_link(&scene, "b.");
    scene.facts.dnssec_ok = true;
    assert_rule(&scene, "b.rpz1.test.", RPZ_NODATA);
    scene_end(&scene);
    assert_int_equal(ip_from_text("10.0.0.1", &scene.facts.client), 0);
    assert_rule(&scene, "32.1.0.0.10.rpz-client-ip.rpz1.test.", RPZ_DROP);
    assert_int_equal(scene.verdict.match.link, 1);
    scene_end(&scene);
}

static void rule_21_signed_answers_for_clients_that_validate_pass(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .");
    scene_link(&scene, "a.");
    scene.facts.dnssec_ok = scene.links[0].is_signed = true;
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    scene.links[0].is_signed = false;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene.links[0].is_signed = true;
    scene.facts.dnssec_ok = false;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
    scene.facts.dnssec_ok = scene.options.break_dnssec = true;
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    scene_end(&scene);
}

static void rule_22_a_bogus_answer_is_not_turned_into_one_by_its_addresses(void **state)
{
    (void)state;
    scene_init(&scene);
    scene.options.qname_wait_recurse = false;
    ZONE(&scene, "24.0.0.0.10.rpz-ip 60 A 10.9.9.9");
    ZONE(&scene, "a 60 CNAME .");
    scene_link(&scene, "a.");
    link_address(&scene, "10.0.0.7");
    scene.facts.answer_bogus = true;
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    scene_end(&scene);
}

static void rule_25_ttls_are_capped(void **state)
{
    (void)state;
    scene_init(&scene);
    struct policy_zone_options *options = &ZONE(&scene, "a 60 CNAME .", "b 2 CNAME .")->options;
    options->max_policy_ttl_s = 5;
    scene_link(&scene, "a.");
    assert_rule(&scene, "a.rpz1.test.", RPZ_NXDOMAIN);
    assert_int_equal(scene.verdict.match.ttl_s, 5);
    name_copy(scene.names[0], wire("b."));
    assert_rule(&scene, "b.rpz1.test.", RPZ_NXDOMAIN);
    assert_int_equal(scene.verdict.match.ttl_s, 2);
    scene_end(&scene);
}

static void rule_28_recursive_only_zones_need_rd(void **state)
{
    (void)state;
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .");
    struct policy_set_zone *always = ZONE(&scene, "a 60 CNAME *.");
    scene_link(&scene, "a.");
    scene.facts.rd = false;
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    scene_end(&scene);
    always->options.recursive_only = false;
    assert_rule(&scene, "a.rpz2.test.", RPZ_NODATA);
    scene_end(&scene);
}

static void overrides_take_the_place_of_the_action(void **state)
{
    (void)state;
    static const struct {
        enum rpz_override override;
        enum rpz_action action;
    } cases[] = {{RPZ_OVERRIDE_GIVEN, RPZ_NXDOMAIN},    {RPZ_OVERRIDE_PASSTHRU, RPZ_PASSTHRU},
                 {RPZ_OVERRIDE_DROP, RPZ_DROP},         {RPZ_OVERRIDE_TCP_ONLY, RPZ_TCP_ONLY},
                 {RPZ_OVERRIDE_NXDOMAIN, RPZ_NXDOMAIN}, {RPZ_OVERRIDE_NODATA, RPZ_NODATA},
                 {RPZ_OVERRIDE_CNAME, RPZ_LOCAL_DATA}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene_init(&scene);
        struct policy_zone_options *options = &ZONE(&scene, "a 60 CNAME .")->options;
        options->override = cases[i].override;
        name_copy(options->override_cname, wire("garden."));
        scene_link(&scene, "a.");
        assert_rule(&scene, "a.rpz1.test.", cases[i].action);
        const uint8_t *target = scene.verdict.match.override_cname;
        if (cases[i].override == RPZ_OVERRIDE_CNAME)
            assert_true(name_equal(target, wire("garden.")));
        else
            assert_null(target);
        scene_end(&scene);
    }
}

static void switched_off_triggers_are_not_consulted(void **state)
{
    (void)state;
    scene_init(&scene);
    struct policy_zone_options *options =
        &ZONE(&scene, "ns.a.rpz-nsdname 60 CNAME .", "8.0.0.0.10.rpz-nsip 60 CNAME .")->options;
    options->nsip_enable = options->nsdname_enable = false;
    scene_link(&scene, "a.");
    link_server(&scene, "ns.a.", "10.0.0.1");
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    assert_false(scene.set->has[RPZ_NSIP]);
    scene_end(&scene);
}

static void zones_without_content_have_no_rules(void **state)
{
    (void)state;
    scene_init(&scene);
    struct policy_set_zone empty = {.options = {.nsip_enable = true}};
    scene.set = policy_set_new(&scene.options, &empty, 1);
    scene_link(&scene, "a.");
    assert_false(scene.set->ready);
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    scene.facts.answer_known = false;
    assert_int_equal(decide(&scene), POLICY_NO_RULE);
    assert_false(policy_client_concerned(scene.set, &scene.facts.client));
    scene_end(&scene);
}

static void clients_that_a_rule_names_are_concerned(void **state)
{
    (void)state;
    struct ip_address other;
    scene_init(&scene);
    ZONE(&scene, "24.0.2.0.192.rpz-client-ip 60 CNAME .");
    scene_link(&scene, "a.");
    (void)decide(&scene);
    assert_true(policy_client_concerned(scene.set, &scene.facts.client));
    assert_int_equal(ip_from_text("198.51.100.1", &other), 0);
    assert_false(policy_client_concerned(scene.set, &other));
    scene_end(&scene);
}

static void sets_are_counted_and_numbered(void **state)
{
    (void)state;
    scene_init(&scene);
    struct policy_set *a = policy_set_new(&scene.options, NULL, 0),
                      *b = policy_set_new(&scene.options, NULL, 0);
    assert_true(a->generation != 0 && a->generation != b->generation);
    assert_ptr_equal(policy_set_ref(a), a);
    policy_set_unref(a);
    policy_set_unref(a);
    policy_set_unref(b);
    policy_set_unref(NULL);
}

/* --- explanation --------------------------------------------------------------------------------------- */

static void assert_candidate(const struct policy_candidate *candidate, const char *owner,
                             enum policy_loss loss)
{
    uint8_t found[NAME_MAX_BYTES];
    char text[NAME_TEXT_MAX];
    policy_hit_owner(scene.set->zones[candidate->match.zone].zone, &candidate->match.hit,
                     candidate->match.name, found);
    assert_string_equal(name_to_text(found, text), owner);
    assert_string_equal(policy_loss_text(candidate->loss), policy_loss_text(loss));
}

static void an_explanation_lists_every_rule_and_why_it_lost(void **state)
{
    (void)state;
    struct policy_candidate found[16];
    scene_init(&scene);
    ZONE(&scene, "a 60 CNAME .")->options.override = RPZ_OVERRIDE_DISABLED;
    ZONE(&scene, "8.0.0.0.10.rpz-ip 60 CNAME .", "24.0.0.0.10.rpz-ip 60 CNAME *.",
         "8.0.0.0.10.rpz-nsip 60 CNAME .");
    ZONE(&scene, "a 60 CNAME .", "b 60 CNAME .");
    ZONE(&scene, "8.0.0.0.10.rpz-nsip 60 CNAME .")->options.nsip_enable = false;
    scene_link(&scene, "a.");
    link_address(&scene, "10.0.0.1");
    link_server(&scene, "ns.", "10.0.0.1");
    scene_link(&scene, "b.");
    (void)decide(&scene);
    assert_int_equal(policy_explain(scene.set, &scene.facts, found, 16), 7);
    assert_candidate(&found[0], "a.rpz1.test.", POLICY_LOST_DISABLED);
    assert_candidate(&found[1], "24.0.0.0.10.rpz-ip.rpz2.test.", POLICY_WINS);
    assert_candidate(&found[2], "8.0.0.0.10.rpz-ip.rpz2.test.", POLICY_LOST_SPECIFIC);
    assert_candidate(&found[3], "8.0.0.0.10.rpz-nsip.rpz2.test.", POLICY_LOST_TRIGGER);
    assert_candidate(&found[4], "a.rpz3.test.", POLICY_LOST_EARLIER_ZONE);
    assert_candidate(&found[5], "8.0.0.0.10.rpz-nsip.rpz4.test.", POLICY_LOST_SWITCHED_OFF);
    assert_candidate(&found[6], "b.rpz3.test.", POLICY_LOST_EARLIER_NAME);
    assert_int_equal(policy_explain(scene.set, &scene.facts, found, 2), 2);
    scene.facts.answer_bogus = true;
    assert_int_equal(policy_explain(scene.set, &scene.facts, found, 16), 7);
    assert_candidate(&found[1], "24.0.0.0.10.rpz-ip.rpz2.test.", POLICY_LOST_FAILED);
    scene.facts.answer_bogus = false;
    for (size_t i = 0; i < scene.facts.link_count; i++)
        scene.links[i].is_signed = true;
    scene.facts.dnssec_ok = true;
    (void)policy_explain(scene.set, &scene.facts, found, 16);
    assert_candidate(&found[1], "24.0.0.0.10.rpz-ip.rpz2.test.", POLICY_LOST_SIGNED);
    scene.facts.rd = false;
    (void)policy_explain(scene.set, &scene.facts, found, 16);
    assert_candidate(&found[4], "a.rpz3.test.", POLICY_LOST_RECURSIVE_ONLY);
    scene_end(&scene);
}

/* --- chance: against the rules as they are written ------------------------------------------------------ */

struct outcome {
    bool found, before_recursion;
    const struct model_record *rule;
    const uint8_t *name;
    size_t link, zone, disabled;
};

static bool prefers(const struct model_record *a, const struct model_record *b)
{
    const struct ip_prefix *p = &a->decoded.prefix, *q = &b->decoded.prefix;
    unsigned p_length = p->length + (p->address.family == IP_V4 ? 96 : 0);
    unsigned q_length = q->length + (q->address.family == IP_V4 ? 96 : 0);
    if (p_length != q_length)
        return p_length > q_length;
    if (p->address.family != q->address.family)
        return p->address.family == IP_V4;
    return memcmp(p->address.bytes, q->address.bytes, 16) < 0;
}

static const struct model_record *of_addresses(const struct model *model, enum rpz_trigger trigger,
                                               const struct ip_address *addresses, size_t count,
                                               const struct model_record *best)
{
    for (size_t i = 0; i < count; i++) {
        const struct model_record *rule = model_match_address(model, trigger, &addresses[i]);
        if (rule && (!best || prefers(rule, best)))
            best = rule;
    }
    return best;
}

/* Rule 21, name by name. */
static bool is_protected(const struct scene *s, size_t number)
{
    return s->facts.dnssec_ok && s->links[number].is_signed && !s->options.break_dnssec;
}

/* Rule 19: the last name is the one that could not be had. */
static bool is_usable(const struct scene *s, size_t number)
{
    return !s->facts.answer_bogus && !(s->facts.answer_failed && number + 1 == s->facts.link_count);
}

static size_t first_judged(const struct scene *s)
{
    size_t number = 0;
    while (number < s->facts.link_count && is_protected(s, number))
        number++;
    return number;
}

/* The strongest rule of one trigger of one zone for one name of the chain. */
static const struct model_record *strongest(const struct scene *s, size_t zone, size_t number,
                                            enum rpz_trigger trigger, const uint8_t **name)
{
    const struct model *model = &s->models[zone];
    const struct policy_link *link = &s->links[number];
    bool below = s->zones[zone].options.include_subdomains;
    const struct model_record *best = NULL;
    *name = trigger == RPZ_QNAME ? link->name : NULL;
    if (trigger == RPZ_CLIENT_IP)
        return number == first_judged(s) ? model_match_address(model, trigger, &s->facts.client) : NULL;
    if (trigger == RPZ_QNAME)
        return model_match_name(model, trigger, link->name, below);
    if (trigger == RPZ_IP)
        return of_addresses(model, trigger, link->addresses, link->address_count, NULL);
    for (size_t i = 0; i < link->server_count; i++) {
        const struct policy_server *server = &link->servers[i];
        const struct model_record *rule = model_match_name(model, trigger, server->name, below);
        if (trigger == RPZ_NSIP) {
            best = of_addresses(model, trigger, server->addresses, server->address_count, best);
        } else if (rule && (!*name || name_compare(server->name, *name) > 0)) {
            best = rule;
            *name = server->name;
        }
    }
    return best;
}

static bool has_rules(const struct scene *s, size_t zone, enum rpz_trigger trigger)
{
    const struct policy_zone_options *options = &s->zones[zone].options;
    const struct model *model = &s->models[zone];
    if ((trigger == RPZ_NSIP && !options->nsip_enable) ||
        (trigger == RPZ_NSDNAME && !options->nsdname_enable))
        return false;
    for (size_t i = 0; i < model->count; i++)
        if (model->records[i].skip == RPZ_KEPT && model->records[i].decoded.trigger == trigger)
            return true;
    return false;
}

static bool in_force(const struct scene *s, size_t zone)
{
    return s->facts.rd || !s->zones[zone].options.recursive_only;
}

/* Rule 18: up to and including the first zone with rules that need the answer. */
static bool may_be_early(const struct scene *s, const struct outcome *o)
{
    if (s->options.qname_wait_recurse || (s->facts.dnssec_ok && !s->options.break_dnssec))
        return false;
    if (o->rule->decoded.trigger != RPZ_CLIENT_IP && o->rule->decoded.trigger != RPZ_QNAME)
        return false;
    for (size_t zone = 0; zone < o->zone; zone++)
        if (in_force(s, zone) &&
            (has_rules(s, zone, RPZ_IP) || has_rules(s, zone, RPZ_NSDNAME) || has_rules(s, zone, RPZ_NSIP)))
            return false;
    return true;
}

/* Rules 10 and 11: names, then zones, then triggers. */
static void first_rule(const struct scene *s, struct outcome *o)
{
    for (o->link = 0; o->link < s->facts.link_count; o->link++) {
        if (is_protected(s, o->link))
            continue;
        for (o->zone = 0; o->zone < s->zone_count; o->zone++)
            for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS && in_force(s, o->zone); t++) {
                o->rule = has_rules(s, o->zone, t) ? strongest(s, o->zone, o->link, t, &o->name) : NULL;
                if (!o->rule)
                    continue;
                if (s->zones[o->zone].options.override != RPZ_OVERRIDE_DISABLED)
                    return;
                o->disabled++;
                break;
            }
        if (!is_usable(s, o->link))
            break;
    }
    o->rule = NULL;
}

static struct outcome by_the_book(const struct scene *s)
{
    struct outcome o = {0};
    first_rule(s, &o);
    bool early = o.rule && may_be_early(s, &o);
    o.before_recursion = early && o.link == 0;
    o.found = o.rule && (early || is_usable(s, o.link));
    return o;
}

static void random_options(struct dice *dice, struct scene *s)
{
    s->options.break_dnssec = dice_percent(dice, 30);
    s->options.qname_wait_recurse = dice_percent(dice, 50);
    for (size_t i = 0; i < s->zone_count; i++) {
        struct policy_zone_options *options = &s->zones[i].options;
        options->override =
            dice_percent(dice, 70) ? RPZ_OVERRIDE_GIVEN : (enum rpz_override)dice_below(dice, 8);
        options->recursive_only = dice_percent(dice, 70);
        options->nsip_enable = dice_percent(dice, 80);
        options->nsdname_enable = dice_percent(dice, 80);
        options->include_subdomains = dice_percent(dice, 20);
        options->max_policy_ttl_s = dice_percent(dice, 50) ? 5 : 100000;
    }
}

static void random_link(struct dice *dice, struct scene *s)
{
    size_t number = s->facts.link_count;
    struct policy_link *link = scene_link(s, "x.");
    model_random_name(dice, s->names[number]);
    link->address_count = dice_below(dice, SCENE_ADDRESSES + 1);
    for (size_t i = 0; i < link->address_count; i++)
        s->addresses[number][i] = model_random_address(dice);
    link->is_signed = dice_percent(dice, 30);
    link->server_count = dice_below(dice, SCENE_SERVERS + 1);
    for (size_t i = 0; i < link->server_count; i++) {
        struct ip_address *addresses = s->server_addresses[number][i];
        size_t count = dice_below(dice, SCENE_ADDRESSES + 1);
        model_random_name(dice, s->server_names[number][i]);
        for (size_t k = 0; k < count; k++)
            addresses[k] = model_random_address(dice);
        s->servers[number][i] = (struct policy_server){s->server_names[number][i], addresses, count};
    }
}

static void random_facts(struct dice *dice, struct scene *s)
{
    unsigned links = 1 + dice_below(dice, SCENE_LINKS);
    s->facts = (struct policy_facts){.client = model_random_address(dice),
                                     .rd = dice_percent(dice, 85),
                                     .dnssec_ok = dice_percent(dice, 40),
                                     .answer_known = true,
                                     .answer_failed = dice_percent(dice, 10),
                                     .answer_bogus = dice_percent(dice, 10),
                                     .links = s->links};
    while (links--)
        random_link(dice, s);
}

static void random_scene(struct dice *dice, struct scene *s)
{
    scene_init(s);
    for (unsigned zones = 1 + dice_below(dice, SCENE_ZONES); zones; zones--) {
        scene_zone(s, (const char *const[]){NULL});
        struct model *model = &s->models[s->zone_count - 1];
        for (unsigned records = dice_below(dice, 20); records; records--) {
            struct model_record record;
            model_random_record(dice, model->origin, &record);
            (void)model_add(model, &record);
        }
    }
    random_options(dice, s);
    random_facts(dice, s);
}

static void assert_outcome(const struct scene *s, const struct outcome *o, enum policy_step step,
                           const struct policy_verdict *verdict)
{
    uint8_t owner[NAME_MAX_BYTES];
    const struct policy_match *match = &verdict->match;
    assert_int_equal(step, o->found ? POLICY_RULE : POLICY_NO_RULE);
    if (!o->found)
        return;
    assert_int_equal(match->link, o->link);
    assert_int_equal(match->zone, o->zone);
    assert_int_equal(match->hit.trigger, o->rule->decoded.trigger);
    assert_int_equal(match->hit.action, model_action(o->rule, o->name));
    policy_hit_owner(s->set->zones[o->zone].zone, &match->hit, match->name, owner);
    assert_true(name_equal(owner, o->rule->owner));
    assert_int_equal(verdict->before_recursion, o->before_recursion);
    assert_int_equal(verdict->disabled_count,
                     o->disabled < POLICY_DISABLED_MAX ? o->disabled : POLICY_DISABLED_MAX);
}

/* As the daemon does it: what is asked for is found out, nothing else; then it begins anew, or goes on. */
static enum policy_step decide_step_by_step(const struct scene *s, bool goes_on,
                                            struct policy_verdict *verdict)
{
    struct policy_link links[SCENE_LINKS];
    struct policy_facts facts = s->facts;
    facts.answer_known = facts.answer_failed = facts.answer_bogus = false;
    facts.links = links;
    facts.link_count = 1;
    memset(links, 0, sizeof links);
    links[0].name = s->links[0].name;
    enum policy_step step = policy_decide(s->set, &facts, verdict);
    for (unsigned turn = 0; step >= POLICY_NEEDS_ANSWER; turn++) {
        assert_true(turn <= SCENE_LINKS);
        if (step == POLICY_NEEDS_ANSWER) {
            assert_false(facts.answer_known);
            facts = s->facts;
            facts.links = links;
            memcpy(links, s->links, sizeof links);
            for (unsigned i = 0; i < SCENE_LINKS; i++)
                links[i].servers_known = false;
        } else {
            assert_false(links[verdict->link].servers_known);
            links[verdict->link].servers_known = true;
        }
        step = goes_on ? policy_resume(s->set, &facts, verdict) : policy_decide(s->set, &facts, verdict);
    }
    return step;
}

static void random_sets_decide_by_the_book(void **state)
{
    (void)state;
    unsigned found = 0, early = 0;
    for (unsigned seed = 0; seed < 4000; seed++) {
        struct dice dice = {seed};
        struct policy_verdict verdict;
        random_scene(&dice, &scene);
        enum policy_step step = decide(&scene);
        for (unsigned i = 0; i < 8; i++) {
            struct outcome expected = by_the_book(&scene);
            assert_outcome(&scene, &expected, step, &scene.verdict);
            step = decide_step_by_step(&scene, i & 1, &verdict);
            assert_outcome(&scene, &expected, step, &verdict);
            found += expected.found;
            early += expected.found && expected.before_recursion;
            random_facts(&dice, &scene);
            step = decide(&scene);
        }
        scene_end(&scene);
    }
    assert_true(found > 10000 && early > 1000); /* or the dice show nothing */
}

static void random_explanations_name_the_winner(void **state)
{
    (void)state;
    for (unsigned seed = 0; seed < 1000; seed++) {
        struct dice dice = {seed + 77777};
        struct policy_candidate found[64];
        random_scene(&dice, &scene);
        enum policy_step step = decide(&scene);
        size_t count = policy_explain(scene.set, &scene.facts, found, 64), winners = 0;
        for (size_t i = 0; i < count; i++) {
            if (found[i].loss != POLICY_WINS)
                continue;
            winners++;
            assert_int_equal(found[i].match.hit.handle, scene.verdict.match.hit.handle);
            assert_int_equal(found[i].match.zone, scene.verdict.match.zone);
        }
        assert_int_equal(winners, step == POLICY_RULE);
        scene_end(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_10_disabled_zones_are_noted_and_passed),
        cmocka_unit_test(rule_11_1_an_earlier_name_of_the_chain_wins),
        cmocka_unit_test(rule_11_1_later_names_are_looked_at),
        cmocka_unit_test(rule_11_2_zones_count_in_their_order),
        cmocka_unit_test(rule_11_3_triggers_count_in_their_order),
        cmocka_unit_test(rule_11_4_of_several_servers_the_last_name_counts),
        cmocka_unit_test(rule_11_6_of_equal_prefixes_the_smallest_address_counts),
        cmocka_unit_test(rule_12_a_later_qname_rule_waits_for_an_earlier_ip_rule),
        cmocka_unit_test(rule_12_and_for_earlier_server_rules),
        cmocka_unit_test(rule_12_an_earlier_qname_rule_asks_for_no_servers),
        cmocka_unit_test(rule_13_passthru_ends_policy_for_the_whole_chain),
        cmocka_unit_test(rule_14_the_client_counts_once_per_query),
        cmocka_unit_test(rule_16_the_longest_prefix_over_all_addresses_counts),
        cmocka_unit_test(rule_17_a_server_named_by_the_root_never_matches),
        cmocka_unit_test(rule_18_by_default_recursion_comes_first),
        cmocka_unit_test(rule_18_without_waiting_up_to_the_pivot_zone),
        cmocka_unit_test(rule_18_a_client_rule_may_act_first_as_well),
        cmocka_unit_test(rule_18_not_for_clients_that_validate),
        cmocka_unit_test(rule_19_a_failed_answer_stays_what_it_is),
        cmocka_unit_test(rule_19_names_before_the_one_that_failed_are_rewritten),
        cmocka_unit_test(rule_21_is_for_each_name_of_a_chain),
        cmocka_unit_test(rule_20_answers_without_addresses_are_rewritten),
        cmocka_unit_test(rule_21_signed_answers_for_clients_that_validate_pass),
        cmocka_unit_test(rule_22_a_bogus_answer_is_not_turned_into_one_by_its_addresses),
        cmocka_unit_test(rule_25_ttls_are_capped),
        cmocka_unit_test(rule_28_recursive_only_zones_need_rd),
        cmocka_unit_test(overrides_take_the_place_of_the_action),
        cmocka_unit_test(switched_off_triggers_are_not_consulted),
        cmocka_unit_test(zones_without_content_have_no_rules),
        cmocka_unit_test(clients_that_a_rule_names_are_concerned),
        cmocka_unit_test(sets_are_counted_and_numbered),
        cmocka_unit_test(an_explanation_lists_every_rule_and_why_it_lost),
        cmocka_unit_test(random_sets_decide_by_the_book),
        cmocka_unit_test(random_explanations_name_the_winner),
    };
    return RUN_TESTS(tests);
}
