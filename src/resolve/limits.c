/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/limits.h"

#include <stdlib.h>

#include "base/hash.h"
#include "dns/name.h"

enum {
    KNOWN_ZONES = 4096,   /* slots; a newer zone takes the place of an older */
    MANY_CHILDREN = 8,    /* zones directly below a name that make it a registry's */
    DEPTH_LOOKED_AT = 16, /* labels beyond the first ones: names have up to 127 */
    WEIGHT = 4,           /* of clients, and of zones that answer */
    ALIVE_MS = 1000,
};

struct known_name {
    uint32_t fingerprint; /* 0: free */
    bool is_zone;
    uint8_t children; /* zones seen directly below */
};

/* How many questions each key holds: open addressing, at most half full (two keys a question at most). */
struct holding {
    uint64_t key;         /* 0: free */
    uint64_t answered_ms; /* when one of them was answered; 0: not yet */
    unsigned count;
};

struct limits {
    unsigned max, max_per_zone, used;
    uint64_t seed;
    size_t mask;
    struct holding *holdings;
    struct known_name known[KNOWN_ZONES];
};

struct limits *limits_new(unsigned max, unsigned max_per_zone, uint64_t seed)
{
    struct limits *limits = calloc(1, sizeof *limits);
    if (!limits)
        return NULL;
    size_t slots = 16;
    while (slots < (size_t)max * 4)
        slots *= 2;
    limits->holdings = calloc(slots, sizeof *limits->holdings);
    if (!limits->holdings) {
        free(limits);
        return NULL;
    }
    limits->mask = slots - 1;
    limits->max = max;
    limits->max_per_zone = max_per_zone;
    limits->seed = seed;
    return limits;
}

void limits_free(struct limits *limits)
{
    if (limits)
        free(limits->holdings);
    free(limits);
}

/* --- who holds how many --- */

static struct holding *find_holding(const struct limits *limits, uint64_t key)
{
    size_t i = key & limits->mask;
    while (limits->holdings[i].key && limits->holdings[i].key != key)
        i = (i + 1) & limits->mask;
    return &limits->holdings[i];
}

static void hold(struct limits *limits, uint64_t key)
{
    struct holding *holding = find_holding(limits, key);
    holding->key = key;
    holding->count++;
}

/* Closes the gap at `i`: moves up what could no longer be found behind it. */
static void close_gap(struct limits *limits, size_t gap)
{
    struct holding *all = limits->holdings;
    size_t mask = limits->mask;
    for (size_t i = (gap + 1) & mask; all[i].key; i = (i + 1) & mask) {
        size_t distance = (i - (all[i].key & mask)) & mask;
        if (distance >= ((i - gap) & mask)) {
            all[gap] = all[i];
            gap = i;
        }
    }
    all[gap] = (struct holding){0};
}

static void release(struct limits *limits, uint64_t key, uint64_t answered_ms)
{
    struct holding *holding = find_holding(limits, key);
    if (answered_ms)
        holding->answered_ms = answered_ms;
    if (--holding->count == 0)
        close_gap(limits, (size_t)(holding - limits->holdings));
}

/* --- which zone --- */

static uint64_t suffix_hash(const struct limits *limits, const uint8_t *suffix)
{
    return hash_bytes(limits->seed, suffix, name_length(suffix)) | 1;
}

static const uint8_t *suffix_of(const uint8_t *name, unsigned labels, unsigned keep)
{
    return name_skip(name, labels - keep);
}

static const struct known_name *known_suffix(const struct limits *limits, const uint8_t *suffix)
{
    uint64_t hash = suffix_hash(limits, suffix);
    const struct known_name *known = &limits->known[(hash >> 1) % KNOWN_ZONES];
    return known->fingerprint == (uint32_t)(hash >> 32) ? known : NULL;
}

static struct known_name *make_known(struct limits *limits, const uint8_t *suffix)
{
    uint64_t hash = suffix_hash(limits, suffix);
    struct known_name *known = &limits->known[(hash >> 1) % KNOWN_ZONES];
    if (known->fingerprint != (uint32_t)(hash >> 32))
        *known = (struct known_name){.fingerprint = (uint32_t)(hash >> 32)};
    return known;
}

unsigned limits_zone_labels(const struct limits *limits, const uint8_t *name)
{
    unsigned labels = name_labels(name), keep = labels < 2 ? labels : 2;
    const struct known_name *known;
    while (keep && keep < labels && (known = known_suffix(limits, suffix_of(name, labels, keep))) &&
           known->children >= MANY_CHILDREN)
        keep++;
    unsigned deepest = labels < keep + DEPTH_LOOKED_AT ? labels : keep + DEPTH_LOOKED_AT;
    for (unsigned k = deepest; k > keep; k--) {
        known = known_suffix(limits, suffix_of(name, labels, k));
        if (known && known->is_zone)
            return k;
    }
    return keep;
}

void limits_learn(struct limits *limits, const uint8_t *name, unsigned labels)
{
    unsigned all = name_labels(name);
    if (labels < 3 || labels > all || labels > 2 + DEPTH_LOOKED_AT)
        return; /* two labels are taken for a zone anyhow */
    struct known_name *zone = make_known(limits, suffix_of(name, all, labels));
    if (zone->is_zone)
        return;
    zone->is_zone = true;
    struct known_name *parent = make_known(limits, suffix_of(name, all, labels - 1));
    if (parent->children < UINT8_MAX)
        parent->children++;
}

/* --- entering and leaving --- */

static uint64_t client_key(const struct limits *limits, const struct ip_address *client)
{
    if (client->family == IP_NONE)
        return 0;
    return hash_bytes(~limits->seed, client->bytes, ip_bits(client->family) / 8) | 1;
}

static bool zone_is_full(const struct limits *limits, uint64_t zone, unsigned free_places, uint64_t now_ms)
{
    const struct holding *holding = find_holding(limits, zone);
    if (limits->max_per_zone && holding->count >= limits->max_per_zone)
        return true;
    bool is_alive = holding->answered_ms && now_ms < holding->answered_ms + ALIVE_MS;
    return holding->count / (is_alive ? WEIGHT : 1) >= free_places;
}

enum limits_verdict limits_enter(struct limits *limits, const uint8_t *name, const struct ip_address *client,
                                 uint64_t now_ms, struct limits_place *place)
{
    unsigned free_places = limits->max - limits->used;
    if (!free_places)
        return LIMITS_FULL;
    unsigned labels = name_labels(name), zone_labels = limits_zone_labels(limits, name);
    place->zone = suffix_hash(limits, suffix_of(name, labels, zone_labels));
    place->client = client_key(limits, client);
    if (zone_is_full(limits, place->zone, free_places, now_ms))
        return LIMITS_ZONE_FULL;
    if (place->client && find_holding(limits, place->client)->count / WEIGHT >= free_places)
        return LIMITS_CLIENT_FULL;
    limits->used++;
    hold(limits, place->zone);
    if (place->client)
        hold(limits, place->client);
    return LIMITS_OK;
}

void limits_leave(struct limits *limits, const struct limits_place *place, bool answered, uint64_t now_ms)
{
    limits->used--;
    release(limits, place->zone, answered ? now_ms : 0);
    if (place->client)
        release(limits, place->client, 0);
}

unsigned limits_used(const struct limits *limits)
{
    return limits->used;
}
