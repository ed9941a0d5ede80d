/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that must be defined although what they name has no effect here: a file that BIND refuses is refused.
 */
#include <strings.h>

#include "candord/config_build.h"

static bool is_defined(const struct builder *b, const char *word, const char *name)
{
    for (const struct conf_statement *s = conf_find(b->top, word); s; s = conf_find_next(s, word))
        if (s->items->next && strcasecmp(s->items->next->text, name) == 0)
            return true;
    return false;
}

static void check(struct builder *b, const char *word, const struct conf_item *name, const char *const *own)
{
    if (!name || name->kind == CONF_BLOCK)
        return;
    for (; *own; own++)
        if (strcasecmp(*own, name->text) == 0)
            return;
    if (!is_defined(b, word, name->text))
        conf_error(b->report, name->at, "undefined %s '%s'", word, name->text);
}

static void check_list(struct builder *b, const struct conf_statement *list)
{
    static const char *const tls[] = {"ephemeral", "none", NULL}, *const http[] = {"default", "none", NULL},
                             *const policies[] = {"default", "insecure", "none", NULL};
    for (const struct conf_statement *s = list; s; s = s->next) {
        const struct conf_item *block = conf_block(s);
        if (conf_is(s->items, "listen-on") || conf_is(s->items, "listen-on-v6")) {
            check(b, "tls", conf_option(s, "tls"), tls);
            check(b, "http", conf_option(s, "http"), http);
        } else if (conf_is(s->items, "dnssec-policy") && !block) {
            check(b, "dnssec-policy", s->items->next, policies);
        } else if (block &&
                   (conf_is(s->items, "options") || conf_is(s->items, "view") || conf_is(s->items, "zone"))) {
            check_list(b, block->block);
        }
    }
}

void check_references(struct builder *b)
{
    check_list(b, b->top);
}
