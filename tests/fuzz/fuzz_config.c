/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a configuration: no crash, no leak, no message without a place. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "candord/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

static void check_problem(void *context, const struct config_problem *problem)
{
    (void)context;
    if (!problem->file || !*problem->message || strpbrk(problem->message, "\n\r"))
        abort();
}

/* Files of the machine are not part of the test. */
static int includes(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i + 7 <= length; i++)
        if (strncasecmp((const char *)data + i, "include", 7) == 0)
            return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct config *config = NULL;
    struct config_read_options options = {.file = "fuzz", .problem = check_problem};
    if (!includes(data, length) && config_read_text(&options, (const char *)data, length, &config) == 0)
        config_free(config);
    return 0;
}
