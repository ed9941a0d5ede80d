/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/ready_table.h"

#include <stdlib.h>
#include <string.h>

struct ready_table {
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

static size_t place_of(const struct ready_key *key)
{
    return (key->hash >> 20) % READY_TABLE_ENTRIES; /* its low bits choose the cache's shard and slot */
}

const struct ready_answer *ready_table_find(const struct ready_table *table, const struct ready_key *key)
{
    const struct ready_answer *ready = &table->answers[place_of(key)];
    bool found = ready->hash == key->hash && ready->snapshot_id == key->snapshot_id &&
                 ready->qtype == key->qtype && ready->name_length == key->name_length &&
                 ready->view == key->view && ready->dnssec_ok == key->dnssec_ok &&
                 memcmp(ready->bytes, key->name, key->name_length) == 0;
    return found ? ready : NULL;
}

bool ready_table_wants(struct ready_table *table, const struct ready_key *key)
{
    struct ready_answer *ready = &table->answers[place_of(key)];
    bool again = ready->wanted == key->hash;
    ready->wanted = key->hash;
    return again;
}

bool ready_table_put(struct ready_table *table, const struct ready_key *key, const struct ready_answer *from,
                     const uint8_t *records, const uint8_t *opt)
{
    if ((size_t)key->name_length + from->length + from->opt_length > READY_BYTES)
        return false;
    struct ready_answer *ready = &table->answers[place_of(key)];
    uint8_t *bytes = ready->bytes;
    *ready = *from;
    ready->hash = ready->wanted = key->hash;
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
