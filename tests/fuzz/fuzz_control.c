/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any lines as what Tor's control port says to the check. */
#include "fuzz.h"

#include <string.h>

#include "check_http_onion/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* As control_begin() leaves it, but without a connection: the conversation is pure. */
    struct control control = {.fd = -1, .onion = "exampleonion", .facts = {.end = CONTROL_TALKING}};
    char line[CONTROL_LINE_MAX];
    while (size && control.facts.end == CONTROL_TALKING) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) : size;
        size_t kept = length < sizeof line ? length : sizeof line - 1;
        memcpy(line, data, kept);
        line[kept] = 0;
        control_take_line(&control, line);
        must(control.command_length <= sizeof control.command);
        must(memchr(control.facts.refusal, 0, sizeof control.facts.refusal));
        data += length + (newline != NULL);
        size -= length + (newline != NULL);
    }
    control_end(&control);
    return 0;
}
