/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transfer/incoming.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "dns/name.h"

/* What the next record is. An AXFR is FIRST, WHOLE …; an IXFR is FIRST, SECOND, then REMOVED and ADDED in
 * turn; an AXFR-style answer to an IXFR shows at the second record that it is none. */
enum state { FIRST, SECOND, WHOLE, REMOVED, ADDED, COMPLETE, FAILED };

struct incoming {
    struct incoming_options options;
    uint8_t zone[NAME_MAX_BYTES];
    enum state state;
    enum incoming_kind kind;
    struct arena arena; /* one message's data */
    struct arena kept;  /* the first SOA */
    struct policy_record first_soa;
    struct incoming_soa soa;
    struct zone_draft *draft;
    struct zone_changes *changes;
    uint32_t step_serial; /* of the version that the changes so far lead to */
    uint64_t records, bytes, left_out, removed, added;
    unsigned messages, rcode;
    const char *left_out_why;
    char problem[256];
};

enum { TTL_MAX_S = 0x7fffffff /* RFC 2181 section 8: what is above counts as 0 */ };

/* --- life --- */

struct incoming *incoming_new(const struct incoming_options *options)
{
    struct incoming *in = calloc(1, sizeof *in);
    if (!in)
        return NULL;
    in->options = *options;
    name_copy_lower(in->zone, options->request.zone);
    in->options.request.zone = in->zone;
    arena_init(&in->arena, 65536);
    arena_init(&in->kept, 0);
    return in;
}

void incoming_free(struct incoming *in)
{
    if (!in)
        return;
    arena_fini(&in->arena);
    arena_fini(&in->kept);
    zone_draft_free(in->draft);
    zone_changes_free(in->changes);
    free(in);
}

__attribute__((format(printf, 3, 4))) static int fail(struct incoming *in, int error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(in->problem, sizeof in->problem, format, arguments);
    va_end(arguments);
    in->state = FAILED;
    return error;
}

static int no_memory(struct incoming *in)
{
    return fail(in, ERR_NOMEM, "out of memory");
}

/* --- records --- */

static void leave_out(struct incoming *in, const char *why)
{
    if (in->left_out++ == 0)
        in->left_out_why = why;
}

static int count_record(struct incoming *in)
{
    uint64_t most = in->options.max_records, have = ++in->records;
    if (in->state == REMOVED || in->state == ADDED)
        have = in->options.old_records + in->added > in->removed
                   ? in->options.old_records + in->added - in->removed
                   : 0;
    if (most && have > most)
        return fail(in, ERR_LIMIT, "more than max-records %llu", (unsigned long long)most);
    return 0;
}

static int draft_add(struct incoming *in, const struct policy_record *record)
{
    const char *why = NULL;
    int error = zone_draft_add(in->draft, record, &why);
    if (error == ERR_INVALID) {
        leave_out(in, why);
        error = 0;
    }
    return error < 0 ? no_memory(in) : count_record(in);
}

static int changes_add(struct incoming *in, bool remove, const struct policy_record *record)
{
    if (!name_is_within(record->owner, in->zone)) {
        leave_out(in, "out of zone");
        return 0;
    }
    if (zone_changes_add(in->changes, remove, record))
        return no_memory(in);
    in->removed += remove;
    in->added += !remove;
    return count_record(in);
}

