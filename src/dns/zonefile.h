/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading master files (RFC 1035 section 5): libzscanner does the records, this file the directives that it
 * lacks ($GENERATE, also inside included files) and the including itself (relative to `base_dir`,
 * depth bounded). One bad record is reported and stepped over; it never ends the
 * reading. Blocking file I/O; one thread per call. */
#ifndef DNS_ZONEFILE_H
#define DNS_ZONEFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum { ZONEFILE_TOGETHER = 32 };

struct zonefile_record {
    const uint8_t *owner; /* absolute, case as written; valid only during the call */
    uint16_t type, rclass;
    uint32_t ttl_s;
    const uint8_t *rdata; /* uncompressed */
    uint16_t rdata_length;
    const char *file;
    uint64_t line;
};

struct zonefile_problem {
    const char *file;
    uint64_t line;
    const char *owner_text; /* of the record when it is known, else NULL */
    const char *message;
    bool fatal; /* nothing behind it is read */
};

struct zonefile_options {
    const uint8_t *origin;      /* a name */
    uint32_t default_ttl_s;     /* until a $TTL; 0: as BIND, the TTL before or the SOA's minimum */
    const char *base_dir;       /* where relative $INCLUDE names start; NULL: the working directory */
    unsigned max_include_depth; /* 0: 16 */
    bool no_includes;           /* a text from elsewhere: $INCLUDE is a problem that ends the reading */
    uint64_t max_generated;     /* records that one $GENERATE may make; 0: 1,000,000 */
    /* Called for each record. A non-zero result stops the reading and becomes the result. */
    int (*record)(void *context, const struct zonefile_record *record);
    /* NULL, or called instead, with up to ZONEFILE_TOGETHER records that follow each other: who looks each
     * one up in much memory can ask for all of it before he needs the first. No problem lies between them. */
    int (*records)(void *context, const struct zonefile_record *records, size_t count);
    /* Called for each problem; may be NULL. */
    void (*problem)(void *context, const struct zonefile_problem *problem);
    /* Called now and then with the bytes read so far; may be NULL. */
    void (*progress)(void *context, uint64_t bytes);
    void *context;
    bool *includes; /* set to true when the file includes others; may be NULL */
};

/* Reads a file. 0; an error of the system (file missing: also reported as a problem); ERR_MALFORMED after a
 * fatal problem; or what `record` returned. */
int zonefile_read(const char *path, const struct zonefile_options *options) MUST_CHECK;

/* The same from memory; `name` stands for the file in messages. */
int zonefile_read_text(const char *text, size_t length, const char *name,
                       const struct zonefile_options *options) MUST_CHECK;

#endif
