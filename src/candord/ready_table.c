/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/ready_table.h"

#include <stdlib.h>
#include <string.h>

struct ready_table {
    uint64_t puts;
    struct ready_answer answers[READY_TABLE_ENTRIES];
};

struct ready_table *ready_table_new(void)
{
    return calloc(1, sizeof(struct ready_table));
}

void ready_table_free(struct ready_table *table)
{
    free(table);
}

/* A question has two places to be in, side by side. */
static size_t pair_of(const struct ready_key *key)
{
    return (key->hash >> 20) % (READY_TABLE_ENTRIES / 2) * 2; /* low bits choose the cache's shard and slot */
}

static bool is_of(const struct ready_answer *ready, const struct ready_key *key)
{
    return ready->hash == key->hash && ready->snapshot_id == key->snapshot_id && ready->qtype == key->qtype &&
           ready->name_length == key->name_length && ready->view == key->view &&
           ready->dnssec_ok == key->dnssec_ok && memcmp(ready->bytes, key->name, key->name_length) == 0;
}

const struct ready_answer *ready_table_find(const struct ready_table *table, const struct ready_key *key)
{
    const struct ready_answer *pair = &table->answers[pair_of(key)];
    if (is_of(&pair[0], key))
        return &pair[0];
    return is_of(&pair[1], key) ? &pair[1] : NULL;
}

bool ready_table_wants(struct ready_table *table, const struct ready_key *key)
{
    struct ready_answer *pair = &table->answers[pair_of(key)];
    bool again = pair->wanted == key->hash, room = !pair[0].hash || !pair[1].hash;
    pair->wanted = key->hash;
    return again || room;
}

/* What was made under another snapshot goes first, then what has been there longer. */
static struct ready_answer *place_for(struct ready_table *table, const struct ready_key *key)
{
    struct ready_answer *pair = &table->answers[pair_of(key)];
    for (int i = 0; i < 2; i++)
        if (pair[i].snapshot_id != key->snapshot_id || is_of(&pair[i], key))
            return &pair[i];
    return &pair[pair[0].put_at > pair[1].put_at];
}

bool ready_table_put(struct ready_table *table, const struct ready_key *key, const struct ready_answer *from,
                     const uint8_t *records, const uint8_t *opt)
{
    if ((size_t)key->name_length + from->length + from->opt_length > READY_BYTES)
        return false;
    struct ready_answer *ready = place_for(table, key);
    uint8_t *bytes = ready->bytes;
    uint64_t wanted = ready->wanted;
    *ready = *from;
    ready->wanted = wanted;
    ready->put_at = ++table->puts;
    ready->hash = key->hash;
    ready->snapshot_id = key->snapshot_id;
    ready->qtype = key->qtype;
    ready->name_length = key->name_length;
    ready->view = key->view;
    ready->dnssec_ok = key->dnssec_ok;
    ready->match.name = bytes;
    memcpy(bytes, key->name, key->name_length);
    memcpy(bytes + key->name_length, records, from->length);
    memcpy(bytes + key->name_length + from->length, opt, from->opt_length);
    return true;
}
