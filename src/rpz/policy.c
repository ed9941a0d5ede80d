/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verdict. Rules are tried in their order of precedence: chain names, then zones, then triggers; so the
 * first one that is in force is the winner, and what is not known yet is asked for exactly when a rule that
 * could still win depends on it. */
#include "rpz/policy.h"

#include "rpz/judge.h"
#include "rpz/version.h"

struct search {
    const struct policy_set *set;
    const struct policy_facts *facts;
    struct policy_verdict *verdict;
    unsigned link, zone;
    enum rpz_trigger trigger;
    bool answer_consulted; /* at this link a rule was passed that only the answer could tell about */
    bool client_judged;    /* the client's address counts once, not at each link */
    bool key_ready;
    struct rpz_key key; /* of the link's name */
};

/* --- one trigger of one zone --------------------------------------------------------------------------- */

static bool find_client(const struct policy_zone *zone, const struct search *s, struct policy_match *out)
{
    return !s->client_judged && policy_zone_match_address(zone, RPZ_CLIENT_IP, &s->facts->client, &out->hit);
}

static bool find_qname(const struct policy_zone *zone, struct search *s, struct policy_match *out)
{
    const struct policy_zone_options *options = &s->set->zones[s->zone].options;
    out->name = s->facts->links[s->link].name;
    if (!s->key_ready)
        rpz_key_init(&s->key, out->name, rpz_key_tail(RPZ_QNAME));
    s->key_ready = true;
    return policy_zone_match_key(zone, RPZ_QNAME, &s->key, options->include_subdomains, &out->hit);
}

/* As a prefix of 128 bits, in which IPv4 has its place below ::ffff:0:0/96: ANY looks at both families. */
static unsigned whole_length(const struct ip_prefix *prefix)
{
    return prefix->length + (prefix->address.family == IP_V4 ? 96u : 0u);
}

bool policy_prefix_wins(const struct policy_hit *a, const struct policy_hit *b)
{
    if (whole_length(&a->prefix) != whole_length(&b->prefix))
        return whole_length(&a->prefix) > whole_length(&b->prefix);
    if (a->prefix.address.family != b->prefix.address.family)
        return a->prefix.address.family == IP_V4;
    return memcmp(a->prefix.address.bytes, b->prefix.address.bytes, sizeof a->prefix.address.bytes) < 0;
}

/* The longest prefix around any of the addresses, then the smallest. */
static bool find_addresses(const struct policy_zone *zone, enum rpz_trigger trigger,
                           const struct ip_address *addresses, size_t count, bool found,
                           struct policy_hit *best)
{
    for (size_t i = 0; i < count; i++) {
        struct policy_hit hit;
        if (policy_zone_match_address(zone, trigger, &addresses[i], &hit) &&
            (!found || policy_prefix_wins(&hit, best))) {
            *best = hit;
            found = true;
        }
    }
    return found;
}

static bool find_ip(const struct policy_zone *zone, const struct search *s, struct policy_match *out)
{
    const struct policy_link *link = &s->facts->links[s->link];
    out->name = link->name;
    return find_addresses(zone, RPZ_IP, link->addresses, link->address_count, false, &out->hit);
}

/* Of several servers with rules the one that is last in canonical order counts. */
static bool find_nsdname(const struct policy_zone *zone, const struct search *s, struct policy_match *out)
{
    const struct policy_link *link = &s->facts->links[s->link];
    bool below = s->set->zones[s->zone].options.include_subdomains, found = false;
    for (size_t i = 0; i < link->server_count; i++) {
        struct policy_hit hit;
        const uint8_t *name = link->servers[i].name;
        if (policy_zone_match_name(zone, RPZ_NSDNAME, name, below, &hit) &&
            (!found || name_compare(name, out->name) > 0)) {
            out->hit = hit;
            out->name = name;
            found = true;
        }
    }
    return found;
}

static bool find_nsip(const struct policy_zone *zone, const struct search *s, struct policy_match *out)
{
    const struct policy_link *link = &s->facts->links[s->link];
    bool found = false;
    for (size_t i = 0; i < link->server_count; i++) {
        const struct policy_server *server = &link->servers[i];
        uint64_t before = found ? out->hit.handle : 0;
        found = find_addresses(zone, RPZ_NSIP, server->addresses, server->address_count, found, &out->hit);
        if (found && out->hit.handle != before)
            out->name = server->name;
    }
    return found;
}

