/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an update makes of a zone. The names that it speaks of are copied out of the version, changed there
 * one record after the other, and compared with the version at the end. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "dns/name.h"
#include "dns/rdata_layout.h"
#include "transfer/update.h"

struct work_record {
    struct work_record *next;
    const uint8_t *owner;
    uint16_t type;
    uint32_t ttl_s, old_ttl_s;
    struct rdata rdata;
    bool old, present; /* in the version; now */
    bool required;     /* a prerequisite has named it */
};

struct work_name {
    struct work_name *next, *next_touched;
    const uint8_t *name; /* lower case */
    struct work_record *first, **last;
};

struct work {
    struct arena arena;
    const struct update *update;
    const struct zone_content *latest;
    uint64_t seed;
    struct work_name **slots;
    size_t mask;
    struct work_name *touched, **touched_last; /* in order of the message */
    bool serial_given;
    bool out_of_memory;
};

/* --- names and records --- */

static struct work_record *append(struct work *w, struct work_name *at, const uint8_t *owner, uint16_t type,
                                  uint32_t ttl_s, const struct rdata *rdata)
{
    struct work_record *record = arena_zalloc(&w->arena, sizeof *record);
    if (!record) {
        w->out_of_memory = true;
        return NULL;
    }
    *record = (struct work_record){.owner = owner, .type = type, .ttl_s = ttl_s, .rdata = *rdata};
    *at->last = record;
    at->last = &record->next;
    return record;
}

struct loading {
    struct work *work;
    struct work_name *to;
};

static int load_record(void *context, const struct policy_record *from)
{
    struct loading *loading = context;
    struct arena *arena = &loading->work->arena;
    const struct rdata rdata = {from->rdata_length, arena_copy(arena, from->rdata, from->rdata_length)};
    const uint8_t *owner = arena_copy(arena, from->owner, name_length(from->owner));
    if (!rdata.bytes || !owner)
        return ERR_NOMEM;
    struct work_record *record = append(loading->work, loading->to, owner, from->type, from->ttl_s, &rdata);
    if (!record)
        return ERR_NOMEM;
    record->old_ttl_s = from->ttl_s;
    record->old = record->present = true;
    return 0;
}

/* The name as it stands now; NULL: memory. */
static struct work_name *name_at(struct work *w, const uint8_t *lower)
{
    size_t slot = name_hash_lower(w->seed, lower, name_length(lower)) & w->mask;
    struct work_name *at = w->slots[slot];
    while (at && !name_equal(at->name, lower))
        at = at->next;
    if (at)
        return at;
    at = arena_zalloc(&w->arena, sizeof *at);
    if (!at) {
        w->out_of_memory = true;
        return NULL;
    }
    at->name = lower;
    at->last = &at->first;
    struct loading loading = {w, at};
    if (zone_content_at(w->latest, lower, &w->arena, load_record, &loading))
        w->out_of_memory = true;
    at->next = w->slots[slot];
    w->slots[slot] = at;
    *w->touched_last = at;
    w->touched_last = &at->next_touched;
    return at;
}

/* The same data? Names in it are compared without regard to case. */
static bool same_rdata(uint16_t type, const struct rdata *a, const struct rdata *b)
{
    if (a->length != b->length)
        return false;
    if (!a->length || memcmp(a->bytes, b->bytes, a->length) == 0)
        return true;
    struct rdata_walk walk = rdata_walk(type);
    struct reader left = reader_of(a->bytes, a->length), right = reader_of(b->bytes, b->length);
    size_t length = 0;
    for (int field; (field = rdata_walk_next(&walk, left.at, reader_left(&left), &length)) > FIELD_END;) {
        if (field >= FIELD_PLAIN_NAME) {
            length = name_length(left.at);
            if (name_check(right.at, reader_left(&right)) != (int)length || !name_equal(left.at, right.at))
                return false;
        } else if (field == FIELD_REST) {
            length = reader_left(&left);
        }
        const uint8_t *one = read_bytes(&left, length), *other = read_bytes(&right, length);
        if (!one || !other || (field < FIELD_PLAIN_NAME && length && memcmp(one, other, length) != 0))
            return false;
    }
    return true;
}

