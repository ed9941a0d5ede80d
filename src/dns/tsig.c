/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is digested, and in which order (RFC 8945 section 4.3 and 5.3); the HMAC itself is libdnssec's. */
#include "dns/tsig.h"

#include <libdnssec/error.h>
#include <libdnssec/tsig.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"

enum { ARCOUNT_AT = 10, TIME_BYTES = 6, RECORD_FIXED_BYTES = 10, TSIG_FIXED_BYTES = 16 };

/* --- the record --- */

static void write_time(struct writer *w, uint64_t time_s)
{
    write_u16(w, (uint16_t)(time_s >> 32));
    write_u32(w, (uint32_t)time_s);
}

static int read_name(struct reader *r, uint8_t out[NAME_MAX_BYTES])
{
    int length = name_check(r->at, reader_left(r));
    const uint8_t *name = length > 0 ? read_bytes(r, (size_t)length) : NULL;
    if (!name)
        return ERR_MALFORMED;
    name_copy_lower(out, name);
    return 0;
}

static int read_tsig(const struct message_record *record, struct tsig_record *out)
{
    struct reader r = reader_of(record->rdata, record->rdata_length);
    if (record->rclass != CLASS_ANY || record->ttl_s || read_name(&r, out->algorithm))
        return ERR_MALFORMED;
    name_copy_lower(out->name, record->owner);
    out->time_s = (uint64_t)read_u16(&r) << 32;
    out->time_s |= read_u32(&r);
    out->fudge_s = read_u16(&r);
    out->mac_length = read_u16(&r);
    out->mac = read_bytes(&r, out->mac_length);
    out->original_id = read_u16(&r);
    out->error = read_u16(&r);
    out->other_length = read_u16(&r);
    out->other = read_bytes(&r, out->other_length);
    return r.error || reader_left(&r) ? ERR_MALFORMED : 0;
}

/* Offset behind the name at `at`, or 0. */
static size_t skip_name(const uint8_t *message, size_t length, size_t at)
{
    while (at < length) {
        if (message[at] >= 0xc0)
            return at + 2 <= length ? at + 2 : 0;
        if (message[at] == 0)
            return at + 1;
        at += message[at] + 1u;
    }
    return 0;
}

/* Where the last record begins; steps over names without expanding them, for messages are long. 0: malformed;
 * the length when there is no record in the last section. */
static size_t last_record(const uint8_t *message, size_t length, bool *misplaced)
{
    size_t at = DNS_HEADER_BYTES;
    unsigned additional = load_u16(message + ARCOUNT_AT);
    unsigned records = (unsigned)load_u16(message + 6) + load_u16(message + 8) + additional;
    for (unsigned q = load_u16(message + 4); q; q--) {
        at = skip_name(message, length, at);
        if (!at || length - at < 4)
            return 0;
        at += 4;
    }
    for (; records > 1 || (records && !additional); records--) {
        at = skip_name(message, length, at);
        if (!at || length - at < RECORD_FIXED_BYTES)
            return 0;
        *misplaced |= load_u16(message + at) == TYPE_TSIG;
        at += RECORD_FIXED_BYTES + load_u16(message + at + 8);
        if (at > length)
            return 0;
    }
    return additional ? at : length;
}

int tsig_find(const uint8_t *message, size_t length, struct tsig_record *out)
{
    bool misplaced = false;
    size_t at = length < DNS_HEADER_BYTES ? 0 : last_record(message, length, &misplaced);
    if (!at || misplaced)
        return ERR_MALFORMED;
    if (!load_u16(message + ARCOUNT_AT))
        return 0;
    struct message_reader m = {.reader = reader_of(message, length), .left = {0, 0, 1}};
    struct message_record record;
    m.reader.at = message + at;
    if (message_next(&m, &record) != 1)
        return ERR_MALFORMED;
    if (record.type != TYPE_TSIG)
        return 0;
    *out = (struct tsig_record){.offset = at};
    return read_tsig(&record, out) ? ERR_MALFORMED : 1;
}

