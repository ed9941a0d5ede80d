/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every word of a configuration file: where it may stand, what follows it, what it does here. One table
 * drives the checks, the messages, the notices and the test that the manual knows each word. */
#ifndef CANDORD_CONF_WORDS_H
#define CANDORD_CONF_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "candord/conf_tree.h"

/* Where a word may stand: one bit each. */
enum conf_context {
    TOP = 1 << 0,
    OPT = 1 << 1, /* options */
    VIEW = 1 << 2,
    PRI = 1 << 3, /* zone of type primary */
    SEC = 1 << 4,
    MIR = 1 << 5,
    HINT = 1 << 6,
    FWD = 1 << 7,
    STUB_ZONE = 1 << 8,
    STATIC = 1 << 9,
    REDIR = 1 << 10,
    FEED = 1 << 11,
    SERVER = 1 << 12,
    KEY = 1 << 13,
    LOGGING = 1 << 14,
    CHANNEL = 1 << 15,
    TLS = 1 << 16,
    HTTP = 1 << 17,
    CONTROLS = 1 << 18,
    STATS = 1 << 19,
    POLICY = 1 << 20, /* dnssec-policy */
    DNS64 = 1 << 21,
    RRL = 1 << 22, /* rate-limit */
    DLZ = 1 << 23,
    INVIEW = 1 << 24, /* zone that stands in another view */
    GUARD = 1 << 26,
};

/* What we do with a word: use it, or accept it for one of these reasons. */
enum conf_use {
    USED,
    TRANSFERS,
    SIGNING,
    OBSOLETE,
    CHECKS,
    CONTROL,
    PLUGINS,
    DNSTAP,
    ENCRYPTION,
    RECURSOR,
    FETCHES,
    VALIDATOR,
    SERVERS,
    SAME_TRUTH,
    COMPRESSION,
    AS_READY,
    ADDITIONAL,
    SYSTEM,
    BUILT_IN,
    ZERO_TTL,
    REDIRECT,
    WHOLE_TABLE,
    UDP_SIZE,
    KEEPALIVE,
    SHARED,
    NOT_NEEDED,
    CONF_USES
};

/* `form` says what follows the word:
 *   a|B|c        one of these: small letters stand for themselves, capitals for a kind of value (conf_form.c)
 *   word:KIND    the word and then a value
 *   [x y] [z]    may be left out; neighbours come in any order
 *   {x y}        a block, each statement of it of this form
 *   {@name}      a block of statements in the context of that word */
struct conf_word {
    const char *word;
    unsigned contexts;
    const char *form;
    enum conf_use use;
};

enum { CONF_WORDS_MAX = 512 };

extern const struct conf_word conf_words[];
extern const size_t conf_word_count;

/* Why a word that is not USED has no effect: one clause. */
const char *conf_use_text(enum conf_use use);

/* The row of a word in a context, or NULL. */
const struct conf_word *conf_word_find(const char *word, unsigned context);
/* Is the word known in any context? Then a row of it, else NULL. */
const struct conf_word *conf_word_find_anywhere(const char *word);

/* "options", "a zone of type primary": for messages. */
const char *conf_context_text(unsigned context);

/* The context that the block of a statement opens: of `view`, `options` …, and of a zone by its type.
 * 0: none, or a zone without a known type. */
unsigned conf_context_of(const struct conf_statement *statement);

/* Checks a statement's items against a form; reports what does not fit. True: it fits. */
bool conf_form_check(struct conf_report *report, const struct conf_statement *statement, const char *form);

/* Checks every statement of a list and of its blocks: known word, fitting values, not twice. One notice for
 * each word that has no effect. */
void conf_check(struct conf_report *report, const struct conf_statement *list, unsigned context);

#endif
