/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every record of a zone, in one go or in steps, and those of one name. */
#include "dns/consts.h"
#include "zone/content.h"

typedef int each_record(void *context, const struct policy_record *record);

static unsigned set_size(const struct rrset *set)
{
    return (unsigned)set->count + set->sig_count;
}

static struct policy_record record_of(const struct rrset *set, size_t index)
{
    bool data = index < set->count;
    const struct rdata *rdata = data ? &set->rdatas[index] : &set->sigs[index - set->count];
    return (struct policy_record){.owner = set->owner,
                                  .type = data ? set->type : (uint16_t)TYPE_RRSIG,
                                  .rclass = CLASS_IN,
                                  .ttl_s = set->ttl_s,
                                  .rdata = rdata->bytes,
                                  .rdata_length = rdata->length};
}

/* --- plain zones --- */

static int walk_set(const struct rrset *set, struct zone_walk *walk, each_record *each, void *context)
{
    for (; walk->record < set_size(set); walk->record++) {
        struct policy_record record = record_of(set, walk->record);
        int result = each(context, &record);
        if (result)
            return result;
    }
    walk->record = 0;
    return 0;
}

static int walk_node(const struct zone_content *content, const struct zone_node *node, struct zone_walk *walk,
                     each_record *each, void *context)
{
    for (; walk->set < node->set_count; walk->set++) {
        const struct rrset *set = &node->sets[walk->set];
        int result = set == content->soa ? 0 : walk_set(set, walk, each, context);
        if (result)
            return result;
    }
    walk->set = 0;
    return 0;
}

static int walk_plain(const struct zone_content *content, struct zone_walk *walk, each_record *each,
                      void *context)
{
    int result = walk->past_soa ? 0 : walk_set(content->soa, walk, each, context);
    walk->past_soa |= !result;
    for (; !result && walk->node < content->node_count; walk->node += !result)
        result = walk_node(content, &content->nodes[walk->node], walk, each, context);
    return result;
}

int zone_content_walk(const struct zone_content *content, struct zone_walk *walk, each_record *each,
                      void *context)
{
    if (content->policy)
        return policy_zone_walk(content->policy, &walk->policy, each, context);
    return walk_plain(content, walk, each, context);
}

int zone_content_each(const struct zone_content *content, each_record *each, void *context)
{
    struct zone_walk walk = {0};
    return content->policy ? policy_zone_each(content->policy, each, context)
                           : walk_plain(content, &walk, each, context);
}

int zone_content_at(const struct zone_content *content, const uint8_t *name, struct arena *arena,
                    each_record *each, void *context)
{
    struct node_view view;
    int result = content_at(content, name, arena, &view);
    for (size_t s = 0; !result && s < view.count; s++)
        for (size_t i = 0; !result && i < set_size(&view.sets[s]); i++) {
            struct policy_record record = record_of(&view.sets[s], i);
            result = each(context, &record);
        }
    return result;
}
