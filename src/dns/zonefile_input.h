/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A master file in pieces that end where a record ends, so that memory stays bounded and a file that changes
 * under us does no harm. Inner header of dns/. */
#ifndef DNS_ZONEFILE_INPUT_H
#define DNS_ZONEFILE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

enum { ZONEFILE_SLACK = 16 /* bytes that may be read behind a piece */ };

struct zonefile_input {
    int fd;       /* -1: everything is in `buffer` already */
    char *buffer; /* ours */
    size_t size, used, taken, clean;
    bool final; /* nothing follows what is in `buffer` */
    uint64_t bytes_read;
    struct stat status;
};

/* Opens a regular file. 0 or an error of the system (ERR_INVALID: not a regular file). */
int zonefile_input_open(struct zonefile_input *input, const char *path) MUST_CHECK;

/* Input from memory, copied. ERR_NOMEM. */
int zonefile_input_text(struct zonefile_input *input, const char *text, size_t length) MUST_CHECK;

void zonefile_input_close(struct zonefile_input *input);

/* The next piece, valid until the next call: 1, or 0 at the end, or an error. CR LF has become LF. */
int zonefile_input_next(struct zonefile_input *input, const char **text, size_t *length) MUST_CHECK;

/* Length of the record that begins the text, with its newline; 0 when its end is not in the text. Knows
 * parentheses, quotes, escapes and comments. */
size_t zonefile_skip_record(const char *text, size_t length);

#endif
