/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A feed: a list of names that a publisher puts on a web server, in one of the forms that are in use. Here
 * its bytes become a policy zone. Pure: no socket, no clock, no file (fetch.h and copy.h have those). */
#ifndef FEED_FEED_H
#define FEED_FEED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"
#include "rpz/rule.h"
#include "zone/zone.h"

enum feed_format {
    FEED_FORMAT_RPZ,     /* a policy zone as a zone file; without $INCLUDE */
    FEED_FORMAT_DOMAINS, /* a name on each line: it and all below it */
    FEED_FORMAT_HOSTS,   /* /etc/hosts: the names behind 0.0.0.0, 127.0.0.1, ::, ::1; they alone */
    FEED_FORMAT_ADBLOCK, /* ||name^ and @@||name^; what is no rule of names is passed over */
    FEED_FORMATS
};

/* What happens to a name that the list blocks; FEED_FORMAT_RPZ says so itself. */
struct feed_action {
    enum rpz_action action;         /* RPZ_LOCAL_DATA: cname, or the addresses */
    const uint8_t *cname;           /* a name, or NULL */
    struct ip_address addresses[2]; /* IP_NONE where there is none */
};

/* Why a line is no rule. Counted; texts in feed_skip_text(). */
enum feed_skip {
    FEED_KEPT,
    FEED_SKIP_LINE_TOO_LONG,
    FEED_SKIP_NUL,
    FEED_SKIP_CHARACTERS,  /* that no host name has */
    FEED_SKIP_EMPTY_LABEL, /* two dots together */
    FEED_SKIP_TOO_LONG,    /* a label of more than 63 bytes, or no room below the zone's own name */
    FEED_SKIP_IDN,         /* a name in Unicode that has no A-label */
    FEED_SKIP_ADDRESS,     /* an address where a name should be */
    FEED_SKIP_NO_ADDRESS,  /* hosts: no address where one should be */
    FEED_SKIP_NO_NAME,     /* hosts: an address and nothing else */
    FEED_SKIP_WORDS,       /* domains: more than a name */
    FEED_SKIP_ONE_LABEL,   /* "com": too much to be meant, without a dot before or behind it */
    FEED_SKIP_LOCAL,       /* hosts: localhost and its like, which every such file has */
    FEED_SKIP_ELSEWHERE,   /* hosts: an address that leads somewhere */
    FEED_SKIP_COSMETIC,    /* adblock: hides parts of pages */
    FEED_SKIP_PATTERN,     /* adblock: an address of a page, a pattern, a part of a name */
    FEED_SKIP_MODIFIER,    /* adblock: holds only for some requests, which a resolver cannot tell apart */
    FEED_SKIP_RECORD,      /* rpz: not a record */
    FEED_SKIP_NO_RULE,     /* rpz: a record that is no rule */
    FEED_SKIPS
};

struct feed_report {
    uint64_t lines;
    uint64_t entries;                /* neither blank nor comment: what the lines promise */
    uint64_t names;                  /* entries that were understood */
    uint64_t records;                /* of the zone, its SOA and NS among them */
    uint64_t skipped[FEED_SKIPS];    /* by reason */
    uint64_t first_line[FEED_SKIPS]; /* where that was first */
    uint64_t fingerprint;            /* of the rules, in whatever order: equal rules, equal number */
    char problem[256];               /* why it was refused */
};

struct feed_options {
    const uint8_t *origin; /* lower case */
    enum feed_format format;
    struct feed_action action;
    const char *host;                   /* of the URL: who is responsible, for the SOA */
    uint32_t serial;                    /* of the SOA; of FEED_FORMAT_RPZ the list has its own */
    uint32_t refresh_s, retry_s;        /* for the SOA */
    const struct zone_content *old;     /* NULL, or the version there is: zone_draft_revise() */
    _Atomic uint64_t *progress_records; /* NULL, or kept up to date */
};

/* Makes the policy zone of a list. 0 with a reference in *out; ERR_MALFORMED: this is no such list (an HTML
 * page, an empty body, hardly a line that fits …), as report->problem says; ERR_NOMEM. The report is filled
 * in either case. */
int feed_read(const void *bytes, size_t length, const struct feed_options *options, struct zone_content **out,
              struct feed_report *report) MUST_CHECK;

/* "rpz" … and back (ERR_NOT_FOUND). */
const char *feed_format_text(enum feed_format format);
int feed_format_from_text(const char *text);

/* "too-long": for counters and messages. */
const char *feed_skip_text(enum feed_skip skip);

/* The serial that follows `before` (0: none) for a list that came at `now_s`: the time, when that is a step
 * forward (RFC 1982), else the next number. Never 0. */
uint32_t feed_serial_next(uint32_t before, int64_t now_s);

#endif
