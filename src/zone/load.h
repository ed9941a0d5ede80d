/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loading a zone from its master file, as a plain zone or as a policy zone. Blocking; for the thread that
 * keeps zones, and for `candord -t`. */
#ifndef ZONE_LOAD_H
#define ZONE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "dns/zonefile.h"
#include "zone/zone.h"

struct zone_load_options {
    const uint8_t *origin;
    const char *file;               /* absolute, or relative to `directory` */
    const char *directory;          /* of options { directory }; also where $INCLUDE starts */
    const struct zone_content *old; /* NULL, or the version there is: zone_draft_revise() */
    bool policy;                    /* build a policy zone: no bad record fails it */
    /* Each thing worth saying, FILE:LINE known; may be NULL. `error` false: a warning. */
    void (*report)(void *context, const char *file, uint64_t line, bool error, const char *message);
    void *context;
    bool *includes; /* set to true when the file includes others; may be NULL */
    _Atomic uint64_t *progress_bytes, *progress_records; /* NULL, or kept up to date while loading */
};

/* 0 with a reference in *out; or an error that has been reported: the caller keeps what was in force. */
int zone_load(const struct zone_load_options *options, struct zone_content **out) MUST_CHECK;

#endif
