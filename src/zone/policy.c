/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A policy zone seen as a zone: its records stay in rpz/, and a name is looked at when it is asked for. */
#include <stdlib.h>

#include "dns/name.h"
#include "rpz/zone.h"
#include "zone/content.h"

struct zone_content *zone_content_policy(struct policy_zone *policy)
{
    struct zone_content *content = calloc(1, sizeof *content);
    if (!content)
        return NULL;
    struct policy_zone_counts counts;
    policy_zone_count(policy, &counts);
    arena_init(&content->arena, 0);
    content->references = 1;
    content->policy = policy_zone_ref(policy);
    content->origin = policy_zone_origin(policy);
    content->soa = policy_zone_soa(policy);
    content->records = counts.records;
    return content;
}

/* The records of one name, gathered. */
struct gather {
    struct arena *arena;
    const uint8_t *owner;
    struct set_record *first, **last;
    unsigned count;
};

static int gather_one(void *context, const struct policy_record *from)
{
    struct gather *g = context;
    struct set_record *record = arena_zalloc(g->arena, sizeof *record);
    const uint8_t *bytes = arena_copy(g->arena, from->rdata, from->rdata_length);
    if (!record || !bytes)
        return ERR_NOMEM;
    *record = (struct set_record){.owner = g->owner,
                                  .type = from->type,
                                  .ttl_s = from->ttl_s,
                                  .order = g->count++,
                                  .rdata = {from->rdata_length, bytes}};
    *g->last = record;
    g->last = &record->next;
    return 0;
}

/* Records that no zone may hold (a foreign class) were kept for dumps; they are no answer. */
static int gather_data(void *context, const struct policy_record *from)
{
    return from->rclass == CLASS_IN ? gather_one(context, from) : 0;
}

int content_at_policy(const struct zone_content *content, const uint8_t *name, struct arena *arena,
                      struct node_view *out)
{
    *out = (struct node_view){0};
    struct gather g = {.arena = arena, .owner = arena_copy(arena, name, name_length(name))};
    if (!g.owner)
        return ERR_NOMEM;
    g.last = &g.first;
    int error = policy_zone_at(content->policy, name, &out->exists, gather_data, &g);
    size_t records;
    if (!error && g.count)
        error = sets_make(g.first, g.count, arena, arena, &out->sets, &out->count, &records);
    return error;
}