static struct work_record *find_present(const struct work_name *at, uint16_t type, const struct rdata *rdata)
{
    struct work_record *record = at->first;
    while (record && !(record->present && record->type == type && same_rdata(type, &record->rdata, rdata)))
        record = record->next;
    return record;
}

static size_t count_present(const struct work_name *at, uint16_t type)
{
    size_t count = 0;
    for (const struct work_record *record = at->first; record; record = record->next)
        count += record->present && (type == TYPE_ANY || record->type == type);
    return count;
}

/* --- prerequisites (section 3.2) --- */

static unsigned check_presence(struct work *w, const struct update_record *p)
{
    struct work_name *at = name_at(w, p->lower);
    if (!at)
        return RCODE_SERVFAIL;
    bool there = count_present(at, p->type) != 0, any = p->type == TYPE_ANY;
    if (p->rclass == CLASS_ANY)
        return there ? RCODE_NOERROR : any ? RCODE_NXDOMAIN : RCODE_NXRRSET;
    return !there ? RCODE_NOERROR : any ? RCODE_YXDOMAIN : RCODE_YXRRSET;
}

/* Each set named with data has to be exactly as named: first every record must be there, then no other. */
static unsigned check_required(struct work *w, const struct update_record *p)
{
    struct work_name *at = name_at(w, p->lower);
    struct work_record *record = at ? find_present(at, p->type, &p->rdata) : NULL;
    if (record)
        record->required = true;
    return record ? RCODE_NOERROR : at ? RCODE_NXRRSET : RCODE_SERVFAIL;
}

static unsigned check_no_other(struct work *w, const struct update_record *p)
{
    const struct work_name *at = name_at(w, p->lower);
    if (!at)
        return RCODE_SERVFAIL;
    for (const struct work_record *record = at->first; record; record = record->next)
        if (record->type == p->type && !record->required)
            return RCODE_NXRRSET;
    return RCODE_NOERROR;
}

static unsigned check_prerequisites(struct work *w)
{
    const struct update *update = w->update;
    unsigned rcode = RCODE_NOERROR;
    for (size_t i = 0; i < update->prerequisite_count && !rcode; i++)
        if (update->prerequisites[i].rclass != CLASS_IN)
            rcode = check_presence(w, &update->prerequisites[i]);
    for (size_t i = 0; i < update->prerequisite_count && !rcode; i++)
        if (update->prerequisites[i].rclass == CLASS_IN)
            rcode = check_required(w, &update->prerequisites[i]);
    for (size_t i = 0; i < update->prerequisite_count && !rcode; i++)
        if (update->prerequisites[i].rclass == CLASS_IN)
            rcode = check_no_other(w, &update->prerequisites[i]);
    return rcode;
}

/* --- permissions --- */

/* Deleting everything at a name is deleting each type that is there. */
static bool may_change(struct work *w, const struct update_terms *terms, const struct update_record *record)
{
    const uint8_t *zone = w->update->zone;
    if (record->type != TYPE_ANY)
        return update_rules_allow(terms->rules, zone, terms->key, record->lower, record->type);
    const struct work_name *at = name_at(w, record->lower);
    bool may = at != NULL;
    for (const struct work_record *there = at ? at->first : NULL; there && may; there = there->next)
        may = update_rules_allow(terms->rules, zone, terms->key, record->lower, there->type);
    return may;
}

static bool may_change_all(struct work *w, const struct update_terms *terms)
{
    bool may = true;
    for (size_t i = 0; terms->rules && may && i < w->update->change_count; i++)
        may = may_change(w, terms, &w->update->changes[i]);
    return may;
}

/* --- changes (section 3.4.2) --- */

static bool is_apex(const struct work *w, const struct work_name *at)
{
    return name_equal(at->name, w->update->zone);
}

/* What may stand beside a CNAME (RFC 4034 section 3, RFC 2535). */
static bool goes_with_cname(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_SIG || type == TYPE_KEY;
}

