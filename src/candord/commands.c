/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/commands.h"

#include <stdio.h>

int commands_open(struct daemon *daemon, const char *path, char *problem, size_t problem_size)
{
    (void)daemon;
    snprintf(problem, problem_size, "%s: %s", path, err_text(ERR_UNSUPPORTED));
    return ERR_UNSUPPORTED;
}

void commands_close(struct daemon *daemon)
{
    daemon->control = NULL;
}
