/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A truth's life and its copying; truth_build.c makes one from a message. */
#include "resolve/truth.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "resolve/truth_block.h"

struct truth *truth_block_new(size_t bytes)
{
    struct truth_block *block = malloc(sizeof *block + bytes);
    if (!block)
        return NULL;
    memset(block, 0, sizeof *block);
    atomic_init(&block->truth.references, 1);
    block->truth.bytes = TRUTH_ALLOCATION_BYTES(sizeof *block + bytes);
    block->truth.ede = EDE_NONE;
    block->truth.zone_labels = -1;
    return &block->truth;
}

struct truth *truth_ref(struct truth *truth)
{
    atomic_fetch_add_explicit(&truth->references, 1, memory_order_relaxed);
    return truth;
}

void truth_unref(struct truth *truth)
{
    if (truth && atomic_fetch_sub_explicit(&truth->references, 1, memory_order_acq_rel) == 1)
        free(truth_block_of(truth));
}

static void unref_after_grace(struct rcu_head *head)
{
    truth_unref(&((struct truth_block *)head)->truth);
}

void truth_unref_later(struct truth *truth)
{
    call_rcu(&truth_block_of(truth)->rcu, unref_after_grace);
}

int truth_from_failure(const uint8_t *name, uint16_t qtype, int ede, const char *text, uint64_t now_ms,
                       uint32_t ttl_ms, struct truth **out)
{
    size_t name_bytes = name_length(name), text_bytes = text ? strlen(text) + 1 : 0;
    struct truth *truth = truth_block_new(name_bytes + text_bytes + sizeof(struct truth_link));
    if (!truth)
        return ERR_NOMEM;
    struct truth_link *link = (struct truth_link *)truth_block_of(truth)->data;
    uint8_t *name_copied = (uint8_t *)(link + 1);
    char *text_copied = (char *)name_copied + name_bytes;
    memcpy(name_copied, name, name_bytes);
    if (text)
        memcpy(text_copied, text, text_bytes);
    *link = (struct truth_link){.name = name_copied};
    truth->failed = true;
    truth->rcode = RCODE_SERVFAIL;
    truth->ede = (int16_t)ede;
    truth->ede_text = text ? text_copied : NULL;
    truth->qtype = qtype;
    truth->name = name_copied;
    truth->name_length = (uint8_t)name_bytes;
    truth->links = link;
    truth->link_count = 1;
    truth->fetched_ms = now_ms;
    truth->expires_ms = truth->stale_until_ms = now_ms + ttl_ms;
    *out = truth;
    return 0;
}

void truth_copy_wire(const struct truth *truth, const struct truth_wire *wire, uint64_t now_ms,
                     uint32_t stale_ttl_s, uint8_t *to)
{
    if (!wire->length)
        return;
    memcpy(to, wire->bytes, wire->length);
    if (truth->expires_ms == truth->fetched_ms)
        return;
    const uint16_t *at = wire->ttl_at, *end = at + wire->ttl_count;
    if (now_ms >= truth->expires_ms) {
        for (; at < end; at++)
            store_u32(to + *at, stale_ttl_s);
        return;
    }
    uint32_t elapsed_s = now_ms > truth->fetched_ms ? (uint32_t)((now_ms - truth->fetched_ms) / 1000) : 0;
    if (!elapsed_s)
        return;
    for (; at < end; at++) /* none is below elapsed_s: expires_ms is the smallest of them */
        store_u32(to + *at, load_u32(to + *at) - elapsed_s);
}
