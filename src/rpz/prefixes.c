/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/name.h"

enum { NESTING_MAX = 129 };

static ip_number number_of(const struct ip_address *address)
{
    if (address->family == IP_V4)
        return load_u32(address->bytes);
    uint64_t halves[2];
    memcpy(halves, address->bytes, sizeof halves);
    return (ip_number)__builtin_bswap64(halves[0]) << 64 | __builtin_bswap64(halves[1]);
}

/* The last address of a prefix. */
static ip_number end_of(const struct ip_prefix *prefix)
{
    unsigned host_bits = ip_bits(prefix->address.family) - prefix->length;
    ip_number below = host_bits == 128 ? ~(ip_number)0 : ((ip_number)1 << host_bits) - 1;
    return number_of(&prefix->address) | below;
}

static int item_order(const void *left, const void *right)
{
    const struct prefix_item *a = left, *b = right;
    int order = memcmp(a->prefix.address.bytes, b->prefix.address.bytes, sizeof a->prefix.address.bytes);
    if (!order)
        order = a->prefix.length - b->prefix.length;
    return order ? order : name_compare(a->name, b->name);
}

/* Starts of the stretches (4 or 16 bytes each), then their rules, then the rules themselves. */
static size_t start_bytes(const struct prefixes *p)
{
    return p->family == IP_V4 ? sizeof(uint32_t) : sizeof(ip_number);
}

struct layout {
    uint32_t *v4_starts;
    ip_number *v6_starts;
    uint32_t *covers;
    struct prefix_rule *rules;
};

static struct layout layout_of(const struct prefixes *p, size_t stretches)
{
    struct layout at;
    at.v4_starts = (uint32_t *)(void *)p->pages.base;
    at.v6_starts = (ip_number *)(void *)p->pages.base;
    at.covers = (uint32_t *)(void *)(p->pages.base + stretches * start_bytes(p));
    at.rules = (struct prefix_rule *)(void *)(at.covers + stretches);
    return at;
}

/* While building: the prefixes around the place that was reached, and what was cut so far. */
struct cutter {
    struct prefixes *to;
    struct layout at;
    uint32_t open[NESTING_MAX]; /* rule + 1 */
    ip_number ends[NESTING_MAX];
    unsigned depth;
};

static void cut(struct cutter *c, ip_number start)
{
    struct prefixes *p = c->to;
    uint32_t covered = c->depth ? c->open[c->depth - 1] : 0;
    ip_number last = p->stretches == 0    ? 0
                     : p->family == IP_V4 ? c->at.v4_starts[p->stretches - 1]
                                          : c->at.v6_starts[p->stretches - 1];
    if (p->stretches && last == start)
        p->stretches--;
    if (p->family == IP_V4)
        c->at.v4_starts[p->stretches] = (uint32_t)start;
    else
        c->at.v6_starts[p->stretches] = start;
    c->at.covers[p->stretches++] = covered;
}

/* Closes the prefixes that end before `next`, or all of them. */
static void close_before(struct cutter *c, ip_number next, bool all)
{
    ip_number last = c->to->family == IP_V4 ? UINT32_MAX : ~(ip_number)0;
    while (c->depth && (all || c->ends[c->depth - 1] < next)) {
        ip_number end = c->ends[--c->depth];
        if (end != last)
            cut(c, end + 1);
    }
}

static void cut_all(struct cutter *c, const struct prefix_item *items, size_t count)
{
    cut(c, 0);
    for (size_t i = 0; i < count; i++) {
        const struct ip_prefix *prefix = &items[i].prefix;
        ip_number start = number_of(&prefix->address);
        if (i && prefix->length == items[i - 1].prefix.length &&
            ip_equal(&prefix->address, &items[i - 1].prefix.address))
            continue;
        close_before(c, start, false);
        c->at.rules[c->to->rules++] =
            (struct prefix_rule){items[i].entry, c->depth ? c->open[c->depth - 1] : 0, prefix->length};
        c->open[c->depth] = c->to->rules;
        c->ends[c->depth++] = end_of(prefix);
        cut(c, start);
    }
    close_before(c, 0, true);
}

/* Built with room for the most stretches there could be; then the parts move together. */
static void pack(struct prefixes *p, size_t room)
{
    struct layout from = layout_of(p, room), to = layout_of(p, p->stretches);
    memmove(to.covers, from.covers, p->stretches * sizeof *to.covers);
    memmove(to.rules, from.rules, p->rules * sizeof *to.rules);
    p->pages.used = (size_t)((uint8_t *)(to.rules + p->rules) - p->pages.base);
    pages_trim(&p->pages);
}

int prefixes_build(struct prefixes *prefixes, enum ip_family family, struct prefix_item *items, size_t count)
{
    size_t room = 2 * count + 1;
    *prefixes = (struct prefixes){.family = family};
    if (!count)
        return 0;
    qsort(items, count, sizeof *items, item_order);
    int error = pages_reserve(&prefixes->pages, room * (start_bytes(prefixes) + sizeof(uint32_t)) +
                                                    count * sizeof(struct prefix_rule));
    if (error)
        return error;
    struct cutter cutter = {.to = prefixes, .at = layout_of(prefixes, room)};
    cut_all(&cutter, items, count);
    pack(prefixes, room);
    return 0;
}

void prefixes_free(struct prefixes *prefixes)
{
    pages_free(&prefixes->pages);
    *prefixes = (struct prefixes){0};
}

/* Index of the last start that is not above `key`; the first is always 0. No branch depends on the data. */
static size_t v4_stretch(const uint32_t *starts, size_t left, uint32_t key)
{
    const uint32_t *base = starts;
    for (size_t half; left > 1; left -= half) {
        half = left / 2;
        base = base[half] <= key ? base + half : base;
    }
    return (size_t)(base - starts);
}

static size_t v6_stretch(const ip_number *starts, size_t left, ip_number key)
{
    const ip_number *base = starts;
    for (size_t half; left > 1; left -= half) {
        half = left / 2;
        base = base[half] <= key ? base + half : base;
    }
    return (size_t)(base - starts);
}

const struct prefix_rule *prefixes_find(const struct prefixes *prefixes, const struct ip_address *address,
                                        unsigned longest)
{
    if (!prefixes->stretches)
        return NULL;
    struct layout at = layout_of(prefixes, prefixes->stretches);
    ip_number key = number_of(address);
    size_t stretch = prefixes->family == IP_V4 ? v4_stretch(at.v4_starts, prefixes->stretches, (uint32_t)key)
                                               : v6_stretch(at.v6_starts, prefixes->stretches, key);
    uint32_t rule = at.covers[stretch];
    while (rule && at.rules[rule - 1].length > longest)
        rule = at.rules[rule - 1].parent;
    return rule ? &at.rules[rule - 1] : NULL;
}
