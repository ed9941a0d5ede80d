/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading results: what is missing is 0, "" or false, so that an older daemon's answer prints as well. */
#ifndef CANDORCTL_PRINT_PARTS_H
#define CANDORCTL_PRINT_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

int64_t member_int(const json_t *object, const char *name);
const char *member_text(const json_t *object, const char *name);
bool member_flag(const json_t *object, const char *name);

/* Where a zone comes from, for feeds, catalogs and their members (print_sources.c). */
void print_source(const json_t *zone);

/* What is under way with a zone, and why it is not kept on disk (print_history.c). */
void print_kept(const json_t *zone);

/* The same of a secondary zone (print_secondary.c). */
void print_secondary(const json_t *zone);

#endif
