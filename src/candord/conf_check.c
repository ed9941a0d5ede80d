/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Statements against the table of words: is the word known here, does it come once, does its value fit, does
 * it do anything. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "candord/conf_words.h"

static const struct context {
    unsigned bit;
    const char *word; /* the statement that opens it; NULL: by the zone's type */
    const char *text;
} contexts[] = {
    {TOP, NULL, "the file itself"},
    {OPT, "options", "options"},
    {VIEW, "view", "a view"},
    {PRI, NULL, "a zone of type primary"},
    {SEC, NULL, "a zone of type secondary"},
    {MIR, NULL, "a zone of type mirror"},
    {HINT, NULL, "a zone of type hint"},
    {FWD, NULL, "a zone of type forward"},
    {STUB_ZONE, NULL, "a zone of type stub"},
    {STATIC, NULL, "a zone of type static-stub"},
    {REDIR, NULL, "a zone of type redirect"},
    {FEED, NULL, "a zone of type feed"},
    {SERVER, "server", "a server statement"},
    {KEY, "key", "a key"},
    {LOGGING, "logging", "logging"},
    {CHANNEL, "channel", "a channel"},
    {TLS, "tls", "a tls statement"},
    {HTTP, "http", "an http statement"},
    {CONTROLS, "controls", "controls"},
    {STATS, "statistics-channels", "statistics-channels"},
    {POLICY, "dnssec-policy", "a dnssec-policy"},
    {DNS64, "dns64", "dns64"},
    {RRL, "rate-limit", "rate-limit"},
    {DLZ, "dlz", "a dlz statement"},
    {INVIEW, NULL, "a zone with in-view"},
    {GUARD, "guard", "a guard"},
};

static const struct {
    const char *type;
    unsigned context;
} zone_types[] = {
    {"primary", PRI},        {"master", PRI},     {"secondary", SEC},       {"slave", SEC},
    {"mirror", MIR},         {"hint", HINT},      {"forward", FWD},         {"stub", STUB_ZONE},
    {"static-stub", STATIC}, {"redirect", REDIR}, {"delegation-only", FWD}, {"feed", FEED},
};

enum { ANY_ZONE = PRI | SEC | MIR | HINT | FWD | STUB_ZONE | STATIC | REDIR | FEED };

/* Words that may come again; the others may not. */
static const char *const repeatable[] = {
    "acl",
    "category",
    "channel",
    "check-names",
    "controls",
    "cookie-secret",
    "disable-algorithms",
    "disable-ds-digests",
    "disable-empty-zone",
    "dlz",
    "dns64",
    "dnssec-must-be-secure",
    "dnssec-policy",
    "dyndb",
    "http",
    "inet",
    "key",
    "listen-on",
    "listen-on-v6",
    "managed-keys",
    "masters",
    "parental-agents",
    "plugin",
    "primaries",
    "server",
    "statistics-channels",
    "tls",
    "trust-anchors",
    "trusted-keys",
    "unix",
    "view",
    "zone",
};

const char *conf_context_text(unsigned context)
{
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
        if (contexts[i].bit & context)
            return contexts[i].text;
    return "this place";
}

static unsigned zone_context(const struct conf_statement *zone)
{
    const struct conf_item *block = conf_block(zone);
    const struct conf_statement *type = block ? conf_find(block->block, "type") : NULL;
    const struct conf_item *value = type ? type->items->next : NULL;
    if (block && conf_find(block->block, "in-view"))
        return INVIEW;
    for (size_t i = 0; value && i < sizeof zone_types / sizeof *zone_types; i++)
        if (strcasecmp(value->text, zone_types[i].type) == 0)
            return zone_types[i].context;
    return 0;
}

unsigned conf_context_of(const struct conf_statement *statement)
{
    if (conf_is(statement->items, "zone"))
        return zone_context(statement);
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
        if (contexts[i].word && conf_is(statement->items, contexts[i].word))
            return contexts[i].bit;
    return 0;
}

static bool may_repeat(const char *word)
{
    for (size_t i = 0; i < sizeof repeatable / sizeof *repeatable; i++)
        if (strcasecmp(repeatable[i], word) == 0)
            return true;
    return false;
}

static void check_repeated(struct conf_report *report, const struct conf_statement *list,
                           const struct conf_statement *statement)
{
    if (statement->items->kind != CONF_WORD || may_repeat(conf_word(statement)))
        return;
    const struct conf_statement *first = conf_find(list, conf_word(statement));
    if (first != statement)
        conf_error(report, statement->items->at, "'%s' a second time; it stands in %s:%u already",
                   conf_word(statement), first->items->at.file, first->items->at.line);
}

