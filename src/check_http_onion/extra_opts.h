/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --extra-opts=[SECTION][@FILE]: options from an ini file, put in front of those of the command line. */
#ifndef CHECK_EXTRA_OPTS_H
#define CHECK_EXTRA_OPTS_H

#include "base/arena.h"

/* Replaces each --extra-opts of the command line by what its section holds. On return `*argc` and `*argv` are
 * the new line (arena memory). 0; ERR_NOT_FOUND, ERR_MALFORMED, an error of the system or ERR_NOMEM, and then
 * `*why` is the text for the user. */
int extra_opts_expand(struct arena *arena, int *argc, char ***argv, const char **why) MUST_CHECK;

/* The pure part: the options of one section of an ini text, into `out` (at most `max`). Returns how many, or
 * ERR_NOT_FOUND (no such section), ERR_LIMIT, ERR_NOMEM. A key of one letter is a short option. */
int extra_opts_section(struct arena *arena, const char *text, const char *section, char **out,
                       int max) MUST_CHECK;

#endif
