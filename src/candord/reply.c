/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes that go out. */
#include <string.h>

#include "candord/query.h"
#include "candord/ready_table.h"
#include "candord/signature.h"
#include "candord/worker.h"
#include "dns/cookie.h"
#include "dns/name.h"

static size_t size_limit(const struct query *q)
{
    size_t limit = DNS_MESSAGE_MAX;
    if (q->client.transport == TRANSPORT_UDP) {
        size_t ours = q->snapshot->config->server.udp_answer_max;
        limit = q->asked.udp_size < ours ? q->asked.udp_size : ours;
        if (limit < DNS_UDP_CLASSIC)
            limit = DNS_UDP_CLASSIC;
    }
    if (limit > q->out_size)
        limit = q->out_size;
    return __builtin_expect(q->signature != NULL, 0) ? limit - signature_room(q, limit) : limit;
}

static uint16_t base_flags(const struct query *q)
{
    uint16_t flags = DNS_QR | (q->asked.flags & (0x7800 | DNS_RD | DNS_CD));
    return q->recursion_allowed ? flags | DNS_RA : flags;
}

static void begin(struct query *q, struct message_writer *m, uint16_t flags)
{
    message_begin(m, q->out, size_limit(q), q->asked.id, flags);
    if (q->asked.qname && message_put_question(m, q->asked.qname, q->asked.qtype, q->asked.qclass))
        m->truncated = true;
}

/* What the OPT of an answer says; false: the question had none. */
static bool edns_of(struct query *q, unsigned rcode, int ede, const char *ede_text, struct edns_reply *edns)
{
    const struct server_config *config = &q->snapshot->config->server;
    if (!q->asked.has_edns)
        return false;
    *edns = (struct edns_reply){
        .udp_size = config->edns_udp_size,
        .extended_rcode = (uint16_t)rcode,
        .dnssec_ok = q->asked.dnssec_ok,
        .keepalive_100ms = -1,
        .ede = ede,
        .ede_text = ede_text,
    };
    if (q->cookie_length) {
        edns->cookie = q->cookie;
        edns->cookie_length = q->cookie_length;
    }
    if (q->asked.wants_nsid && config->nsid && config->server_id) {
        edns->nsid = (const uint8_t *)config->server_id;
        edns->nsid_length = strlen(config->server_id);
    }
    if (q->asked.wants_keepalive && q->client.transport == TRANSPORT_TCP)
        edns->keepalive_100ms = (int)(config->tcp_idle_ms / 100);
    return true;
}

static void count_answer(struct query *q, unsigned rcode, bool truncated)
{
    static const enum serve_metric by_rcode[] = {[RCODE_NOERROR] = SERVE_NOERROR,
                                                 [RCODE_FORMERR] = SERVE_OTHER_RCODES,
                                                 [RCODE_SERVFAIL] = SERVE_SERVFAIL,
                                                 [RCODE_NXDOMAIN] = SERVE_NXDOMAIN};
    _Atomic uint64_t *counters = worker_counters(q->worker);
    metric_add(counters, rcode <= RCODE_NXDOMAIN ? by_rcode[rcode] : SERVE_OTHER_RCODES, 1);
    if (truncated)
        metric_add(counters, SERVE_TRUNCATED, 1);
}

static void finish(struct query *q, struct message_writer *m, unsigned rcode, const struct edns_reply *edns)
{
    if (m->truncated)
        m->flags |= DNS_TC;
    if (edns)
        message_put_edns(m, edns);
    q->out_length = message_finish(m, (uint16_t)rcode);
    count_answer(q, rcode, m->truncated);
}

static bool wants_ad(const struct query *q)
{
    return q->asked.dnssec_ok || (q->asked.flags & DNS_AD);
}

void reply_none(struct query *q)
{
    q->no_reply = true;
    q->out_length = 0;
}

void reply_code(struct query *q, unsigned rcode, int ede, const char *text)
{
    struct message_writer m;
    struct edns_reply edns;
    bool has_edns = edns_of(q, rcode, ede, text, &edns);
    begin(q, &m, base_flags(q));
    if (has_edns)
        message_reserve(&m, edns_reply_bytes(&edns));
    finish(q, &m, rcode, has_edns ? &edns : NULL);
}

void reply_truncated(struct query *q, unsigned rcode)
{
    struct message_writer m;
    struct edns_reply edns;
    bool has_edns = edns_of(q, rcode, EDE_NONE, NULL, &edns);
    begin(q, &m, base_flags(q));
    if (has_edns)
        message_reserve(&m, edns_reply_bytes(&edns));
    m.truncated = true;
    finish(q, &m, rcode, has_edns ? &edns : NULL);
}

/* --- a cached truth --- */

static bool servfail_for_client(const struct query *q, const struct truth *truth)
{
    return truth->failed || (truth->security == TRUTH_BOGUS && !query_cd(&q->asked));
}

