/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transfer/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/name.h"
#include "dns/rdata_layout.h"

enum {
    POINTER = 0xc000,
    POINTER_MAX = 0x3fff, /* offsets that 14 bits can hold */
    RECORD_FIXED_BYTES = 10,
};

/* What an owner may point to: the one before it, of which it mostly shares a tail (`x` and `*.x`, and all of
 * them the zone's name). A table of every name would find little more. */
struct names {
    uint8_t last[NAME_MAX_BYTES];
    uint16_t at[NAME_MAX_LABELS]; /* where each of its labels can be pointed to; 0: nowhere */
    unsigned labels;
};

/* Which record comes next. */
enum stage { STAGE_FIRST_SOA, STAGE_BODY, STAGE_LAST_SOA, STAGE_END };

struct outgoing {
    struct outgoing_options options;
    uint8_t qname[NAME_MAX_BYTES];
    enum stage stage;
    struct zone_walk walk;
    size_t step_at;
    uint64_t records, messages;
    /* The message in the making. */
    struct writer writer;
    size_t soft_end;
    struct names names;
    unsigned count;
    int error;
};

struct outgoing *outgoing_new(const struct outgoing_options *options)
{
    struct outgoing *outgoing = calloc(1, sizeof *outgoing);
    if (!outgoing) {
        zone_changes_free(options->steps);
        return NULL;
    }
    outgoing->options = *options;
    outgoing->options.content = zone_content_ref(options->content);
    name_copy(outgoing->qname, options->qname);
    return outgoing;
}

void outgoing_free(struct outgoing *outgoing)
{
    if (!outgoing)
        return;
    zone_content_unref(outgoing->options.content);
    zone_changes_free(outgoing->options.steps);
    free(outgoing);
}

/* --- names --- */

/* The name stands in full at `here`, but for its last `shared` labels, which the one before had. */
static void remember(struct names *names, const uint8_t *name, unsigned labels, unsigned shared, size_t here)
{
    uint16_t kept[NAME_MAX_LABELS];
    for (unsigned i = 0; i < shared; i++)
        kept[i] = names->at[names->labels - shared + i];
    const uint8_t *label = name;
    for (unsigned i = 0; i < labels - shared; i++, label += *label + 1) {
        size_t at = here + (size_t)(label - name);
        names->at[i] = at <= POINTER_MAX ? (uint16_t)at : 0;
    }
    for (unsigned i = 0; i < shared; i++)
        names->at[labels - shared + i] = kept[i];
    name_copy(names->last, name);
    names->labels = labels;
}

/* How many labels at the end of `name` can be a pointer. A pointer to the same letters in another case would
 * change data that the other side compares byte by byte. */
static unsigned shared_tail(const struct names *names, const uint8_t *name)
{
    unsigned shared = names->labels ? name_shared_labels(names->last, name) : 0;
    const uint8_t *ours = name_skip(name, name_labels(name) - shared);
    const uint8_t *theirs = shared ? name_skip(names->last, names->labels - shared) : ours;
    for (; shared; shared--, ours += *ours + 1, theirs += *theirs + 1)
        if (names->at[names->labels - shared] && memcmp(ours, theirs, name_length(ours)) == 0)
            return shared;
    return 0;
}

static void put_name(struct outgoing *o, const uint8_t *name, bool owner)
{
    struct names *names = &o->names;
    unsigned labels = name_labels(name), shared = shared_tail(names, name);
    size_t here = writer_used(&o->writer), whole = name_length(name);
    uint16_t pointer = shared ? names->at[names->labels - shared] : 0;
    const uint8_t *tail = name_skip(name, labels - shared);
    write_bytes(&o->writer, name, shared ? (size_t)(tail - name) : whole);
    if (shared)
        write_u16(&o->writer, (uint16_t)(POINTER | pointer));
    if (owner)
        remember(names, name, labels, shared, here);
}

/* --- records --- */

static void put_field(struct outgoing *o, int field, struct reader *in, size_t length)
{
    if (field >= FIELD_PLAIN_NAME) {
        int taken = name_check(in->at, reader_left(in));
        length = taken < 0 ? reader_left(in) : (size_t)taken;
        field = taken < 0 ? FIELD_REST : field;
    }
    const uint8_t *bytes = read_bytes(in, length);
    if (bytes && field == FIELD_NAME)
        put_name(o, bytes, false);
    else if (bytes)
        write_bytes(&o->writer, bytes, length);
}

static void put_rdata(struct outgoing *o, const struct policy_record *record)
{
    struct reader in = reader_of(record->rdata, record->rdata_length);
    struct rdata_walk walk = rdata_walk(record->type);
    size_t length = 0;
    for (int field; reader_left(&in) && !in.error &&
                    (field = rdata_walk_next(&walk, in.at, reader_left(&in), &length)) > FIELD_END;)
        put_field(o, field, &in, length);
}

