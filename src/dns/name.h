/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Domain names in wire form: length-prefixed labels, ended by the zero byte of the root, no compression
 * (RFC 1035 section 3.1). A `const uint8_t *` called *name* is always such a valid name, at most
 * NAME_MAX bytes. All functions are pure and safe for threads. Comparison ignores the case of ASCII letters
 * (RFC 4343); functions whose name says `lower` need names already in lower case. */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum {
    NAME_MAX_BYTES = 255,  /* with the root's zero byte */
    NAME_MAX_LABELS = 127, /* without the root */
    NAME_TEXT_MAX = 1024,  /* room for any name as text, with its final dot and NUL */
};

/* Length in bytes with the final zero. */
size_t name_length(const uint8_t *name);

/* Number of labels without the root: 0 for ".", 2 for "example.org.". */
unsigned name_labels(const uint8_t *name);

/* Checks `bytes` (at most `available`) for a valid uncompressed name. Returns its length, or ERR_MALFORMED.
 */
int name_check(const uint8_t *bytes, size_t available) MUST_CHECK;

/* Text to wire. A relative name (no final dot) gets `origin` appended; NULL means the root. Understands \.
 * and \DDD. Keeps the case. Returns the length, ERR_MALFORMED (bad text) or ERR_SPACE (name too long). */
int name_from_text(const char *text, const uint8_t *origin, uint8_t out[NAME_MAX_BYTES]) MUST_CHECK;

/* Wire to text as dig prints it: final dot, special characters escaped. `out` has NAME_TEXT_MAX bytes.
 * Returns `out`. */
char *name_to_text(const uint8_t *name, char *out);

/* The same without the final dot ("." stays "."): the form of BIND's log lines. */
char *name_to_text_nodot(const uint8_t *name, char *out);

/* Copies a name; returns its length. */
size_t name_copy(uint8_t *to, const uint8_t *name);

/* Copies in lower case; returns the length. */
size_t name_copy_lower(uint8_t *to, const uint8_t *name);
/* The same for a name whose length is known already: the query path's. `to` and `name` do not overlap. */
void name_copy_lower_known(uint8_t *to, const uint8_t *name, size_t length);
void name_to_lower(uint8_t *name);

bool name_equal(const uint8_t *a, const uint8_t *b);

/* Canonical order (RFC 4034 section 6.1): <0, 0, >0. */
int name_compare(const uint8_t *a, const uint8_t *b);

/* Is `name` equal to or below `ancestor`? */
bool name_is_within(const uint8_t *name, const uint8_t *ancestor);

/* The name without its first `labels` labels; points into `name`. `labels` ≤ name_labels(name). */
const uint8_t *name_skip(const uint8_t *name, unsigned labels);

static inline bool name_is_root(const uint8_t *name)
{
    return name[0] == 0;
}

static inline bool name_is_wildcard(const uint8_t *name)
{
    return name[0] == 1 && name[1] == '*';
}

/* Writes pointers to each label's length byte into `out`, first label first (at most NAME_MAX_LABELS; the
 * root is not among them). Returns how many. */
unsigned name_split(const uint8_t *name, const uint8_t *out[NAME_MAX_LABELS]);

/* prefix + suffix as one name, `prefix` losing its last (root) byte. Returns the length or ERR_SPACE. */
int name_join(const uint8_t *prefix, const uint8_t *suffix, uint8_t out[NAME_MAX_BYTES]) MUST_CHECK;

/* How many labels at the end a and b share, the root not counted. */
unsigned name_shared_labels(const uint8_t *a, const uint8_t *b);

/* Seeded hash of a lower-case name as a whole. */
uint64_t name_hash_lower(uint64_t seed, const uint8_t *name, size_t length);

#endif
