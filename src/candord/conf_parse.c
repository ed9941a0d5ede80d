/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tokens to statements. Knows two words only: `include`, which brings in a file, and `directory`, because
 * the includes behind it are relative to it (as named, which changes its directory while it reads). */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "candord/conf_lex.h"

struct parser {
    struct arena *arena;
    struct conf_report *report;
    const char *base_dir; /* from `directory`, or NULL */
    unsigned depth, include_depth, files;
};

struct list {
    struct conf_statement *first, **tail;
};

static void parse_statements(struct parser *parser, struct conf_lexer *lexer, struct list *list, bool nested);

static struct conf_item *new_item(struct parser *parser, const struct conf_lexer *lexer,
                                  const struct conf_token *token)
{
    static const enum conf_kind kinds[] = {[TOKEN_WORD] = CONF_WORD,
                                           [TOKEN_QUOTED] = CONF_QUOTED,
                                           [TOKEN_BANG] = CONF_BANG,
                                           [TOKEN_OPEN] = CONF_BLOCK};
    struct conf_item *item = conf_alloc(parser->report, parser->arena, sizeof *item);
    if (item)
        *item = (struct conf_item){kinds[token->kind], {lexer->file, token->line}, token->text, NULL, NULL};
    return item;
}

/* --- files --- */

static char *slurp(struct parser *parser, FILE *in, size_t *length)
{
    struct stat status;
    if (fstat(fileno(in), &status) != 0 || S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        return NULL;
    }
    size_t room = 4096, used = 0;
    char *text = malloc(room);
    while (text && !feof(in) && !ferror(in) && used < CONF_MAX_FILE_BYTES) {
        used += fread(text + used, 1, room - used, in);
        char *more = used < room ? text : realloc(text, room *= 2);
        if (!more)
            free(text);
        text = more;
    }
    if (!text)
        parser->report->out_of_memory = true;
    else if (ferror(in) || used >= CONF_MAX_FILE_BYTES) {
        if (!ferror(in))
            errno = EFBIG;
        free(text);
        text = NULL;
    }
    *length = used;
    return text;
}

static void parse_text(struct parser *parser, const char *text, size_t length, const char *name,
                       struct list *list)
{
    struct conf_lexer lexer = {text, text + length, name, 1, parser->arena, parser->report};
    parse_statements(parser, &lexer, list, false);
}

static void parse_file(struct parser *parser, const char *path, const struct conf_place *from,
                       struct list *list)
{
    struct conf_place at = from ? *from : (struct conf_place){path, 0};
    if (parser->include_depth > CONF_MAX_INCLUDES || parser->files >= CONF_MAX_FILES) {
        conf_error(parser->report, at, "too many included files (at most %d within each other, %d in all)",
                   CONF_MAX_INCLUDES, CONF_MAX_FILES);
        return;
    }
    size_t length;
    struct stat status;
    if (from && stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        conf_error(parser->report, at, "cannot read %s: not a regular file", path);
        return;
    }
    FILE *in = fopen(path, "re");
    char *text = in ? slurp(parser, in, &length) : NULL;
    const char *name = text ? arena_strdup(parser->arena, path) : NULL;
    if (!text)
        conf_error(parser->report, at, "cannot read %s: %s", path, strerror(errno));
    if (in)
        fclose(in);
    if (name) {
        parser->files++;
        parse_text(parser, text, length, name, list);
    }
    free(text);
}

static const char *beside(struct parser *parser, const char *folder_or_file, bool is_file, const char *path)
{
    const char *slash = is_file ? strrchr(folder_or_file, '/') : NULL;
    int length = is_file ? (slash ? (int)(slash - folder_or_file) : 0) : (int)strlen(folder_or_file);
    char *joined = length ? arena_printf(parser->arena, "%.*s/%s", length, folder_or_file, path)
                          : arena_strdup(parser->arena, path);
    return joined ?: path;
}

static bool found(const char *pattern)
{
    glob_t matches = {0};
    bool any = glob(pattern, GLOB_NOSORT, NULL, &matches) == 0;
    globfree(&matches);
    return any;
}

static const char *include_path(struct parser *parser, const struct conf_item *item)
{
    const char *path = item->text;
    if (*path == '/')
        return path;
    if (parser->base_dir)
        path = beside(parser, parser->base_dir, false, path);
    const char *other = found(path) ? path : beside(parser, item->at.file, true, item->text);
    return found(other) ? other : path;
}

