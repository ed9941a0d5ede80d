/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any master file as a policy zone: every rule that was kept is found by what it triggers on, and taking the
 * records away leaves none behind; half of them can go and come back. */
#include "fuzz.h"

#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "dns/zonefile.h"
#include "rpz/zone.h"

enum { RECORDS_MAX = 300 };

static const uint8_t *const origin = (const uint8_t *)"\3rpz\4test";
static const char apex[] = "$TTL 60\n@ SOA ns. h. 1 2 3 4 5\n";

struct building {
    struct policy_builder *builder;
    size_t kept, given;
    struct rpz_owner owners[RECORDS_MAX]; /* of the rules */
};

static int add(void *context, const struct zonefile_record *r)
{
    struct building *b = context;
    struct policy_record record = {r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length};
    int skip = policy_builder_add(b->builder, &record);
    must(skip >= 0 && skip < RPZ_SKIPS);
    if (skip == RPZ_KEPT && rpz_owner_decode(r->owner, origin, &b->owners[b->kept]) == RPZ_KEPT)
        b->kept++;
    return ++b->given == RECORDS_MAX;
}

static int see_rrset(void *context, const struct rrset *set)
{
    (void)context;
    must(set->count && !set->owner);
    for (unsigned i = 0; i < set->count; i++)
        must(rdata_check(set->type, set->rdatas[i].bytes, set->rdatas[i].length));
    return 0;
}

static void check_hit(const struct policy_zone *zone, const struct policy_hit *hit, const uint8_t *name)
{
    struct rpz_owner decoded;
    uint8_t owner[NAME_MAX_BYTES];
    must(hit->action > RPZ_NONE && hit->action < RPZ_ACTIONS);
    must((int)policy_hit_owner(zone, hit, name, owner) == name_check(owner, sizeof owner));
    must(rpz_owner_decode(owner, origin, &decoded) == RPZ_KEPT && decoded.trigger == hit->trigger);
    must(policy_hit_data(zone, hit, see_rrset, NULL) == 0);
}

static void find(const struct policy_zone *zone, const struct rpz_owner *rule)
{
    struct policy_hit hit;
    bool by_name = rule->trigger == RPZ_QNAME || rule->trigger == RPZ_NSDNAME;
    bool found = by_name ? policy_zone_match_name(zone, rule->trigger, rule->name, false, &hit)
                         : policy_zone_match_address(zone, rule->trigger, &rule->prefix.address, &hit);
    must(found || (by_name && (rule->wildcard || name_is_root(rule->name))));
    if (found)
        check_hit(zone, &hit, by_name ? rule->name : NULL);
    if (by_name && policy_zone_match_name(zone, rule->trigger, rule->name, true, &hit))
        check_hit(zone, &hit, rule->name);
}

/* Copies of the records, for a delta that removes all but the SOA. */
struct removal {
    struct arena arena;
    struct policy_change changes[RECORDS_MAX + 1];
    size_t count, all;
};

static int note(void *context, const struct policy_record *r)
{
    struct removal *removal = context;
    removal->all++;
    if (r->type == TYPE_SOA && name_equal(r->owner, origin))
        return 0;
    must(removal->count <= RECORDS_MAX);
    struct policy_change *change = &removal->changes[removal->count++];
    *change = (struct policy_change){true, *r};
    change->record.owner = arena_copy(&removal->arena, r->owner, name_length(r->owner));
    change->record.rdata = arena_copy(&removal->arena, r->rdata, r->rdata_length);
    return 0;
}

static void empty(const struct policy_zone *zone)
{
    static struct removal removal;
    struct policy_zone_counts counts;
    struct policy_zone *emptied;
    arena_init(&removal.arena, 0);
    removal.count = removal.all = 0;
    must(policy_zone_each(zone, note, &removal) == 0);
    policy_zone_count(zone, &counts);
    must(counts.records == removal.all);
    must(policy_zone_apply(zone, removal.changes, removal.count, &emptied) == 0);
    policy_zone_count(emptied, &counts);
    must(counts.records == removal.all - removal.count);
    for (int trigger = 0; trigger < RPZ_TRIGGERS; trigger++)
        must(counts.rules[trigger] == 0);
    policy_zone_unref(emptied);
    arena_fini(&removal.arena);
}

static int add_digest(void *context, const struct policy_record *r)
{
    uint64_t hash = hash_bytes(r->ttl_s, r->owner, name_length(r->owner));
    *(uint64_t *)context += hash_bytes(hash + r->type, r->rdata, r->rdata_length);
    return 0;
}

static uint64_t digest(const struct policy_zone *zone)
{
    uint64_t sum = 0;
    must(policy_zone_each(zone, add_digest, &sum) == 0);
    return sum;
}

static int count_change(void *context, const struct policy_change *change)
{
    (void)change;
    return ++*(int *)context, 0;
}

/* Every other record goes, and comes back. */
static void go_and_return(struct policy_zone *zone)
{
    static struct removal removal;
    struct policy_zone *fewer, *again;
    uint64_t before = digest(zone);
    size_t count = 0;
    int changes = 0;
    arena_init(&removal.arena, 0);
    removal.count = removal.all = 0;
    must(policy_zone_each(zone, note, &removal) == 0);
    for (size_t i = 0; i < removal.count; i += 2)
        removal.changes[count++] = removal.changes[i];
    must(policy_zone_apply(zone, removal.changes, count, &fewer) == 0);
    for (size_t i = 0; i < count; i++)
        removal.changes[i].remove = false;
    must(policy_zone_apply(fewer, removal.changes, count, &again) == 0);
    must(digest(again) == before && digest(zone) == before);
    must(policy_zone_diff(zone, fewer, count_change, &changes) == 0 && changes >= (int)count);
    policy_zone_unref(fewer);
    must(digest(again) == before);
    policy_zone_unref(again);
    arena_fini(&removal.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct building building;
    struct policy_zone *zone = NULL;
    struct zonefile_options options = {.origin = origin,
                                       .base_dir = "/nonexistent",
                                       .max_generated = 50,
                                       .record = add,
                                       .context = &building};
    building = (struct building){.builder = policy_builder_new(origin)};
    must(building.builder && zonefile_read_text(apex, sizeof apex - 1, "apex", &options) == 0);
    options.default_ttl_s = 60;
    if (zonefile_read_text((const char *)data, size, "text", &options) < 0)
        options.default_ttl_s = 0; /* what was read so far is still a zone */
    must(policy_builder_finish(building.builder, &zone) == 0);
    for (size_t i = 0; i < building.kept; i++)
        find(zone, &building.owners[i]);
    empty(zone);
    go_and_return(zone);
    policy_zone_unref(zone);
    return 0;
}
