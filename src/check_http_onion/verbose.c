// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/verbose.h"

#include "check_http_onion/judge_http.h"

#include <inttypes.h>

static const char *const try_words[] = {[TRY_RUNNING] = "silent to the end",
                                        [TRY_ANSWERED] = "answered",
                                        [TRY_NO_PROXY] = "nobody at the proxy",
                                        [TRY_PROXY_CLOSED] = "the proxy broke off",
                                        [TRY_PROXY_NO] = "refused",
                                        [TRY_PROXY_AUTH] = "credentials not taken",
                                        [TRY_NOT_SOCKS] = "that is no SOCKS proxy",
                                        [TRY_HTTP] = "connected, but no whole answer"};

/* One line a circuit. */
static char *circuits_text(struct arena *arena, const struct options *o, const struct observation *seen)
{
    bool ignored = seen->onion && o->address != o->host_name && target_peer(&seen->target) != o->address;
    char *text = arena_printf(arena, "%s%s%s", ignored ? "-I " : "", ignored ? o->address : "",
                              ignored ? " ignored: an onion name is asked through Tor only\n" : "");
    for (size_t i = 0; text && i < seen->try_count; i++) {
        const struct try_facts *t = &seen->tries[i];
        if (t->by_socks)
            text = arena_printf(arena, "%scircuit %zu: begun at %.3f s, SOCKS %02X after %.3f s, %s\n", text,
                                i + 1, t->began_s, t->reply, t->ready_s, try_words[t->end]);
    }
    return text;
}

static char *answer_text(struct arena *arena, const struct options *o, const struct observation *seen,
                         const struct http_answer *answer)
{
    struct answer_head head;
    if (answer_split(arena, answer, &head))
        return NULL;
    return arena_printf(
        arena,
        "%s://%s:%d%s is %" PRIu64 " characters\nSTATUS: %s\n**** HEADER ****\n%s\n**** CONTENT "
        "****\n%s\n",
        seen->target.tls ? "https" : "http", seen->target.address, seen->target.port, seen->target.path,
        answer->wire_bytes, head.status_line, head.headers, o->ignore_body ? "  [[ skipped ]]" : head.body);
}

char *verbose_observation(struct arena *arena, const struct options *o, const struct observation *seen)
{
    const struct http_answer *answer = seen->chosen >= 0 ? &seen->tries[seen->chosen].answer : NULL;
    char *circuits = circuits_text(arena, o, seen), *request = request_text(arena, &seen->request);
    char *head =
        circuits && request ? arena_printf(arena, "%s%s\n", circuits, seen->try_count ? request : "") : NULL;
    if (!head || !answer || seen->request.connect_only)
        return head;
    char *tail = answer_text(arena, o, seen, answer);
    return tail ? arena_printf(arena, "%s%s", head, tail) : NULL;
}

char *verbose_redirect(struct arena *arena, const struct target *next)
{
    char *url = target_url(arena, next);
    return url ? arena_printf(arena, "Redirection to %s\n", url) : NULL;
}
