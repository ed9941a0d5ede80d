/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a message to a truth: the RRsets of a minimal answer (truth_choose.c) are written twice, without and
 * with DNSSEC, and laid into one block of memory. */
#include <stdalign.h>
#include <string.h>

#include "base/arena.h"
#include "dns/message.h"
#include "dns/name.h"
#include "resolve/truth_block.h"
#include "resolve/truth_parts.h"

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

/* What stands behind the owner of a record: type, class, TTL, length, RDATA (RFC 1035 section 3.2.1). */
enum { RECORD_TTL_AT = 4, RECORD_RDATA_AT = 10 };

static const uint8_t *behind_name(const uint8_t *at)
{
    while (*at && *at < 0xc0)
        at += 1 + *at;
    return at + (*at ? 2 : 1);
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
    const uint8_t *at = draft->bytes + body;
    for (unsigned n = 0; n < draft->ttl_count; n++) { /* written here: it needs no checks */
        at = behind_name(at);
        ttl_at[n] = (uint16_t)(at + RECORD_TTL_AT - draft->bytes - body);
        at += RECORD_RDATA_AT + load_u16(at + RECORD_RDATA_AT - 2);
        if (n + 1 == draft->counts[SECTION_ANSWER])
            answer_end = (size_t)(at - draft->bytes);
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

static bool parent_may_answer(uint16_t qtype)
{
    return qtype == TYPE_DS || qtype == TYPE_NSEC || qtype == TYPE_RRSIG || qtype == TYPE_ANY;
}

/* See struct truth_link. What is not validated may carry any signature; but a SOA of somebody else's does not
 * come through, libunbound removes what is outside of the zone that it asked. */
static uint8_t proven_zone(const struct build *b, size_t link)
{
    const uint8_t *name = b->links[link].name;
    bool denied = b->negative && link + 1 == b->link_count;
    for (size_t i = 0; i < b->chosen_count && !parent_may_answer(b->source->qtype); i++) {
        const struct gathered_set *set = b->chosen[i].set;
        const uint8_t *zone = NULL;
        if (set->section == SECTION_AUTHORITY && set->rrset.type == TYPE_SOA)
            zone = denied ? set->rrset.owner : NULL;
        else if (set->rrset.sig_count && b->source->security == TRUTH_SECURE &&
                 set->section == SECTION_ANSWER && name_equal(set->rrset.owner, name))
            zone = set->rrset.sigs[0].bytes + RRSIG_SIGNER_AT;
        if (zone && name_is_within(name, zone))
            return (uint8_t)name_labels(zone);
    }
    return ZONE_NOT_PROVEN;
}

static void lay_links(const struct build *b, struct layout *at)
{
    for (size_t i = 0; i < b->link_count; i++) {
        const struct chain_link *from = &b->links[i];
        struct truth_link *to = &at->links[i];
        *to = (struct truth_link){.name = lay_bytes(at, from->name, name_length(from->name)),
                                  .addresses = at->addresses,
                                  .address_count = from->address_count,
                                  .is_signed = link_is_signed(b, i),
                                  .zone_labels = proven_zone(b, i)};
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
    /* The code is that of the last name (RFC 6604): the alias that was asked for is there, wherever it leads.
     */
    bool found = !b->negative && b->gathered.rcode == RCODE_NXDOMAIN;
    truth->rcode = (uint8_t)(found ? RCODE_NOERROR : b->gathered.rcode);
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
    error = truth_choose(b);
    if (!error)
        error = write_draft(b, &b->plain, false);
    if (!error && b->has_sigs)
        error = write_draft(b, &b->full, true);
    return error;
}

int truth_from_message(const struct truth_source *source, struct truth **out)
{
    struct build b; /* the drafts are large: not cleared */
    alignas(max_align_t) uint8_t room[ARENA_ROOM_BYTES];
    memset(&b, 0, offsetof(struct build, plain));
    b.plain.ttl_count = b.full.ttl_count = 0;
    b.plain.length = b.full.length = 0;
    b.source = source;
    b.name_bytes = name_length(source->name);
    arena_init_room(&b.arena, room, sizeof room, ARENA_BLOCK_BYTES);
    int error = build(&b);
    if (!error)
        error = lay_out(&b, out);
    arena_fini(&b.arena);
    return error;
}