static int put_record(const struct tsig_record *tsig, uint8_t *message, size_t *length, size_t size)
{
    struct writer w = writer_of(message + *length, size - *length);
    size_t algorithm_length = name_length(tsig->algorithm);
    write_bytes(&w, tsig->name, name_length(tsig->name));
    write_u16(&w, TYPE_TSIG);
    write_u16(&w, CLASS_ANY);
    write_u32(&w, 0);
    write_u16(&w, (uint16_t)(algorithm_length + TSIG_FIXED_BYTES + tsig->mac_length + tsig->other_length));
    write_bytes(&w, tsig->algorithm, algorithm_length);
    write_time(&w, tsig->time_s);
    write_u16(&w, tsig->fudge_s);
    write_u16(&w, tsig->mac_length);
    write_bytes(&w, tsig->mac, tsig->mac_length);
    write_u16(&w, tsig->original_id);
    write_u16(&w, tsig->error);
    write_u16(&w, tsig->other_length);
    write_bytes(&w, tsig->other, tsig->other_length);
    if (w.error)
        return w.error;
    *length += writer_used(&w);
    store_u16(message + ARCOUNT_AT, (uint16_t)(load_u16(message + ARCOUNT_AT) + 1));
    return 0;
}

/* --- digesting --- */

static dnssec_tsig_algorithm_t algorithm_of(const struct tsig_key *key)
{
    return dnssec_tsig_algorithm_from_name(key->algorithm);
}

bool tsig_key_fits(const struct tsig_key *key, const struct tsig_record *record)
{
    return name_equal(key->name, record->name) &&
           algorithm_of(key) == dnssec_tsig_algorithm_from_dname(record->algorithm) &&
           algorithm_of(key) != DNSSEC_TSIG_UNKNOWN;
}

static dnssec_tsig_ctx_t *digest_new(const struct tsig_key *key)
{
    const dnssec_binary_t secret = {.size = key->secret_length, .data = (uint8_t *)key->secret};
    dnssec_tsig_ctx_t *digest = NULL;
    return dnssec_tsig_new(&digest, algorithm_of(key), &secret) == DNSSEC_EOK ? digest : NULL;
}

static void digest_add(dnssec_tsig_ctx_t *digest, const void *bytes, size_t length)
{
    const dnssec_binary_t data = {.size = length, .data = (uint8_t *)bytes};
    if (length)
        dnssec_tsig_add(digest, &data);
}

static void digest_prior_mac(dnssec_tsig_ctx_t *digest, const struct tsig_session *session)
{
    uint8_t length[2];
    store_u16(length, session->mac_length);
    digest_add(digest, length, sizeof length);
    digest_add(digest, session->mac, session->mac_length);
}

/* The message as it was before its TSIG: the id that was signed, one additional record less. */
static void digest_message(dnssec_tsig_ctx_t *digest, const uint8_t *message, size_t body, uint16_t id,
                           unsigned signatures)
{
    uint8_t header[DNS_HEADER_BYTES];
    memcpy(header, message, sizeof header);
    store_u16(header, id);
    store_u16(header + ARCOUNT_AT, (uint16_t)(load_u16(header + ARCOUNT_AT) - signatures));
    digest_add(digest, header, sizeof header);
    digest_add(digest, message + sizeof header, body - sizeof header);
}

static void digest_timers(dnssec_tsig_ctx_t *digest, const struct tsig_record *tsig)
{
    uint8_t bytes[TIME_BYTES + 2];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_time(&w, tsig->time_s);
    write_u16(&w, tsig->fudge_s);
    digest_add(digest, bytes, sizeof bytes);
}

/* Section 4.3.3: the whole variables, of a request and of the first message of an answer. */
static void digest_variables(dnssec_tsig_ctx_t *digest, const struct tsig_record *tsig)
{
    static const uint8_t class_and_ttl[6] = {0, CLASS_ANY, 0, 0, 0, 0};
    uint8_t numbers[4];
    digest_add(digest, tsig->name, name_length(tsig->name));
    digest_add(digest, class_and_ttl, sizeof class_and_ttl);
    digest_add(digest, tsig->algorithm, name_length(tsig->algorithm));
    digest_timers(digest, tsig);
    store_u16(numbers, tsig->error);
    store_u16(numbers + 2, tsig->other_length);
    digest_add(digest, numbers, sizeof numbers);
    digest_add(digest, tsig->other, tsig->other_length);
}

/* The digest into which the next message goes: fresh, with the signature before it. NULL: memory. */
static dnssec_tsig_ctx_t *digest_running(struct tsig_session *session)
{
    if (session->running)
        return session->running;
    session->running = digest_new(session->key);
    if (session->running && session->asked)
        digest_prior_mac(session->running, session);
    return session->running;
}

