/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every rule that matches, and why it does not decide. Here the search does not stop at the winner; it is the
 * same order of precedence, and policy_decide() says who wins. */
#include "rpz/judge.h"
#include "rpz/version.h"

struct listing {
    const struct policy_set *set;
    const struct policy_facts *facts;
    struct policy_candidate *out;
    size_t max, count;
    size_t group; /* where the candidates of the trigger at hand begin */
    unsigned link, zone;
};

/* A rule that several addresses or servers meet is listed once. */
static void list(struct listing *l, const struct policy_hit *hit, const uint8_t *name)
{
    for (size_t i = l->group; i < l->count; i++)
        if (l->out[i].match.hit.handle == hit->handle)
            return;
    if (l->count == l->max)
        return;
    struct policy_candidate *candidate = &l->out[l->count++];
    candidate->loss = POLICY_LOST_SPECIFIC;
    candidate->match.hit = *hit;
    candidate->match.name = name;
    policy_match_complete(l->set, l->zone, l->link, &candidate->match);
}

/* All prefixes around an address. */
static void list_address(struct listing *l, enum rpz_trigger trigger, const struct ip_address *address,
                         const uint8_t *name)
{
    struct policy_hit hit;
    unsigned longest = ip_bits(address->family);
    while (policy_zone_match_within(l->set->zones[l->zone].zone, trigger, address, longest, &hit)) {
        list(l, &hit, name);
        longest = hit.prefix.length - 1u;
    }
}

static void list_name(struct listing *l, enum rpz_trigger trigger, const uint8_t *name)
{
    const struct policy_set_zone *zone = &l->set->zones[l->zone];
    struct policy_hit hit;
    if (policy_zone_match_name(zone->zone, trigger, name, zone->options.include_subdomains, &hit))
        list(l, &hit, name);
}

static bool stronger(const struct policy_match *a, const struct policy_match *b)
{
    if (a->hit.trigger == RPZ_NSDNAME)
        return name_compare(a->name, b->name) > 0;
    return policy_prefix_wins(&a->hit, &b->hit);
}

static void sort_group(struct listing *l)
{
    for (size_t i = l->group + 1; i < l->count; i++) {
        struct policy_candidate candidate = l->out[i];
        size_t at = i;
        for (; at > l->group && stronger(&candidate.match, &l->out[at - 1].match); at--)
            l->out[at] = l->out[at - 1];
        l->out[at] = candidate;
    }
}

static void list_servers(struct listing *l, enum rpz_trigger trigger, const struct policy_link *link)
{
    for (size_t i = 0; link->servers_known && i < link->server_count; i++) {
        const struct policy_server *server = &link->servers[i];
        if (trigger == RPZ_NSDNAME)
            list_name(l, trigger, server->name);
        for (size_t k = 0; trigger == RPZ_NSIP && k < server->address_count; k++)
            list_address(l, trigger, &server->addresses[k], server->name);
    }
}

/* The client is judged once, with the first name whose answer may be rewritten. */
static size_t client_link(const struct listing *l)
{
    size_t link = 0;
    while (link < l->facts->link_count && policy_link_is_protected(l->set, l->facts, link))
        link++;
    return link < l->facts->link_count ? link : 0;
}

static void list_trigger(struct listing *l, enum rpz_trigger trigger)
{
    const struct policy_link *link = &l->facts->links[l->link];
    l->group = l->count;
    if (trigger == RPZ_CLIENT_IP && l->link == client_link(l))
        list_address(l, trigger, &l->facts->client, link->name);
    else if (trigger == RPZ_QNAME)
        list_name(l, trigger, link->name);
    else if (trigger == RPZ_NSDNAME || trigger == RPZ_NSIP)
        list_servers(l, trigger, link);
    for (size_t i = 0; trigger == RPZ_IP && i < link->address_count; i++)
        list_address(l, trigger, &link->addresses[i], link->name);
    sort_group(l);
}

/* --- why not ------------------------------------------------------------------------------------------- */

/* What keeps a rule from deciding whatever the others are; POLICY_WINS: nothing. */
static enum policy_loss own_loss(const struct listing *l, const struct policy_match *match)
{
    const struct policy_set_zone *zone = &l->set->zones[match->zone];
    if (!(zone->uses & RPZ_BIT(match->hit.trigger)))
        return POLICY_LOST_SWITCHED_OFF;
    if (!policy_zone_concerns(zone, l->facts))
        return POLICY_LOST_RECURSIVE_ONLY;
    if (zone->options.override == RPZ_OVERRIDE_DISABLED)
        return POLICY_LOST_DISABLED;
    if (policy_link_is_protected(l->set, l->facts, match->link))
        return POLICY_LOST_SIGNED;
    return POLICY_WINS;
}

static enum policy_loss loss_against(const struct policy_match *winner, const struct policy_match *match)
{
    if (match->link != winner->link)
        return POLICY_LOST_EARLIER_NAME;
    if (match->zone != winner->zone)
        return POLICY_LOST_EARLIER_ZONE;
    if (match->hit.trigger != winner->hit.trigger)
        return POLICY_LOST_TRIGGER;
    return match->hit.handle == winner->hit.handle ? POLICY_WINS : POLICY_LOST_SPECIFIC;
}

static void judge(struct listing *l)
{
    struct policy_verdict verdict;
    bool decided = policy_decide(l->set, l->facts, &verdict) == POLICY_RULE;
    for (size_t i = 0; i < l->count; i++) {
        struct policy_candidate *candidate = &l->out[i];
        candidate->loss = own_loss(l, &candidate->match);
        if (candidate->loss == POLICY_WINS)
            candidate->loss = decided ? loss_against(&verdict.match, &candidate->match) : POLICY_LOST_FAILED;
    }
}

size_t policy_explain(const struct policy_set *set, const struct policy_facts *facts,
                      struct policy_candidate *out, size_t max)
{
    struct listing l = {.set = set, .facts = facts, .out = out, .max = max};
    for (l.link = 0; l.link < facts->link_count; l.link++)
        for (l.zone = 0; l.zone < set->count; l.zone++)
            for (enum rpz_trigger t = 0; t < RPZ_TRIGGERS && set->zones[l.zone].zone; t++)
                list_trigger(&l, t);
    judge(&l);
    return l.count;
}

const char *policy_loss_text(enum policy_loss loss)
{
    static const char *const texts[] = {
        [POLICY_WINS] = "decides",
        [POLICY_LOST_EARLIER_NAME] = "a rule for an earlier name of the chain decided",
        [POLICY_LOST_EARLIER_ZONE] = "an earlier policy zone decided",
        [POLICY_LOST_TRIGGER] = "a stronger trigger of the same zone decided",
        [POLICY_LOST_SPECIFIC] = "a more specific rule of the same trigger decided",
        [POLICY_LOST_DISABLED] = "its zone has policy disabled: logged only",
        [POLICY_LOST_RECURSIVE_ONLY] = "its zone is recursive-only, and recursion was not asked for",
        [POLICY_LOST_SIGNED] = "the answer is signed, the client set DO, and break-dnssec is no",
        [POLICY_LOST_FAILED] = "recursion failed first, and the rule may not act before it",
        [POLICY_LOST_SWITCHED_OFF] = "its trigger is switched off for the zone",
    };
    return loss < sizeof texts / sizeof *texts ? texts[loss] : "?";
}