static void put_whole(struct outgoing *o, const struct policy_record *record)
{
    put_name(o, record->owner, true);
    uint8_t *fixed = write_room(&o->writer, RECORD_FIXED_BYTES);
    if (!fixed)
        return;
    store_u16(fixed, record->type);
    store_u16(fixed + 2, record->rclass);
    store_u32(fixed + 4, record->ttl_s);
    put_rdata(o, record);
    if (!o->writer.error)
        store_u16(fixed + 8, (uint16_t)(o->writer.at - fixed - RECORD_FIXED_BYTES));
}

/* True: the record is in the message. The first one of a message may be larger than the message should be. */
static bool put_record(struct outgoing *o, const struct policy_record *record)
{
    uint8_t *before = o->writer.at;
    struct names names = o->names;
    if (o->count && (o->options.one_answer || o->count == UINT16_MAX))
        return false;
    put_whole(o, record);
    if (!o->writer.error && (!o->count || writer_used(&o->writer) <= o->soft_end)) {
        o->count++;
        o->records++;
        return true;
    }
    if (!o->count)
        o->error = ERR_SPACE;
    o->writer.error = 0;
    o->writer.at = before;
    o->names = names;
    return false;
}

/* --- the order of records --- */

static bool put_soa(struct outgoing *o)
{
    const struct rrset *soa = zone_content_soa(o->options.content);
    const struct policy_record record = {
        .owner = zone_content_origin(o->options.content),
        .type = TYPE_SOA,
        .rclass = CLASS_IN,
        .ttl_s = soa->ttl_s,
        .rdata = soa->rdatas[0].bytes,
        .rdata_length = soa->rdatas[0].length,
    };
    return put_record(o, &record);
}

/* The walk gives the SOA first, which has gone already, and of a policy zone also what is no record of its
 * class. */
static int put_walked(void *context, const struct policy_record *record)
{
    struct outgoing *o = context;
    bool apex_soa =
        record->type == TYPE_SOA && name_equal(record->owner, zone_content_origin(o->options.content));
    return !apex_soa && record->rclass == CLASS_IN && !put_record(o, record);
}

/* True: all of it is written. */
static bool put_body(struct outgoing *o)
{
    const struct outgoing_options *options = &o->options;
    if (options->form == OUTGOING_WHOLE) {
        int stopped = zone_content_walk(options->content, &o->walk, put_walked, o);
        if (stopped < 0)
            o->error = stopped;
        return !stopped;
    }
    const struct policy_change *list =
        options->form == OUTGOING_STEPS ? zone_changes_get(options->steps) : NULL;
    size_t count = list ? zone_changes_count(options->steps) : 0;
    while (o->step_at < count && put_record(o, &list[o->step_at].record))
        o->step_at++;
    return o->step_at == count;
}

static void put_records(struct outgoing *o)
{
    bool going = true;
    while (going && o->stage != STAGE_END) {
        if (o->stage == STAGE_BODY)
            going = put_body(o);
        else
            going = put_soa(o);
        if (going)
            o->stage = o->options.form == OUTGOING_SOA ? STAGE_END : o->stage + 1;
    }
}

/* --- messages --- */

/* Only the first message repeats the question (RFC 5936 section 2.2.1 lets the others do without). */
static void put_question(struct outgoing *o)
{
    put_name(o, o->qname, true);
    write_u16(&o->writer, o->options.qtype);
    write_u16(&o->writer, CLASS_IN);
}

static void finish(struct outgoing *o)
{
    uint8_t *header = o->writer.start;
    store_u16(header, o->options.id);
    store_u16(header + 2, (uint16_t)(o->options.flags | DNS_QR | DNS_AA));
    store_u16(header + 4, o->messages == 0);
    store_u16(header + 6, (uint16_t)o->count);
    store_u32(header + 8, 0);
}

int outgoing_next(struct outgoing *o, uint8_t *buffer, size_t size, size_t *length, bool *last)
{
    size_t most = size < DNS_MESSAGE_MAX ? size : DNS_MESSAGE_MAX;
    o->writer = writer_of(buffer, most);
    o->soft_end = o->options.message_bytes < most ? o->options.message_bytes : most;
    o->names.labels = 0;
    o->count = 0;
    o->error = 0;
    write_room(&o->writer, DNS_HEADER_BYTES);
    if (o->messages == 0)
        put_question(o);
    if (o->writer.error)
        return ERR_SPACE;
    put_records(o);
    if (o->error)
        return o->error;
    finish(o);
    o->messages++;
    *length = writer_used(&o->writer);
    *last = o->stage == STAGE_END;
    return 0;
}

uint64_t outgoing_records(const struct outgoing *outgoing)
{
    return outgoing->records;
}

uint64_t outgoing_messages(const struct outgoing *outgoing)
{
    return outgoing->messages;
}

const struct zone_content *outgoing_content(const struct outgoing *outgoing)
{
    return outgoing->options.content;
}

enum outgoing_form outgoing_form(const struct outgoing *outgoing)
{
    return outgoing->options.form;
}
