/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/set.h"

static uint64_t *set_slots(const struct set *set)
{
    return (uint64_t *)(void *)set->slots.base;
}

static uint64_t *set_home(const struct set *set, uint64_t hash)
{
    return set_slots(set) + (hash >> (64 - set->bits));
}

static uint64_t *next_slot(const struct set *set, uint64_t *slot)
{
    return slot + 1 < set_slots(set) + ((size_t)1 << set->bits) ? slot + 1 : set_slots(set);
}

int64_t set_find(const struct set *set, uint64_t hash, set_same *same, const void *context)
{
    if (!set->count)
        return -1;
    for (uint64_t *slot = set_home(set, hash); *slot; slot = next_slot(set, slot)) {
        uint32_t number = (uint32_t)*slot - 1;
        if (*slot >> 32 == hash >> 32 && same(context, number))
            return number;
    }
    return -1;
}

static void put(struct set *set, uint64_t value)
{
    uint64_t *slot = set_home(set, value);
    while (*slot)
        slot = next_slot(set, slot);
    *slot = value;
}

static int grow(struct set *set)
{
    struct set bigger = {.bits = set->bits ? set->bits + 1 : 9, .count = set->count};
    if (bigger.bits > 32)
        return ERR_NOMEM;
    int error = pages_reserve(&bigger.slots, sizeof(uint64_t) << bigger.bits);
    if (error)
        return error;
    for (size_t i = 0; set->bits && i < (size_t)1 << set->bits; i++)
        if (set_slots(set)[i])
            put(&bigger, set_slots(set)[i]);
    set_free(set);
    *set = bigger;
    return 0;
}

int set_add(struct set *set, uint64_t hash, uint32_t number)
{
    if (!set->bits || set->count >= ((size_t)1 << set->bits) / 4 * 3) {
        int error = grow(set);
        if (error)
            return error;
    }
    put(set, (hash & ~(uint64_t)UINT32_MAX) | (number + 1));
    set->count++;
    return 0;
}

void set_remove(struct set *set, uint64_t hash, uint32_t number)
{
    size_t mask = ((size_t)1 << set->bits) - 1;
    uint64_t *slots = set_slots(set), wanted = (hash & ~(uint64_t)UINT32_MAX) | (number + 1);
    size_t hole = (size_t)(set_home(set, hash) - slots);
    while (slots[hole] != wanted)
        hole = (hole + 1) & mask;
    /* What follows moves up, unless that would put it in front of its home. */
    for (size_t at = (hole + 1) & mask; slots[at]; at = (at + 1) & mask) {
        size_t home = (size_t)(set_home(set, slots[at]) - slots);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        slots[hole] = slots[at];
        hole = at;
    }
    slots[hole] = 0;
    set->count--;
}

void set_free(struct set *set)
{
    pages_free(&set->slots);
    *set = (struct set){0};
}
