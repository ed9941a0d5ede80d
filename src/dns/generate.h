/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BIND's $GENERATE: one line that stands for many records. Inner header of dns/. Pure: text to text.
 *
 *   $GENERATE start-stop[/step] lhs [ttl] [class] type rhs
 *
 * In lhs and rhs `$` is the number, `$$` a dollar sign, `\$` stays as it is, and `${offset[,width[,base]]}`
 * is the number plus an offset, padded, in base d, o, x, X, or as nibbles n, N in reverse order with dots
 * between. */
#ifndef DNS_GENERATE_H
#define DNS_GENERATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct generate {
    uint32_t start, stop, step;
    uint64_t count;
    const char *lhs, *rest; /* in the line; `rest` is everything behind lhs */
    size_t lhs_length, rest_length;
    const char *quote_open, *quote_close; /* of a rhs in quotes, which are not part of it; or NULL */
};

/* Reads the `length` bytes behind the word $GENERATE. ERR_MALFORMED with *why set to a static text. */
int generate_parse(const char *line, size_t length, struct generate *out, const char **why) MUST_CHECK;

/* Writes the record for `number` as a line with its newline. ERR_SPACE (of the writer, which is then as
 * before) or ERR_MALFORMED (a bad ${…}). */
int generate_line(const struct generate *generate, uint32_t number, struct writer *w) MUST_CHECK;

#endif
