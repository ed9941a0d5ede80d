/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/delegations.h"

#include <string.h>

#include "dns/name.h"
#include "dns/record.h"

enum { DNS_PORT = 53 };

struct search {
    struct arena *arena;
    struct forward_zone *forwards;
    size_t count, room;
    const struct zone_content *zone;
};

static struct forward_zone *find(struct search *search, const uint8_t *origin)
{
    for (size_t i = 0; i < search->count; i++)
        if (name_equal(search->forwards[i].origin, origin))
            return &search->forwards[i];
    return NULL;
}

static void add_server(struct endpoint *servers, size_t *count, const struct rrset *set)
{
    for (uint16_t i = 0; i < set->count && *count < DELEGATION_SERVERS_MAX; i++) {
        struct ip_address address = rdata_address(set->type, set->rdatas[i].bytes, set->rdatas[i].length);
        if (address.family != IP_NONE)
            servers[(*count)++] = (struct endpoint){.address = address, .port = DNS_PORT};
    }
}

/* The referral that the zone itself would give names the servers and carries their glue. */
static int add_delegation(struct search *search, const uint8_t *origin)
{
    struct zone_answer referral;
    struct endpoint servers[DELEGATION_SERVERS_MAX];
    size_t count = 0;
    int error = zone_content_answer(search->zone, origin, TYPE_NS, false, search->arena, &referral);
    if (error || referral.result != ZONE_DELEGATION)
        return error;
    for (size_t i = 0; i < referral.additional_count; i++)
        add_server(servers, &count, &referral.additional[i]);
    if (!count)
        return 0;
    struct forward_zone *forward = &search->forwards[search->count++];
    *forward = (struct forward_zone){.mode = STUB, .server_count = count};
    name_copy_lower(forward->origin, origin);
    forward->servers = arena_copy_array(search->arena, servers, count, sizeof *servers);
    return forward->servers ? 0 : ERR_NOMEM;
}

static int visit(void *context, const struct policy_record *record)
{
    struct search *search = context;
    bool cut = record->type == TYPE_NS && !name_equal(record->owner, zone_content_origin(search->zone));
    if (!cut || search->count == search->room || find(search, record->owner))
        return 0;
    return add_delegation(search, record->owner);
}

int options_with_delegations(const struct resolver_options *from, const struct zone_table *table,
                             struct arena *arena, struct resolver_options *out)
{
    struct search search = {
        .arena = arena, .room = from->forward_count + DELEGATIONS_MAX, .count = from->forward_count};
    int error = 0;
    *out = *from;
    search.forwards = arena_alloc(arena, search.room * sizeof *search.forwards);
    if (!search.forwards)
        return ERR_NOMEM;
    if (from->forward_count)
        memcpy(search.forwards, from->forwards, from->forward_count * sizeof *search.forwards);
    for (size_t i = 0; i < zone_table_count(table) && !error; i++) {
        search.zone = zone_table_get(table, i)->content;
        if (search.zone && !zone_content_get_policy(search.zone) &&
            zone_content_records(search.zone) <= DELEGATION_ZONE_RECORDS)
            error = zone_content_each(search.zone, visit, &search);
    }
    out->forwards = search.forwards;
    out->forward_count = search.count;
    return error;
}

const struct forward_zone *forward_of_name(const struct forward_zone *forwards, size_t count,
                                           const uint8_t *name)
{
    const struct forward_zone *closest = NULL;
    for (size_t i = 0; i < count; i++)
        if (name_is_within(name, forwards[i].origin) &&
            (!closest || name_labels(forwards[i].origin) >= name_labels(closest->origin)))
            closest = &forwards[i];
    return closest;
}
