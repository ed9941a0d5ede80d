/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer to a question from a zone's content. */
#include <string.h>

#include "base/bytes.h"
#include "dns/name.h"
#include "zone/content.h"

/* --- sections --- */

static int section_grow(struct answering *a, struct section *section)
{
    size_t room = section->room ? 2 * section->room : 4;
    struct rrset *sets = arena_alloc(a->arena, room * sizeof *sets);
    if (!sets)
        return ERR_NOMEM;
    if (section->count)
        memcpy(sets, section->sets, section->count * sizeof *sets);
    section->sets = sets;
    section->room = room;
    return 0;
}

int section_put(struct answering *a, struct section *section, const struct rrset *set, const uint8_t *owner)
{
    if (!owner)
        owner = set->owner;
    for (size_t i = 0; i < section->count; i++) {
        const struct rrset *there = &section->sets[i];
        bool same = there->type == set->type && (set->type != TYPE_RRSIG || there->rdatas == set->rdatas);
        if (same && name_equal(there->owner, owner))
            return 0;
    }
    if (section->count == section->room && section_grow(a, section) != 0)
        return ERR_NOMEM;
    struct rrset *copy = &section->sets[section->count++];
    *copy = *set;
    copy->owner = owner;
    if (!a->dnssec) {
        copy->sig_count = 0;
        copy->sigs = NULL;
    }
    return 0;
}

/* --- a name without the data asked for --- */

/* The SOA with the time for which a denial may be kept (RFC 2308 section 3). One who looks for a zone's apex
 * with SOA questions shall not keep that a name is missing: BIND's zero-no-soa-ttl. */
static int put_denial_soa(struct answering *a, enum zone_result result)
{
    struct rrset soa = *a->content->soa;
    uint32_t minimum_s = soa_minimum_s(soa.rdatas[0].bytes);
    if (minimum_s < soa.ttl_s)
        soa.ttl_s = minimum_s;
    if (a->qtype == TYPE_SOA && result == ZONE_NXDOMAIN)
        soa.ttl_s = 0;
    return section_put(a, &a->authority, &soa, a->content->origin);
}

static int deny(struct answering *a, const uint8_t *name, const struct find *found, enum zone_result *result)
{
    *result = found->kind == FIND_NOTHING ? ZONE_NXDOMAIN : ZONE_NODATA;
    int error = put_denial_soa(a, *result);
    if (error)
        return error;
    return *result == ZONE_NXDOMAIN ? proof_nxdomain(a, name, found) : proof_nodata(a, name, found);
}

/* --- data at a name --- */

/* The signatures of a set as a set of their own, for those who ask for RRSIG or ANY. */
static int put_signatures(struct answering *a, const struct rrset *set, const uint8_t *owner)
{
    struct rrset sigs = {.owner = set->owner,
                         .type = TYPE_RRSIG,
                         .ttl_s = set->ttl_s,
                         .count = set->sig_count,
                         .rdatas = set->sigs};
    return set->sig_count ? section_put(a, &a->answer, &sigs, owner) : 0;
}

/* RRSIG: all signatures at the name; ANY: the data and its signatures, whether DO is set or not. */
static int put_many(struct answering *a, const struct node_view *view, const uint8_t *owner)
{
    int error = 0;
    for (size_t i = 0; i < view->count && !error; i++) {
        struct rrset data = view->sets[i];
        error = put_signatures(a, &data, owner);
        data.sig_count = 0;
        if (!error && data.count && a->qtype == TYPE_ANY)
            error = section_put(a, &a->answer, &data, owner);
    }
    return error;
}

/* Types that are answered beside a CNAME instead of through it. */
static bool stops_at_cname(uint16_t qtype)
{
    return qtype == TYPE_CNAME || qtype == TYPE_ANY || qtype == TYPE_RRSIG || qtype == TYPE_SIG ||
           qtype == TYPE_KEY || qtype == TYPE_NSEC;
}

