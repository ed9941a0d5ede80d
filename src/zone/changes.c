/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/changes.h"

#include <stdlib.h>

#include "base/arena.h"
#include "dns/name.h"

enum { ARENA_BLOCK_BYTES = 65536 };

struct zone_changes {
    struct arena arena; /* owners and data */
    struct policy_change *list;
    size_t count, room;
};

struct zone_changes *zone_changes_new(void)
{
    struct zone_changes *changes = calloc(1, sizeof *changes);
    if (changes)
        arena_init(&changes->arena, ARENA_BLOCK_BYTES);
    return changes;
}

void zone_changes_free(struct zone_changes *changes)
{
    if (!changes)
        return;
    arena_fini(&changes->arena);
    free(changes->list);
    free(changes);
}

static int make_room(struct zone_changes *changes)
{
    size_t room = changes->room ? 2 * changes->room : 16;
    struct policy_change *list =
        changes->count < changes->room ? changes->list : reallocarray(changes->list, room, sizeof *list);
    if (!list)
        return ERR_NOMEM;
    changes->room = changes->count < changes->room ? changes->room : room;
    changes->list = list;
    return 0;
}

int zone_changes_add(struct zone_changes *changes, bool remove, const struct policy_record *record)
{
    struct policy_change change = {.remove = remove, .record = *record};
    change.record.owner = arena_copy(&changes->arena, record->owner, name_length(record->owner));
    change.record.rdata = arena_copy(&changes->arena, record->rdata, record->rdata_length);
    if (!change.record.owner || !change.record.rdata || make_room(changes) != 0)
        return ERR_NOMEM;
    changes->list[changes->count++] = change;
    return 0;
}

size_t zone_changes_count(const struct zone_changes *changes)
{
    return changes->count;
}

const struct policy_change *zone_changes_get(const struct zone_changes *changes)
{
    return changes->list;
}

int zone_changes_serials(const struct zone_changes *changes, uint32_t *from, uint32_t *to)
{
    const struct policy_change *first = changes->list, *last = NULL;
    for (size_t i = 0; i < changes->count; i++)
        if (first[i].record.type == TYPE_SOA && !first[i].remove)
            last = &first[i];
    if (!last || !first->remove || first->record.type != TYPE_SOA)
        return ERR_MALFORMED;
    *from = soa_serial(first->record.rdata);
    *to = soa_serial(last->record.rdata);
    return 0;
}
