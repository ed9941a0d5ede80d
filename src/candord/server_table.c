/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/server_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "dns/name.h"

enum { WAYS = 4, SETS = SERVER_TABLE_ENTRIES / WAYS };

struct slot {
    uint64_t hash;
    struct server_entry *entry; /* one allocation with all it points to */
};

/* Four places for each hash: a fifth name drives out the one that expires first. */
struct server_table {
    uint64_t seed;
    struct slot slots[SETS][WAYS];
};

struct server_table *server_table_new(void)
{
    struct server_table *table = calloc(1, sizeof *table);
    if (table)
        table->seed = random_u64();
    return table;
}

void server_table_free(struct server_table *table)
{
    for (size_t i = 0; table && i < SETS; i++)
        for (size_t k = 0; k < WAYS; k++)
            free(table->slots[i][k].entry);
    free(table);
}

static uint64_t hash_of(const struct server_table *table, const void *source, const uint8_t *name)
{
    return name_hash_lower(table->seed ^ (uintptr_t)source, name, name_length(name));
}

static bool holds(const struct slot *slot, uint64_t hash, const void *source, const uint8_t *name)
{
    return slot->entry && slot->hash == hash && slot->entry->source == source &&
           name_equal(slot->entry->name, name);
}

struct server_entry *server_table_find(struct server_table *table, const void *source, const uint8_t *name,
                                       uint64_t now_ms)
{
    uint64_t hash = hash_of(table, source, name);
    struct slot *set = table->slots[hash % SETS];
    for (size_t k = 0; k < WAYS; k++)
        if (holds(&set[k], hash, source, name))
            return set[k].entry->expires_ms > now_ms ? set[k].entry : NULL;
    return NULL;
}

static size_t copy_bytes(const struct server_entry *entry)
{
    size_t bytes = sizeof *entry + entry->server_count * sizeof *entry->servers + name_length(entry->name);
    for (size_t i = 0; i < entry->server_count; i++)
        bytes +=
            entry->servers[i].address_count * sizeof(struct ip_address) + name_length(entry->servers[i].name);
    return bytes;
}

/* One block: the entry, its servers, all addresses, all names. */
static struct server_entry *copy(const struct server_entry *from)
{
    struct server_entry *entry = malloc(copy_bytes(from));
    if (!entry)
        return NULL;
    struct policy_server *servers = (struct policy_server *)(entry + 1);
    struct ip_address *addresses = (struct ip_address *)(servers + from->server_count);
    *entry = *from;
    entry->servers = servers;
    for (size_t i = 0; i < from->server_count; i++) {
        servers[i] = from->servers[i];
        servers[i].addresses = addresses;
        if (servers[i].address_count)
            memcpy(addresses, from->servers[i].addresses, servers[i].address_count * sizeof *addresses);
        addresses += servers[i].address_count;
    }
    uint8_t *names = (uint8_t *)addresses;
    for (size_t i = 0; i < from->server_count; i++) {
        servers[i].name = names;
        names += name_copy_lower(names, from->servers[i].name);
    }
    entry->name = names;
    name_copy_lower(names, from->name);
    return entry;
}

static struct slot *place_for(struct slot *set, uint64_t hash, const struct server_entry *entry)
{
    struct slot *victim = &set[0];
    for (size_t k = 0; k < WAYS; k++) {
        if (!set[k].entry || holds(&set[k], hash, entry->source, entry->name))
            return &set[k];
        if (set[k].entry->expires_ms < victim->entry->expires_ms)
            victim = &set[k];
    }
    return victim;
}

int server_table_put(struct server_table *table, const struct server_entry *entry)
{
    uint64_t hash = hash_of(table, entry->source, entry->name);
    struct server_entry *mine = copy(entry);
    if (!mine)
        return ERR_NOMEM;
    struct slot *slot = place_for(table->slots[hash % SETS], hash, entry);
    free(slot->entry);
    *slot = (struct slot){.hash = hash, .entry = mine};
    return 0;
}
