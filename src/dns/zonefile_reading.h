/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One reading of a master file, shared by the parts that do it: pieces (zonefile.c), records over libzscanner
 * (zonefile_records.c) and without it (zonefile_plain.c), directives (zonefile_directives.c). Inner header of
 * dns/. */
#ifndef DNS_ZONEFILE_READING_H
#define DNS_ZONEFILE_READING_H

#include <libzscanner/scanner.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "dns/zonefile.h"
#include "dns/zonefile_input.h"

#define NO_TTL UINT32_MAX

/* One file being read, and those that include it. */
struct place {
    const struct place *parent;
    const char *file;
    struct stat status; /* of a real file; zero for text */
    unsigned depth;
};

struct zonefile {
    const struct zonefile_options *options;
    zs_scanner_t *scanner;
    int start_state; /* of the scanner, between records */
    const struct place *place;
    uint64_t fixed_line; /* of the $GENERATE or rewritten record that is being read; 0: none */
    bool generating;
    bool may_rewrite; /* a record with a name that the scanner does not take may be tried again */
    bool generate_failed;
    uint32_t last_ttl_s; /* NO_TTL: none yet */
    unsigned includes;
    const char *piece, *piece_end; /* what the scanner is given */
    const char *plain_end;         /* behind its last newline */
    bool has_parentheses;          /* in it or beside it: a record may have many lines */
    /* The scanner does not count newlines inside quotes. Where there can be some we count, up to here. */
    bool must_count;
    const char *counted;
    uint64_t counted_line;
    uint64_t bytes_done; /* of files read to their end */
    int result;          /* 0, or why the reading ends */
};

/* --- zonefile.c --- */

/* Reads an input to its end. */
void zonefile_read_input(struct zonefile *z, struct zonefile_input *input);

/* --- zonefile_records.c --- */

int zonefile_start_scanner(struct zonefile *z) MUST_CHECK;

/* Reads records that begin on line `number`; returns the number of the line behind them. `final`: nothing of
 * this file follows. */
uint64_t zonefile_read_records(struct zonefile *z, const char *at, const char *end, uint64_t number,
                               bool final);

/* $TTL, which the scanner knows best. Anything wrong is fatal. */
void zonefile_scan_directive(struct zonefile *z, const char *text, size_t length, uint64_t number);

/* Reports a problem; a fatal one ends the reading. `owner` may be NULL. */
void zonefile_say(struct zonefile *z, uint64_t line, const uint8_t *owner, bool fatal, const char *message);

/* Hands records over; what that returns becomes the result. */
void zonefile_deliver(struct zonefile *z, const struct zonefile_record *records, size_t count);

/* Is there nothing more to read (of these generated records)? */
bool zonefile_is_over(const struct zonefile *z);

/* The line behind the one that `at` is in, or `end`. */
const char *zonefile_next_line(const char *at, const char *end);

/* What the TTL of a record is that is given with `given_s`, or NO_TTL; NO_TTL: that cannot be said. */
uint32_t zonefile_ttl(struct zonefile *z, uint32_t given_s);

/* --- zonefile_plain.c --- */

/* Between two records of the scanner's: reads lines of the simplest form as far as there are any. */
void zonefile_read_plain(struct zonefile *z);

/* --- zonefile_directives.c --- */

/* One line that begins with a dollar sign. */
void zonefile_directive(struct zonefile *z, const char *line, const char *end, uint64_t number);

#endif
