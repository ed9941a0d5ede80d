/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a web server's answer (head and body parted by a zero byte), judged with every expectation
 * set: the verdict is one safe line. Also as what Tor's control port says, as a state file, as an ini file,
 * and as an onion name. */
#include "fuzz.h"

#include <string.h>

#include "check_http_onion/address.h"
#include "check_http_onion/control.h"
#include "check_http_onion/extra_opts.h"
#include "check_http_onion/judge_http.h"
#include "check_http_onion/print.h"
#include "check_http_onion/state_file.h"

static const struct target here = {
    .address = "h", .host_name = "h", .port = 80, .host_port = 80, .path = "/p"};

static void must_be_safe(const char *line)
{
    must(line != NULL);
    for (; *line; line++)
        must(*line != '|' && (unsigned char)*line >= 0x20 && *line != 0x7f);
}

static void judge(struct arena *arena, char *text, size_t size)
{
    struct options o = {.max_age_s = 10,
                        .header_string = "h",
                        .body_string = "b",
                        .size_min = 5,
                        .size_max = 9,
                        .redirects_max = 3,
                        .on_redirect = REDIRECT_FOLLOW};
    struct http_answer a = {.end = HTTP_COMPLETE, .announced_bytes = -1, .wire_bytes = size};
    struct answer_head head;
    struct target next;
    size_t length = strnlen(text, size);
    a.head = (struct http_buffer){text, length, 0};
    a.body = (struct http_buffer){text + length, strlen(text + length), 0};
    must(answer_split(arena, &a, &head) == 0);
    must(strchr(head.status_line, '\n') == NULL);
    struct verdict v = judge_answer(arena, &o, &here, &a, 0.1, &(struct judge_extras){0});
    must_be_safe(print_line(arena, &v));
    if (redirect_place(arena, &here, head.headers, &next) == REDIRECT_GO)
        must(next.port > 0 && next.port <= 65535 && *next.path == '/' && *next.address);
}

static void others(struct arena *arena, char *text)
{
    struct control c = {.fd = -1, .onion = "abc", .facts = {.end = CONTROL_TALKING}};
    char *options[8], *rest = NULL, *copy = arena_strdup(arena, text);
    static char changed[70000];
    int64_t since_s;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        control_take_line(&c, line);
    must(onion_judge(text, NULL) != ONION_V3 || onion_is(text));
    int error = state_change(text, "k", EVENT_BAD, 100, changed, sizeof changed, &since_s);
    if (error == 0) /* what was written is read again, and says the same */
        must(state_change(changed, "k", EVENT_NOTHING, 100, changed + 35000, 35000, &since_s) == 0 ||
             strlen(changed) > 30000);
    must(extra_opts_section(arena, text, "s", options, 8) <= 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    if (size > 30000)
        return 0;
    arena_init(&arena, 0);
    char *text = arena_zalloc(&arena, size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    judge(&arena, text, size);
    others(&arena, text);
    arena_fini(&arena);
    return 0;
}
