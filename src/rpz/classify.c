/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/bytes.h"
#include "dns/consts.h"
#include "rpz/builder.h"

/* Cuts the origin off the owner. */
static bool take_relative(const struct policy_builder *b, struct incoming *in)
{
    const uint8_t *name = in->record->owner, *origin;
    uint8_t starts[NAME_MAX_LABELS + 1];
    unsigned labels = 0;
    size_t at = 0;
    for (; name[at]; at += 1u + name[at])
        starts[labels++] = (uint8_t)at;
    starts[labels] = (uint8_t)at;
    if (labels < b->origin_labels)
        return false;
    labels -= b->origin_labels;
    size_t cut = starts[labels];
    origin = name + cut;
    if (at + 1 - cut != b->origin_bytes ||
        (!bytes_same(origin, b->origin, b->origin_bytes) && !name_equal(origin, b->origin)))
        return false;
    name_copy_lower_known(in->owner, name, cut);
    in->owner[cut] = 0;
    in->last = in->owner + (labels ? starts[labels - 1] : 0);
    return true;
}

static enum rpz_skip classify_apex(const struct incoming *in)
{
    const struct policy_record *record = in->record;
    if (!rdata_check(record->type, record->rdata, record->rdata_length))
        return RPZ_SKIP_RDATA;
    if (record->type == TYPE_SOA || record->type == TYPE_NS)
        return RPZ_SKIP_APEX_SOA_NS;
    return rpz_type_is_rule(record->type) ? RPZ_SKIP_APEX_DATA : RPZ_SKIP_TYPE;
}

/* QNAME owners are nearly all there are: what rpz_owner_decode() would say of them is known already. */
static enum rpz_skip classify_qname(struct incoming *in)
{
    const struct policy_record *record = in->record;
    if (record->type != TYPE_CNAME && !rpz_type_is_rule(record->type))
        return RPZ_SKIP_TYPE;
    in->side = name_is_wildcard(in->owner) ? SIDE_WILDCARD : SIDE_EXACT;
    in->name = in->side == SIDE_WILDCARD ? in->owner + 2 : in->owner;
    in->action = RPZ_NXDOMAIN;
    if (record->type == TYPE_CNAME && record->rdata_length == 1 && !record->rdata[0])
        return RPZ_KEPT; /* nearly all of these in turn */
    in->action = RPZ_LOCAL_DATA;
    if (record->type != TYPE_CNAME)
        return rdata_check(record->type, record->rdata, record->rdata_length) ? RPZ_KEPT : RPZ_SKIP_RDATA;
    if (name_check(record->rdata, record->rdata_length) != record->rdata_length)
        return RPZ_SKIP_RDATA;
    enum rpz_skip skip = rpz_target_decode(record->rdata, &in->action);
    if (in->action == RPZ_LOCAL_DATA && in->side == SIDE_EXACT && name_equal(record->rdata, in->name)) {
        in->action = RPZ_PASSTHRU;
        in->old_passthru = true;
    }
    return skip;
}

static enum rpz_skip classify_other(const struct policy_builder *b, struct incoming *in)
{
    const struct policy_record *record = in->record;
    struct rpz_owner owner;
    enum rpz_skip skip = rpz_owner_decode(record->owner, b->origin, &owner);
    if (!skip)
        skip = rpz_action_decode(&owner, record->type, record->rdata, record->rdata_length, &in->action);
    if (skip)
        return skip;
    in->prefix = owner.prefix;
    in->noncanonical = owner.noncanonical;
    in->side = owner.wildcard ? SIDE_WILDCARD : SIDE_EXACT;
    in->name = owner.wildcard ? in->owner + 2 : in->owner;
    const uint8_t *target = rpz_action_target(in->action);
    in->old_passthru = target && !name_equal(target, record->rdata);
    return RPZ_KEPT;
}

enum rpz_skip incoming_classify(const struct policy_builder *b, struct incoming *in)
{
    if (!take_relative(b, in))
        return RPZ_SKIP_OUT_OF_ZONE;
    if (in->record->rclass != CLASS_IN)
        return RPZ_SKIP_CLASS;
    if (!in->owner[0])
        return classify_apex(in);
    /* One label in a million begins like a trigger's. */
    in->trigger = in->last[1] == 'r' ? rpz_trigger_of_label(in->last) : RPZ_QNAME;
    return in->trigger == RPZ_QNAME ? classify_qname(in) : classify_other(b, in);
}
