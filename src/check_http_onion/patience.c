// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/patience.h"

#include "check_http_onion/state_file.h"

#include <ctype.h>

/* The service in the file: what is asked, without white space. */
static char *key_of(struct arena *arena, const struct options *o)
{
    struct target target = target_of_options(o);
    char *key = arena_printf(arena, "%.60s#%.500s", target_peer(&target), target_url(arena, &target));
    for (char *at = key; at && *at; at++)
        if (isspace((unsigned char)*at))
            *at = '_';
    return key;
}

static enum state_event event_of(const struct verdict *v)
{
    if (v->state == STATE_CRITICAL && v->about_service)
        return EVENT_BAD;
    bool up = v->about_service && (v->state == STATE_OK || v->state == STATE_WARNING);
    return up ? EVENT_GOOD : EVENT_NOTHING;
}

struct verdict patience_judge(struct arena *arena, double patience_s, double failing_s,
                              const struct verdict *verdict)
{
    struct verdict v = *verdict;
    if (v.state != STATE_CRITICAL || !v.about_service || failing_s >= patience_s)
        return v;
    const char *text =
        arena_printf(arena, "failing for %.0f s (CRITICAL after %.0f s): %s", failing_s, patience_s, v.text);
    if (text) {
        v.state = STATE_WARNING;
        v.text = text;
    }
    return v;
}

static void remark(struct arena *arena, struct verdict *v, const char *format, const char *what)
{
    const char *text = arena_printf(arena, "%s %s%s", v->text, format, what);
    if (text)
        v->text = text;
}

void patience_apply(struct arena *arena, const struct options *o, int64_t now_s, struct report *report)
{
    struct verdict *v = &report->verdict;
    const char *key = key_of(arena, o);
    if (!key)
        return;
    struct state_facts facts = state_note(o->state_file, key, event_of(v), now_s, STATE_WAIT_MS);
    if (!facts.error) {
        report->state_kept = true;
        report->failing_s = facts.failing_since_s ? (double)(now_s - facts.failing_since_s) : 0;
        *v = patience_judge(arena, o->patience_s, report->failing_s, v);
    } else {
        remark(arena, v, "- state file not kept: ", err_text(facts.error));
    }
    if (facts.was_broken)
        remark(arena, v, "- state file was broken, now ", arena_printf(arena, "%s.broken", o->state_file));
}
