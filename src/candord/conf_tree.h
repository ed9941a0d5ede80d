/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A configuration file as a tree of statements, before anything is known about its words; and how problems
 * are reported. Everything lives in one arena. One thread. */
#ifndef CANDORD_CONF_TREE_H
#define CANDORD_CONF_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "candord/config.h"

struct conf_place {
    const char *file;
    unsigned line;
};

enum conf_kind {
    CONF_WORD,
    CONF_QUOTED,
    CONF_BANG,  /* ! */
    CONF_BLOCK, /* { statements } */
};

/* One element of a statement. */
struct conf_item {
    enum conf_kind kind;
    struct conf_place at;
    const char *text;             /* CONF_WORD, CONF_QUOTED; "!" and "{" for the others */
    struct conf_statement *block; /* CONF_BLOCK: the first statement in it, or NULL */
    struct conf_item *next;
};

/* Items up to a semicolon; at least one. */
struct conf_statement {
    struct conf_item *items;
    struct conf_statement *next;
};

/* Where problems go. Counts the errors; remembers when memory ran out. */
struct conf_report {
    void (*problem)(void *context, const struct config_problem *problem);
    void *context;
    unsigned errors;
    bool out_of_memory;
};

void conf_error(struct conf_report *report, struct conf_place at, const char *format, ...) PRINTF_LIKE(3, 4);
/* A warning, or the notice of a word that has no effect here. */
void conf_notice(struct conf_report *report, struct conf_place at, const char *format, ...) PRINTF_LIKE(3, 4);

/* arena_zalloc() that notes failure in the report. */
void *conf_alloc(struct conf_report *report, struct arena *arena, size_t bytes) MUST_CHECK;

enum {
    CONF_MAX_DEPTH = 32,           /* blocks in blocks; BIND's deepest use is 6 */
    CONF_MAX_INCLUDES = 16,        /* files in files */
    CONF_MAX_FILES = 4096,         /* files in all */
    CONF_MAX_FILE_BYTES = 1 << 27, /* of one file */
};

/* Reads `file` and all it includes. Relative includes start at the `directory` option as soon as it was read
 * (else the working directory), then at the including file's folder; * ? [ ] are patterns. Errors go to the
 * report; what could be read is returned (NULL: nothing). */
struct conf_statement *conf_parse_file(const char *file, struct arena *arena, struct conf_report *report);

/* The same for a text in memory; `name` stands for the file in messages. */
struct conf_statement *conf_parse_text(const char *text, size_t length, const char *name, struct arena *arena,
                                       struct conf_report *report);

/* --- looking at a tree --- */

/* Compares without case. */
bool conf_is(const struct conf_item *item, const char *word);

/* The statement's word. */
static inline const char *conf_word(const struct conf_statement *statement)
{
    return statement->items->text;
}

/* The item number `index` (0: the statement's word), or NULL. */
const struct conf_item *conf_item_at(const struct conf_statement *statement, unsigned index);

/* The item behind the option word `word` ("port" in `listen-on port 53 { … }`), or NULL. */
const struct conf_item *conf_option(const struct conf_statement *statement, const char *word);

/* The first block of the statement, or NULL. */
const struct conf_item *conf_block(const struct conf_statement *statement);

/* The first statement of the list with this word, or NULL; `conf_find_next` goes on behind one. */
const struct conf_statement *conf_find(const struct conf_statement *list, const char *word);
const struct conf_statement *conf_find_next(const struct conf_statement *after, const char *word);

#endif
