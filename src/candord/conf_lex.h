/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tokens of a configuration text: words, quoted strings, ; { } !, without the comments. */
#ifndef CANDORD_CONF_LEX_H
#define CANDORD_CONF_LEX_H

#include "candord/conf_tree.h"

enum conf_token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_QUOTED,
    TOKEN_SEMICOLON,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_BANG,
};

struct conf_token {
    enum conf_token_kind kind;
    unsigned line;
    const char *text; /* in the arena; never NULL */
};

struct conf_lexer {
    const char *at, *end;
    const char *file;
    unsigned line;
    struct arena *arena;
    struct conf_report *report;
};

/* The next token. What is wrong (a quote or comment without end, a NUL byte) is reported and stepped over. */
struct conf_token conf_lex_next(struct conf_lexer *lexer);

#endif
