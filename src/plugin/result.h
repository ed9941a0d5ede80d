/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a plugin says: one line, its exit code, and where asked for more lines after it. */
#ifndef PLUGIN_RESULT_H
#define PLUGIN_RESULT_H

#include <stdio.h>

#include "plugin/state.h"

struct plugin_result {
    enum plugin_state state;
    const char *before; /* as it stands before the line (long output of -v, a link); "" or NULL for nothing */
    const char *line;   /* the text, made safe by whoever wrote it; no newline */
    const char *perfdata; /* NULL: none, and no '|' either */
    const char *after;    /* long output after the line, made safe; NULL: none */
};

/* Writes the result. 0, or a negative error when it could not be written: then the exit code must be UNKNOWN,
 * for nobody has seen it. */
int result_print(const struct plugin_result *result, FILE *to) __attribute__((warn_unused_result));

#endif
