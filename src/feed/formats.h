/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The forms of lists: what one line says. Pure. Inside feed/ only. */
#ifndef FEED_FORMATS_H
#define FEED_FORMATS_H

#include "feed/lines.h"
#include "feed/rules.h"

/* A list being read. */
struct reading {
    const struct feed_options *options;
    struct feed_report *report;
    struct rules rules;
};

/* What a line is, or one of its names. */
enum line_kind {
    LINE_EMPTY, /* nothing, or a comment */
    LINE_ENTRY, /* see `skip` */
};

struct line {
    enum line_kind kind;
    enum feed_skip skip; /* FEED_KEPT: it has made a rule */
};

/* Reads one line (not empty) into reading->rules. 0 or ERR_NOMEM. */
typedef int read_line_fn(struct reading *reading, struct span text, struct line *out);

read_line_fn domains_line, hosts_line, adblock_line;

/* Is a line that is skipped for this reason what the format foresees, not a sign that the list is none? */
bool skip_is_foreseen(enum feed_skip skip);

/* What the body is instead of a list ("an HTML page"), or NULL. */
const char *page_kind(const void *bytes, size_t length);

/* The body as a zone file -> records for `each`; counts in the report. 0, ERR_NOMEM or ERR_MALFORMED with the
 * problem. */
int rpz_read(const void *bytes, size_t length, const struct feed_options *options, struct feed_report *report,
             int (*each)(void *context, const struct policy_record *record), void *context) MUST_CHECK;

/* Counts a skipped entry and where the first was. */
void report_skip(struct feed_report *report, enum feed_skip skip, uint64_t line);

#endif
