/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which RRsets of a message belong to a minimal answer, and how long it lives. */
#include "dns/message.h"
#include "dns/name.h"
#include "resolve/truth_parts.h"

/* --- which sets --- */

static struct chosen_set *choose(struct build *b, struct gathered_set *set, unsigned shown)
{
    struct chosen_set *chosen = &b->chosen[b->chosen_count++];
    *chosen = (struct chosen_set){.set = set, .shown = shown};
    set->placed = true;
    if (set->rrset.sig_count || shown == SET_SHOWN_TO_DO)
        b->has_sigs = true;
    return chosen;
}

static void note_addresses(struct chain_link *link, const struct gathered_set *set)
{
    if (set->rrset.type != TYPE_A && set->rrset.type != TYPE_AAAA)
        return;
    link->addresses[set->rrset.type == TYPE_AAAA] = set;
    link->address_count = (uint16_t)(link->address_count + set->rrset.count);
}

/* Sets that answer the question at `link`. ANY takes signatures that cover nothing only with DO. */
static bool choose_matching(struct build *b, struct chain_link *link)
{
    uint16_t qtype = b->source->qtype;
    bool found = false;
    for (size_t i = 0; i < b->gathered.count; i++) {
        struct gathered_set *set = &b->gathered.sets[i];
        if (set->section != SECTION_ANSWER || set->placed ||
            (set->rrset.type != qtype && qtype != TYPE_ANY) || !name_equal(set->rrset.owner, link->name))
            continue;
        bool only_do = set->rrset.type == TYPE_RRSIG && qtype == TYPE_ANY;
        choose(b, set, only_do ? SET_SHOWN_TO_DO : SET_SHOWN);
        note_addresses(link, set);
        found = true;
    }
    return found;
}

/* A DNAME above the name stands before the CNAME made from it, which has its TTL (RFC 6672, 3.1): libunbound
 * gives 0 to one that it makes from what it has. */
static void choose_dname(struct build *b, const uint8_t *name, struct gathered_set *cname)
{
    while (!name_is_root(name)) {
        name = name_skip(name, 1);
        struct gathered_set *set = gathered_find(&b->gathered, SECTION_ANSWER, name, TYPE_DNAME);
        if (!set)
            continue;
        if (!set->placed)
            choose(b, set, SET_SHOWN);
        if (cname && cname->rrset.ttl_s == 0)
            cname->rrset.ttl_s = set->rrset.ttl_s;
        return;
    }
}

/* Can a CNAME be what was asked for? */
static bool asks_for_alias(const struct build *b)
{
    return b->source->qtype == TYPE_CNAME || b->source->qtype == TYPE_ANY;
}

static int follow_chain(struct build *b)
{
    b->links[b->link_count++] = (struct chain_link){.name = b->source->name};
    for (;;) {
        struct chain_link *link = &b->links[b->link_count - 1];
        if (!asks_for_alias(b) && choose_matching(b, link))
            return 0;
        struct gathered_set *cname = gathered_find(&b->gathered, SECTION_ANSWER, link->name, TYPE_CNAME);
        choose_dname(b, link->name, cname);
        if (asks_for_alias(b) && choose_matching(b, link))
            return 0;
        if (!cname || cname->placed || b->link_count == LINKS_MAX)
            break;
        const struct rdata *target = &cname->rrset.rdatas[0];
        uint8_t *name = arena_alloc(&b->arena, target->length);
        if (!name)
            return ERR_NOMEM;
        name_copy_lower(name, target->bytes);
        b->links[b->link_count++] =
            (struct chain_link){.name = name, .led_here = choose(b, cname, SET_SHOWN)};
    }
    b->negative = true;
    return 0;
}

/* The SOA of a negative answer stands before its proofs. */
static void choose_authority(struct build *b)
{
    struct gathered_set *sets = b->gathered.sets;
    for (size_t i = 0; i < b->gathered.count && b->negative && !b->has_soa; i++)
        if (sets[i].section == SECTION_AUTHORITY && sets[i].rrset.type == TYPE_SOA) {
            b->has_soa = true;
            choose(b, &sets[i], SET_SHOWN);
        }
    for (size_t i = 0; i < b->gathered.count; i++)
        if (sets[i].section == SECTION_AUTHORITY &&
            (sets[i].rrset.type == TYPE_NSEC || sets[i].rrset.type == TYPE_NSEC3))
            choose(b, &sets[i], SET_SHOWN_TO_DO);
}

/* --- how long it lives --- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void bound_ttls(struct build *b)
{
    const struct truth_source *s = b->source;
    uint32_t negative_ttl_s = smaller(s->max_negative_ttl_s, b->has_soa ? UINT32_MAX : NEGATIVE_NO_SOA_TTL_S);
    for (size_t i = 0; i < b->chosen_count; i++) {
        const struct gathered_set *set = b->chosen[i].set;
        if (b->negative && set->section == SECTION_AUTHORITY && set->rrset.type == TYPE_SOA)
            negative_ttl_s =
                smaller(negative_ttl_s, smaller(set->rrset.ttl_s, soa_minimum_s(set->rrset.rdatas[0].bytes)));
    }
    b->ttl_s = b->negative ? negative_ttl_s : s->max_ttl_s;
    for (size_t i = 0; i < b->chosen_count; i++) {
        struct gathered_set *set = b->chosen[i].set;
        uint32_t *ttl_s = &set->rrset.ttl_s;
        if (set->section == SECTION_ANSWER && *ttl_s < s->min_ttl_s)
            *ttl_s = s->min_ttl_s;
        bool is_denial = b->negative && set->section == SECTION_AUTHORITY;
        *ttl_s = smaller(*ttl_s, is_denial ? negative_ttl_s : s->max_ttl_s);
        b->ttl_s = smaller(b->ttl_s, *ttl_s);
    }
    if (s->security == TRUTH_BOGUS)
        b->ttl_s = smaller(b->ttl_s, BOGUS_TTL_S);
}

int truth_choose(struct build *b)
{
    b->chosen = arena_alloc(&b->arena, (b->gathered.count + 1) * sizeof *b->chosen);
    int error = b->chosen ? follow_chain(b) : ERR_NOMEM;
    if (error)
        return error;
    choose_authority(b);
    bound_ttls(b);
    return 0;
}