struct checker {
    struct conf_report *report;
    bool quiet;                   /* inside a block that has no effect as a whole: said once */
    bool noticed[CONF_WORDS_MAX]; /* by row of the table */
};

static void check_list(struct checker *checker, const struct conf_statement *list, unsigned context);

static void check_zone_type(struct checker *checker, const struct conf_statement *zone)
{
    const struct conf_item *block = conf_block(zone);
    const struct conf_statement *type = block ? conf_find(block->block, "type") : NULL;
    if (!type)
        conf_error(checker->report, zone->items->at, "expected 'type' in the zone");
    else
        conf_error(
            checker->report, type->items->at,
            "expected primary, secondary, feed, hint, forward, stub or static-stub after 'type', found '%s'",
            type->items->next ? type->items->next->text : ";");
}

enum { LONGEST_WORD = 40 };

/* How many letters must be changed, added or removed to make b from a. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[LONGEST_WORD + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > LONGEST_WORD || b_length > LONGEST_WORD)
        return LONGEST_WORD;
    for (unsigned j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 0; i < a_length; i++) {
        unsigned corner = row[0]++;
        for (size_t j = 0; j < b_length; j++) {
            unsigned above = row[j + 1], changed = corner + (tolower((unsigned char)a[i]) != b[j]);
            unsigned least = above < row[j] ? above + 1 : row[j] + 1;
            row[j + 1] = changed < least ? changed : least;
            corner = above;
        }
    }
    return row[b_length];
}

/* The word of the context that looks most like this one, or NULL. */
static const char *similar_word(const char *word, unsigned context)
{
    unsigned best = strlen(word) > 4 ? 3 : 2;
    const char *found = NULL;
    for (size_t i = 0; i < conf_word_count; i++) {
        unsigned d = conf_words[i].contexts & context ? distance(word, conf_words[i].word) : best;
        if (d < best) {
            best = d;
            found = conf_words[i].word;
        }
    }
    return found;
}

static void unknown_word(struct checker *checker, const struct conf_statement *statement, unsigned context)
{
    const char *word = conf_word(statement);
    const char *similar = similar_word(word, context);
    const struct conf_word *elsewhere = conf_word_find_anywhere(word);
    if (statement->items->kind != CONF_WORD)
        conf_error(checker->report, statement->items->at, "expected a word in %s, found '%s'",
                   conf_context_text(context), word);
    else if (elsewhere)
        conf_error(checker->report, statement->items->at, "'%s' cannot stand in %s; it belongs in %s", word,
                   conf_context_text(context), conf_context_text(elsewhere->contexts));
    else
        conf_error(checker->report, statement->items->at, "unknown word '%s' in %s%s%s%s", word,
                   conf_context_text(context), similar ? "; is it '" : "", similar ?: "",
                   similar ? "'?" : "");
}

static void check_statement(struct checker *checker, const struct conf_statement *statement, unsigned context)
{
    const struct conf_word *row =
        statement->items->kind == CONF_WORD ? conf_word_find(conf_word(statement), context) : NULL;
    if (!row) {
        unknown_word(checker, statement, context);
        return;
    }
    if (!conf_form_check(checker->report, statement, row->form))
        return;
    if (row->use != USED && !checker->quiet && !checker->noticed[row - conf_words]) {
        checker->noticed[row - conf_words] = true;
        conf_notice(checker->report, statement->items->at, "'%s' has no effect: %s", row->word,
                    conf_use_text(row->use));
    }
    if (!strstr(row->form, "{@"))
        return;
    unsigned inner = conf_context_of(statement);
    const struct conf_item *block = conf_block(statement);
    if (!inner) {
        check_zone_type(checker, statement);
    } else if (block) {
        bool quiet = checker->quiet;
        checker->quiet = quiet || row->use != USED;
        check_list(checker, block->block, inner);
        checker->quiet = quiet;
    }
}

static void check_list(struct checker *checker, const struct conf_statement *list, unsigned context)
{
    for (const struct conf_statement *s = list; s; s = s->next) {
        check_statement(checker, s, context);
        check_repeated(checker->report, list, s);
    }
}

void conf_check(struct conf_report *report, const struct conf_statement *list, unsigned context)
{
    struct checker checker = {.report = report};
    check_list(&checker, list, context);
}
