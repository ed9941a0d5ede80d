/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/name.h"

enum { NESTING_MAX = 129 };

ip_number prefix_number(const struct ip_address *address)
{
    if (address->family == IP_V4)
        return load_u32(address->bytes);
    uint64_t halves[2];
    memcpy(halves, address->bytes, sizeof halves);
    return (ip_number)__builtin_bswap64(halves[0]) << 64 | __builtin_bswap64(halves[1]);
}

/* The bits below a prefix. */
static ip_number host_mask(enum ip_family family, const struct prefix_item *item)
{
    unsigned host_bits = ip_bits(family) - item->length;
    return host_bits == 128 ? ~(ip_number)0 : ((ip_number)1 << host_bits) - 1;
}

/* The last address of a prefix. */
static ip_number end_of(enum ip_family family, const struct prefix_item *item)
{
    return item->first | host_mask(family, item);
}

/* --- where what is ---------------------------------------------------------------------------------------
 */

/* Starts are 4 or 16 bytes each. */
struct layout {
    uint8_t *starts, *firsts;
    struct prefix_rule *rules;
    uint32_t *covers;
    size_t bytes;
};

/* As long as there are no pages only the size is told. */
static struct layout layout_of(const struct prefixes *p, size_t stretches, size_t rules)
{
    size_t each = p->family == IP_V4 ? sizeof(uint32_t) : sizeof(ip_number);
    size_t firsts_at = (stretches * each + 15) & ~(size_t)15;
    size_t rules_at = firsts_at + ((rules * each + 15) & ~(size_t)15);
    size_t covers_at = rules_at + rules * sizeof(struct prefix_rule);
    struct layout at = {.bytes = covers_at + stretches * sizeof(uint32_t)};
    uint8_t *base = p->pages.base;
    if (base) {
        at.starts = base;
        at.firsts = base + firsts_at;
        at.rules = (struct prefix_rule *)(void *)(base + rules_at);
        at.covers = (uint32_t *)(void *)(base + covers_at);
    }
    return at;
}

static ip_number start_at(enum ip_family family, const uint8_t *starts, size_t i)
{
    if (family == IP_V4)
        return ((const uint32_t *)(const void *)starts)[i];
    return ((const ip_number *)(const void *)starts)[i];
}

static void set_start(enum ip_family family, uint8_t *starts, size_t i, ip_number value)
{
    if (family == IP_V4)
        ((uint32_t *)(void *)starts)[i] = (uint32_t)value;
    else
        ((ip_number *)(void *)starts)[i] = value;
}

/* --- cutting ------------------------------------------------------------------------------------------- */

/* The prefixes around the place that was reached, and what was cut so far. */
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
    if (p->stretches && start_at(p->family, c->at.starts, p->stretches - 1) == start)
        p->stretches--;
    set_start(p->family, c->at.starts, p->stretches, start);
    c->at.covers[p->stretches++] = c->depth ? c->open[c->depth - 1] : 0;
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

static bool same_prefix(const struct prefix_item *a, const struct prefix_item *b)
{
    return a->first == b->first && a->length == b->length;
}

/* Another spelling of the same prefix is kept, for the day when the first one goes, but covers nothing. */
static void cut_all(struct cutter *c, const struct prefix_item *items, size_t count)
{
    cut(c, 0);
    for (size_t i = 0; i < count; i++) {
        const struct prefix_item *item = &items[i];
        bool again = i && same_prefix(item, item - 1);
        if (!again)
            close_before(c, item->first, false);
        set_start(c->to->family, c->at.firsts, c->to->rules, item->first);
        c->at.rules[c->to->rules++] =
            (struct prefix_rule){item->owner, c->depth ? c->open[c->depth - 1] : 0, item->length};
        if (again)
            continue;
        c->open[c->depth] = c->to->rules;
        c->ends[c->depth++] = end_of(c->to->family, item);
        cut(c, item->first);
    }
    close_before(c, 0, true);
}

