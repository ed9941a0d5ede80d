/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A body as lines, a line as words, a word as a name. Nothing is copied. Pure. Inside feed/ only. */
#ifndef FEED_LINES_H
#define FEED_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/feed.h"

enum { LINE_MAX_BYTES = 4096 /* a longer one is skipped: 255 bytes of name and what adblock puts behind */ };

struct span {
    const char *at, *end;
};

struct lines {
    const char *at, *end;
    uint64_t number; /* of the line that lines_next() gave last */
};

/* Steps over a byte order mark. */
struct lines lines_of(const void *bytes, size_t length);

/* The next line without its end and the blanks around it; false: there is none. */
bool lines_next(struct lines *lines, struct span *out);

/* Takes the first word off the front of `rest`; false: there is none. */
bool span_word(struct span *rest, struct span *word);

bool span_starts(struct span span, const char *text);
bool span_is(struct span span, const char *text); /* without regard to case */

static inline size_t span_length(struct span span)
{
    return (size_t)(span.end - span.at);
}

/* A host name as lists write it -> wire, lower case: a final dot or none, Unicode as A-labels. FEED_KEPT with
 * its length in *length, or the reason. A name of one label is the caller's to judge. */
enum feed_skip span_name(struct span text, uint8_t out[255], size_t *length);

/* Is it one IPv4 or IPv6 address (perhaps with %zone)? */
bool span_address(struct span text, struct ip_address *out);

/* A Unicode name (not NUL-terminated) as A-labels (IDNA 2008, as browsers do it); `out` has `size` bytes. The
 * length, or ERR_MALFORMED, ERR_NOMEM. The door to libidn2 (idn.c). */
int idn_to_ascii(struct span text, char *out, size_t size) MUST_CHECK;

#endif
