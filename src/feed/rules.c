/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "feed/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "dns/name.h"

enum { FIRST_SLOTS = 1024, NAMES_BLOCK_BYTES = 1 << 16 };

int rules_init(struct rules *rules)
{
    *rules = (struct rules){.mask = FIRST_SLOTS - 1, .seed = random_u64()};
    arena_init(&rules->names, NAMES_BLOCK_BYTES);
    rules->slots = calloc(FIRST_SLOTS, sizeof *rules->slots);
    return rules->slots ? 0 : ERR_NOMEM;
}

void rules_fini(struct rules *rules)
{
    arena_fini(&rules->names);
    free(rules->entries);
    free(rules->slots);
}

/* --- the table --- */

/* The slot that holds `name`, or the free one where it would stand. */
static uint32_t *find_slot(const struct rules *rules, const uint8_t *name, size_t length)
{
    size_t at = name_hash_lower(rules->seed, name, length) & rules->mask;
    for (; rules->slots[at]; at = (at + 1) & rules->mask) {
        const uint8_t *other = rules->entries[rules->slots[at] - 1].name;
        if (name_length(other) == length && memcmp(other, name, length) == 0)
            break;
    }
    return &rules->slots[at];
}

static const struct rules_entry *find(const struct rules *rules, const uint8_t *name)
{
    uint32_t number = *find_slot(rules, name, name_length(name));
    return number ? &rules->entries[number - 1] : NULL;
}

static int grow_slots(struct rules *rules)
{
    size_t size = 2 * (rules->mask + 1);
    uint32_t *old = rules->slots;
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots)
        return ERR_NOMEM;
    rules->slots = slots;
    rules->mask = size - 1;
    for (size_t i = 0; i < rules->count; i++)
        *find_slot(rules, rules->entries[i].name, name_length(rules->entries[i].name)) = (uint32_t)i + 1;
    free(old);
    return 0;
}

static int grow_entries(struct rules *rules)
{
    size_t room = rules->room ? 2 * rules->room : FIRST_SLOTS;
    struct rules_entry *entries = reallocarray(rules->entries, room, sizeof *entries);
    if (!entries)
        return ERR_NOMEM;
    rules->entries = entries;
    rules->room = room;
    return 0;
}

static int insert(struct rules *rules, const uint8_t *name, size_t length, struct rules_entry **out)
{
    if (rules->count == rules->room && grow_entries(rules))
        return ERR_NOMEM;
    if (2 * rules->count > rules->mask && grow_slots(rules))
        return ERR_NOMEM;
    const uint8_t *copy = arena_copy(&rules->names, name, length);
    if (!copy)
        return ERR_NOMEM;
    *out = &rules->entries[rules->count];
    **out = (struct rules_entry){copy, RANK_NONE, RANK_NONE};
    *find_slot(rules, name, length) = (uint32_t)++rules->count;
    return 0;
}

static int8_t higher(int8_t a, int8_t b)
{
    return a > b ? a : b;
}

int rules_add(struct rules *rules, const uint8_t *name, size_t length, enum rank self, enum rank below)
{
    uint32_t number = *find_slot(rules, name, length);
    struct rules_entry *entry = number ? &rules->entries[number - 1] : NULL;
    int error = entry ? 0 : insert(rules, name, length, &entry);
    if (error)
        return error;
    entry->self = higher(entry->self, (int8_t)self);
    entry->below = higher(entry->below, (int8_t)below);
    return 0;
}

/* --- what they say together --- */

/* The highest rank of those above `name` that cover it; *above is the one nearest to the root. */
static int8_t covering(const struct rules *rules, const uint8_t *name, const uint8_t **above)
{
    int8_t rank = RANK_NONE;
    *above = NULL;
    for (const uint8_t *at = name_skip(name, 1); !name_is_root(at); at = name_skip(at, 1)) {
        const struct rules_entry *entry = find(rules, at);
        if (!entry || entry->below == RANK_NONE)
            continue;
        rank = higher(rank, entry->below);
        *above = at;
    }
    return rank;
}

static int put(rules_each_fn *each, void *context, const uint8_t *name, bool wildcard, int8_t rank)
{
    return rank == RANK_NONE ? 0 : each(context, name, wildcard, rank & 1);
}

/* Both rules of a name: what is said of it, or what covers it. */
static int put_both(const struct rules *rules, const uint8_t *name, int8_t cover, rules_each_fn *each,
                    void *context)
{
    const struct rules_entry *entry = find(rules, name);
    int result = put(each, context, name, false, higher(entry ? entry->self : RANK_NONE, cover));
    return result < 0 ? result
                      : put(each, context, name, true, higher(entry ? entry->below : RANK_NONE, cover));
}

/* The names between `name` and `above`, which `name` makes exist. */
static int put_between(const struct rules *rules, const uint8_t *name, const uint8_t *above,
                       rules_each_fn *each, void *context)
{
    int result = 0;
    for (const uint8_t *at = name_skip(name, 1); at != above && result >= 0; at = name_skip(at, 1)) {
        const uint8_t *ignored;
        result = put_both(rules, at, covering(rules, at, &ignored), each, context);
    }
    return result;
}

static int put_entry(const struct rules *rules, const struct rules_entry *entry, rules_each_fn *each,
                     void *context)
{
    const uint8_t *above;
    int8_t cover = covering(rules, entry->name, &above);
    if (cover != RANK_NONE && higher(entry->self, entry->below) <= cover)
        return 0;
    int result = put_both(rules, entry->name, cover, each, context);
    return result < 0 || !above ? result : put_between(rules, entry->name, above, each, context);
}

int rules_each(const struct rules *rules, rules_each_fn *each, void *context)
{
    int result = 0;
    for (size_t i = 0; i < rules->count && result >= 0; i++)
        result = put_entry(rules, &rules->entries[i], each, context);
    return result < 0 ? result : 0;
}
