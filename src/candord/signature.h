/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions that are signed with a key (TSIG, RFC 8945): who asks, and the signature of the answer. Costs
 * nothing where there is none. A worker's thread, but where said. */
#ifndef CANDORD_SIGNATURE_H
#define CANDORD_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "candord/query.h"

/* Looks at the TSIG of query->packet. NOERROR: query->key is the name of who signed. NOTAUTH (BADKEY, BADSIG,
 * BADTIME, BADTRUNC; the answer says which), FORMERR or SERVFAIL: to be answered. */
unsigned signature_check(struct query *query) MUST_CHECK;

/* Is the message signed with a key that we do not have? */
bool signature_is_foreign(const struct query *query);

/* How much of an answer of at most `limit` bytes its signature takes. */
size_t signature_room(const struct query *query, size_t limit);

/* Signs query->out, for which signature_room() was left; when it cannot be signed nothing is sent. */
void signature_put(struct query *query);

/* Signs the next message of an answer of several. 0, ERR_SPACE or ERR_NOMEM. Any thread, one at a time. */
int signature_sign(struct signature *signature, uint8_t *message, size_t *length, size_t size) MUST_CHECK;

/* Gives back what the signature holds; query->signature and key are NULL afterwards. */
void signature_end(struct query *query);

#endif