/* An alias has no other data; an addition that breaks this is passed over (section 3.4.2.2). */
static bool breaks_alias(const struct work_name *at, uint16_t type)
{
    for (const struct work_record *record = at->first; record && !goes_with_cname(type);
         record = record->next)
        if (record->present && !goes_with_cname(record->type) &&
            (record->type == TYPE_CNAME) != (type == TYPE_CNAME))
            return true;
    return false;
}

static bool is_single(uint16_t type)
{
    return type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA;
}

static bool is_soa_refused(struct work *w, const struct work_name *at, const struct update_record *change)
{
    const struct work_record *soa = at->first;
    while (soa && !(soa->present && soa->type == TYPE_SOA))
        soa = soa->next;
    return !soa || !is_apex(w, at) ||
           !serial_newer(soa_serial(change->rdata.bytes), soa_serial(soa->rdata.bytes));
}

/* What is passed over, as if it had not been sent: a DNAME at a wildcard as well (RFC 6672 section 3.3 warns
 * of it, named does the same). */
static bool is_ignored(struct work *w, const struct work_name *at, const struct update_record *change)
{
    return breaks_alias(at, change->type) || (change->type == TYPE_DNAME && name_is_wildcard(at->name)) ||
           (change->type == TYPE_SOA && is_soa_refused(w, at, change));
}

static void add(struct work *w, struct work_name *at, const struct update_record *change)
{
    if (is_ignored(w, at, change))
        return;
    w->serial_given |= change->type == TYPE_SOA;
    struct work_record *same = NULL;
    for (struct work_record *record = at->first; record; record = record->next) {
        if (record->type != change->type)
            continue;
        bool equal = same_rdata(change->type, &record->rdata, &change->rdata);
        if (record->present)
            record->ttl_s = change->ttl_s; /* one TTL for the set (RFC 2181 section 5.2) */
        if (equal && (record->present || !same))
            same = record;
        else if (is_single(change->type))
            record->present = false;
    }
    if (same && !same->present && change->rdata.length &&
        memcmp(same->rdata.bytes, change->rdata.bytes, change->rdata.length) != 0)
        same = NULL; /* it comes back in another case */
    if (!same)
        same = append(w, at, change->owner, change->type, change->ttl_s, &change->rdata);
    if (same) {
        same->ttl_s = change->ttl_s;
        same->present = true;
    }
}

static void delete_sets(const struct work *w, struct work_name *at, uint16_t type)
{
    bool apex = is_apex(w, at);
    for (struct work_record *record = at->first; record; record = record->next) {
        bool kept = apex && (record->type == TYPE_SOA || record->type == TYPE_NS);
        if (!kept && (type == TYPE_ANY || record->type == type))
            record->present = false;
    }
}

static void delete_one(const struct work *w, struct work_name *at, const struct update_record *change)
{
    struct work_record *record = find_present(at, change->type, &change->rdata);
    bool kept = is_apex(w, at) &&
                (change->type == TYPE_SOA || (change->type == TYPE_NS && count_present(at, TYPE_NS) == 1));
    if (record && !kept)
        record->present = false;
}

static void change_one(struct work *w, const struct update_record *change)
{
    struct work_name *at = name_at(w, change->lower);
    if (!at)
        return;
    if (change->rclass == CLASS_IN)
        add(w, at, change);
    else if (change->rclass == CLASS_ANY)
        delete_sets(w, at, change->type);
    else
        delete_one(w, at, change);
}

/* --- the difference --- */

static int put(struct zone_changes *out, bool remove, const struct work_record *record)
{
    const struct policy_record change = {
        .owner = record->owner,
        .type = record->type,
        .rclass = CLASS_IN,
        .ttl_s = remove ? record->old_ttl_s : record->ttl_s,
        .rdata = record->rdata.bytes,
        .rdata_length = record->rdata.length,
    };
    return zone_changes_add(out, remove, &change);
}

static bool is_changed(const struct work_record *record, bool remove)
{
    bool stays = record->old && record->present && record->ttl_s == record->old_ttl_s;
    return !stays && (remove ? record->old : record->present);
}