static bool find(const struct policy_zone *zone, enum rpz_trigger trigger, struct search *s,
                 struct policy_match *out)
{
    switch (trigger) {
    case RPZ_CLIENT_IP:
        out->name = s->facts->links[s->link].name;
        return find_client(zone, s, out);
    case RPZ_QNAME:
        return find_qname(zone, s, out);
    case RPZ_IP:
        return find_ip(zone, s, out);
    case RPZ_NSDNAME:
        return find_nsdname(zone, s, out);
    case RPZ_NSIP:
        return find_nsip(zone, s, out);
    default:
        return false;
    }
}

/* --- what a match means -------------------------------------------------------------------------------- */

static enum rpz_action overridden(enum rpz_override override, enum rpz_action given)
{
    static const enum rpz_action actions[] = {
        [RPZ_OVERRIDE_PASSTHRU] = RPZ_PASSTHRU, [RPZ_OVERRIDE_DROP] = RPZ_DROP,
        [RPZ_OVERRIDE_TCP_ONLY] = RPZ_TCP_ONLY, [RPZ_OVERRIDE_NXDOMAIN] = RPZ_NXDOMAIN,
        [RPZ_OVERRIDE_NODATA] = RPZ_NODATA,     [RPZ_OVERRIDE_CNAME] = RPZ_LOCAL_DATA,
    };
    return override == RPZ_OVERRIDE_GIVEN || override == RPZ_OVERRIDE_DISABLED ? given : actions[override];
}

void policy_match_complete(const struct policy_set *set, unsigned zone, unsigned link,
                           struct policy_match *match)
{
    const struct policy_zone_options *options = &set->zones[zone].options;
    match->zone = zone;
    match->link = link;
    match->action = overridden(options->override, match->hit.action);
    match->override_cname = options->override == RPZ_OVERRIDE_CNAME ? options->override_cname : NULL;
    match->ttl_s =
        match->hit.ttl_s < options->max_policy_ttl_s ? match->hit.ttl_s : options->max_policy_ttl_s;
}

static void note_disabled(struct policy_verdict *verdict, const struct policy_match *match)
{
    if (verdict->disabled_count < POLICY_DISABLED_MAX)
        verdict->disabled[verdict->disabled_count++] = *match;
}

/* --- what may be judged -------------------------------------------------------------------------------- */

bool policy_may_precede_answer(const struct policy_set *set, const struct policy_facts *facts)
{
    return !set->options.qname_wait_recurse && (!facts->dnssec_ok || set->options.break_dnssec);
}

bool policy_link_is_protected(const struct policy_set *set, const struct policy_facts *facts, size_t link)
{
    return facts->answer_known && facts->dnssec_ok && facts->links[link].is_signed &&
           !set->options.break_dnssec;
}

bool policy_link_is_usable(const struct policy_facts *facts, size_t link)
{
    bool failed = facts->answer_failed && link + 1 >= facts->link_count;
    return facts->answer_known && !failed && !facts->answer_bogus;
}

bool policy_zone_concerns(const struct policy_set_zone *zone, const struct policy_facts *facts)
{
    return zone->uses && (facts->rd || !zone->options.recursive_only);
}

/* --- the search ---------------------------------------------------------------------------------------- */

/* Whether a rule of this trigger can be judged now; if not, what is missing. */
static enum policy_step missing_for(struct search *s, enum rpz_trigger trigger)
{
    if (trigger == RPZ_CLIENT_IP || trigger == RPZ_QNAME)
        return POLICY_RULE;
    s->answer_consulted = true;
    if (!policy_link_is_usable(s->facts, s->link))
        return s->facts->answer_known ? POLICY_NO_RULE : POLICY_NEEDS_ANSWER;
    if (trigger == RPZ_IP || s->facts->links[s->link].servers_known)
        return POLICY_RULE;
    s->verdict->link = s->link;
    return POLICY_NEEDS_SERVERS;
}

/* A rule was found: may it act yet? */
static enum policy_step take_match(struct search *s, struct policy_match *match)
{
    bool before = !s->answer_consulted && policy_may_precede_answer(s->set, s->facts);
    if (!before && !s->facts->answer_known)
        return POLICY_NEEDS_ANSWER;
    if (!before && !policy_link_is_usable(s->facts, s->link))
        return POLICY_NO_RULE;
    s->verdict->match = *match;
    s->verdict->before_recursion = before && s->link == 0;
    return POLICY_RULE;
}

enum { GO_ON = -1, ANSWER_TRIGGERS = RPZ_BIT(RPZ_IP) | RPZ_BIT(RPZ_NSDNAME) | RPZ_BIT(RPZ_NSIP) };

