/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Synthesis of AAAA from A (RFC 6147), addresses embedded as RFC 6052 section 2.2 says. */
#include <string.h>

#include "candord/query.h"

static bool listed(const struct query *q, const struct acl *acl, const struct ip_address *address)
{
    const struct acl_subject subject = {.address = *address};
    return acl_allows(acl, &subject, &q->snapshot->config->environment);
}

/* The name that lacks addresses, or has them, is in a signed zone; aliases that led to it do not matter. */
static bool is_signed(const struct query *q)
{
    unsigned count = q->chain.count;
    return q->answer.is_signed && (!count || q->chain.links[count - 1].is_signed);
}

static bool usable(const struct query *q, const struct dns64_config *dns64)
{
    if (dns64->recursive_only && !q->may_recurse)
        return false;
    if (q->asked.dnssec_ok && !dns64->break_dnssec && (is_signed(q) || query_cd(&q->asked)))
        return false;
    return listed(q, dns64->clients, &q->client.address);
}

static const struct dns64_config *first_usable(const struct query *q)
{
    const struct view_config *config = q->view->config;
    for (size_t i = 0; i < config->dns64_count; i++)
        if (usable(q, &config->dns64[i]))
            return &config->dns64[i];
    return NULL;
}

/* Takes the excluded addresses out of an AAAA set; what it points to may be a zone's, so not in place. */
static int prune_set(struct query *q, const struct dns64_config *dns64, struct rrset *set)
{
    struct rdata *kept = arena_alloc(&q->arena, set->count * sizeof *kept);
    uint16_t count = 0;
    if (!kept)
        return ERR_NOMEM;
    for (uint16_t i = 0; i < set->count; i++) {
        struct ip_address address = rdata_address(TYPE_AAAA, set->rdatas[i].bytes, set->rdatas[i].length);
        if (!listed(q, dns64->exclude, &address))
            kept[count++] = set->rdatas[i];
    }
    if (count == set->count)
        return 0;
    set->rdatas = kept;
    set->count = count;
    set->sig_count = 0; /* they were made over all of them */
    return 0;
}

/* AAAA records in an excluded range count as none, and are not given (RFC 6147 section 5.1.4). Is one left?
 */
static bool prune(struct query *q, const struct dns64_config *dns64)
{
    struct answer *answer = &q->answer;
    struct rrset *sets = answer->sets[SECTION_ANSWER];
    uint16_t kept = 0;
    bool native = false;
    for (uint16_t i = 0; i < answer->count[SECTION_ANSWER]; i++) {
        bool failed = sets[i].type == TYPE_AAAA && prune_set(q, dns64, &sets[i]); /* then it stays whole */
        native |= failed || (sets[i].type == TYPE_AAAA && sets[i].count);
        if (sets[i].type != TYPE_AAAA || sets[i].count)
            sets[kept++] = sets[i];
    }
    answer->count[SECTION_ANSWER] = kept;
    return native;
}

bool dns64_usable(const struct query *q)
{
    return q->asked.qtype == TYPE_AAAA && first_usable(q);
}

bool dns64_wanted(struct query *q)
{
    if (q->asked.qtype != TYPE_AAAA || q->answer.rcode != RCODE_NOERROR || !q->view->config->dns64_count)
        return false;
    const struct dns64_config *dns64 = first_usable(q);
    if (!dns64 || prune(q, dns64))
        return false;
    struct answer before = q->answer;
    q->before_dns64 = before;
    q->answer = (struct answer){.authoritative = before.authoritative, .ede = EDE_NONE};
    if (q->target) { /* the policy's CNAME stays; its target's addresses are wanted */
        for (uint16_t i = 0; i < q->target_after; i++)
            if (answer_add(q, SECTION_ANSWER, &before.sets[SECTION_ANSWER][i])) {
                q->answer = before;
                return false;
            }
    } else {
        q->chain.count = 0;
    }
    q->stage = STAGE_DNS64;
    chain_restart(q, q->target ? q->target : q->name);
    return true;
}

/* Bits 64 to 71 stay zero; the address flows around them. */
static void embed(const struct dns64_config *dns64, const uint8_t v4[4], uint8_t out[16])
{
    memcpy(out, dns64->suffix.bytes, 16);
    memcpy(out, dns64->prefix.address.bytes, dns64->prefix.length / 8);
    unsigned at = dns64->prefix.length / 8;
    for (unsigned i = 0; i < 4; i++, at++) {
        if (at == 8)
            out[at++] = 0;
        out[at] = v4[i];
    }
}

static int synthesize(struct query *q, struct rrset *set, uint32_t max_ttl_s)
{
    const struct view_config *config = q->view->config;
    size_t room = (size_t)set->count * config->dns64_count, n = 0;
    struct rdata *rdatas = arena_alloc(&q->arena, room * sizeof *rdatas);
    uint8_t(*addresses)[16] = arena_alloc(&q->arena, room * sizeof *addresses);
    if (!rdatas || !addresses)
        return ERR_NOMEM;
    for (size_t d = 0; d < config->dns64_count; d++) {
        if (!usable(q, &config->dns64[d]))
            continue;
        for (uint16_t i = 0; i < set->count; i++) {
            struct ip_address from = rdata_address(TYPE_A, set->rdatas[i].bytes, set->rdatas[i].length);
            if (!listed(q, config->dns64[d].mapped, &from))
                continue;
            embed(&config->dns64[d], from.bytes, addresses[n]);
            rdatas[n] = (struct rdata){.length = 16, .bytes = addresses[n]};
            n++;
        }
    }
    *set = (struct rrset){.owner = set->owner,
                          .type = TYPE_AAAA,
                          .count = (uint16_t)n,
                          .rdatas = rdatas,
                          .ttl_s = set->ttl_s < max_ttl_s ? set->ttl_s : max_ttl_s};
    return 0;
}

static uint32_t negative_ttl_s(const struct answer *answer)
{
    for (uint16_t i = 0; i < answer->count[SECTION_AUTHORITY]; i++)
        if (answer->sets[SECTION_AUTHORITY][i].type == TYPE_SOA)
            return answer->sets[SECTION_AUTHORITY][i].ttl_s;
    return 600; /* RFC 6147 section 5.1.7 */
}

int dns64_convert(struct query *q, uint32_t max_ttl_s, bool *made)
{
    struct answer *answer = &q->answer;
    uint16_t kept = 0;
    int error = 0;
    *made = false;
    for (uint16_t i = 0; i < answer->count[SECTION_ANSWER] && !error; i++) {
        struct rrset *set = &answer->sets[SECTION_ANSWER][i];
        if (set->type == TYPE_A)
            error = synthesize(q, set, max_ttl_s);
        if (set->count && set->type != TYPE_RRSIG)
            answer->sets[SECTION_ANSWER][kept++] = *set;
        *made |= set->type == TYPE_AAAA && set->count;
    }
    answer->count[SECTION_ANSWER] = kept;
    return error;
}

void dns64_finish(struct query *q)
{
    bool made;
    int error = dns64_convert(q, negative_ttl_s(&q->before_dns64), &made);
    q->answer.count[SECTION_AUTHORITY] = q->answer.count[SECTION_ADDITIONAL] = 0;
    q->answer.authentic = false;
    if (error || !made || q->answer.failed)
        q->answer = q->before_dns64;
}
