/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"

const struct conf_statement *scope_find(const struct scope *scope, const char *word)
{
    const struct conf_statement *found = NULL;
    for (size_t i = 0; !found && i < sizeof scope->lists / sizeof *scope->lists; i++)
        found = conf_find(scope->lists[i], word);
    return found;
}

const struct conf_item *scope_value(const struct scope *scope, const char *word)
{
    const struct conf_statement *statement = scope_find(scope, word);
    return statement ? statement->items->next : NULL;
}

bool scope_bool(const struct scope *scope, const char *word, bool otherwise)
{
    bool value;
    const struct conf_item *item = scope_value(scope, word);
    return item && conf_bool(item->text, &value) == 0 ? value : otherwise;
}

uint32_t scope_number(const struct scope *scope, const char *word, uint32_t otherwise)
{
    uint32_t value;
    const struct conf_item *item = scope_value(scope, word);
    return item && conf_number(item->text, &value) == 0 ? value : otherwise;
}

uint32_t scope_seconds(const struct scope *scope, const char *word, uint32_t otherwise)
{
    uint32_t value;
    const struct conf_item *item = scope_value(scope, word);
    return item && conf_duration(item->text, &value) == 0 ? value : otherwise;
}

static uint32_t within(struct builder *b, const struct conf_item *item, const char *word, uint32_t value,
                       uint32_t low, uint32_t high)
{
    uint32_t held = value < low ? low : value > high ? high : value;
    if (item && held != value)
        conf_notice(b->report, item->at, "'%s' %s is too %s; %u is used", word, item->text,
                    value < low ? "small" : "large", held);
    return held;
}

uint32_t scope_number_within(struct builder *b, const struct scope *scope, const char *word,
                             uint32_t otherwise, uint32_t low, uint32_t high)
{
    return within(b, scope_value(scope, word), word, scope_number(scope, word, otherwise), low, high);
}

uint32_t scope_seconds_within(struct builder *b, const struct scope *scope, const char *word,
                              uint32_t otherwise, uint32_t low, uint32_t high)
{
    return within(b, scope_value(scope, word), word, scope_seconds(scope, word, otherwise), low, high);
}

void *build_alloc(struct builder *b, size_t bytes)
{
    return conf_alloc(b->report, b->arena, bytes);
}

const char *build_path(struct builder *b, const char *path)
{
    const char *whole = *path == '/' ? arena_strdup(b->arena, path)
                                     : arena_printf(b->arena, "%s/%s", b->config->server.directory, path);
    if (!whole)
        b->report->out_of_memory = true;
    return whole;
}

size_t conf_count(const struct conf_statement *list)
{
    size_t count = 0;
    for (; list; list = list->next)
        count++;
    return count;
}