/* Ends the digest of a message with `tsig`; returns the MAC's length, 0 when memory is out. */
static size_t digest_end(struct tsig_session *session, const uint8_t *message, size_t body,
                         const struct tsig_record *tsig, unsigned signatures, uint8_t mac[TSIG_MAC_MAX])
{
    dnssec_tsig_ctx_t *digest = digest_running(session);
    if (!digest)
        return 0;
    digest_message(digest, message, body, tsig->original_id, signatures);
    if (session->answering)
        digest_timers(digest, tsig);
    else
        digest_variables(digest, tsig);
    size_t length = dnssec_tsig_size(digest);
    if (length > TSIG_MAC_MAX || dnssec_tsig_write(digest, mac) != DNSSEC_EOK)
        length = 0;
    dnssec_tsig_free(digest);
    session->running = NULL;
    return length;
}

static void remember(struct tsig_session *session, const uint8_t *mac, size_t length)
{
    memcpy(session->mac, mac, length);
    session->mac_length = (uint16_t)length;
    session->unsigned_count = 0;
    session->answering = session->asked;
    session->asked = true;
}

/* --- sessions --- */

void tsig_begin(struct tsig_session *session, const struct tsig_key *key)
{
    *session = (struct tsig_session){.key = key};
}

void tsig_end(struct tsig_session *session)
{
    dnssec_tsig_free(session->running);
    session->running = NULL;
}

static struct tsig_record record_for(const struct tsig_key *key, const uint8_t *message, uint64_t now_s)
{
    struct tsig_record tsig = {.time_s = now_s, .fudge_s = TSIG_FUDGE_S, .original_id = load_u16(message)};
    name_copy(tsig.name, key->name);
    name_copy(tsig.algorithm, dnssec_tsig_algorithm_to_dname(algorithm_of(key)));
    return tsig;
}

static size_t mac_bytes(const struct tsig_key *key)
{
    return dnssec_tsig_algorithm_size(algorithm_of(key));
}

static size_t record_bytes(const struct tsig_record *tsig)
{
    return name_length(tsig->name) + RECORD_FIXED_BYTES + name_length(tsig->algorithm) + TSIG_FIXED_BYTES +
           tsig->mac_length + tsig->other_length;
}

int tsig_sign(struct tsig_session *session, uint8_t *message, size_t *length, size_t size, uint64_t now_s)
{
    uint8_t mac[TSIG_MAC_MAX], other[TIME_BYTES];
    if (!session->key || session->error == TSIG_FORMERR) /* what made no sense is answered unsigned */
        return 0;
    struct tsig_record tsig = record_for(session->key, message, now_s);
    bool bare = session->error == TSIG_BADSIG || session->error == TSIG_BADTRUNC;
    tsig.error = session->error > 0 ? (uint16_t)session->error : 0;
    if (session->error == TSIG_BADTIME) { /* section 5.2.3: his time in the record, ours beside it */
        struct writer w = writer_of(other, sizeof other);
        write_time(&w, now_s);
        tsig.time_s = session->peer_time_s;
        tsig.other = other;
        tsig.other_length = sizeof other;
    }
    tsig.mac_length = bare ? 0 : (uint16_t)mac_bytes(session->key);
    if (size - *length < record_bytes(&tsig))
        return ERR_SPACE;
    size_t mac_length = bare ? 0 : digest_end(session, message, *length, &tsig, 0, mac);
    if (!bare && mac_length == 0)
        return ERR_NOMEM;
    tsig.mac = mac;
    int error = put_record(&tsig, message, length, size);
    if (!error && !bare)
        remember(session, mac, mac_length);
    return error;
}

int tsig_put_badkey(const struct tsig_record *request, uint8_t *message, size_t *length, size_t size)
{
    struct tsig_record tsig = *request;
    tsig.mac_length = tsig.other_length = 0;
    tsig.error = TSIG_BADKEY;
    return put_record(&tsig, message, length, size);
}

/* --- checking --- */

/* All bytes are looked at, so that the time taken tells nothing. */
static bool equal_in_constant_time(const uint8_t *a, const uint8_t *b, size_t length)
{
    unsigned difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}

/* Section 5.2.2.1: at least 10 bytes and half the hash; shorter than whole only as the key's algorithm says.
 */
