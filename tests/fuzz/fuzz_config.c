/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a configuration: either a configuration comes out, or at least one error was said, and each
 * message has its place. */
#include "fuzz.h"

#include <string.h>
#include <strings.h>

#include "candord/config.h"

static void check_problem(void *context, const struct config_problem *problem)
{
    unsigned *errors = context;
    must(problem->file && *problem->message);
    must(!strpbrk(problem->message, "\n\r"));
    *errors += problem->error;
}

/* Files of the machine are not part of the test. */
static int includes(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 7 <= size; i++)
        if (strncasecmp((const char *)data + i, "include", 7) == 0)
            return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    unsigned errors = 0;
    struct config_read_options options = {.file = "fuzz", .problem = check_problem, .context = &errors};
    if (includes(data, size))
        return 0;
    int result = config_read_text(&options, (const char *)data, size, &config);
    must((result == 0) == (errors == 0));
    if (result == 0)
        config_free(config);
    return 0;
}
