/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a message to a truth: choose the RRsets of a minimal answer, bound their TTLs, write them twice
 * (without and with DNSSEC), and lay everything into one block of memory. */
#include <string.h>

#include "base/arena.h"
#include "dns/message.h"
#include "dns/name.h"
#include "resolve/gather.h"
#include "resolve/truth_block.h"

enum {
    LINKS_MAX = 64,       /* libunbound follows 11 */
    RRSIG_SIGNER_AT = 18, /* RFC 4034 section 3.1 */
    SET_SHOWN = 1,        /* for every asker */
    SET_SHOWN_TO_DO = 2,  /* for those with DO */
    ARENA_BLOCK_BYTES = 8192,
};

struct chosen_set {
    struct gathered_set *set;
    unsigned shown;        /* SET_SHOWN or SET_SHOWN_TO_DO */
    uint16_t end, records; /* in the plain wire: where it ends, answer records up to there */
};

struct chain_link {
    const uint8_t *name;
    const struct chosen_set *led_here; /* NULL for the first */
    const struct gathered_set *addresses[2];
    uint16_t address_count;
};

/* One wire as written, question included. */
struct draft {
    uint8_t bytes[DNS_MESSAGE_MAX];
    size_t length;
    uint16_t counts[3];
    uint16_t ttl_count;
};

struct build {
    const struct truth_source *source;
    struct arena arena;
    struct gathered gathered;
    size_t name_bytes;
    struct chosen_set *chosen;
    size_t chosen_count;
    struct chain_link links[LINKS_MAX];
    size_t link_count;
    bool negative, has_soa;
    bool has_sigs;
    uint32_t ttl_s;
    struct draft plain, full;
};

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

/* A DNAME above the name stands before the CNAME made from it (RFC 6672). */
static void choose_dname(struct build *b, const uint8_t *name)
{
    while (!name_is_root(name)) {
        name = name_skip(name, 1);
        struct gathered_set *set = gathered_find(&b->gathered, SECTION_ANSWER, name, TYPE_DNAME);
        if (set && !set->placed) {
            choose(b, set, SET_SHOWN);
            return;
        }
    }
}

