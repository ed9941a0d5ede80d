/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candorctl lint: looks at a policy zone's file, here, without the daemon's help except for where a zone's
 * file is. */
#ifndef CANDORCTL_LINT_H
#define CANDORCTL_LINT_H

#include <jansson.h>
#include <stdbool.h>

enum { LINT_EXIT_CLEAN = 0, LINT_EXIT_ERRORS = 1, LINT_EXIT_WARNINGS = 4 };

/* `request` has "what" (a file, or the name of a zone that the daemon at `socket` holds), and may have
 * "origin", "all", "include_subdomains". Prints the findings; returns the exit code. */
int lint_run(const char *socket, bool json, const json_t *request);

#endif
