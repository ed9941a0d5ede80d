/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Address match lists: named ones (acl "x" { … }) and those written in place. */
#include <string.h>
#include <strings.h>

#include "candord/config_build.h"
#include "dns/name.h"

struct named_acl {
    const char *name;
    const struct conf_item *block;
    const struct acl *acl; /* NULL until built */
    bool building;         /* to find lists that contain themselves */
    struct named_acl *next;
};

static const struct acl_element any_element[] = {{.kind = ACL_ANY}};
static const struct acl_element local_elements[] = {{.kind = ACL_LOCALNETS}, {.kind = ACL_LOCALHOST}};
const struct acl acl_any = {1, any_element};
const struct acl acl_none = {0, NULL};
const struct acl acl_local = {2, local_elements};

static const struct {
    const char *name;
    enum acl_kind kind;
} builtin[] = {
    {"any", ACL_ANY}, {"none", ACL_NONE}, {"localhost", ACL_LOCALHOST}, {"localnets", ACL_LOCALNETS}};

static struct named_acl *find_named(const struct builder *b, const char *name)
{
    struct named_acl *named = b->acls;
    while (named && strcasecmp(named->name, name) != 0)
        named = named->next;
    return named;
}

static const struct acl *use_named(struct builder *b, struct named_acl *named, struct conf_place at)
{
    if (named->building) {
        conf_error(b->report, at, "acl '%s' contains itself", named->name);
        return &acl_none;
    }
    if (!named->acl) {
        named->building = true;
        named->acl = build_acl(b, named->block);
        named->building = false;
    }
    return named->acl;
}

static void nested(struct acl_element *element, const struct acl *acl)
{
    element->kind = ACL_NESTED;
    element->nested = acl;
}

static void key_element(struct builder *b, const struct conf_item *name, struct acl_element *element)
{
    const struct tsig_key *key = name ? find_key(b, name->text) : NULL;
    element->kind = ACL_NONE;
    if (key) {
        element->kind = ACL_KEY;
        element->key = key->name;
    } else if (name) {
        conf_error(b->report, name->at, "undefined key '%s'", name->text);
    }
}

static void word_element(struct builder *b, const struct conf_item *item, struct acl_element *element)
{
    struct named_acl *named;
    element->kind = ACL_NONE;
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (strcasecmp(item->text, builtin[i].name) == 0) {
            element->kind = builtin[i].kind;
            return;
        }
    int error = prefix_from_text(item->text, &element->prefix);
    if (error == 0)
        element->kind = ACL_PREFIX;
    else if (error == ERR_INVALID)
        conf_error(b->report, item->at, "expected a prefix without bits below its length, found '%s'",
                   item->text);
    else if ((named = find_named(b, item->text)))
        nested(element, use_named(b, named, item->at));
    else
        conf_error(b->report, item->at, "undefined acl '%s'; expected an address, a prefix or an acl's name",
                   item->text);
}

static void build_element(struct builder *b, const struct conf_statement *statement,
                          struct acl_element *element)
{
    const struct conf_item *item = statement->items;
    element->negated = item->kind == CONF_BANG;
    if (element->negated)
        item = item->next;
    if (!item || item->kind == CONF_BANG)
        element->kind = ACL_NONE; /* reported by conf_check() */
    else if (item->kind == CONF_BLOCK)
        nested(element, build_acl(b, item));
    else if (conf_is(item, "geoip"))
        element->kind = ACL_NONE; /* likewise */
    else if (conf_is(item, "key"))
        key_element(b, item->next, element);
    else
        word_element(b, item, element);
    if (element->kind == ACL_NONE && element->negated) { /* !none is any */
        element->kind = ACL_ANY;
        element->negated = false;
    }
}

const struct acl *build_acl(struct builder *b, const struct conf_item *block)
{
    if (!block || block->kind != CONF_BLOCK)
        return &acl_none;
    size_t count = conf_count(block->block), i = 0;
    struct acl *acl = build_alloc(b, sizeof *acl);
    struct acl_element *elements = build_alloc(b, count * sizeof *elements);
    if (!acl || !elements)
        return &acl_none;
    for (const struct conf_statement *s = block->block; s; s = s->next)
        build_element(b, s, &elements[i++]);
    *acl = (struct acl){count, elements};
    return acl;
}

static void define(struct builder *b, const struct conf_statement *statement)
{
    const struct conf_item *name = statement->items->next, *block = conf_block(statement);
    if (!name || !block || name->kind == CONF_BLOCK)
        return;
    const struct named_acl *other = find_named(b, name->text);
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (strcasecmp(name->text, builtin[i].name) == 0)
            conf_error(b->report, name->at, "acl '%s' is built in; expected another name", name->text);
    if (other) {
        conf_error(b->report, name->at, "acl '%s' a second time; it stands in %s:%u already", name->text,
                   other->block->at.file, other->block->at.line);
        return;
    }
    struct named_acl *named = build_alloc(b, sizeof *named);
    if (named) {
        *named = (struct named_acl){name->text, block, NULL, false, b->acls};
        b->acls = named;
    }
}

void build_named_acls(struct builder *b)
{
    for (const struct conf_statement *s = conf_find(b->top, "acl"); s; s = conf_find_next(s, "acl"))
        define(b, s);
}

const struct acl *scope_acl(struct builder *b, const struct scope *scope, const char *word,
                            const struct acl *otherwise)
{
    const struct conf_statement *statement = scope_find(scope, word);
    return statement ? build_acl(b, conf_block(statement)) : otherwise;
}
