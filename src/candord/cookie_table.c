/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/cookie_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"

enum { SLOTS = 1024, CLIENT_BYTES = 8 };

struct slot {
    uint64_t made_ms; /* 0: empty */
    struct ip_address client;
    uint8_t cookie[COOKIE_WHOLE_BYTES]; /* begins with the client's */
};

struct cookie_table {
    const uint8_t *secret;
    uint64_t seed;
    struct slot slots[SLOTS];
};

struct cookie_table *cookie_table_new(const uint8_t secret[COOKIE_SECRET_BYTES], uint64_t seed)
{
    struct cookie_table *table = calloc(1, sizeof *table);
    if (!table)
        return NULL;
    table->secret = secret;
    table->seed = seed;
    return table;
}

void cookie_table_free(struct cookie_table *table)
{
    free(table);
}

/* By the cookie, which is different for each client behind one address. */
static struct slot *slot_of(struct cookie_table *table, const uint8_t *client_cookie)
{
    uint64_t word;
    memcpy(&word, client_cookie, sizeof word);
    return &table->slots[hash_mix(word ^ table->seed, 0xa0761d6478bd642fu) % SLOTS];
}

static bool is_good(const struct slot *slot, const uint8_t *client_cookie, const struct ip_address *client,
                    uint64_t now_ms)
{
    return slot->made_ms && now_ms - slot->made_ms < (uint64_t)COOKIE_REUSE_S * 1000 &&
           memcmp(slot->cookie, client_cookie, CLIENT_BYTES) == 0 && slot->client.family == client->family &&
           memcmp(slot->client.bytes, client->bytes, sizeof client->bytes) == 0;
}

unsigned cookie_table_make(struct cookie_table *table, const uint8_t *client_cookie,
                           const struct ip_address *client, uint64_t now_ms, uint8_t out[COOKIE_WHOLE_BYTES])
{
    struct slot *slot = slot_of(table, client_cookie);
    if (!is_good(slot, client_cookie, client, now_ms)) {
        (void)cookie_make(table->secret, client_cookie, client, (uint32_t)clock_wall_s(), slot->cookie);
        slot->client = *client;
        slot->made_ms = now_ms;
    }
    memcpy(out, slot->cookie, COOKIE_WHOLE_BYTES);
    return COOKIE_WHOLE_BYTES;
}