static int follow_chain(struct build *b)
{
    b->links[b->link_count++] = (struct chain_link){.name = b->source->name};
    for (;;) {
        struct chain_link *link = &b->links[b->link_count - 1];
        if (choose_matching(b, link))
            return 0;
        struct gathered_set *cname = gathered_find(&b->gathered, SECTION_ANSWER, link->name, TYPE_CNAME);
        choose_dname(b, link->name);
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

/* --- the wires --- */

static int write_draft(struct build *b, struct draft *draft, bool with_dnssec)
{
    struct message_writer m;
    message_begin(&m, draft->bytes, sizeof draft->bytes, 0, DNS_QR);
    int error = message_put_question(&m, b->source->name, b->source->qtype, CLASS_IN);
    for (enum dns_section section = SECTION_ANSWER; section <= SECTION_AUTHORITY; section++)
        for (size_t i = 0; i < b->chosen_count && !error; i++) {
            struct chosen_set *chosen = &b->chosen[i];
            if (chosen->set->section != section || (chosen->shown == SET_SHOWN_TO_DO && !with_dnssec))
                continue;
            error = message_put_rrset(&m, section, &chosen->set->rrset, with_dnssec);
            if (!with_dnssec) {
                chosen->end = (uint16_t)writer_used(&m.writer);
                chosen->records = m.counts[1 + SECTION_ANSWER];
            }
        }
    if (error)
        return error;
    draft->length = message_finish(&m, RCODE_NOERROR);
    for (unsigned i = 0; i < 3; i++) {
        draft->counts[i] = m.counts[1 + i];
        draft->ttl_count = (uint16_t)(draft->ttl_count + draft->counts[i]);
    }
    return 0;
}

static size_t body_at(const struct build *b)
{
    return DNS_HEADER_BYTES + b->name_bytes + 4;
}

/* Copies a draft behind `bytes` and notes where the TTLs stand. */
static void lay_wire(const struct build *b, const struct draft *draft, uint8_t *bytes, uint16_t *ttl_at,
                     struct truth_wire *out)
{
    size_t body = body_at(b), answer_end = body;
    *out = (struct truth_wire){.bytes = bytes,
                               .length = (uint16_t)(draft->length - body),
                               .ttl_count = draft->ttl_count,
                               .ttl_at = ttl_at};
    memcpy(bytes, draft->bytes + body, draft->length - body);
    memcpy(out->counts, draft->counts, sizeof out->counts);
    struct message_reader reader;
    struct message_record record;
    size_t n = 0;
    if (message_open(&reader, draft->bytes, draft->length) == 0)
        while (n < draft->ttl_count && message_next(&reader, &record) > 0) {
            ttl_at[n++] = (uint16_t)(record.ttl_offset - body);
            if (record.section == SECTION_ANSWER)
                answer_end = (size_t)(record.rdata + record.rdata_length - draft->bytes);
        }
    out->answer_end = (uint16_t)(answer_end - body);
}

/* --- into one block --- */

struct layout {
    struct truth_link *links;
    struct ip_address *addresses;
    uint16_t *ttls;
    uint8_t *bytes;
};

static size_t count_addresses(const struct build *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->link_count; i++)
        n += b->links[i].address_count;
    return n;
}

static size_t block_bytes(const struct build *b)
{
    size_t bytes = b->link_count * sizeof(struct truth_link) + count_addresses(b) * sizeof(struct ip_address);
    bytes += b->plain.ttl_count * sizeof(uint16_t) + b->plain.length - body_at(b);
    if (b->has_sigs)
        bytes += b->full.ttl_count * sizeof(uint16_t) + b->full.length - body_at(b);
    for (size_t i = 0; i < b->link_count; i++)
        bytes += name_length(b->links[i].name);
    if (b->source->security == TRUTH_BOGUS && b->source->ede_text)
        bytes += strlen(b->source->ede_text) + 1;
    return bytes;
}

static void *lay_bytes(struct layout *at, const void *from, size_t length)
{
    uint8_t *to = at->bytes;
    memcpy(to, from, length);
    at->bytes += length;
    return to;
}

/* Of the zone that denies, or the proof of a wildcard on the way there? */
static bool is_of_denial(const struct build *b, const uint8_t *owner)
{
    for (size_t i = 0; i < b->chosen_count && b->has_soa; i++) {
        const struct gathered_set *set = b->chosen[i].set;
        if (set->section == SECTION_AUTHORITY && set->rrset.type == TYPE_SOA)
            return name_is_within(owner, set->rrset.owner);
    }
    return true;
}

static bool belongs_to_link(const struct build *b, const struct chosen_set *chosen, size_t link)
{
    const struct rrset *set = &chosen->set->rrset;
    const uint8_t *name = b->links[link].name;
    if (chosen->set->section == SECTION_AUTHORITY)
        return b->negative && link + 1 == b->link_count && is_of_denial(b, set->owner);
    return name_equal(set->owner, name) || (set->type == TYPE_DNAME && name_is_within(name, set->owner));
}

static bool link_is_signed(const struct build *b, size_t link)
{
    bool is_signed = false;
    for (size_t i = 0; i < b->chosen_count && b->has_sigs && !is_signed; i++) {
        const struct chosen_set *chosen = &b->chosen[i];
        is_signed = (chosen->set->rrset.sig_count || chosen->shown == SET_SHOWN_TO_DO) &&
                    belongs_to_link(b, chosen, link);
    }
    return is_signed;
}

static void lay_links(const struct build *b, struct layout *at)
{
    for (size_t i = 0; i < b->link_count; i++) {
        const struct chain_link *from = &b->links[i];
        struct truth_link *to = &at->links[i];
        *to = (struct truth_link){.name = lay_bytes(at, from->name, name_length(from->name)),
                                  .addresses = at->addresses,
                                  .address_count = from->address_count,
                                  .is_signed = link_is_signed(b, i)};
        if (from->led_here) {
            to->wire_end = (uint16_t)(from->led_here->end - body_at(b));
            to->record_count = from->led_here->records;
        }
        for (unsigned family = 0; family < 2; family++) {
            const struct gathered_set *set = from->addresses[family];
            for (size_t r = 0; set && r < set->rrset.count; r++)
                *at->addresses++ =
                    rdata_address(set->rrset.type, set->rrset.rdatas[r].bytes, set->rrset.rdatas[r].length);
        }
    }
}

/* The zone of the query name, if the answer tells: its first signer, or the owner of the SOA. */
static int16_t zone_labels(const struct build *b)
{
    const struct truth_source *s = b->source;
    for (size_t i = 0; i < b->chosen_count; i++) {
        const struct rrset *set = &b->chosen[i].set->rrset;
        const uint8_t *zone = NULL;
        if (set->sig_count && name_equal(set->owner, s->name))
            zone = set->sigs[0].bytes + RRSIG_SIGNER_AT;
        else if (set->type == TYPE_SOA)
            zone = set->owner;
        if (zone && name_is_within(s->name, zone))
            return (int16_t)name_labels(zone);
    }
    return -1;
}

static void fill_in(const struct build *b, struct truth *truth)
{
    const struct truth_source *s = b->source;
    bool bogus = s->security == TRUTH_BOGUS;
    truth->rcode = (uint8_t)b->gathered.rcode;
    truth->security = s->security;
    truth->has_sigs = b->has_sigs;
    truth->qtype = s->qtype;
    truth->name_length = (uint8_t)b->name_bytes;
    truth->ede = (int16_t)(bogus ? s->ede : EDE_NONE);
    truth->zone_labels = zone_labels(b);
    truth->fetched_ms = s->now_ms;
    truth->expires_ms = s->now_ms + b->ttl_s * UINT64_C(1000);
    bool may_be_stale = !bogus && b->ttl_s > 0;
    truth->stale_until_ms = truth->expires_ms + (may_be_stale ? s->stale_s * UINT64_C(1000) : 0);
}

static int lay_out(const struct build *b, struct truth **out)
{
    const struct truth_source *s = b->source;
    struct truth *truth = truth_block_new(block_bytes(b));
    if (!truth)
        return ERR_NOMEM;
    fill_in(b, truth);
    struct layout at = {.links = (struct truth_link *)truth_block_of(truth)->data};
    at.addresses = (struct ip_address *)(at.links + b->link_count);
    at.ttls = (uint16_t *)(at.addresses + count_addresses(b));
    uint16_t *full_ttls = at.ttls + b->plain.ttl_count;
    at.bytes = (uint8_t *)(full_ttls + (b->has_sigs ? b->full.ttl_count : 0));
    lay_links(b, &at);
    truth->links = at.links;
    truth->link_count = (uint16_t)b->link_count;
    truth->name = at.links[0].name;
    lay_wire(b, &b->plain, at.bytes, at.ttls, &truth->plain);
    at.bytes += truth->plain.length;
    truth->full = truth->plain;
    if (b->has_sigs) {
        lay_wire(b, &b->full, at.bytes, full_ttls, &truth->full);
        at.bytes += truth->full.length;
    }
    if (s->security == TRUTH_BOGUS && s->ede_text)
        truth->ede_text = lay_bytes(&at, s->ede_text, strlen(s->ede_text) + 1);
    *out = truth;
    return 0;
}

static int build(struct build *b)
{
    const struct truth_source *s = b->source;
    int error = gather_message(s->message, s->message_length, &b->arena, &b->gathered);
    if (error)
        return error;
    b->chosen = arena_alloc(&b->arena, (b->gathered.count + 1) * sizeof *b->chosen);
    error = b->chosen ? follow_chain(b) : ERR_NOMEM;
    if (error)
        return error;
    choose_authority(b);
    bound_ttls(b);
    error = write_draft(b, &b->plain, false);
    if (!error && b->has_sigs)
        error = write_draft(b, &b->full, true);
    return error;
}

int truth_from_message(const struct truth_source *source, struct truth **out)
{
    struct build b; /* the drafts are large: not cleared */
    memset(&b, 0, offsetof(struct build, plain));
    b.plain.ttl_count = b.full.ttl_count = 0;
    b.plain.length = b.full.length = 0;
    b.source = source;
    b.name_bytes = name_length(source->name);
    arena_init(&b.arena, ARENA_BLOCK_BYTES);
    int error = build(&b);
    if (!error)
        error = lay_out(&b, out);
    arena_fini(&b.arena);
    return error;
}