static void include(struct parser *parser, const struct conf_statement *statement, struct list *list)
{
    const struct conf_item *item = statement->items->next;
    if (!item || item->next || item->kind > CONF_QUOTED || !*item->text) {
        conf_error(parser->report, statement->items->at, "expected one file name after 'include'");
        return;
    }
    const char *pattern = include_path(parser, item);
    glob_t matches = {0};
    int result = glob(pattern, GLOB_ERR, NULL, &matches);
    parser->include_depth++;
    for (size_t i = 0; result == 0 && i < matches.gl_pathc; i++)
        parse_file(parser, matches.gl_pathv[i], &item->at, list);
    parser->include_depth--;
    globfree(&matches);
    if (result != 0) {
        /* Opening it tells the reason, unless it is a pattern. */
        errno = ENOENT;
        int denied = access(pattern, R_OK);
        conf_error(parser->report, item->at, "cannot read %s: %s", pattern,
                   strerror(denied ? errno : ENOENT));
    }
}

/* --- statements --- */

static void append(struct parser *parser, struct conf_statement *statement, struct list *list)
{
    if (conf_is(statement->items, "include")) {
        include(parser, statement, list);
        return;
    }
    const struct conf_item *value = statement->items->next;
    if (parser->depth == 1 && conf_is(statement->items, "directory") && value && value->kind == CONF_QUOTED)
        parser->base_dir = value->text;
    *list->tail = statement;
    list->tail = &statement->next;
}

static bool open_block(struct parser *parser, struct conf_lexer *lexer, struct conf_item *item)
{
    struct list list = {NULL, &list.first};
    if (parser->depth >= CONF_MAX_DEPTH) {
        conf_error(parser->report, item->at, "more than %d blocks within each other", CONF_MAX_DEPTH);
        lexer->at = lexer->end;
        return false;
    }
    parser->depth++;
    parse_statements(parser, lexer, &list, true);
    parser->depth--;
    item->block = list.first;
    return true;
}

/* Reads items up to a semicolon. Returns the token that ended the statement. */
static struct conf_token parse_statement(struct parser *parser, struct conf_lexer *lexer,
                                         struct conf_token token, struct conf_statement **out)
{
    struct conf_item *first = NULL, **tail = &first;
    while (token.kind != TOKEN_SEMICOLON && token.kind != TOKEN_CLOSE && token.kind != TOKEN_END) {
        struct conf_item *item = new_item(parser, lexer, &token);
        if (!item || (token.kind == TOKEN_OPEN && !open_block(parser, lexer, item)))
            lexer->at = lexer->end;
        if (item) {
            *tail = item;
            tail = &item->next;
        }
        token = conf_lex_next(lexer);
    }
    *out = first ? conf_alloc(parser->report, parser->arena, sizeof **out) : NULL;
    if (*out)
        (*out)->items = first;
    return token;
}

static void parse_statements(struct parser *parser, struct conf_lexer *lexer, struct list *list, bool nested)
{
    struct conf_place open = {lexer->file, lexer->line};
    struct conf_token token = conf_lex_next(lexer);
    while (token.kind != TOKEN_END && !(token.kind == TOKEN_CLOSE && nested)) {
        struct conf_statement *statement = NULL;
        struct conf_place at = {lexer->file, token.line};
        if (token.kind == TOKEN_CLOSE) {
            conf_error(parser->report, at, "found '}' without a '{' before it");
            token = conf_lex_next(lexer);
            continue;
        }
        token = parse_statement(parser, lexer, token, &statement);
        if (statement && token.kind != TOKEN_SEMICOLON)
            conf_error(parser->report, (struct conf_place){lexer->file, token.line},
                       "expected ';' at the end of the statement '%s', found %s%s%s", statement->items->text,
                       token.kind == TOKEN_END ? "" : "'", token.text, token.kind == TOKEN_END ? "" : "'");
        if (statement)
            append(parser, statement, list);
        if (token.kind == TOKEN_SEMICOLON)
            token = conf_lex_next(lexer);
    }
    if (nested && token.kind == TOKEN_END && !parser->report->out_of_memory)
        conf_error(parser->report, open, "expected '}' to close the block that starts here");
}

struct conf_statement *conf_parse_file(const char *file, struct arena *arena, struct conf_report *report)
{
    struct parser parser = {.arena = arena, .report = report};
    struct list list = {NULL, &list.first};
    parse_file(&parser, file, NULL, &list);
    return list.first;
}

struct conf_statement *conf_parse_text(const char *text, size_t length, const char *name, struct arena *arena,
                                       struct conf_report *report)
{
    struct parser parser = {.arena = arena, .report = report};
    struct list list = {NULL, &list.first};
    parse_text(&parser, text, length, name, &list);
    return list.first;
}
