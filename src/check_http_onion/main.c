// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/check.h"
#include "check_http_onion/extra_opts.h"
#include "check_http_onion/print.h"
#include "check_http_onion/usage.h"

#include <signal.h>
#include <stdio.h>

/* Says why there is no check; returns the exit code. */
static int refuse(const struct options_refusal *refusal)
{
    fputs(refusal->text ? refusal->text : "", stdout);
    if (refusal->full_help)
        fputs(usage_full, stdout);
    if (refusal->short_usage)
        fputs(usage_short, stdout);
    return fflush(stdout) ? STATE_UNKNOWN : (int)refusal->state;
}

static int check(struct arena *arena, int argc, char **argv)
{
    struct options options;
    struct options_refusal refusal = {.state = STATE_UNKNOWN};
    struct report report;
    if (extra_opts_expand(arena, &argc, &argv, &refusal.text))
        return refuse(&refusal);
    if (options_parse(arena, argc, argv, &options, &refusal)) {
        options_fini(&options);
        return refuse(&refusal);
    }
    check_run(arena, &options, &report);
    int code = print_report(arena, &options, &report, stdout);
    report_fini(&report);
    options_fini(&options);
    return code;
}

int main(int argc, char **argv)
{
    struct arena arena;
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes where the other end may have gone */
    arena_init(&arena, 64 << 10);
    int code = check(&arena, argc, argv);
    arena_fini(&arena);
    return code;
}
