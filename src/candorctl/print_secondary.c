/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones: a line for each secondary zone; refresh and retransfer. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"
#include "candorctl/verbs.h"

static void print_in(const char *what, int64_t at_s)
{
    char in[HUMAN_MAX];
    int64_t wait_s = at_s - (int64_t)time(NULL);
    if (at_s)
        printf(", %s in %s", what, human_duration(wait_s > 0 ? wait_s : 0, in));
}

void print_secondary(const json_t *zone)
{
    const json_t *state = json_object_get(zone, "secondary");
    const char *name = member_text(zone, "name"), *primary = member_text(state, "primary");
    char when[HUMAN_MAX];
    if (!state)
        return;
    printf("%s: from %s, last confirmed %s", name, *primary ? primary : "nobody yet",
           human_time(member_int(state, "checked_at"), (int64_t)time(NULL), when));
    if (member_flag(state, "asking"))
        printf(", asking now");
    else
        print_in("next", member_int(state, "next_at"));
    print_in("expires", member_int(state, "expires_at"));
    puts(member_flag(state, "expired") ? ", EXPIRED" : "");
    if (*member_text(state, "problem"))
        printf("%s: FAILED %" PRId64 " time%s: %s%s\n", name, member_int(state, "failures"),
               member_int(state, "failures") == 1 ? "" : "s", member_text(state, "problem"),
               json_object_get(zone, "serial") ? " (the version above stays in force)" : "");
}

void print_refresh(const json_t *result)
{
    if (member_flag(result, "waited"))
        printf("done in %" PRId64 " ms\n", member_int(result, "took_ms"));
    else
        puts("asked for; the log says how it goes");
}
