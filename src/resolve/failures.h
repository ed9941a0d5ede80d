/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why recursion failed, in the codes of RFC 8914, from what libunbound says. Pure. */
#ifndef RESOLVE_FAILURES_H
#define RESOLVE_FAILURES_H

/* The code for libunbound's text about a bogus answer; NULL: EDE_DNSSEC_BOGUS. */
int ede_from_bogus_text(const char *text);

/* The reason in such a text, without libunbound's "validation failure <name type class>: ". */
const char *bogus_reason(const char *text);

#endif
