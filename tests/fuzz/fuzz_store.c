/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the parts of a zone's journal: what is accepted is written back as it was, and records that
 * are read make a version or none. */
#include "fuzz.h"

#include <string.h>

#include "store/format.h"

static const uint8_t origin[] = "\003rpz\004test";

static int take(void *context, bool remove, const struct policy_record *record)
{
    const char *why;
    int result = remove ? 0 : zone_draft_add(context, record, &why);
    return result == ERR_NOMEM ? result : 0;
}

static void try_body(const uint8_t *bytes, size_t length)
{
    struct zone_draft *draft = zone_draft_new(origin, length & 1);
    struct zone_content *content = NULL;
    const char *why;
    must(draft);
    int read = store_body_each(bytes, length, origin, take, draft);
    must(read == 0 || read == ERR_MALFORMED);
    if (zone_draft_finish(draft, &content, &why) != 0)
        return;
    struct store_body *body = store_body_whole(content, "/nonexistent/x");
    must(body && body->added == zone_content_records(content));
    store_body_free(body);
    zone_content_unref(content);
}

static void try_state(const uint8_t *bytes, size_t length)
{
    struct store_state state, again;
    uint8_t out[STORE_SLOT_BYTES];
    if (store_state_read(bytes, length, &state) != 0)
        return;
    size_t written = store_state_write(&state, out);
    must(store_state_read(out, written, &again) == 0);
    must(again.stamp == state.stamp && strcmp(again.reason, state.reason) == 0 &&
         strcmp(again.tag, state.tag) == 0);
}

static void try_head(const uint8_t *bytes, size_t length)
{
    struct store_head head;
    uint8_t padded[STORE_HEAD_BYTES] = {0};
    memcpy(padded, bytes, length < sizeof padded ? length : sizeof padded);
    if (store_head_read(padded, &head) == 0)
        must(head.stamp != 0 && head.parent < head.stamp);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    try_body(bytes, length);
    try_state(bytes, length);
    try_head(bytes, length);
    return 0;
}
