/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An answer that is about to go out over UDP, against rate-limit. What kind it is and what name it is about
 * is read from the answer itself, so it does not matter how it came about. */
#include "base/bytes.h"
#include "base/clock.h"
#include "candord/query.h"
#include "candord/rate_limit.h"
#include "candord/worker.h"
#include "dns/cookie.h"
#include "dns/name.h"
#include "dns/record.h"
#include "zone/zone.h"

/* The first SOA or NS of the authority section: its type, its owner in `name`. 0: none. */
static uint16_t read_authority(const struct query *q, uint8_t *name)
{
    struct message_reader reader;
    struct message_record record;
    if (message_open(&reader, q->out, q->out_length))
        return 0;
    while (message_next(&reader, &record) == 1)
        if (record.section == SECTION_AUTHORITY && (record.type == TYPE_SOA || record.type == TYPE_NS)) {
            name_copy_lower(name, record.owner);
            return record.type;
        }
    return 0;
}

/* --- what it is about --- */

static int stop(void *context, const struct policy_record *record)
{
    (void)context;
    (void)record;
    return 1;
}

/* All names that a wildcard of ours makes are one. */
static void impute_wildcard(struct query *q, uint8_t *name)
{
    static const uint8_t star[] = {1, '*', 0};
    uint8_t whole[NAME_MAX_BYTES];
    if (!q->touched || !q->first_zone || !name_is_within(name, zone_content_origin(q->first_zone)) ||
        zone_content_at(q->first_zone, name, &q->arena, stop, NULL) ||
        name_join(star, zone_content_origin(q->first_zone), whole) < 0)
        return;
    name_copy(name, whole);
}

static void describe_negative(const struct query *q, unsigned rcode, struct rate_answer *answer,
                              uint8_t *name)
{
    uint8_t owner[NAME_MAX_BYTES];
    uint16_t type = read_authority(q, owner);
    if (rcode == RCODE_NXDOMAIN) {
        answer->kind = RATE_NXDOMAIN;
        answer->name = type ? name : NULL; /* a rule's has no SOA: they are all alike */
    } else {
        answer->kind = type == TYPE_NS ? RATE_REFERRAL : RATE_NODATA;
        type = type == TYPE_NS ? type : 0;
    }
    if (type)
        name_copy(name, owner);
}

static void describe(struct query *q, struct rate_answer *answer, uint8_t *name)
{
    enum { AA = 0x04, TC = 0x02 };
    unsigned rcode = q->out[3] & 15;
    *answer = (struct rate_answer){
        .kind = RATE_ERROR, .rcode = (uint8_t)rcode, .client = &q->client.address, .qtype = q->asked.qtype};
    if ((rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN) || !q->asked.qname)
        return;
    name_copy_lower(name, q->asked.qname);
    answer->name = name;
    if (rcode == RCODE_NXDOMAIN || (!load_u16(q->out + 6) && !(q->out[2] & TC))) {
        describe_negative(q, rcode, answer, name);
        return;
    }
    answer->kind = RATE_RESPONSE;
    if (q->out[2] & AA)
        impute_wildcard(q, name);
}

/* --- what becomes of it --- */

static void count(struct query *q, enum serve_metric which)
{
    metric_add(worker_counters(q->worker), which, 1);
}

/* Who shows a cookie of ours does not lie about his address (RFC 7873). */
static bool is_trusted(const struct query *q)
{
    return q->asked.has_cookie && q->asked.cookie_length > 8 &&
           cookie_valid(worker_serving(q->worker)->cookie_secret, q->asked.cookie, q->asked.cookie_length,
                        &q->client.address, (uint32_t)clock_wall_s());
}

/* A client that is no forger comes again: by TCP, or with the cookie that it gets here. */
static void slip(struct query *q)
{
    unsigned rcode = q->out[3] & 15;
    count(q, SERVE_RATE_SLIPPED);
    if (q->cookie_length)
        reply_code(q, RCODE_BADCOOKIE, EDE_NONE, NULL);
    else
        reply_truncated(q, rcode);
}

static void carry_out(struct query *q, enum rate_result result)
{
    if (q->rights.view->config->rate_limit->options.log_only) {
        count(q, SERVE_RATE_WOULD);
        return;
    }
    if (result == RATE_SLIP) {
        slip(q);
        return;
    }
    count(q, SERVE_RATE_DROPPED);
    reply_none(q);
}

void reply_limit(struct query *q)
{
    uint8_t name[NAME_MAX_BYTES];
    struct rate_answer answer;
    struct rate_limiter *limiter = q->rights.view->limiter;
    if (q->explanation || q->no_reply || q->out_length < DNS_HEADER_BYTES || q->asked.opcode != OPCODE_QUERY)
        return;
    if (q->client.transport == TRANSPORT_TCP) {
        rate_limiter_see_tcp(limiter, &q->client.address, q->now_ms);
        return;
    }
    if (is_trusted(q))
        return;
    describe(q, &answer, name);
    struct rate_judgement judgement = rate_limiter_judge(limiter, &answer, q->now_ms);
    if (judgement.crowded)
        count(q, SERVE_RATE_CROWDED);
    if (judgement.result != RATE_PASS)
        carry_out(q, judgement.result);
}