static enum tsig_error judge_length(const struct tsig_key *key, size_t length)
{
    size_t whole = mac_bytes(key), least = whole / 2 > 10 ? whole / 2 : 10;
    if (length > whole || length < least)
        return TSIG_FORMERR;
    return length < (key->mac_bytes ? key->mac_bytes : whole) ? TSIG_BADTRUNC : TSIG_OK;
}

static bool in_time(const struct tsig_record *tsig, uint64_t now_s)
{
    uint64_t apart = now_s > tsig->time_s ? now_s - tsig->time_s : tsig->time_s - now_s;
    return apart <= tsig->fudge_s;
}

/* Sections 5.2.2 and 5.2.3. The time is looked at last: BADTIME is said only to who knows the key. */
static enum tsig_error check(struct tsig_session *session, const uint8_t *message,
                             const struct tsig_record *tsig, uint64_t now_s, bool *no_memory)
{
    uint8_t mac[TSIG_MAC_MAX];
    enum tsig_error length_error = judge_length(session->key, tsig->mac_length);
    session->peer_time_s = tsig->time_s;
    if (length_error == TSIG_FORMERR)
        return TSIG_FORMERR;
    size_t length = digest_end(session, message, tsig->offset, tsig, 1, mac);
    *no_memory = length == 0;
    if (length == 0 || !equal_in_constant_time(mac, tsig->mac, tsig->mac_length))
        return TSIG_BADSIG;
    if (length_error)
        return length_error;
    remember(session, tsig->mac, tsig->mac_length);
    return in_time(tsig, now_s) ? TSIG_OK : TSIG_BADTIME;
}

enum tsig_error tsig_verify_request(struct tsig_session *session, const struct tsig_key *key,
                                    const uint8_t *message, size_t length, const struct tsig_record *record,
                                    uint64_t now_s)
{
    bool no_memory = false;
    (void)length;
    tsig_begin(session, key);
    session->error = check(session, message, record, now_s, &no_memory);
    return session->error;
}

static int refuse(struct tsig_session *session, enum tsig_error error)
{
    session->error = error;
    return ERR_REFUSED;
}

/* The first message has to be signed, later ones at least every hundredth. */
static int take_unsigned(struct tsig_session *session, const uint8_t *message, size_t length)
{
    if (!session->answering || session->unsigned_count >= TSIG_UNSIGNED_MAX)
        return refuse(session, TSIG_MISSING);
    dnssec_tsig_ctx_t *digest = digest_running(session);
    if (!digest)
        return ERR_NOMEM;
    digest_add(digest, message, length);
    session->unsigned_count++;
    return 0;
}

static int take_signed(struct tsig_session *session, const uint8_t *message, const struct tsig_record *tsig,
                       uint64_t now_s)
{
    bool no_memory = false;
    session->peer_error = tsig->error;
    if (!tsig_key_fits(session->key, tsig))
        return refuse(session, TSIG_BADKEY);
    if (tsig->error == TSIG_BADKEY || tsig->error == TSIG_BADSIG || tsig->error == TSIG_BADTRUNC)
        return refuse(session, (enum tsig_error)tsig->error); /* such answers are not signed */
    enum tsig_error error = check(session, message, tsig, now_s, &no_memory);
    if (no_memory)
        return ERR_NOMEM;
    if (error || tsig->error)
        return refuse(session, tsig->error == TSIG_BADTIME ? TSIG_BADTIME : error ? error : TSIG_BADSIG);
    return 1;
}

int tsig_verify(struct tsig_session *session, const uint8_t *message, size_t length, uint64_t now_s,
                size_t *body)
{
    struct tsig_record tsig;
    *body = length;
    int found = tsig_find(message, length, &tsig);
    if (found < 0 || !session->key)
        return found < 0 ? found : found ? refuse(session, TSIG_BADKEY) : 0;
    if (found == 0)
        return take_unsigned(session, message, length);
    *body = tsig.offset;
    return take_signed(session, message, &tsig, now_s);
}

bool tsig_is_complete(const struct tsig_session *session)
{
    return !session->key || (session->answering && session->unsigned_count == 0);
}

const char *tsig_error_text(int error)
{
    switch (error) {
    case TSIG_OK:
        return "no error";
    case TSIG_FORMERR:
        return "FORMERR";
    case TSIG_BADSIG:
        return "BADSIG";
    case TSIG_BADKEY:
        return "BADKEY";
    case TSIG_BADTIME:
        return "BADTIME";
    case TSIG_BADTRUNC:
        return "BADTRUNC";
    default:
        return "no signature";
    }
}