static void point(struct prefixes *p)
{
    struct layout at = layout_of(p, p->stretches, p->rules);
    p->starts = at.starts;
    p->covers = at.covers;
    p->owners = at.rules;
}

/* Built with room for the most stretches there could be; then the parts move together. */
static void pack(struct prefixes *p, size_t room)
{
    struct layout from = layout_of(p, room, p->rules), to = layout_of(p, p->stretches, p->rules);
    memmove(to.firsts, from.firsts, (size_t)((uint8_t *)from.rules - from.firsts));
    memmove(to.rules, from.rules, p->rules * sizeof *to.rules);
    memmove(to.covers, from.covers, p->stretches * sizeof *to.covers);
    p->pages.used = to.bytes;
    pages_trim(&p->pages);
    point(p);
}

/* From items in order, none of which is gone. */
static int build(enum ip_family family, const struct prefix_item *items, size_t count, struct prefixes **out)
{
    size_t room = 2 * count + 1;
    struct prefixes *p = *out = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    p->references = 1;
    p->family = family;
    int error = pages_reserve(&p->pages, layout_of(p, room, count).bytes);
    if (error) {
        prefixes_unref(p);
        *out = NULL;
        return error;
    }
    struct cutter cutter = {.to = p, .at = layout_of(p, room, count)};
    cut_all(&cutter, items, count);
    pack(p, room);
    return 0;
}

/* --- changing ------------------------------------------------------------------------------------------ */

static int place_order(const struct prefix_item *a, const struct prefix_item *b)
{
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return (a->length > b->length) - (a->length < b->length);
}

static int item_order(const void *left, const void *right)
{
    const struct prefix_item *a = left, *b = right;
    int order = place_order(a, b);
    if (!order)
        order = (a->owner > b->owner) - (a->owner < b->owner);
    return order ? order : (a->turn > b->turn) - (a->turn < b->turn);
}

/* Merging: what stands in the old ones and what changes, both in order of their places. */
struct merge {
    const struct prefixes *old;
    struct layout at;
    size_t next_old, next_item, count;
    const struct prefix_item *items;
    const struct prefix_names *names;
    struct prefix_item *to;
    size_t made;
};

static bool peek_old(const struct merge *m, struct prefix_item *out)
{
    if (!m->old || m->next_old >= m->old->rules)
        return false;
    const struct prefix_rule *rule = &m->at.rules[m->next_old];
    *out = (struct prefix_item){.first = start_at(m->old->family, m->at.firsts, m->next_old),
                                .owner = rule->owner,
                                .length = rule->length};
    return true;
}

static bool is_changed(const struct merge *m, size_t from, size_t to, uint64_t owner)
{
    for (size_t i = from; i < to; i++)
        if (m->items[i].owner == owner)
            return true;
    return false;
}

/* Puts an item behind those of the same prefix with smaller names. */
static void put_item(struct merge *m, size_t group, const struct prefix_item *item)
{
    size_t at = m->made++;
    for (; at > group; at--) {
        uint8_t name[NAME_MAX_BYTES], before[NAME_MAX_BYTES];
        m->names->of(m->names->context, item->owner, name);
        m->names->of(m->names->context, m->to[at - 1].owner, before);
        if (name_compare(before, name) <= 0)
            break;
        m->to[at] = m->to[at - 1];
    }
    m->to[at] = *item;
}

/* All of one prefix: old ones that no item names, and the items that stay. */
static void merge_group(struct merge *m, const struct prefix_item *place)
{
    size_t group = m->made, from = m->next_item, to = from;
    struct prefix_item old;
    while (to < m->count && same_prefix(&m->items[to], place))
        to++;
    for (; peek_old(m, &old) && same_prefix(&old, place); m->next_old++)
        if (!is_changed(m, from, to, old.owner))
            put_item(m, group, &old);
    for (size_t i = from; i < to; i++)
        if (!m->items[i].gone && (i + 1 == to || m->items[i].owner != m->items[i + 1].owner))
            put_item(m, group, &m->items[i]);
    m->next_item = to;
}

