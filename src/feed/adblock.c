/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form of the blockers in browsers. Of it, what a resolver can do: ||name^ blocks a name and all below
 * it,
 * @@||name^ excepts them, ||*.name^ means only what is below, $important wins over exceptions. All else is
 * about pages and requests. */
#include <string.h>

#include "feed/formats.h"

static bool contains(struct span text, const char *what)
{
    return memmem(text.at, span_length(text), what, strlen(what)) != NULL;
}

static bool is_cosmetic(struct span text)
{
    static const char *const marks[] = {"##",   "#@#",  "#?#",  "#$#", "#%#",
                                        "#@?#", "#@$#", "#@%#", "$$",  "$@$"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (contains(text, marks[i]))
            return true;
    return false;
}

/* "! comment", "[Adblock Plus 2.0]", "# comment" (but not "##.banner"). */
static bool is_comment(struct span text)
{
    return *text.at == '!' || (*text.at == '[' && text.end[-1] == ']') ||
           (*text.at == '#' && !is_cosmetic(text));
}

/* What stands behind the `^`. */
static enum feed_skip read_modifiers(struct span text, bool *important)
{
    if (text.at < text.end && *text.at == '|')
        text.at++;
    if (text.at == text.end)
        return FEED_KEPT;
    if (*text.at != '$')
        return FEED_SKIP_PATTERN;
    text.at++;
    *important = span_is(text, "important");
    return *important ? FEED_KEPT : FEED_SKIP_MODIFIER;
}

struct adblock_rule {
    bool exception, important, below_only;
    uint8_t name[255];
    size_t length;
};

static enum feed_skip read_rule(struct span text, struct adblock_rule *rule)
{
    *rule = (struct adblock_rule){.exception = span_starts(text, "@@")};
    text.at += rule->exception ? 2 : 0;
    const char *end = memchr(text.at, '^', span_length(text));
    if (!span_starts(text, "||") || !end)
        return FEED_SKIP_PATTERN;
    struct span name = {text.at + 2, end};
    rule->below_only = span_starts(name, "*.");
    name.at += rule->below_only ? 2 : 0;
    if (memchr(name.at, '*', span_length(name)) || memchr(name.at, '/', span_length(name)))
        return FEED_SKIP_PATTERN;
    enum feed_skip skip = read_modifiers((struct span){end + 1, text.end}, &rule->important);
    return skip ? skip : span_name(name, rule->name, &rule->length);
}

int adblock_line(struct reading *reading, struct span text, struct line *out)
{
    struct adblock_rule rule;
    if (is_comment(text))
        return 0;
    out->kind = LINE_ENTRY;
    out->skip = is_cosmetic(text) ? FEED_SKIP_COSMETIC : read_rule(text, &rule);
    if (out->skip)
        return 0;
    enum rank rank = (enum rank)((rule.important ? RANK_BLOCK_FIRST : RANK_BLOCK) + rule.exception);
    return rules_add(&reading->rules, rule.name, rule.length, rule.below_only ? RANK_NONE : rank, rank);
}
