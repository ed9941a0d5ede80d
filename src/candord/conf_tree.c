/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/conf_tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

enum { MESSAGE_MAX = 1024 };

static void report_problem(struct conf_report *report, struct conf_place at, bool error, const char *format,
                           va_list args)
{
    char message[MESSAGE_MAX];
    vsnprintf(message, sizeof message, format, args);
    for (char *c = message; *c; c++) /* what is quoted from the file must not break the line */
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    struct config_problem problem = {at.file, at.line, error, message};
    if (error)
        report->errors++;
    if (report->problem)
        report->problem(report->context, &problem);
}

void conf_error(struct conf_report *report, struct conf_place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_problem(report, at, true, format, args);
    va_end(args);
}

void conf_notice(struct conf_report *report, struct conf_place at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report_problem(report, at, false, format, args);
    va_end(args);
}

void *conf_alloc(struct conf_report *report, struct arena *arena, size_t bytes)
{
    void *at = arena_zalloc(arena, bytes);
    if (!at)
        report->out_of_memory = true;
    return at;
}

bool conf_is(const struct conf_item *item, const char *word)
{
    return item && item->kind == CONF_WORD && strcasecmp(item->text, word) == 0;
}

const struct conf_item *conf_item_at(const struct conf_statement *statement, unsigned index)
{
    const struct conf_item *item = statement->items;
    while (item && index--)
        item = item->next;
    return item;
}

const struct conf_item *conf_option(const struct conf_statement *statement, const char *word)
{
    for (const struct conf_item *item = statement->items; item; item = item->next)
        if (conf_is(item, word) && item->next)
            return item->next;
    return NULL;
}

const struct conf_item *conf_block(const struct conf_statement *statement)
{
    for (const struct conf_item *item = statement->items; item; item = item->next)
        if (item->kind == CONF_BLOCK)
            return item;
    return NULL;
}

static const struct conf_statement *find_from(const struct conf_statement *list, const char *word)
{
    while (list && !conf_is(list->items, word))
        list = list->next;
    return list;
}

const struct conf_statement *conf_find(const struct conf_statement *list, const char *word)
{
    return find_from(list, word);
}

const struct conf_statement *conf_find_next(const struct conf_statement *after, const char *word)
{
    return find_from(after->next, word);
}
