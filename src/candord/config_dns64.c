/* SPDX-License-Identifier: GPL-3.0-or-later */
/* dns64 PREFIX { … } (RFC 6147, prefixes of RFC 6052). */
#include <string.h>

#include "candord/config_build.h"

/* ::ffff:0:0/96 is excluded unless the file says otherwise, as in BIND. */
static const struct acl_element mapped_element[] = {
    {.kind = ACL_PREFIX, .prefix = {{IP_V6, {[10] = 0xff, [11] = 0xff}}, 96}},
};
static const struct acl acl_mapped = {1, mapped_element};

static bool is_prefix_length(unsigned length)
{
    return length == 32 || length == 40 || length == 48 || length == 56 || length == 64 || length == 96;
}

static void read_suffix(struct builder *b, const struct scope *scope, struct dns64_config *out)
{
    const struct conf_item *item = scope_value(scope, "suffix");
    if (!item || ip_from_text(item->text, &out->suffix) != 0)
        return;
    /* The suffix holds what is behind prefix and address: the first bytes are zero. */
    size_t first = out->prefix.length == 96 ? 16 : out->prefix.length / 8 + 5;
    for (size_t i = 0; i < first; i++)
        if (out->suffix.bytes[i]) {
            conf_error(b->report, item->at, "expected a suffix whose first %zu bits are zero, found '%s'",
                       first * 8, item->text);
            return;
        }
}

static bool build_one(struct builder *b, const struct conf_statement *s, struct dns64_config *out)
{
    const struct conf_item *prefix = s->items->next, *block = conf_block(s);
    if (!prefix || !block || prefix_from_text(prefix->text, &out->prefix) != 0)
        return false;
    if (out->prefix.address.family != IP_V6 || !is_prefix_length(out->prefix.length)) {
        conf_error(b->report, prefix->at,
                   "expected an IPv6 prefix of length 32, 40, 48, 56, 64 or 96 after 'dns64', found '%s'",
                   prefix->text);
        return false;
    }
    struct scope scope = {{block->block}};
    out->clients = scope_acl(b, &scope, "clients", &acl_any);
    out->mapped = scope_acl(b, &scope, "mapped", &acl_any);
    out->exclude = scope_acl(b, &scope, "exclude", &acl_mapped);
    out->recursive_only = scope_bool(&scope, "recursive-only", false);
    out->break_dnssec = scope_bool(&scope, "break-dnssec", false);
    read_suffix(b, &scope, out);
    return true;
}

void build_dns64(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *list =
        conf_find(scope->lists[0], "dns64") ? scope->lists[0] : scope->lists[1];
    const struct conf_statement *first = conf_find(list, "dns64");
    struct dns64_config *all = build_alloc(b, conf_count(first) * sizeof *all);
    view->dns64 = all;
    for (const struct conf_statement *s = all ? first : NULL; s; s = conf_find_next(s, "dns64"))
        if (build_one(b, s, &all[view->dns64_count]))
            view->dns64_count++;
}
