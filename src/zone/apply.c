/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A version with changes becomes another. A policy zone shares what stays (rpz/zone.h); a plain zone is built
 * anew from the records that the changes leave. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/random.h"
#include "dns/name.h"
#include "zone/changes.h"

/* What the changes say about one record: data and owner count, the TTL does not. */
struct touched {
    struct touched *next;
    uint64_t hash;
    const struct policy_record *record; /* as the last addition gave it */
    bool must_be_old;                   /* the first change removes it */
    bool in_old;
    bool present; /* after all changes */
};

struct applying {
    struct arena arena;
    struct touched **slots;
    size_t mask;
    uint64_t seed;
    struct zone_draft *draft;
    const char *why;
};

static uint64_t record_hash(const struct applying *a, const struct policy_record *record)
{
    uint8_t owner[NAME_MAX_BYTES];
    size_t length = name_copy_lower(owner, record->owner);
    uint64_t hash = hash_bytes(a->seed + record->type, owner, length);
    return hash_bytes(hash, record->rdata, record->rdata_length);
}

static bool same_record(const struct policy_record *a, const struct policy_record *b)
{
    return a->type == b->type && a->rdata_length == b->rdata_length &&
           memcmp(a->rdata, b->rdata, a->rdata_length) == 0 && name_equal(a->owner, b->owner);
}

static struct touched *find(const struct applying *a, const struct policy_record *record, uint64_t hash)
{
    struct touched *touched = a->slots[hash & a->mask];
    while (touched && (touched->hash != hash || !same_record(touched->record, record)))
        touched = touched->next;
    return touched;
}

static int take_change(struct applying *a, const struct policy_change *change)
{
    uint64_t hash = record_hash(a, &change->record);
    struct touched *touched = find(a, &change->record, hash);
    if (touched && change->remove && !touched->present)
        return ERR_NOT_FOUND;
    if (!touched) {
        touched = arena_zalloc(&a->arena, sizeof *touched);
        if (!touched)
            return ERR_NOMEM;
        *touched =
            (struct touched){a->slots[hash & a->mask], hash, &change->record, change->remove, false, false};
        a->slots[hash & a->mask] = touched;
    }
    touched->present = !change->remove;
    touched->record = &change->record;
    return 0;
}

static int take_old(void *context, const struct policy_record *record)
{
    struct applying *a = context;
    struct touched *touched = find(a, record, record_hash(a, record));
    if (touched) {
        touched->in_old = true;
        return 0;
    }
    return zone_draft_add(a->draft, record, &a->why);
}

static int take_additions(struct applying *a, const struct policy_change *changes, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        const struct policy_record *record = &changes[i].record;
        const struct touched *touched = find(a, record, record_hash(a, record));
        if (touched->must_be_old && !touched->in_old)
            error = ERR_NOT_FOUND;
        else if (touched->present && touched->record == record)
            error = zone_draft_add(a->draft, record, &a->why);
    }
    return error;
}

static int apply_to_plain(struct applying *a, const struct zone_content *old,
                          const struct zone_changes *changes)
{
    const struct policy_change *list = zone_changes_get(changes);
    size_t count = zone_changes_count(changes), size = 16;
    while (size < count)
        size *= 2;
    a->mask = size - 1;
    a->seed = random_u64();
    a->slots = arena_zalloc(&a->arena, size * sizeof(struct touched *));
    a->draft = zone_draft_new(zone_content_origin(old), false);
    int error = a->slots && a->draft ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < count && !error; i++)
        error = take_change(a, &list[i]);
    if (!error)
        error = zone_content_each(old, take_old, a);
    return error ? error : take_additions(a, list, count);
}

static int plain_apply(const struct zone_content *old, const struct zone_changes *changes,
                       struct zone_content **out, const char **why)
{
    struct applying a = {0};
    arena_init(&a.arena, 0);
    int error = apply_to_plain(&a, old, changes);
    *why = a.why ? a.why : error == ERR_NOT_FOUND ? "a record to remove is not there" : err_text(error);
    if (error)
        zone_draft_free(a.draft);
    else
        error = zone_draft_finish(a.draft, out, why);
    arena_fini(&a.arena);
    return error;
}

static int policy_apply(struct policy_zone *old, const struct zone_changes *changes,
                        struct zone_content **out, const char **why)
{
    struct policy_zone *zone = NULL;
    int error = policy_zone_apply(old, zone_changes_get(changes), zone_changes_count(changes), &zone);
    *why = error == ERR_NOT_FOUND ? "a record to remove is not there" : err_text(error);
    if (error)
        return error;
    *out = zone_content_policy(zone);
    policy_zone_unref(zone);
    return *out ? 0 : ERR_NOMEM;
}

int zone_content_apply(const struct zone_content *old, const struct zone_changes *changes,
                       struct zone_content **out, const char **why)
{
    struct policy_zone *policy = zone_content_get_policy(old);
    *out = NULL;
    return policy ? policy_apply(policy, changes, out, why) : plain_apply(old, changes, out, why);
}