/* The name exists, as itself or by a wildcard. *next: where a CNAME leads to, if it is to be followed. */
static int at_node(struct answering *a, const uint8_t *shown, const uint8_t *name, const struct find *found,
                   enum zone_result *result, const uint8_t **next)
{
    const uint8_t *owner = found->kind == FIND_WILDCARD ? shown : NULL;
    const struct rrset *cname = stops_at_cname(a->qtype) ? NULL : view_find(&found->view, TYPE_CNAME);
    const struct rrset *data = cname ? cname : view_find(&found->view, a->qtype);
    size_t before = a->answer.count;
    int error = 0;
    if (a->qtype == TYPE_ANY || a->qtype == TYPE_RRSIG)
        error = put_many(a, &found->view, owner);
    else if (data)
        error = section_put(a, &a->answer, data, owner);
    if (error)
        return error;
    if (a->answer.count == before)
        return deny(a, name, found, result);
    *result = ZONE_ANSWER;
    *next = cname ? cname->rdatas[0].bytes : NULL;
    return found->kind == FIND_WILDCARD ? proof_wildcard(a, name) : 0;
}

/* --- DNAME --- */

/* The CNAME that a DNAME stands for (RFC 6672 section 2.2). ERR_SPACE: it would be too long. */
static int make_cname(struct answering *a, const uint8_t *shown, const struct find *found,
                      const struct rrset *dname, struct rrset *cname)
{
    uint8_t prefix[NAME_MAX_BYTES], joined[NAME_MAX_BYTES];
    size_t kept = name_length(shown) - name_length(found->encloser);
    memcpy(prefix, shown, kept);
    prefix[kept] = 0;
    int length = name_join(prefix, dname->rdatas[0].bytes, joined);
    if (length < 0)
        return ERR_SPACE;
    struct rdata *rdata = arena_alloc(a->arena, sizeof *rdata);
    const uint8_t *bytes = arena_copy(a->arena, joined, (size_t)length);
    if (!rdata || !bytes)
        return ERR_NOMEM;
    *rdata = (struct rdata){(uint16_t)length, bytes};
    *cname = (struct rrset){
        .owner = shown, .type = TYPE_CNAME, .ttl_s = dname->ttl_s, .count = 1, .rdatas = rdata};
    return 0;
}

static int at_dname(struct answering *a, const uint8_t *shown, const struct find *found,
                    enum zone_result *result, const uint8_t **next)
{
    const struct rrset *dname = view_find(&found->view, TYPE_DNAME);
    struct rrset cname;
    int error = section_put(a, &a->answer, dname, NULL);
    if (!error)
        error = make_cname(a, shown, found, dname, &cname);
    *result = error == ERR_SPACE ? ZONE_YXDOMAIN : ZONE_ANSWER;
    if (error)
        return error == ERR_SPACE ? 0 : error;
    bool follow = a->qtype != TYPE_CNAME && a->qtype != TYPE_ANY;
    *next = follow ? cname.rdatas[0].bytes : NULL;
    return section_put(a, &a->answer, &cname, NULL);
}

/* --- a cut --- */

static int at_cut(struct answering *a, const struct find *found, enum zone_result *result)
{
    *result = ZONE_DELEGATION;
    int error = section_put(a, &a->authority, view_find(&found->view, TYPE_NS), NULL);
    /* NS at a cut is not signed by this side. */
    if (!error) {
        a->authority.sets[a->authority.count - 1].sig_count = 0;
        struct section ns = {.sets = &a->authority.sets[a->authority.count - 1], .count = 1};
        error = additional_put(a, &ns, true);
    }
    return error ? error : proof_no_ds(a, found);
}

/* --- the chain --- */

