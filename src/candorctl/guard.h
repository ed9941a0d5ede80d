/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the guard holds, and what it would hold. */
#ifndef CANDORCTL_GUARD_H
#define CANDORCTL_GUARD_H

#include <jansson.h>
#include <stdbool.h>

enum { SIMULATE_EXIT_PASSES = 0, SIMULATE_EXIT_HELD = 1, SIMULATE_EXIT_WARNS = 4 };

void print_held(const json_t *result);
void print_released(const json_t *result);
void print_rejected(const json_t *result);

/* A report of the guard (doc/control.md, simulate). */
void print_guard_report(const json_t *report);

/* candorctl simulate: `request` has "what" (a file, or a zone), and may have "zone", "view" and "against" (an
 * older file: then the daemon is not asked). Without a daemon the file alone is looked at. Prints; returns
 * the exit code. */
int simulate_run(const char *socket, bool json, const json_t *request);

#endif
