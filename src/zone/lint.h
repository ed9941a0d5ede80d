/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lint of a policy zone's file: reads it, and has rpz/lint.h look at it with the public suffix list at
 * hand. */
#ifndef ZONE_LINT_H
#define ZONE_LINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "rpz/lint.h"

struct zone_lint_options {
    const uint8_t *origin;
    const char *file;      /* absolute, or relative to `directory` */
    const char *directory; /* where relative names start; NULL: the working directory */
    bool include_subdomains;
    /* A finding of the lint. */
    void (*found)(void *context, const struct lint_finding *finding);
    /* Something that is no record at all. */
    void (*unreadable)(void *context, const char *file, uint64_t line, const char *message);
    void *context;
};

/* 0 when the file was read to its end, whatever was found; or why it could not be (already told to
 * `unreadable`). */
int zone_lint(const struct zone_lint_options *options) MUST_CHECK;

#endif
