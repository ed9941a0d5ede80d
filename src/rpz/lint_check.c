/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The checks that need the whole zone. Rules are brought into canonical order (RFC 4034 section 6.1): a name
 * stands right before what is below it, so one pass with a stack of ancestors sees every relation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/lint_parts.h"

enum {
    LOOP_MAX = 16,
    OWNER_LOOK_BACK = 64, /* a duplicate further back is not worth the time */
};

/* All rules of one trigger for one name. */
struct node {
    const struct lint_rule *exact, *wildcard; /* the first of each side, or NULL */
};

static const uint8_t *node_name(const struct node *node)
{
    return (node->exact ? node->exact : node->wildcard)->name;
}

static int order(const void *a, const void *b)
{
    const struct lint_rule *x = a, *y = b;
    int difference = x->trigger - y->trigger;
    if (!difference)
        difference = name_compare(x->name, y->name);
    if (!difference)
        difference = x->wildcard - y->wildcard;
    return difference ? difference : (x->line > y->line) - (x->line < y->line);
}

/* The rule's owner as people write it, without the zone's name. */
static const char *text_of(const struct lint_rule *rule, char *out)
{
    strcpy(out, rule->wildcard ? "*." : "");
    name_to_text_nodot(rule->name, out + strlen(out));
    if (rule->wildcard && name_is_root(rule->name))
        strcpy(out, "*");
    return out;
}

static void say(const struct lint *lint, enum lint_kind kind, const struct lint_rule *rule, const char *what)
{
    char owner[NAME_TEXT_MAX + 2];
    lint_say(lint, kind, rule->file, rule->line, rule->name, "%s%s: %s", text_of(rule, owner),
             rule->trigger == RPZ_NSDNAME ? ".rpz-nsdname" : "", what);
}

/* --- records of one owner --- */

static bool same_data(const struct lint_rule *a, const struct lint_rule *b)
{
    return a->type == b->type && a->rdata_length == b->rdata_length &&
           !memcmp(a->rdata, b->rdata, a->rdata_length);
}

/* Records from `first` to `end` have one owner: what is twice, what cannot stand together? */
static void check_owner(const struct lint *lint, const struct lint_rule *first, const struct lint_rule *end)
{
    for (const struct lint_rule *rule = first + 1; rule < end; rule++) {
        const struct lint_rule *before = rule - first > OWNER_LOOK_BACK ? rule - OWNER_LOOK_BACK : first;
        bool duplicate = false;
        for (; before < rule && !duplicate; before++)
            duplicate = same_data(before, rule);
        if (duplicate)
            say(lint, LINT_DUPLICATE, rule, "the same record again");
        else if (rule->type == TYPE_CNAME || first->type == TYPE_CNAME)
            say(lint, LINT_CONFLICT, rule,
                "a CNAME stands alone at its name: the first record is kept, this one skipped");
    }
}

static bool same_owner(const struct lint_rule *a, const struct lint_rule *b)
{
    return a->trigger == b->trigger && a->wildcard == b->wildcard && name_equal(a->name, b->name);
}

/* Fills `nodes` (room for all rules) and returns how many there are. */
static size_t make_nodes(const struct lint *lint, struct node *nodes)
{
    size_t count = 0;
    const struct lint_rule *end = lint->rules + lint->count, *next;
    for (const struct lint_rule *rule = lint->rules; rule < end; rule = next) {
        for (next = rule + 1; next < end && same_owner(rule, next);)
            next++;
        check_owner(lint, rule, next);
        bool joins = rule->wildcard && count && nodes[count - 1].exact &&
                     nodes[count - 1].exact->trigger == rule->trigger &&
                     name_equal(nodes[count - 1].exact->name, rule->name);
        if (!joins)
            nodes[count++] = (struct node){0};
        if (rule->wildcard)
            nodes[count - 1].wildcard = rule;
        else
            nodes[count - 1].exact = rule;
    }
    return count;
}

/* --- relations --- */

static bool acts(const struct lint_rule *rule)
{
    return rule && rule->action != RPZ_PASSTHRU;
}

static void check_suffix(const struct lint *lint, const struct node *node)
{
    const struct lint_rule *rule = acts(node->wildcard) ? node->wildcard : node->exact;
    if (!acts(rule))
        return;
    unsigned labels = name_labels(rule->name);
    if (labels == 0)
        say(lint, LINT_PUBLIC_SUFFIX, rule, "covers every name there is");
    else if (labels == 1)
        say(lint, LINT_PUBLIC_SUFFIX, rule, "covers a top-level domain");
    else if (lint->options.is_public_suffix &&
             lint->options.is_public_suffix(lint->options.context, rule->name))
        say(lint, LINT_PUBLIC_SUFFIX, rule, "covers a public suffix, below which anybody may have a name");
}

