/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The root's keys as RFC 5011 follows them: a new key that a trusted one vouches for, and that stays for
 * thirty days, becomes trusted; one that is revoked stops being so. libunbound could do this, but ends the
 * process when it cannot write its file; here that is a line in the log.
 *
 * The file has a DNSKEY record a line, as Debian's /usr/share/dns/root.key, with what is known of it in a
 * comment in libunbound's notation: ";;state=2 ;;lastchange=1700000000". */
#ifndef RESOLVE_ROOT_KEYS_H
#define RESOLVE_ROOT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "resolve/truth.h"

/* Debian's dns-root-data. */
#define ROOT_KEYS_SYSTEM_FILE "/usr/share/dns/root.key"

enum {
    ROOT_KEYS_MAX = 16,
    ROOT_KEY_TEXT_MAX = 1500,
    ROOT_KEY_HOLD_S = 30 * 86400, /* RFC 5011 section 2.4.1 */
};

enum root_key_state {
    ROOT_KEY_PENDING = 1, /* seen, not trusted yet */
    ROOT_KEY_VALID = 2,
    ROOT_KEY_MISSING = 3, /* trusted, but not seen at present */
    ROOT_KEY_REVOKED = 4,
};

struct root_key {
    enum root_key_state state;
    int64_t since_s;              /* calendar time of its last change */
    char text[ROOT_KEY_TEXT_MAX]; /* protocol, algorithm, key: "3 8 AwEA…" */
};

struct root_keys {
    size_t count;
    struct root_key keys[ROOT_KEYS_MAX];
};

/* Records without a state are trusted. 0; ERR_MALFORMED: no trusted key in it; an error of the system. */
int root_keys_read(struct root_keys *keys, const char *path) MUST_CHECK;

/* Trusts a key of another set, if it is trusted there; one that was seen revoked stays so. */
void root_keys_trust(struct root_keys *keys, const struct root_key *other);

/* Writes a file beside it and puts that in its place. 0 or an error of the system. */
int root_keys_write(const struct root_keys *keys, const char *path) MUST_CHECK;

/* The root's DNSKEY RRset was seen and is secure: one record a string, "257 3 8 AwEA…". Returns true when
 * other keys are trusted than before. The last trusted key is never lost: such a set is not believed. */
bool root_keys_update(struct root_keys *keys, const char *const *seen, size_t seen_count, int64_t now_s);

/* The same from the truth about the root's DNSKEY. ERR_REFUSED when that is not secure. */
int root_keys_update_from(struct root_keys *keys, const struct truth *truth, int64_t now_s,
                          bool *changed) MUST_CHECK;

/* The trusted ones as clauses of an unbound.conf; malloc'ed, NULL: memory. */
char *root_keys_clauses(const struct root_keys *keys);

#endif
