/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone's content: its life, what it is asked about itself, and looking up a name in it. */
#include "zone/zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/name.h"
#include "zone/content.h"

struct zone_content *zone_content_ref(struct zone_content *content)
{
    atomic_fetch_add_explicit(&content->references, 1, memory_order_relaxed);
    return content;
}

void zone_content_unref(struct zone_content *content)
{
    if (!content || atomic_fetch_sub_explicit(&content->references, 1, memory_order_acq_rel) != 1)
        return;
    if (content->policy)
        policy_zone_unref(content->policy);
    arena_fini(&content->arena);
    free(content);
}

/* --- about itself --- */

const uint8_t *zone_content_origin(const struct zone_content *content)
{
    return content->origin;
}

const struct rrset *zone_content_soa(const struct zone_content *content)
{
    return content->soa;
}

uint32_t zone_content_serial(const struct zone_content *content)
{
    return soa_serial(content->soa->rdatas[0].bytes);
}

uint64_t zone_content_records(const struct zone_content *content)
{
    return content->records;
}

size_t zone_content_bytes(const struct zone_content *content)
{
    size_t bytes = sizeof *content + content->arena.used_bytes;
    if (content->policy) {
        struct policy_zone_counts counts;
        policy_zone_count(content->policy, &counts);
        bytes += counts.memory_bytes;
    }
    return bytes;
}

struct policy_zone *zone_content_get_policy(const struct zone_content *content)
{
    return content->policy;
}

/* --- an empty zone --- */

/* SOA of BIND's empty zones: the zone as its own server, nobody responsible, serial 0. */
static size_t empty_soa(const uint8_t *origin, uint8_t *out)
{
    static const uint32_t numbers[] = {0, 28800, 7200, 604800, 86400};
    size_t length = name_copy(out, origin);
    out[length++] = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++, length += 4)
        store_u32(out + length, numbers[i]);
    return length;
}

struct zone_content *zone_content_empty(const uint8_t *origin)
{
    struct zone_builder *builder = zone_builder_new(origin);
    if (!builder)
        return NULL;
    uint8_t soa[NAME_MAX_BYTES + 21];
    const char *why;
    struct zone_content *content = NULL;
    size_t length = empty_soa(origin, soa);
    int error = zone_builder_add(builder, origin, TYPE_SOA, CLASS_IN, 86400, soa, (uint16_t)length, &why);
    if (!error)
        error = zone_builder_add(builder, origin, TYPE_NS, CLASS_IN, 0, origin, (uint16_t)name_length(origin),
                                 &why);
    if (error) {
        zone_builder_free(builder);
        return NULL;
    }
    return zone_builder_finish(builder, &content, &why) == 0 ? content : NULL;
}

/* --- looking up a name --- */

static const struct zone_node *plain_node(const struct zone_content *content, const uint8_t *name)
{
    size_t at = name_hash_lower(content->seed, name, name_length(name)) & content->slot_mask;
    for (; content->slots[at]; at = (at + 1) & content->slot_mask) {
        const struct zone_node *node = &content->nodes[content->slots[at] - 1];
        if (name_equal(node->name, name))
            return node;
    }
    return NULL;
}

int content_at(const struct zone_content *content, const uint8_t *name, struct arena *arena,
               struct node_view *out)
{
    if (content->policy)
        return content_at_policy(content, name, arena, out);
    const struct zone_node *node = plain_node(content, name);
    *out = node ? (struct node_view){true, node->sets, node->set_count} : (struct node_view){0};
    return 0;
}

const struct rrset *view_find(const struct node_view *view, uint16_t type)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->sets[i].type == type && view->sets[i].count)
            return &view->sets[i];
    }
    return NULL;
}

const struct rrset *content_nsec_before(const struct zone_content *content, const uint8_t *name)
{
    /* nodes[low] is the first name behind `name`. */
    size_t low = 0, high = content->node_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(content->nodes[middle].name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    /* An unsigned zone shows at its apex; in a signed one empty non-terminals and glue have no NSEC. */
    if (content->policy || !low)
        return NULL;
    struct node_view apex = {true, content->nodes[0].sets, content->nodes[0].set_count};
    const struct rrset *nsec = NULL;
    while (view_find(&apex, TYPE_NSEC) && !nsec && low--) {
        struct node_view view = {true, content->nodes[low].sets, content->nodes[low].set_count};
        nsec = view_find(&view, TYPE_NSEC);
    }
    return nsec;
}
