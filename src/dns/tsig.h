/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TSIG: messages signed with a shared secret (RFC 8945). Pure but for the memory of a running HMAC
 * (libdnssec's); the time is the caller's. A session is one question and all messages of its answer, seen
 * from either end:
 *
 *   asker      tsig_begin(key), tsig_sign(question), tsig_verify(each message of the answer), tsig_end()
 *   answerer   tsig_find(question), choose the key, tsig_verify_request(), tsig_sign(each message),
 * tsig_end()
 *
 * One thread at a time uses a session. */
#ifndef DNS_TSIG_H
#define DNS_TSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    TSIG_FUDGE_S = 300,
    TSIG_MAC_MAX = 64,
    TSIG_UNSIGNED_MAX = 99, /* messages of an answer between two signed ones (section 5.3.1) */
    TSIG_BYTES_MAX = 640,   /* room that a signature takes at most: two names, fixed parts, a whole MAC */
};

/* What is wrong with a signature: also the numbers in the TSIG's error field. */
enum tsig_error {
    TSIG_OK = 0,
    TSIG_FORMERR = 1,
    TSIG_BADSIG = 16,
    TSIG_BADKEY = 17,
    TSIG_BADTIME = 18,
    TSIG_BADTRUNC = 22,
    TSIG_MISSING = -1, /* ours: there is no signature where one has to be */
};

/* A shared secret. Borrowed by sessions, which it outlives. */
struct tsig_key {
    uint8_t name[255];     /* lower case */
    const char *algorithm; /* "hmac-sha256" */
    const uint8_t *secret;
    size_t secret_length;
    uint16_t mac_bytes; /* the shortest MAC that is taken, of a truncated algorithm; 0: whole ones only */
};

/* The TSIG of a message, as it stands there; `mac` and `other` point into the message. */
struct tsig_record {
    uint8_t name[255], algorithm[255]; /* lower case */
    uint64_t time_s;
    uint16_t fudge_s, original_id, error;
    const uint8_t *mac, *other;
    uint16_t mac_length, other_length;
    size_t offset; /* of the record; the message without it ends here */
};

struct tsig_session {
    const struct tsig_key *key; /* NULL: nothing is signed, every call succeeds and does nothing */
    void *running;              /* the HMAC of what came since the last signature */
    uint8_t mac[TSIG_MAC_MAX];  /* the last signature: a request's, then each message's */
    uint16_t mac_length;
    unsigned unsigned_count; /* messages since the last signature */
    bool asked, answering;   /* the request is signed; the first message of the answer has gone or come */
    enum tsig_error error;   /* why tsig_verify() failed, or what tsig_sign() has to say in the answer */
    uint16_t peer_error;     /* the error that the answer's TSIG gives (we were told so); 0: none */
    uint64_t peer_time_s;    /* of the last TSIG that was looked at */
};

/* The TSIG of a message: 1, 0 when there is none, or ERR_MALFORMED (also: not the last record). */
int tsig_find(const uint8_t *message, size_t length, struct tsig_record *out) MUST_CHECK;

/* Is `key` the one that a record names, algorithm included? */
bool tsig_key_fits(const struct tsig_key *key, const struct tsig_record *record);

/* Begins a session; `key` NULL: without signatures. */
void tsig_begin(struct tsig_session *session, const struct tsig_key *key);
void tsig_end(struct tsig_session *session);

/* Signs the question of a session that has just begun, or the next message of the answer: appends the TSIG.
 * `size` is the buffer's. In a session whose `error` is BADTIME the answer says so, signed, with our time;
 * for BADSIG and BADTRUNC it gets an unsigned TSIG. 0, ERR_SPACE (nothing is changed) or ERR_NOMEM. */
int tsig_sign(struct tsig_session *session, uint8_t *message, size_t *length, size_t size,
              uint64_t now_s) MUST_CHECK;

/* Appends the unsigned TSIG of an answer to a request whose key we do not have (section 5.2.1). 0 or
 * ERR_SPACE. */
int tsig_put_badkey(const struct tsig_record *request, uint8_t *message, size_t *length,
                    size_t size) MUST_CHECK;

/* Checks a request against `key` and begins the session of its answer, which has to be signed whatever the
 * result. TSIG_OK, BADSIG, BADTIME, BADTRUNC, or FORMERR. The caller has chosen the key by
 * tsig_key_fits(); without one it is BADKEY, and tsig_put_badkey() answers. */
enum tsig_error tsig_verify_request(struct tsig_session *session, const struct tsig_key *key,
                                    const uint8_t *message, size_t length, const struct tsig_record *record,
                                    uint64_t now_s) MUST_CHECK;

/* Checks the next message of the answer. *body: its length without the TSIG. 1: signed, and good. 0: without
 * signature, which is allowed between signed ones; what it says is certain only when a signed one follows.
 * ERR_REFUSED: see error and peer_error. ERR_MALFORMED, ERR_NOMEM. */
int tsig_verify(struct tsig_session *session, const uint8_t *message, size_t length, uint64_t now_s,
                size_t *body) MUST_CHECK;

/* May the answer end here: has its last message been signed? */
bool tsig_is_complete(const struct tsig_session *session);

/* "BADKEY", "BADTIME" …, "no signature". */
const char *tsig_error_text(int error);

#endif