static void check_pair(const struct lint *lint, const struct node *node, const struct node *above)
{
    bool covered_below = above && above->wildcard;
    if (acts(node->exact) && !node->wildcard && !covered_below)
        say(lint, LINT_NO_WILDCARD, node->exact,
            "acts on the name itself, not on what is below it (add `*.`)");
    if (acts(node->wildcard) && !node->exact && !name_is_root(node->wildcard->name) &&
        !(covered_below && acts(above->wildcard)))
        say(lint, LINT_NO_APEX, node->wildcard, "acts on what is below the name, not on the name itself");
}

/* `parent` is the nearest name that exists above; between may lie names that exist only because of this one.
 */
static void check_shadow(const struct lint *lint, const struct node *node, const struct node *parent,
                         const uint8_t **last_hidden)
{
    char hidden_text[NAME_TEXT_MAX], message[NAME_TEXT_MAX * 2 + 128], wildcard_text[NAME_TEXT_MAX + 2];
    if (!parent || !acts(parent->wildcard))
        return;
    const uint8_t *name = node_name(node);
    unsigned deeper = name_labels(name) - name_labels(node_name(parent));
    const struct lint_rule *rule = node->exact ? node->exact : node->wildcard;
    if (deeper > 1) {
        const uint8_t *hidden = name_skip(name, deeper - 1);
        if (*last_hidden && name_equal(*last_hidden, hidden))
            return;
        *last_hidden = hidden;
        snprintf(message, sizeof message,
                 "makes %s exist, so %s no longer covers that name and what is below it",
                 name_to_text_nodot(hidden, hidden_text), text_of(parent->wildcard, wildcard_text));
        say(lint, LINT_SHADOWED, rule, message);
    } else if (!node->wildcard && acts(node->exact)) {
        snprintf(message, sizeof message, "hides %s from what is below it",
                 text_of(parent->wildcard, wildcard_text));
        say(lint, LINT_SHADOWED, rule, message);
    }
}

static void check_passthru(const struct lint *lint, const struct node *node, const struct node *above)
{
    if (lint->has_address_rules || (above && acts(above->wildcard)))
        return;
    static const char why[] = "no other rule of this zone would act on it (one of a later zone may)";
    if (node->exact && !acts(node->exact))
        say(lint, LINT_NEEDLESS_PASSTHRU, node->exact, why);
    if (node->wildcard && !acts(node->wildcard))
        say(lint, LINT_NEEDLESS_PASSTHRU, node->wildcard, why);
}

/* --- loops --- */

static const struct node *find(const struct node *nodes, size_t count, const uint8_t *name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct lint_rule *rule = nodes[middle].exact ? nodes[middle].exact : nodes[middle].wildcard;
        int difference = rule->trigger - RPZ_QNAME;
        if (!difference)
            difference = name_compare(rule->name, name);
        if (!difference)
            return &nodes[middle];
        if (difference < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const uint8_t *cname_target(const struct lint_rule *rule)
{
    bool redirects = rule && rule->type == TYPE_CNAME && rule->action == RPZ_LOCAL_DATA;
    return redirects && !name_is_wildcard(rule->rdata) ? rule->rdata : NULL;
}

static void check_loop(const struct lint *lint, const struct node *nodes, size_t count,
                       const struct node *node)
{
    const uint8_t *target = cname_target(node->exact);
    for (unsigned hops = 0; target && hops < LOOP_MAX; hops++) {
        const struct node *next = find(nodes, count, target);
        if (next == node) {
            say(lint, LINT_CNAME_LOOP, node->exact,
                "its CNAMEs lead back to it; resolvers that apply policy to targets loop here");
            return;
        }
        target = next ? cname_target(next->exact) : NULL;
    }
}

/* --- all of it --- */

static bool is_above(const struct node *above, const struct node *node)
{
    return (above->exact ? above->exact : above->wildcard)->trigger ==
               (node->exact ? node->exact : node->wildcard)->trigger &&
           name_is_within(node_name(node), node_name(above));
}

void lint_check(struct lint *lint)
{
    struct node *nodes = calloc(lint->count + 1, sizeof *nodes);
    const struct node *stack[NAME_MAX_LABELS + 1];
    const uint8_t *last_hidden = NULL;
    unsigned depth = 0;
    if (!nodes)
        return;
    if (lint->count)
        qsort(lint->rules, lint->count, sizeof *lint->rules, order);
    size_t count = make_nodes(lint, nodes);
    for (size_t i = 0; i < count; i++) {
        while (depth && !is_above(stack[depth - 1], &nodes[i]))
            depth--;
        const struct node *parent = depth ? stack[depth - 1] : NULL;
        check_suffix(lint, &nodes[i]);
        if (!lint->options.include_subdomains) {
            check_pair(lint, &nodes[i], parent);
            check_shadow(lint, &nodes[i], parent, &last_hidden);
        }
        check_passthru(lint, &nodes[i], parent);
        check_loop(lint, nodes, count, &nodes[i]);
        stack[depth++] = &nodes[i];
    }
    free(nodes);
}