/* One name of the chain. *next: the name to go on with, or NULL. */
static int step(struct answering *a, const uint8_t *shown, enum zone_result *result, const uint8_t **next)
{
    uint8_t *name = arena_alloc(a->arena, NAME_MAX_BYTES);
    if (!name)
        return ERR_NOMEM;
    name_copy_lower(name, shown);
    struct find found;
    *next = NULL;
    int error = content_find(a->content, name, a->qtype == TYPE_DS, a->arena, &found);
    if (error)
        return error;
    switch (found.kind) {
    case FIND_CUT:
        return at_cut(a, &found, result);
    case FIND_DNAME:
        return at_dname(a, shown, &found, result, next);
    case FIND_NOTHING:
        return deny(a, name, &found, result);
    default:
        return at_node(a, shown, name, &found, result, next);
    }
}

/* Is there a CNAME of this owner in the answer already? */
static bool chain_has(const struct section *answer, const uint8_t *name)
{
    for (size_t i = 0; i < answer->count; i++) {
        if (answer->sets[i].type == TYPE_CNAME && name_equal(answer->sets[i].owner, name))
            return true;
    }
    return false;
}

static int follow(struct answering *a, const uint8_t *qname, struct zone_answer *out)
{
    const uint8_t *at = qname, *next;
    int error = step(a, at, &out->result, &next);
    for (unsigned cnames = 1; !error && next; cnames++) {
        at = next;
        if (chain_has(&a->answer, at) || cnames > ZONE_CHAIN_MAX) {
            out->result = ZONE_LOOP;
            return 0;
        }
        if (!name_is_within(at, a->content->origin)) {
            out->result = ZONE_CNAME_OUT;
            out->target = at;
            return 0;
        }
        error = step(a, at, &out->result, &next);
    }
    return error;
}

static void deliver(const struct answering *a, struct zone_answer *out)
{
    out->answer = a->answer.sets;
    out->answer_count = a->answer.count;
    out->authority = a->authority.sets;
    out->authority_count = a->authority.count;
    out->additional = a->additional.sets;
    out->additional_count = a->additional.count;
}

int zone_content_answer(const struct zone_content *content, const uint8_t *qname, uint16_t qtype, bool dnssec,
                        struct arena *arena, struct zone_answer *out)
{
    struct answering a = {.content = content, .arena = arena, .dnssec = dnssec, .qtype = qtype};
    *out = (struct zone_answer){0};
    const uint8_t *shown = arena_copy(arena, qname, name_length(qname));
    int error = shown ? follow(&a, shown, out) : ERR_NOMEM;
    /* ANY says enough as it is. */
    if (!error && out->result == ZONE_ANSWER && qtype != TYPE_ANY)
        error = additional_put(&a, &a.answer, false);
    if (!error)
        deliver(&a, out);
    return error;
}

int zone_content_add_authority(const struct zone_content *content, uint16_t qtype, bool dnssec,
                               struct arena *arena, struct zone_answer *answer)
{
    if (answer->result != ZONE_ANSWER && answer->result != ZONE_CNAME_OUT)
        return 0;
    struct answering a = {
        .content = content,
        .arena = arena,
        .dnssec = dnssec,
        .qtype = qtype,
        .answer = {answer->answer, answer->answer_count, answer->answer_count},
        .authority = {answer->authority, answer->authority_count, answer->authority_count},
        .additional = {answer->additional, answer->additional_count, answer->additional_count}};
    struct node_view apex;
    int error = content_at(content, content->origin, arena, &apex);
    const struct rrset *ns = error ? NULL : view_find(&apex, TYPE_NS);
    for (size_t i = 0; i < a.answer.count && ns; i++) {
        if (a.answer.sets[i].type == TYPE_NS && name_equal(a.answer.sets[i].owner, content->origin))
            ns = NULL;
    }
    if (!ns)
        return error;
    error = section_put(&a, &a.authority, ns, NULL);
    struct section one = {.sets = (struct rrset *)ns, .count = 1};
    if (!error && qtype != TYPE_ANY)
        error = additional_put(&a, &one, false);
    if (!error)
        deliver(&a, answer);
    return error;
}
