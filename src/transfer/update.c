/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading an update, and what can be said of it without the zone. */
#include "transfer/update.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

/* No data of a zone: 128 to 255 are kept for questions and for what goes along with a message (RFC 6895). */
static bool is_meta(uint16_t type)
{
    return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

static int read_record(struct update *update, const struct message_reader *m,
                       const struct message_record *from, struct update_record *out)
{
    bool has_data = from->rclass == CLASS_IN || from->rclass == CLASS_NONE;
    *out = (struct update_record){.type = from->type, .rclass = from->rclass, .ttl_s = from->ttl_s};
    out->owner = arena_copy(&update->arena, from->owner, from->owner_length);
    out->lower = arena_alloc(&update->arena, from->owner_length);
    if (!out->owner || !out->lower)
        return ERR_NOMEM;
    name_copy_lower(out->lower, from->owner);
    out->rdata = (struct rdata){from->rdata_length, (const uint8_t *)""};
    if (!has_data || !from->rdata_length || is_meta(from->type))
        return 0;
    int error = message_rdata(m, from, &update->arena, &out->rdata);
    if (!error && !rdata_check(from->type, out->rdata.bytes, out->rdata.length))
        error = ERR_MALFORMED;
    return error;
}

static int read_records(struct update *update, struct message_reader *m)
{
    struct message_record *record = arena_alloc(&update->arena, sizeof *record);
    int more = 1, error = record ? 0 : ERR_NOMEM;
    while (!error && (m->left[SECTION_ANSWER] || m->left[SECTION_AUTHORITY])) {
        more = message_next(m, record);
        if (more <= 0)
            return ERR_MALFORMED;
        struct update_record *to = record->section == SECTION_ANSWER
                                       ? &update->prerequisites[update->prerequisite_count++]
                                       : &update->changes[update->change_count++];
        error = read_record(update, m, record, to);
    }
    return error;
}

static int read_zone(struct update *update, const uint8_t *message, size_t length)
{
    uint8_t name[NAME_MAX_BYTES];
    if (length < DNS_HEADER_BYTES || load_u16(message + 4) != 1)
        return ERR_MALFORMED;
    int taken = message_name(message, length, DNS_HEADER_BYTES, name);
    if (taken < 0 || length - DNS_HEADER_BYTES - (size_t)taken < 4)
        return ERR_MALFORMED;
    const uint8_t *fixed = message + DNS_HEADER_BYTES + taken;
    name_copy_lower(update->zone, name);
    return load_u16(fixed) == TYPE_SOA ? 0 : ERR_MALFORMED;
}

/* Section 3.2. What each combination asks is for update_compute() to see. */
static unsigned look_at_prerequisite(const struct update *update, const struct update_record *record)
{
    if (record->ttl_s)
        return RCODE_FORMERR;
    if (!name_is_within(record->lower, update->zone))
        return RCODE_NOTZONE;
    bool without_data = record->rclass == CLASS_ANY || record->rclass == CLASS_NONE;
    if (without_data ? record->rdata.length != 0 : record->rclass != CLASS_IN)
        return RCODE_FORMERR;
    return is_meta(record->type) && !(without_data && record->type == TYPE_ANY) ? RCODE_FORMERR
                                                                                : RCODE_NOERROR;
}

static bool is_well_formed(const struct update_record *record)
{
    switch (record->rclass) {
    case CLASS_IN:
        return !is_meta(record->type) &&
               (record->rdata.length || rdata_check(record->type, record->rdata.bytes, 0));
    case CLASS_ANY:
        return !record->ttl_s && !record->rdata.length &&
               (!is_meta(record->type) || record->type == TYPE_ANY);
    case CLASS_NONE:
        return !record->ttl_s && !is_meta(record->type);
    default:
        return false;
    }
}

/* Section 3.4.1. What the signer of a zone makes is not changed by hand. */
static unsigned look_at_change(const struct update *update, const struct update_record *record)
{
    if (!name_is_within(record->lower, update->zone))
        return RCODE_NOTZONE;
    if (!is_well_formed(record))
        return RCODE_FORMERR;
    bool signers = record->type == TYPE_NSEC || record->type == TYPE_NSEC3 ||
                   (record->type == TYPE_RRSIG && !name_equal(record->lower, update->zone));
    return signers ? RCODE_REFUSED : RCODE_NOERROR;
}

static unsigned look_through(const struct update *update)
{
    unsigned rcode = RCODE_NOERROR;
    for (size_t i = 0; i < update->change_count && !rcode; i++)
        rcode = look_at_change(update, &update->changes[i]);
    for (size_t i = 0; i < update->prerequisite_count && !rcode; i++)
        rcode = look_at_prerequisite(update, &update->prerequisites[i]);
    return rcode;
}

static unsigned read_all(struct update *update, const uint8_t *message, size_t length)
{
    struct message_reader m;
    int error = read_zone(update, message, length);
    if (!error)
        error = message_open(&m, message, length);
    if (!error && (size_t)m.counts[0] + m.counts[1] > length / 11) /* none is shorter */
        error = ERR_MALFORMED;
    if (!error) {
        update->prerequisites = arena_zalloc(&update->arena, m.counts[0] * sizeof *update->prerequisites);
        update->changes = arena_zalloc(&update->arena, m.counts[1] * sizeof *update->changes);
        error = update->prerequisites && update->changes ? read_records(update, &m) : ERR_NOMEM;
    }
    if (error)
        return error == ERR_MALFORMED ? RCODE_FORMERR : RCODE_SERVFAIL;
    return look_through(update);
}

struct update *update_read(const uint8_t *message, size_t length, unsigned *rcode)
{
    struct update *update = calloc(1, sizeof *update);
    *rcode = RCODE_SERVFAIL;
    if (!update)
        return NULL;
    arena_init(&update->arena, 0);
    *rcode = read_all(update, message, length);
    if (*rcode == RCODE_NOERROR)
        return update;
    update_free(update);
    return NULL;
}

void update_free(struct update *update)
{
    if (!update)
        return;
    arena_fini(&update->arena);
    free(update);
}
