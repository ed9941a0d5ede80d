/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Judges an answer of the web server, as check_http 2.3.3 does. Pure: stored facts in, verdict out. */
#ifndef CHECK_JUDGE_HTTP_H
#define CHECK_JUDGE_HTTP_H

#include "base/arena.h"
#include "check_http_onion/http.h"
#include "check_http_onion/options.h"
#include "check_http_onion/target.h"
#include "check_http_onion/verdict.h"

/* The head of an answer, taken apart. Texts are the arena's. */
struct answer_head {
    const char *status_line; /* without the white space at its end; "" where there is none */
    const char *headers;     /* the lines after it */
    const char *body;        /* never NULL */
    int status;              /* 100 … 599, or 0: the status line does not say one */
};

/* Takes the answer apart. 0 or ERR_NOMEM. */
int answer_split(struct arena *arena, const struct http_answer *answer, struct answer_head *out) MUST_CHECK;

/* Is this an answer whose redirect is to be followed (-f follow, sticky, stickyport)? */
bool answer_redirects(const struct options *options, const struct answer_head *head);

/* What is to be said of it besides what check_http says; NULL members: nothing. */
struct judge_extras {
    const char *first;              /* a complaint that comes before the status line: why it is CRITICAL */
    const char *remark;             /* after the complaints: circuits that failed, a redirect out of Tor */
    enum plugin_state remark_state; /* what the remark alone would give */
};

/* Judges an answer that is complete or cut. `elapsed_s` is the time of the whole check. NULL verdict text
 * never: an arena that is out gives UNKNOWN. */
struct verdict judge_answer(struct arena *arena, const struct options *options, const struct target *target,
                            const struct http_answer *answer, double elapsed_s,
                            const struct judge_extras *extras);

/* Judges an exchange that gave no answer to be read. */
struct verdict judge_no_answer(struct arena *arena, const struct target *target,
                               const struct http_answer *answer);

/* Judges the certificate (-C) on the day `now_s`. */
struct verdict judge_certificate(struct arena *arena, const struct options *options,
                                 const struct certificate_facts *facts, int64_t now_s);

/* A redirect that is not followed. */
struct verdict judge_redirect(struct arena *arena, const struct options *options, enum redirect_verdict why,
                              const struct target *place, const char *status_line);

/* "HTTP CRITICAL: body cut at 44 of 1000000 bytes" and the like; NULL for a complete answer. */
const char *judge_cut(struct arena *arena, const struct http_answer *answer);

#endif
