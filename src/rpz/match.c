/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/consts.h"
#include "rpz/version.h"

/* --- from an entry to a hit ---------------------------------------------------------------------------- */

static const struct rule_data *data_of(const struct policy_zone *zone, const uint8_t *entry,
                                       enum owner_side side)
{
    return owner_form(*entry) == OWNER_EXTENDED ? data_get(&zone->lineage->data, entry_reference(entry, side))
                                                : NULL;
}

static const struct rule_data *data_of_hit(const struct policy_zone *zone, const struct policy_hit *hit)
{
    return data_of(zone, owners_entry(&zone->owners, hit->handle), hit->handle & 1);
}

/* False: there is no rule on this side. */
static bool take_hit(const struct policy_zone *zone, enum rpz_trigger trigger,
                     const struct owner_found *found, enum owner_side side, unsigned labels,
                     struct policy_hit *out)
{
    uint8_t flags = *found->entry;
    enum rpz_action action = owner_action(flags, side);
    if (action == RPZ_NONE)
        return false;
    const struct rule_data *data = data_of(zone, found->entry, side);
    *out = (struct policy_hit){.trigger = trigger,
                               .action = action,
                               .wildcard = side == SIDE_WILDCARD,
                               .matched_labels = (uint8_t)labels,
                               .ttl_s = data ? data->ttl_s : zone->usual_ttls[owner_form(flags)],
                               .handle = found->handle | side};
    return true;
}

/* --- names --------------------------------------------------------------------------------------------- */

/* Where a key's name leads: its deepest ancestor that exists, the slot of which is NULL at the top. */
struct place {
    const struct leaf *leaf;
    const uint32_t *slot;
    unsigned level; /* labels */
};

/* A top-level domain that holds no rule itself is where most names end. Whether it is this one or one with
 * the same fingerprint, there is no rule if the top has none either: nothing needs to be compared. */
static bool slot_is_alone_node(const uint32_t *slot)
{
    return slot_is_node(*slot) && slot[0] >> 16 != slot[1] >> 16;
}

/* Every ancestor of what exists exists, so the first miss ends the search from the root; names are compared
 * only at its end, to tell a fingerprint's accident. */
static struct place closest_encloser(const struct policy_zone *zone, enum rpz_trigger trigger,
                                     struct rpz_key *key)
{
    const struct owners *owners = &zone->owners;
    struct place place = {NULL, NULL, 0};
    const struct leaf *leaf;
    const uint32_t *next;
    while (place.level < key->labels &&
           (next = owners_probe(owners, rpz_key_next(key, place.level + 1), &leaf))) {
        place.leaf = leaf;
        place.slot = next;
        place.level++;
    }
    if (place.level == 1 && !zone->tops[trigger].entry && slot_is_alone_node(place.slot))
        return (struct place){NULL, NULL, 0};
    while (place.slot && !(place.slot = leaf_confirm(place.leaf, place.slot, key, place.level)))
        if (--place.level > 0)
            place.slot = owners_probe(owners, (uint32_t)(key->hash[place.level] >> 32), &place.leaf);
    return place;
}

static struct place parent_of(const struct policy_zone *zone, struct rpz_key *key, struct place place)
{
    if (--place.level == 0)
        return (struct place){NULL, NULL, 0};
    place.slot = owners_probe(&zone->owners, rpz_key_fingerprint(key, place.level), &place.leaf);
    place.slot = leaf_confirm(place.leaf, place.slot, key, place.level);
    return place;
}

/* The entry there; its `entry` is NULL if there is none. */
static struct owner_found entry_of(const struct policy_zone *zone, enum rpz_trigger trigger,
                                   const struct rpz_key *key, struct place place)
{
    if (!place.slot)
        return zone->tops[trigger];
    if (slot_is_node(*place.slot))
        return (struct owner_found){0};
    uint32_t fingerprint = (uint32_t)(key->hash[place.level] >> 32);
    return (struct owner_found){true, leaf_at(place.leaf, *place.slot),
                                owners_handle(&zone->owners, fingerprint, *place.slot)};
}

/* A question below `rpz-ip.` does not meet the zone's address rules. */
static bool below_special_label(const struct rpz_key *key)
{
    const uint8_t *last = rpz_key_at(key, 1);
    return last[1] == 'r' && rpz_trigger_of_label(last) != RPZ_QNAME;
}

/* The key's own name and everything above it, deepest first: the first rule counts. */
static bool nearest_rule(const struct policy_zone *zone, enum rpz_trigger trigger, struct rpz_key *key,
                         struct place place, struct policy_hit *out)
{
    for (;; place = parent_of(zone, key, place)) {
        struct owner_found found = entry_of(zone, trigger, key, place);
        if (found.entry && place.level < key->labels &&
            take_hit(zone, trigger, &found, SIDE_WILDCARD, place.level, out))
            return true;
        if (found.entry && take_hit(zone, trigger, &found, SIDE_EXACT, place.level, out))
            return true;
        if (place.level == 0)
            return false;
    }
}

