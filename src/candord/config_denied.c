/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deny-answer-addresses and deny-answer-aliases. */
#include "candord/config_build.h"
#include "candord/denied.h"
#include "dns/name.h"

static void read_names(struct builder *b, const struct conf_item *block, struct denied_names *out)
{
    const uint8_t **names = block ? build_alloc(b, (conf_count(block->block) + 1) * sizeof *names) : NULL;
    out->names = names;
    for (const struct conf_statement *s = names ? block->block : NULL; s; s = s->next) {
        uint8_t *name = build_alloc(b, NAME_MAX_BYTES);
        if (name && name_from_text(s->items->text, NULL, name) > 0) {
            name_to_lower(name);
            names[out->count++] = name;
        } else if (name) {
            conf_error(b->report, s->items->at, "'%s' is not a domain name", s->items->text);
        }
    }
}

/* { … } except-from { … }: the second block, or NULL. */
static const struct conf_item *exceptions(const struct conf_statement *s)
{
    const struct conf_item *block = conf_block(s), *word = block ? block->next : NULL;
    return word ? word->next : NULL;
}

void build_denied(struct builder *b, const struct scope *scope, struct resolver_options *resolver)
{
    const struct conf_statement *addresses = scope_find(scope, "deny-answer-addresses");
    const struct conf_statement *aliases = scope_find(scope, "deny-answer-aliases");
    struct denied_answers *denied = addresses || aliases ? build_alloc(b, sizeof *denied) : NULL;
    if (!denied)
        return;
    *denied = (struct denied_answers){.addresses = &acl_none, .environment = &b->config->environment};
    if (addresses) {
        denied->addresses = build_acl(b, conf_block(addresses));
        read_names(b, exceptions(addresses), &denied->addresses_except);
    }
    if (aliases) {
        read_names(b, conf_block(aliases), &denied->aliases);
        read_names(b, exceptions(aliases), &denied->aliases_except);
    }
    resolver->denies = denied_find;
    resolver->denied = denied;
}
