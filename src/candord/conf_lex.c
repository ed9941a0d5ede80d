/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/conf_lex.h"

#include <string.h>

static struct conf_place here(const struct conf_lexer *lexer)
{
    return (struct conf_place){lexer->file, lexer->line};
}

static bool starts_with(const struct conf_lexer *lexer, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(lexer->end - lexer->at) >= length && memcmp(lexer->at, text, length) == 0;
}

static void skip_line(struct conf_lexer *lexer)
{
    while (lexer->at < lexer->end && *lexer->at != '\n')
        lexer->at++;
}

static void skip_block_comment(struct conf_lexer *lexer)
{
    struct conf_place start = here(lexer);
    for (lexer->at += 2; lexer->at < lexer->end; lexer->at++) {
        if (starts_with(lexer, "*/")) {
            lexer->at += 2;
            return;
        }
        if (*lexer->at == '\n')
            lexer->line++;
    }
    conf_error(lexer->report, start, "expected */ at the end of the comment that starts here");
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space_and_comments(struct conf_lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (*lexer->at == '\n')
            lexer->line++;
        if (is_space(*lexer->at))
            lexer->at++;
        else if (*lexer->at == '#' || starts_with(lexer, "//"))
            skip_line(lexer);
        else if (starts_with(lexer, "/*"))
            skip_block_comment(lexer);
        else
            return;
    }
}

static const char *keep(struct conf_lexer *lexer, const char *from, size_t length)
{
    char *text = conf_alloc(lexer->report, lexer->arena, length + 1);
    if (text && length)
        memcpy(text, from, length);
    return text ?: "";
}

/* Only \" is an escape in BIND's strings; any other backslash stands for itself. */
static struct conf_token lex_quoted(struct conf_lexer *lexer)
{
    struct conf_token token = {.kind = TOKEN_QUOTED, .line = lexer->line};
    const char *start = ++lexer->at;
    bool escaped = false;
    while (lexer->at < lexer->end && (*lexer->at != '"' || escaped)) {
        escaped = *lexer->at == '\\' && !escaped;
        lexer->line += *lexer->at == '\n';
        lexer->at++;
    }
    char *text = (char *)keep(lexer, start, (size_t)(lexer->at - start));
    if (lexer->at < lexer->end && *lexer->at == '"')
        lexer->at++;
    else
        conf_error(lexer->report, (struct conf_place){lexer->file, token.line},
                   "expected \" at the end of the string that starts here");
    if (strlen(text) < (size_t)(lexer->at - start) - 1)
        conf_error(lexer->report, here(lexer), "a NUL byte in a string");
    size_t to = 0;
    for (size_t from = 0; text[from]; from++)
        if (text[from] != '\\' || text[from + 1] != '"')
            text[to++] = text[from];
    if (*text)
        text[to] = '\0';
    token.text = text;
    return token;
}

static bool ends_word(const struct conf_lexer *lexer)
{
    char c = *lexer->at;
    return is_space(c) || strchr("{};!\"#", c) /* also NUL */ || starts_with(lexer, "//") ||
           starts_with(lexer, "/*");
}

static struct conf_token lex_word(struct conf_lexer *lexer)
{
    const char *start = lexer->at;
    while (lexer->at < lexer->end && !ends_word(lexer))
        lexer->at++;
    return (struct conf_token){TOKEN_WORD, lexer->line, keep(lexer, start, (size_t)(lexer->at - start))};
}

static enum conf_token_kind single_kind(char c)
{
    switch (c) {
    case ';':
        return TOKEN_SEMICOLON;
    case '{':
        return TOKEN_OPEN;
    case '}':
        return TOKEN_CLOSE;
    case '!':
        return TOKEN_BANG;
    default:
        return TOKEN_END;
    }
}

struct conf_token conf_lex_next(struct conf_lexer *lexer)
{
    static const char *const texts[] = {
        [TOKEN_END] = "end of file", [TOKEN_SEMICOLON] = ";", [TOKEN_OPEN] = "{", [TOKEN_CLOSE] = "}",
        [TOKEN_BANG] = "!",          [TOKEN_WORD] = "",       [TOKEN_QUOTED] = ""};
    for (;;) {
        skip_space_and_comments(lexer);
        if (lexer->at >= lexer->end)
            return (struct conf_token){TOKEN_END, lexer->line, texts[TOKEN_END]};
        if (*lexer->at == '"')
            return lex_quoted(lexer);
        if (*lexer->at != '\0')
            break;
        conf_error(lexer->report, here(lexer), "a NUL byte; this is not a text file");
        lexer->at = lexer->end;
    }
    enum conf_token_kind kind = single_kind(*lexer->at);
    if (kind == TOKEN_END)
        return lex_word(lexer);
    lexer->at++;
    return (struct conf_token){kind, lexer->line, texts[kind]};
}