static void merge_all(struct merge *m)
{
    struct prefix_item old;
    for (;;) {
        bool has_old = peek_old(m, &old), has_item = m->next_item < m->count;
        if (!has_old && !has_item)
            break;
        if (!has_old || (has_item && place_order(&m->items[m->next_item], &old) < 0))
            old = m->items[m->next_item];
        merge_group(m, &old);
    }
}

int prefixes_change(const struct prefixes *old, enum ip_family family, struct prefix_item *items,
                    size_t count, const struct prefix_names *names, struct prefixes **out)
{
    struct pages merged = {0};
    *out = NULL;
    int error = pages_reserve(&merged, ((old ? old->rules : 0) + count) * sizeof *items);
    if (error)
        return error;
    if (count)
        qsort(items, count, sizeof *items, item_order);
    struct merge merge = {.old = old,
                          .items = items,
                          .count = count,
                          .names = names,
                          .to = (struct prefix_item *)(void *)merged.base};
    if (old)
        merge.at = layout_of(old, old->stretches, old->rules);
    merge_all(&merge);
    if (merge.made)
        error = build(family, merge.to, merge.made, out);
    pages_free(&merged);
    return error;
}

/* --- as it was ----------------------------------------------------------------------------------------- */

/* In order, prefixes whose parents stand in front of them: walks up end, and no more than there are bits are
 * open at once when they are cut anew. */
static bool are_rules(const struct prefixes *p)
{
    struct layout at = layout_of(p, p->stretches, p->rules);
    struct prefix_item before = {0}, item;
    bool sound = true;
    for (uint32_t i = 0; sound && i < p->rules; i++, before = item) {
        item = (struct prefix_item){.first = start_at(p->family, at.firsts, i), .length = at.rules[i].length};
        sound = item.length <= ip_bits(p->family) && at.rules[i].parent <= i &&
                (item.first & host_mask(p->family, &item)) == 0 && place_order(&before, &item) <= 0;
    }
    return sound;
}

static bool are_covers(const struct prefixes *p)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < p->stretches; i++)
        most = p->covers[i] > most ? p->covers[i] : most;
    return most <= p->rules;
}

int prefixes_restore(enum ip_family family, const void *bytes, size_t length, uint32_t stretches,
                     uint32_t rules, struct prefixes **out)
{
    struct prefixes shape = {.pages.base = (uint8_t *)bytes, .family = family};
    *out = NULL;
    if (!rules || !stretches || layout_of(&shape, stretches, rules).bytes != length)
        return ERR_MALFORMED;
    struct prefixes *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NOMEM;
    *p = (struct prefixes){.references = 1, .family = family, .stretches = stretches, .rules = rules};
    int error = pages_append(&p->pages, bytes, length);
    if (!error) {
        point(p);
        error = are_rules(p) && are_covers(p) ? 0 : ERR_MALFORMED;
    }
    if (error)
        prefixes_unref(p);
    else
        *out = p;
    return error;
}

struct prefixes *prefixes_ref(struct prefixes *prefixes)
{
    if (prefixes)
        atomic_fetch_add_explicit(&prefixes->references, 1, memory_order_relaxed);
    return prefixes;
}

void prefixes_unref(struct prefixes *prefixes)
{
    if (!prefixes || atomic_fetch_sub_explicit(&prefixes->references, 1, memory_order_acq_rel) != 1)
        return;
    pages_free(&prefixes->pages);
    free(prefixes);
}

/* --- looking up ---------------------------------------------------------------------------------------- */

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
    if (!prefixes)
        return NULL;
    size_t stretch = prefixes->family == IP_V4
                         ? v4_stretch(prefixes->starts, prefixes->stretches, load_u32(address->bytes))
                         : v6_stretch(prefixes->starts, prefixes->stretches, prefix_number(address));
    uint32_t rule = prefixes->covers[stretch];
    while (rule && prefixes->owners[rule - 1].length > longest)
        rule = prefixes->owners[rule - 1].parent;
    return rule ? &prefixes->owners[rule - 1] : NULL;
}
