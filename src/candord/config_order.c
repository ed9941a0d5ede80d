/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rrset-order { … } and sortlist { … }: in which order the addresses of an answer go out. */
#include <strings.h>

#include "candord/config_build.h"
#include "dns/consts.h"
#include "dns/name.h"

static void read_how(struct builder *b, const struct conf_item *item, struct order_rule *rule)
{
    static const struct {
        const char *word;
        enum rrset_order how;
    } orders[] = {
        {"fixed", ORDER_AS_IT_IS},
        {"none", ORDER_AS_IT_IS},
        {"random", ORDER_RANDOM},
        {"cyclic", ORDER_CYCLIC},
    };
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (conf_is(item, orders[i].word)) {
            rule->how = orders[i].how;
            return;
        }
    conf_error(b->report, item->at, "expected fixed, random, cyclic or none after 'order', found '%s'",
               item->text);
}

static void read_type(struct builder *b, const struct conf_item *item, struct order_rule *rule)
{
    int type = conf_is(item, "ANY") ? 0 : type_from_text(item->text);
    if (type < 0) {
        conf_error(b->report, item->at, "expected a type after 'type', found '%s'", item->text);
        return;
    }
    if (type != 0 && type != TYPE_A && type != TYPE_AAAA)
        conf_notice(b->report, item->at,
                    "'rrset-order' has no effect on type %s: only addresses are put in order", item->text);
    rule->type = (uint16_t)type;
}

static void read_name(struct builder *b, const struct conf_item *item, struct order_rule *rule)
{
    uint8_t *name = build_alloc(b, NAME_MAX_BYTES);
    if (!name || conf_is(item, "*"))
        return;
    if (name_from_text(item->text, NULL, name) < 0) {
        conf_error(b->report, item->at, "expected a name after 'name', found '%s'", item->text);
        return;
    }
    name_to_lower(name);
    rule->below = name_is_wildcard(name);
    rule->name = rule->below ? name + 2 : name;
}

/* class IN type A name "*.example" order cyclic; any of them may be missing. False: it is not for class IN.
 */
static bool read_rule(struct builder *b, const struct conf_statement *s, struct order_rule *rule)
{
    bool ours = true;
    for (const struct conf_item *item = s->items; item && item->next; item = item->next->next) {
        if (conf_is(item, "class"))
            ours = conf_is(item->next, "IN") || conf_is(item->next, "ANY");
        else if (conf_is(item, "type"))
            read_type(b, item->next, rule);
        else if (conf_is(item, "name"))
            read_name(b, item->next, rule);
        else if (conf_is(item, "order"))
            read_how(b, item->next, rule);
    }
    return ours;
}

void build_order(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *s = scope_find(scope, "rrset-order");
    const struct conf_item *block = s ? conf_block(s) : NULL;
    struct order_rule *rules = build_alloc(b, (block ? conf_count(block->block) : 0) * sizeof *rules);
    view->sortlist = scope_acl(b, scope, "sortlist", NULL);
    view->order = rules;
    for (const struct conf_statement *line = rules && block ? block->block : NULL; line; line = line->next) {
        rules[view->order_count] = (struct order_rule){0};
        view->order_count += read_rule(b, line, &rules[view->order_count]);
    }
}
