/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Forms stand in a ring and are named by a number that is never given twice, so a question that names one
 * that has been overwritten, or that belongs to another snapshot, is forgotten without being looked for. */
#include "candord/ready_table.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/hash.h"

enum {
    GROUPS = READY_QUESTIONS / READY_GROUP,
    INDEX_PLACES = 2 * READY_FORMS,
    CACHE_LINE = 64,
};

struct question {
    uint64_t hash; /* 0: none */
    uint32_t check;
    uint32_t form;
};

struct ready_table {
    alignas(CACHE_LINE) struct question groups[GROUPS][READY_GROUP];
    struct ready_form forms[READY_FORMS]; /* by their number's remainder */
    uint32_t index[INDEX_PLACES];         /* source -> number, two places side by side */
    uint32_t wanted[GROUPS];              /* half a hash: who was last turned away from the group */
    uint32_t last;                        /* number that was given */
    uint64_t seed;
};

_Static_assert(sizeof(struct question) * READY_GROUP == CACHE_LINE, "a group is one cache line");

struct ready_table *ready_table_new(uint64_t seed)
{
    /* Zeros that cost nothing until they are used: a start does not wait for megabytes to be cleared. */
    struct ready_table *table =
        mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        return NULL;
    table->seed = seed;
    return table;
}

void ready_table_free(struct ready_table *table)
{
    if (table)
        munmap(table, sizeof *table);
}

/* --- forms --- */

/* The form of this number, if it is still there and of this snapshot. */
static const struct ready_form *form_at(const struct ready_table *table, uint32_t id, uint64_t snapshot_id)
{
    const struct ready_form *form = &table->forms[id % READY_FORMS];
    return form->id == id && form->from.snapshot_id == snapshot_id ? form : NULL;
}

static size_t index_of(const struct ready_table *table, const struct ready_source *from)
{
    uint64_t words[] = {(uint64_t)from->zone << 32 | (uint64_t)from->view << 16 | from->qtype,
                        (uint64_t)(uintptr_t)from->data,
                        from->snapshot_id << 8 | (uint64_t)from->action << 1 | from->needs_truth};
    return hash_bytes(table->seed, words, sizeof words) % (INDEX_PLACES / 2) * 2;
}

static bool same_source(const struct ready_source *a, const struct ready_source *b)
{
    return a->snapshot_id == b->snapshot_id && a->data == b->data && a->zone == b->zone &&
           a->view == b->view && a->qtype == b->qtype && a->action == b->action &&
           a->needs_truth == b->needs_truth;
}

const struct ready_form *ready_table_form(const struct ready_table *table, const struct ready_source *from)
{
    const uint32_t *places = &table->index[index_of(table, from)];
    for (int i = 0; i < 2; i++) {
        const struct ready_form *form = form_at(table, places[i], from->snapshot_id);
        if (form && same_source(&form->from, from))
            return form;
    }
    return NULL;
}

/* After 2^32 forms the numbers begin again: nothing may name one of the old. */
static uint32_t next_id(struct ready_table *table)
{
    if (++table->last)
        return table->last;
    memset(table->groups, 0, sizeof table->groups);
    memset(table->forms, 0, sizeof table->forms);
    memset(table->index, 0, sizeof table->index);
    return table->last = 1;
}

const struct ready_form *ready_table_add(struct ready_table *table, const struct ready_form *form)
{
    uint32_t id = next_id(table);
    uint32_t *places = &table->index[index_of(table, &form->from)];
    struct ready_form *mine = &table->forms[id % READY_FORMS];
    *mine = *form;
    mine->id = id;
    places[id - places[0] < id - places[1]] = id; /* the older one goes */
    return mine;
}

/* --- questions --- */

static size_t group_of(uint64_t hash)
{
    return (hash >> 20) % GROUPS; /* low bits choose the cache's slot */
}

void ready_table_prefetch(const struct ready_table *table, uint64_t hash)
{
    __builtin_prefetch(table->groups[group_of(hash)]);
}

/* The question once more, by another hash, with what else the answer depends on. */
static uint32_t check_of(const struct ready_table *table, const struct ready_key *key)
{
    uint64_t seed = table->seed ^ (uint64_t)key->view << 1 ^ key->dnssec_ok;
    return (uint32_t)(digest_hash(key->digest, seed) >> 32);
}

const struct ready_form *ready_table_find(const struct ready_table *table, const struct ready_key *key)
{
    const struct question *group = table->groups[group_of(key->hash)];
    for (int i = 0; i < READY_GROUP; i++)
        if (group[i].hash == key->hash && group[i].check == check_of(table, key))
            return form_at(table, group[i].form, key->snapshot_id);
    return NULL;
}

/* What leads nowhere any more goes first; then who is asked for twice takes a place that is always the same
 * for him, so that two who compete leave the others alone. NULL: not yet. */
static struct question *place_for(struct ready_table *table, const struct ready_key *key, uint32_t check)
{
    struct question *group = table->groups[group_of(key->hash)], *idle = NULL;
    uint32_t *wanted = &table->wanted[group_of(key->hash)];
    for (int i = 0; i < READY_GROUP; i++) {
        if (group[i].hash == key->hash && group[i].check == check)
            return &group[i];
        if (!form_at(table, group[i].form, key->snapshot_id))
            idle = &group[i];
    }
    if (idle || *wanted == (uint32_t)key->hash)
        return idle ? idle : &group[check % READY_GROUP];
    *wanted = (uint32_t)key->hash;
    return NULL;
}

void ready_table_put(struct ready_table *table, const struct ready_key *key, const struct ready_form *form)
{
    uint32_t check = check_of(table, key);
    struct question *place = place_for(table, key, check);
    if (place)
        *place = (struct question){.hash = key->hash, .check = check, .form = form->id};
}