/* DNS wildcard matching from the closest encloser (RFC 4592). */
static bool closest_rule(const struct policy_zone *zone, enum rpz_trigger trigger, struct rpz_key *key,
                         struct place place, struct policy_hit *out)
{
    bool exact = place.level == key->labels && !name_is_wildcard(key->name);
    if (place.level == key->labels && !exact)
        place = parent_of(zone, key, place); /* the name `*.x` itself is the other side of x */
    struct owner_found found = entry_of(zone, trigger, key, place);
    if (!found.entry)
        return false;
    if (exact)
        return take_hit(zone, trigger, &found, SIDE_EXACT, place.level, out);
    if (place.level + 1u < key->labels && name_is_wildcard(rpz_key_at(key, place.level + 1)))
        return false; /* below the name `*.x`, which exists if there is a rule */
    return take_hit(zone, trigger, &found, SIDE_WILDCARD, place.level, out);
}

/* A CNAME that leads to the very name it stands for is the old PASSTHRU (as BIND has it, also for wildcards).
 */
static void settle_self_target(const struct policy_zone *zone, const struct rpz_key *key,
                               struct policy_hit *hit)
{
    const struct rule_data *data = data_of_hit(zone, hit);
    if (data && data->cname && name_equal(data->cname, key->name))
        hit->action = RPZ_PASSTHRU;
}

bool policy_zone_match_key(const struct policy_zone *zone, enum rpz_trigger trigger, struct rpz_key *key,
                           bool include_subdomains, struct policy_hit *out)
{
    if (!zone->counts.rules[trigger] || !key->labels)
        return false;
    struct place place = closest_encloser(zone, trigger, key);
    if (trigger == RPZ_QNAME && below_special_label(key))
        place = (struct place){NULL, NULL, 0};
    if (!place.slot && !zone->tops[trigger].entry)
        return false;
    bool found = include_subdomains ? nearest_rule(zone, trigger, key, place, out)
                                    : closest_rule(zone, trigger, key, place, out);
    if (found && out->action == RPZ_LOCAL_DATA)
        settle_self_target(zone, key, out);
    return found;
}

bool policy_zone_match_name(const struct policy_zone *zone, enum rpz_trigger trigger, const uint8_t *name,
                            bool include_subdomains, struct policy_hit *out)
{
    struct rpz_key key;
    rpz_key_init(&key, name, rpz_key_tail(trigger));
    return policy_zone_match_key(zone, trigger, &key, include_subdomains, out);
}

/* --- addresses ----------------------------------------------------------------------------------------- */

bool policy_zone_match_within(const struct policy_zone *zone, enum rpz_trigger trigger,
                              const struct ip_address *address, unsigned longest, struct policy_hit *out)
{
    if (address->family == IP_NONE || !zone->counts.rules[trigger])
        return false;
    const struct prefix_rule *rule =
        prefixes_find(zone->prefixes[trigger][address->family == IP_V6], address, longest);
    if (!rule)
        return false;
    struct owner_found found = owners_of_hash(&zone->owners, rule->owner);
    if (!found.exists || !take_hit(zone, trigger, &found, SIDE_EXACT, 0, out))
        return false;
    out->prefix.address = *address;
    out->prefix.length = (uint8_t)rule->length;
    ip_mask(&out->prefix.address, rule->length);
    return true;
}

bool policy_zone_match_address(const struct policy_zone *zone, enum rpz_trigger trigger,
                               const struct ip_address *address, struct policy_hit *out)
{
    return policy_zone_match_within(zone, trigger, address, ip_bits(address->family), out);
}

/* --- what a hit names ---------------------------------------------------------------------------------- */

size_t policy_hit_owner(const struct policy_zone *zone, const struct policy_hit *hit, const uint8_t *name,
                        uint8_t out[255])
{
    (void)name;
    uint8_t stored[NAME_MAX_BYTES];
    size_t at = 0, length = packed_name(owners_entry(&zone->owners, hit->handle) + 1, stored) - 1;
    if ((hit->handle & 1) == SIDE_WILDCARD) {
        memcpy(out, "\1*", 2);
        at = 2;
    }
    memcpy(out + at, stored, length);
    memcpy(out + at + length, zone->origin, zone->origin_bytes);
    return at + length + zone->origin_bytes;
}

int policy_hit_data(const struct policy_zone *zone, const struct policy_hit *hit,
                    int (*each)(void *context, const struct rrset *rrset), void *context)
{
    const struct rule_data *data = data_of_hit(zone, hit);
    int result = 0;
    for (uint32_t i = 0; data && i < data->rrset_count && !result; i++)
        result = each(context, &data->rrsets[i]);
    return result;
}
