/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/signature.h"

#include "base/clock.h"
#include "base/log.h"
#include "candord/worker.h"
#include "dns/name.h"
#include "dns/tsig.h"

enum { TSIG_FIXED_BYTES = 10 + 16 /* of the record; of its data */, TSIG_OTHER_BYTES = 6 };

struct signature {
    struct tsig_session session;
    struct tsig_record record; /* of the question; what points into the packet is not used later */
    bool unknown_key;
};

static const struct tsig_key *find_key(const struct query *q, const struct tsig_record *record)
{
    const struct config *config = q->snapshot->config;
    for (size_t i = 0; i < config->key_count; i++)
        if (tsig_key_fits(&config->keys[i], record))
            return &config->keys[i];
    const struct tsig_key *session = worker_serving(q->worker)->session_key;
    return session && tsig_key_fits(session, record) ? session : NULL;
}

static void say_refused(const struct query *q, int error)
{
    char client[IP_TEXT_MAX], key[NAME_TEXT_MAX];
    metric_add(worker_counters(q->worker), SERVE_BAD_SIGNATURES, 1);
    log_write(LOG_SECURITY, LEVEL_INFO, "client %s#%u: request has an invalid signature: TSIG %s: %s",
              ip_to_text(&q->client.address, client), q->client.port,
              name_to_text_nodot(q->signature->record.name, key), tsig_error_text(error));
}

static unsigned verify(struct query *q)
{
    struct signature *signature = q->signature;
    const struct tsig_key *key = find_key(q, &signature->record);
    signature->unknown_key = !key;
    tsig_begin(&signature->session, NULL);
    int error = key ? tsig_verify_request(&signature->session, key, q->packet, q->packet_length,
                                          &signature->record, (uint64_t)clock_wall_s())
                    : TSIG_BADKEY;
    if (error == TSIG_OK)
        q->key = key->name;
    else
        say_refused(q, error);
    return error == TSIG_OK ? RCODE_NOERROR : error == TSIG_FORMERR ? RCODE_FORMERR : RCODE_NOTAUTH;
}

unsigned signature_check(struct query *q)
{
    q->touched = true;
    q->signature = arena_zalloc(&q->arena, sizeof *q->signature);
    if (!q->signature)
        return RCODE_SERVFAIL;
    if (tsig_find(q->packet, q->packet_length, &q->signature->record) == 1)
        return verify(q);
    q->signature = NULL;
    return RCODE_FORMERR;
}

bool signature_is_foreign(const struct query *q)
{
    return q->signature && q->signature->unknown_key;
}

size_t signature_room(const struct query *q, size_t limit)
{
    const struct tsig_record *record = &q->signature->record;
    size_t room = name_length(record->name) + name_length(record->algorithm) + TSIG_FIXED_BYTES +
                  TSIG_OTHER_BYTES + TSIG_MAC_MAX;
    return room < limit ? room : limit;
}

int signature_sign(struct signature *signature, uint8_t *message, size_t *length, size_t size)
{
    if (!signature)
        return 0;
    if (signature->unknown_key)
        return tsig_put_badkey(&signature->record, message, length, size);
    return tsig_sign(&signature->session, message, length, size, (uint64_t)clock_wall_s());
}

void signature_put(struct query *q)
{
    if (q->no_reply || !q->out_length)
        return;
    if (signature_sign(q->signature, q->out, &q->out_length, q->out_size))
        reply_none(q);
}

void signature_end(struct query *q)
{
    tsig_end(&q->signature->session);
    q->signature = NULL;
    q->key = NULL;
}
