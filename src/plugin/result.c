// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/result.h"

#include "base/error.h"

#include <errno.h>

int result_print(const struct plugin_result *result, FILE *to)
{
    fprintf(to, "%s%s%s%s\n", result->before ? result->before : "", result->line, result->perfdata ? "|" : "",
            result->perfdata ? result->perfdata : "");
    if (result->after)
        fputs(result->after, to);
    return fflush(to) || ferror(to) ? err_from_errno(errno) : 0;
}