/* Types that are no data (RFC 6895 section 3.1). */
static bool is_meta(uint16_t type)
{
    return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

/* --- the order of records --- */

static struct incoming_soa soa_of(const struct policy_record *record)
{
    return (struct incoming_soa){soa_serial(record->rdata), soa_refresh_s(record->rdata),
                                 soa_retry_s(record->rdata), soa_expire_s(record->rdata)};
}

static int begin_whole(struct incoming *in)
{
    in->state = WHOLE;
    in->kind = INCOMING_WHOLE;
    in->draft = zone_draft_revise(in->zone, in->options.policy, in->options.old);
    return in->draft ? draft_add(in, &in->first_soa) : no_memory(in);
}

static int begin_step(struct incoming *in, const struct policy_record *soa)
{
    in->state = REMOVED;
    return changes_add(in, true, soa);
}

static int begin_changes(struct incoming *in, const struct policy_record *soa)
{
    in->kind = INCOMING_CHANGES;
    in->step_serial = in->options.request.serial;
    in->changes = zone_changes_new();
    return in->changes ? begin_step(in, soa) : no_memory(in);
}

static int complete(struct incoming *in)
{
    in->state = COMPLETE;
    return 0;
}

static int keep_first(struct incoming *in, const struct policy_record *record)
{
    in->first_soa = *record;
    in->first_soa.owner = in->zone;
    in->first_soa.rdata = arena_copy(&in->kept, record->rdata, record->rdata_length);
    in->soa = soa_of(record);
    return in->first_soa.rdata ? 0 : no_memory(in);
}

/* The version that the primary has. One that is not newer than ours is no news (RFC 1995 section 4). */
static int take_first(struct incoming *in, const struct policy_record *record)
{
    const struct incoming_options *options = &in->options;
    if (record->type != TYPE_SOA)
        return fail(in, ERR_MALFORMED, "the answer does not begin with the SOA");
    if (keep_first(in, record))
        return ERR_NOMEM;
    if (options->has_version && !options->any_serial &&
        !serial_newer(in->soa.serial, options->request.serial)) {
        in->kind = INCOMING_UP_TO_DATE;
        return complete(in);
    }
    if (options->request.type == TYPE_AXFR)
        return begin_whole(in);
    in->state = SECOND;
    return 0;
}

static int take_whole(struct incoming *in, const struct policy_record *record)
{
    if (record->type != TYPE_SOA)
        return draft_add(in, record);
    if (soa_serial(record->rdata) != in->soa.serial)
        return fail(in, ERR_INVALID, "the answer begins with serial %u and ends with %u", in->soa.serial,
                    soa_serial(record->rdata));
    return complete(in);
}

static int take_second(struct incoming *in, const struct policy_record *record)
{
    if (record->type == TYPE_SOA && soa_serial(record->rdata) == in->options.request.serial)
        return begin_changes(in, record);
    if (record->type == TYPE_SOA && soa_serial(record->rdata) != in->soa.serial)
        return fail(in, ERR_NOT_FOUND, "the changes begin at serial %u, ours is %u",
                    soa_serial(record->rdata), in->options.request.serial);
    int error = begin_whole(in);
    return error ? error : take_whole(in, record);
}

static int take_removed(struct incoming *in, const struct policy_record *record)
{
    if (record->type != TYPE_SOA)
        return changes_add(in, true, record);
    uint32_t serial = soa_serial(record->rdata);
    if (!serial_newer(serial, in->step_serial))
        return fail(in, ERR_INVALID, "changes that lead from serial %u back to %u", in->step_serial, serial);
    in->step_serial = serial;
    in->state = ADDED;
    return changes_add(in, false, record);
}

/* An SOA behind additions begins the next step, or ends all. */
static int take_added(struct incoming *in, const struct policy_record *record)
{
    if (record->type != TYPE_SOA)
        return changes_add(in, false, record);
    uint32_t serial = soa_serial(record->rdata);
    if (serial != in->step_serial)
        return fail(in, ERR_INVALID, "changes up to serial %u are followed by serial %u", in->step_serial,
                    serial);
    return serial == in->soa.serial ? complete(in) : begin_step(in, record);
}

static int take_record(struct incoming *in, const struct policy_record *record)
{
    if (is_meta(record->type) || record->rclass != CLASS_IN)
        return fail(in, ERR_MALFORMED, "a record of type %s, class %s", type_to_text(record->type),
                    class_to_text(record->rclass));
    if (record->type == TYPE_SOA && !name_equal(record->owner, in->zone))
        return fail(in, ERR_MALFORMED, "an SOA that is not the zone's");
    switch (in->state) {
    case FIRST:
        return take_first(in, record);
    case SECOND:
        return take_second(in, record);
    case WHOLE:
        return take_whole(in, record);
    case REMOVED:
        return take_removed(in, record);
    case ADDED:
        return take_added(in, record);
    default:
        return fail(in, ERR_MALFORMED, "records behind the last SOA");
    }
}

/* --- messages --- */

static int check_header(struct incoming *in, const struct message_reader *m, const uint8_t *message,
                        size_t length)
{
    in->rcode = m->flags & 15;
    if (!transfer_answers(&in->options.request, message, length))
        return fail(in, ERR_MALFORMED, "a message that is no answer to our question");
    if (in->rcode)
        return fail(in, ERR_REFUSED, "%s", rcode_to_text(in->rcode));
    if (m->flags & DNS_TC)
        return fail(in, ERR_MALFORMED, "a truncated message");
    if (!m->counts[SECTION_ANSWER] && in->messages == 1)
        return fail(in, ERR_MALFORMED, "an answer without records");
    return 0;
}

static int take_records(struct incoming *in, struct message_reader *m)
{
    struct message_record record;
    struct rdata rdata;
    int error = 0;
    while (!error && m->left[SECTION_ANSWER]) {
        int more = message_next(m, &record);
        int bad = more < 0 ? more : message_rdata(m, &record, &in->arena, &rdata);
        if (bad)
            return bad == ERR_NOMEM ? no_memory(in) : fail(in, ERR_MALFORMED, "a malformed record");
        const struct policy_record policy_record = {.owner = record.owner,
                                                    .type = record.type,
                                                    .rclass = record.rclass,
                                                    .ttl_s = record.ttl_s > TTL_MAX_S ? 0 : record.ttl_s,
                                                    .rdata = rdata.bytes,
                                                    .rdata_length = rdata.length};
        error = take_record(in, &policy_record);
    }
    return error;
}

int incoming_take(struct incoming *in, const uint8_t *message, size_t length)
{
    struct message_reader m;
    in->messages++;
    in->bytes += length;
    if (in->state == COMPLETE || in->state == FAILED)
        return fail(in, ERR_MALFORMED, "messages behind the last SOA");
    if (message_open(&m, message, length))
        return fail(in, ERR_MALFORMED, "a malformed message");
    arena_reset(&in->arena);
    int error = check_header(in, &m, message, length);
    if (!error)
        error = take_records(in, &m);
    return error ? error : in->state != COMPLETE;
}

/* --- what has come --- */

const char *incoming_problem(const struct incoming *in)
{
    return in->problem;
}

unsigned incoming_rcode(const struct incoming *in)
{
    return in->rcode;
}

uint64_t incoming_records(const struct incoming *in)
{
    return in->records;
}

uint64_t incoming_bytes(const struct incoming *in)
{
    return in->bytes;
}

unsigned incoming_messages(const struct incoming *in)
{
    return in->messages;
}

uint64_t incoming_left_out(const struct incoming *in, const char **why)
{
    *why = in->left_out_why;
    return in->left_out;
}

enum incoming_kind incoming_kind(const struct incoming *in)
{
    return in->kind;
}

const struct incoming_soa *incoming_soa(const struct incoming *in)
{
    return &in->soa;
}

int incoming_build(struct incoming *in, struct zone_content **out)
{
    const char *why = NULL;
    int error = zone_draft_finish(in->draft, out, &why);
    in->draft = NULL;
    return error ? fail(in, error, "%s", why ? why : err_text(error)) : 0;
}

struct zone_changes *incoming_changes(struct incoming *in)
{
    struct zone_changes *changes = in->changes;
    in->changes = NULL;
    return changes;
}
