/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One whole check: observe, follow redirects, judge, and make of it a report to print once. */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/arena.h"
#include "check_http_onion/options.h"
#include "check_http_onion/probe.h"
#include "check_http_onion/verdict.h"

struct report {
    struct verdict verdict;
    struct observation seen; /* the last one; for what is printed of it */
    double elapsed_s;
    const char *before; /* what -v and --continue-after-certificate say first; "" */
    const char *after;  /* -B; NULL */
    bool state_kept;    /* --state was used: */
    double failing_s;   /* … the service fails since so long */
};

/* Checks. The report's texts are the arena's; report_fini() frees the rest. */
void check_run(struct arena *arena, const struct options *options, struct report *out);
void report_fini(struct report *report);

#endif
