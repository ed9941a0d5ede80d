/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The narrow door to libunbound: one context on one loop. Questions in, messages out; nothing here waits,
 * limits, joins or remembers (resolver.c does). All calls from the loop's thread, but recursor_new(), which
 * may come before it starts. */
#ifndef RESOLVE_RECURSOR_H
#define RESOLVE_RECURSOR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "net/loop.h"
#include "resolve/truth.h"

struct recursor;

struct recursor_answer {
    int rcode; /* not RCODE_NOERROR: recursion failed, there is no message. NXDOMAIN is a message. */
    const uint8_t *message;
    size_t length;
    enum truth_security security;
    const char *why_bogus; /* TRUTH_BOGUS: libunbound's text; may be NULL */
};

/* `query` is what recursor_ask() was given; the answer's memory is libunbound's, valid during the call. */
typedef void recursor_answer_fn(void *query, const struct recursor_answer *answer);

/* `configuration` is the text of an unbound.conf (recursor_config.h). *out, or an error and why in
 * `problem`. */
int recursor_new(struct loop *loop, const char *configuration, recursor_answer_fn *answered,
                 struct recursor **out, char *problem, size_t problem_size) MUST_CHECK;

/* Unanswered questions are dropped silently. Not from within an answer. */
void recursor_free(struct recursor *recursor);

/* 0: the answer comes, once, perhaps before this returns. Otherwise it does not come. */
int recursor_ask(struct recursor *recursor, const uint8_t *name, uint16_t qtype, void *query) MUST_CHECK;

/* Questions not answered yet. */
size_t recursor_outstanding(const struct recursor *recursor);

#endif