/* All removals or all additions but the SOA's. Returns how many, or ERR_NOMEM. */
static int put_side(const struct work *w, struct zone_changes *out, bool remove)
{
    int count = 0;
    for (const struct work_name *at = w->touched; at; at = at->next_touched)
        for (const struct work_record *record = at->first; record; record = record->next) {
            if (record->type == TYPE_SOA || !is_changed(record, remove))
                continue;
            if (out && put(out, remove, record))
                return ERR_NOMEM;
            count++;
        }
    return count;
}

static const struct work_record *find_soa(const struct work_name *apex, bool old)
{
    const struct work_record *soa = apex->first;
    while (soa && (soa->type != TYPE_SOA || !(old ? soa->old : soa->present)))
        soa = soa->next;
    return soa;
}

uint32_t serial_next(uint32_t serial, const struct update_terms *terms)
{
    uint32_t wanted = serial + 1 ? serial + 1 : 1; /* 0 means "no serial" to some */
    uint32_t by_clock = terms->serial_method == SERIAL_UNIXTIME ? terms->now_s : terms->today * 100;
    return terms->serial_method != SERIAL_INCREMENT && serial_newer(by_clock, serial) ? by_clock : wanted;
}

/* The SOA that comes: the one given, or the old one with its serial moved. */
static int next_soa(struct work *w, const struct work_name *apex, const struct update_terms *terms,
                    struct work_record *out)
{
    *out = *find_soa(apex, false);
    if (w->serial_given)
        return 0;
    uint8_t *bytes = arena_alloc(&w->arena, out->rdata.length);
    if (!bytes)
        return ERR_NOMEM;
    memcpy(bytes, out->rdata.bytes, out->rdata.length);
    store_u32(bytes + out->rdata.length - 20, serial_next(soa_serial(bytes), terms));
    out->rdata.bytes = bytes;
    return 0;
}

static int put_steps(struct work *w, const struct update_terms *terms, struct zone_changes *out)
{
    struct work_record soa;
    const struct work_name *apex = name_at(w, w->update->zone);
    if (!apex || !find_soa(apex, true) || next_soa(w, apex, terms, &soa))
        return ERR_NOMEM;
    int error = put(out, true, find_soa(apex, true));
    if (!error && put_side(w, out, true) < 0)
        error = ERR_NOMEM;
    if (!error)
        error = put(out, false, &soa);
    return !error && put_side(w, out, false) < 0 ? ERR_NOMEM : error;
}

static unsigned difference(struct work *w, const struct update_terms *terms, struct zone_changes **changes)
{
    if (!w->serial_given && !put_side(w, NULL, true) && !put_side(w, NULL, false))
        return RCODE_NOERROR;
    struct zone_changes *out = zone_changes_new();
    if (!out || put_steps(w, terms, out)) {
        zone_changes_free(out);
        return RCODE_SERVFAIL;
    }
    *changes = out;
    return RCODE_NOERROR;
}

static unsigned compute(struct work *w, const struct update_terms *terms, struct zone_changes **changes)
{
    if (!may_change_all(w, terms))
        return w->out_of_memory ? RCODE_SERVFAIL : RCODE_REFUSED;
    unsigned rcode = check_prerequisites(w);
    for (size_t i = 0; i < w->update->change_count && !rcode; i++)
        change_one(w, &w->update->changes[i]);
    if (w->out_of_memory)
        return RCODE_SERVFAIL;
    return rcode ? rcode : difference(w, terms, changes);
}

unsigned update_compute(const struct update *update, const struct zone_content *latest,
                        const struct update_terms *terms, struct zone_changes **changes)
{
    struct work w = {.update = update, .latest = latest, .seed = random_u64(), .mask = 15};
    size_t wanted = update->prerequisite_count + update->change_count;
    while (w.mask < wanted)
        w.mask = 2 * w.mask + 1;
    arena_init(&w.arena, 0);
    w.touched_last = &w.touched;
    w.slots = arena_zalloc(&w.arena, (w.mask + 1) * sizeof(struct work_name *));
    *changes = NULL;
    unsigned rcode = w.slots ? compute(&w, terms, changes) : RCODE_SERVFAIL;
    arena_fini(&w.arena);
    return rcode;
}