/* The header and the question as it was asked: what a ready wire stands behind. */
static void put_head(struct query *q, uint16_t flags, const uint16_t counts[3], unsigned additional)
{
    uint8_t *out = q->out;
    store_u16(out, q->asked.id);
    store_u16(out + 2, flags);
    store_u16(out + 4, 1);
    store_u16(out + 6, counts[0]);
    store_u16(out + 8, counts[1]);
    store_u16(out + 10, (uint16_t)(counts[2] + additional));
    copy_short(out + DNS_HEADER_BYTES, q->asked.qname, (size_t)q->asked.qname_length + 4);
}

/* Adds a cookie to the OPT that begins at `opt` and ends at `end`. Returns the new end. */
static uint8_t *add_cookie(const struct query *q, uint8_t *opt, uint8_t *end)
{
    enum { RDLENGTH_AT = 9 };
    store_u16(end, EDNS_COOKIE);
    store_u16(end + 2, q->cookie_length);
    memcpy(end + 4, q->cookie, COOKIE_WHOLE_BYTES);
    store_u16(opt + RDLENGTH_AT, (uint16_t)(load_u16(opt + RDLENGTH_AT) + 4 + q->cookie_length));
    return end + 4 + q->cookie_length;
}

static size_t cookie_option_bytes(const struct query *q)
{
    return q->cookie_length ? 4u + q->cookie_length : 0;
}

/* Nearly every OPT of an answer has no options, or a cookie. */
enum { PLAIN_OPT_BYTES = 11 };

static bool opt_is_plain(const struct query *q)
{
    return !q->asked.wants_nsid && !q->asked.wants_keepalive;
}

static void put_plain_opt(const struct query *q, uint8_t *to)
{
    static const uint8_t opt[PLAIN_OPT_BYTES] = {0, 0, TYPE_OPT}; /* root, no upper rcode, version 0 */
    memcpy(to, opt, sizeof opt);
    store_u16(to + 3, q->snapshot->config->server.edns_udp_size);
    to[7] = q->asked.dnssec_ok ? 0x80 : 0;
    if (q->cookie_length)
        (void)add_cookie(q, to, to + PLAIN_OPT_BYTES);
}

/* What goes out without a cursor: header, question, `length` bytes of records that the caller copies in, OPT.
 */
struct frame {
    struct edns_reply edns;
    size_t at; /* where the records go */
    size_t opt_bytes;
    bool plain;
};

static inline __attribute__((always_inline)) bool
frame_fits(struct query *q, struct frame *frame, size_t length, unsigned rcode, int ede, const char *ede_text)
{
    frame->at = DNS_HEADER_BYTES + (size_t)q->asked.qname_length + 4;
    frame->opt_bytes = 0;
    frame->plain = q->asked.has_edns && ede == EDE_NONE && opt_is_plain(q);
    if (frame->plain)
        frame->opt_bytes = PLAIN_OPT_BYTES + cookie_option_bytes(q);
    else if (edns_of(q, rcode, ede, ede_text, &frame->edns))
        frame->opt_bytes = edns_reply_bytes(&frame->edns);
    return frame->at + length + frame->opt_bytes <= size_limit(q);
}

/* Writes what stands around the records. Returns where they go. `flags` has the rcode. */
static inline __attribute__((always_inline)) uint8_t *
put_frame(struct query *q, const struct frame *frame, uint16_t flags, const uint16_t counts[3], size_t length)
{
    uint8_t *opt = q->out + frame->at + length;
    put_head(q, flags, counts, frame->opt_bytes != 0);
    if (frame->plain) {
        put_plain_opt(q, opt);
    } else if (frame->opt_bytes) {
        struct writer w = writer_of(opt, frame->opt_bytes);
        (void)!edns_write(&w, &frame->edns); /* it has all the room that it asked for */
    }
    q->out_length = frame->at + length + frame->opt_bytes;
    count_answer(q, flags & 15, false);
    return q->out + frame->at;
}

void reply_truth(struct query *q, const struct truth *truth)
{
    struct frame frame;
    if (servfail_for_client(q, truth)) {
        reply_code(q, RCODE_SERVFAIL, truth->ede, truth->ede_text);
        return;
    }
    uint16_t flags = base_flags(q) | truth->rcode;
    if (truth->security == TRUTH_SECURE && wants_ad(q))
        flags |= DNS_AD;
    const struct truth_wire *wire = q->asked.dnssec_ok ? &truth->full : &truth->plain;
    if (frame_fits(q, &frame, wire->length, truth->rcode, EDE_NONE, NULL))
        truth_copy_wire(truth, wire, q->now_ms, q->view->config->stale_answer_ttl_s,
                        put_frame(q, &frame, flags, wire->counts, wire->length));
    else
        reply_truncated(q, truth->rcode);
}

bool reply_denial(struct query *q, unsigned rcode, const struct ready_record *additional, int ede,
                  const char *ede_text)
{
    struct frame frame;
    const uint16_t counts[3] = {0, 0, additional != NULL};
    size_t length = additional ? additional->length : 0;
    if (!frame_fits(q, &frame, length, rcode, ede, ede_text))
        return false;
    uint8_t *records = put_frame(q, &frame, (uint16_t)(base_flags(q) | rcode), counts, length);
    if (length)
        memcpy(records, additional->bytes, length);
    return true;
}

