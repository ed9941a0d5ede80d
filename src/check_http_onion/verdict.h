/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the check concludes. Judges fill it in, print.c writes it. */
#ifndef CHECK_VERDICT_H
#define CHECK_VERDICT_H

#include <stdbool.h>

#include "plugin/state.h"

struct verdict {
    enum plugin_state state;
    const char *service; /* "HTTP", "ONION", "TOR"; NULL: the line begins with the state */
    bool judged;      /* an answer was read and judged: "SERVICE STATE: text", else "SERVICE STATE - text" */
    const char *text; /* never NULL; safe to print once text_make_safe() has been over it */
    bool has_perfdata;
    bool about_service; /* the fault is the service's (or there is none): --patience may wait for it */
};

#endif