static int search_zone(struct search *s)
{
    const struct policy_set_zone *zone = &s->set->zones[s->zone];
    struct policy_match match;
    for (; s->trigger < RPZ_TRIGGERS; s->trigger++) {
        enum rpz_trigger trigger = s->trigger;
        if (!(zone->uses & RPZ_BIT(trigger)))
            continue;
        enum policy_step missing = missing_for(s, trigger);
        if (missing != POLICY_RULE)
            return missing;
        if (!find(zone->zone, trigger, s, &match))
            continue;
        policy_match_complete(s->set, s->zone, s->link, &match);
        s->verdict->depends_on_client |= trigger == RPZ_CLIENT_IP;
        if (zone->options.override != RPZ_OVERRIDE_DISABLED)
            return take_match(s, &match);
        note_disabled(s->verdict, &match);
        s->answer_consulted |= (zone->uses & ANSWER_TRIGGERS) != 0;
        break;
    }
    return GO_ON;
}

/* From s->zone and s->trigger on, which stay where it stops. */
static int search_link(struct search *s)
{
    s->key_ready = false;
    for (; s->zone < s->set->count; s->zone++, s->trigger = 0) {
        int step = policy_zone_concerns(&s->set->zones[s->zone], s->facts) ? search_zone(s) : GO_ON;
        if (step != GO_ON)
            return step;
    }
    return GO_ON;
}

/* Could an answer make a difference? */
static bool answer_matters(const struct policy_set *set, const struct policy_facts *facts)
{
    unsigned uses = 0;
    for (size_t i = 0; i < set->count; i++)
        if (policy_zone_concerns(&set->zones[i], facts))
            uses |= set->zones[i].uses;
    if (policy_may_precede_answer(set, facts))
        uses &= ~RPZ_BIT(RPZ_CLIENT_IP); /* judged already */
    return uses != 0;
}

static void next_link(struct search *s)
{
    s->link++;
    s->zone = 0;
    s->trigger = 0;
    s->answer_consulted = false;
}

static int search_links(struct search *s)
{
    size_t links = s->facts->answer_known ? s->facts->link_count : 1;
    for (; s->link < links; next_link(s)) {
        if (policy_link_is_protected(s->set, s->facts, s->link))
            continue;
        int step = search_link(s);
        if (step != GO_ON)
            return step;
        if (s->facts->answer_known && !policy_link_is_usable(s->facts, s->link))
            return POLICY_NO_RULE; /* what failed leads no further */
        if (!s->facts->answer_known)
            return GO_ON; /* the link is not done: it may turn out to have failed */
        s->client_judged = true;
    }
    return GO_ON;
}

static enum policy_step search(const struct policy_set *set, const struct policy_facts *facts,
                               struct policy_verdict *verdict)
{
    struct search s = {.set = set,
                       .facts = facts,
                       .verdict = verdict,
                       .link = verdict->place.link,
                       .zone = verdict->place.zone,
                       .trigger = verdict->place.trigger,
                       .answer_consulted = verdict->place.answer_consulted,
                       .client_judged = verdict->place.client_judged};
    int step = search_links(&s);
    verdict->place = (struct policy_place){s.link, s.zone, s.trigger, s.answer_consulted, s.client_judged};
    if (step != GO_ON)
        return (enum policy_step)step;
    return facts->answer_known || !answer_matters(set, facts) ? POLICY_NO_RULE : POLICY_NEEDS_ANSWER;
}

enum policy_step policy_resume(const struct policy_set *set, const struct policy_facts *facts,
                               struct policy_verdict *verdict)
{
    if (!facts->answer_known && !policy_may_precede_answer(set, facts))
        return answer_matters(set, facts) ? POLICY_NEEDS_ANSWER : POLICY_NO_RULE;
    return search(set, facts, verdict);
}

enum policy_step policy_decide(const struct policy_set *set, const struct policy_facts *facts,
                               struct policy_verdict *verdict)
{
    verdict->depends_on_client = verdict->before_recursion = false;
    verdict->disabled_count = 0;
    verdict->place = (struct policy_place){0};
    return policy_resume(set, facts, verdict);
}

bool policy_client_concerned(const struct policy_set *set, const struct ip_address *client)
{
    struct policy_hit hit;
    for (size_t i = 0; set->has[RPZ_CLIENT_IP] && i < set->count; i++)
        if (set->zones[i].zone && policy_zone_match_address(set->zones[i].zone, RPZ_CLIENT_IP, client, &hit))
            return true;
    return false;
}