/* Options that a ready OPT has not; a cookie can be added to it. */
static bool wants_more_options(const struct query *q)
{
    return (q->asked.wants_nsid && q->snapshot->config->server.nsid) ||
           (q->asked.wants_keepalive && q->client.transport == TRANSPORT_TCP);
}

bool reply_ready(struct query *q, const struct ready_form *form)
{
    enum { FLAGS_AT = 7, DO = 0x80 };
    size_t head = DNS_HEADER_BYTES + (size_t)q->asked.qname_length + 4;
    bool has_edns = q->asked.has_edns;
    size_t length = form->length + (has_edns ? (size_t)form->opt_length : 0);
    size_t cookie_bytes = has_edns ? cookie_option_bytes(q) : 0;
    if (wants_more_options(q) || head + length + cookie_bytes > size_limit(q))
        return false;
    put_head(q, base_flags(q) | form->rcode, form->counts, has_edns);
    uint8_t *at = q->out + head, *opt = at + form->length, *end = at + length;
    memcpy(at, form->bytes, length);
    if (q->asked.dnssec_ok)
        opt[FLAGS_AT] = DO;
    if (cookie_bytes)
        end = add_cookie(q, opt, end);
    q->out_length = (size_t)(end - q->out);
    count_answer(q, form->rcode, false);
    return true;
}

/* --- records --- */

/* RFC 8482 section 4.1: over UDP one RRset is answer enough to ANY, with minimal-any. */
static uint16_t answer_sets_to_send(const struct query *q)
{
    uint16_t count = q->answer.count[SECTION_ANSWER];
    bool minimal =
        q->asked.qtype == TYPE_ANY && q->client.transport == TRANSPORT_UDP && q->view->config->minimal_any;
    return minimal && count > 1 ? 1 : count;
}

static void put_sections(struct query *q, struct message_writer *m)
{
    const struct answer *answer = &q->answer;
    for (enum dns_section section = SECTION_ANSWER; section <= SECTION_ADDITIONAL && !m->truncated;
         section++) {
        uint16_t count = section == SECTION_ANSWER ? answer_sets_to_send(q) : answer->count[section];
        for (uint16_t i = 0; i < count && !m->truncated; i++)
            if (message_put_rrset(m, section, &answer->sets[section][i], q->asked.dnssec_ok))
                m->truncated = section != SECTION_ADDITIONAL; /* additional data is optional */
    }
}

void reply_answer(struct query *q)
{
    const struct answer *answer = &q->answer;
    if (answer->failed || answer->rcode == RCODE_REFUSED ||
        (answer->bogus && answer->rcode == RCODE_SERVFAIL)) {
        reply_code(q, answer->rcode, answer->ede, answer->ede_text);
        return;
    }
    struct message_writer m;
    struct edns_reply edns;
    uint16_t flags = base_flags(q);
    if (answer->authoritative)
        flags |= DNS_AA;
    else if (answer->authentic && !q->rewritten && wants_ad(q))
        flags |= DNS_AD;
    begin(q, &m, flags);
    bool has_edns = edns_of(q, answer->rcode, answer->ede, answer->ede_text, &edns);
    if (has_edns)
        message_reserve(&m, edns_reply_bytes(&edns));
    put_sections(q, &m);
    finish(q, &m, answer->rcode, has_edns ? &edns : NULL);
}

/* --- class CH --- */

static const char *chaos_text(const struct query *q)
{
    const struct server_config *config = &q->snapshot->config->server;
    const struct {
        const char *name, *text;
    } table[] = {
        {"version.bind.", config->version},
        {"hostname.bind.", config->hostname},
        {"id.server.", config->server_id},
    };
    char name[NAME_TEXT_MAX];
    uint8_t lower[NAME_MAX_BYTES];
    name_copy_lower(lower, q->asked.qname);
    name_to_text(lower, name);
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return table[i].text;
    return NULL;
}

bool reply_chaos(struct query *q)
{
    const char *text = chaos_text(q);
    struct message_writer m;
    struct edns_reply edns;
    if (!text)
        return false;
    bool has_edns = edns_of(q, RCODE_NOERROR, EDE_NONE, NULL, &edns);
    begin(q, &m, base_flags(q) | DNS_AA);
    if (has_edns)
        message_reserve(&m, edns_reply_bytes(&edns));
    if (q->asked.qtype == TYPE_TXT || q->asked.qtype == TYPE_ANY) {
        size_t length = strlen(text) < 255 ? strlen(text) : 255;
        write_u16(&m.writer, 0xc000 | DNS_HEADER_BYTES);
        write_u16(&m.writer, TYPE_TXT);
        write_u16(&m.writer, CLASS_CH);
        write_u32(&m.writer, 0);
        write_u16(&m.writer, (uint16_t)(length + 1));
        write_u8(&m.writer, (uint8_t)length);
        write_bytes(&m.writer, text, length);
        m.counts[1] = 1;
    }
    finish(q, &m, RCODE_NOERROR, has_edns ? &edns : NULL);
    return true;
}
