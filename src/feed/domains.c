/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name on each line: `example.com`, also `*.example.com` and `.example.com`, which publishers use for the
 * same: the name and all below it. Comments: # ; ! // at the start of a line, # behind a name. */
#include "feed/formats.h"

static bool is_comment(struct span text)
{
    return span_starts(text, "#") || span_starts(text, ";") || span_starts(text, "!") ||
           span_starts(text, "//");
}

static bool has_one_label(const uint8_t *name)
{
    return name[name[0] + 1] == 0;
}

/* A dot before or behind a single label says that a whole domain of that name is meant. */
static enum feed_skip domain_name(struct span word, uint8_t *name, size_t *length)
{
    bool dotted = span_length(word) > 1 && (*word.at == '.' || word.end[-1] == '.');
    if (span_starts(word, "*."))
        word.at += 2;
    else if (span_starts(word, "."))
        word.at++;
    enum feed_skip skip = span_name(word, name, length);
    return skip == FEED_KEPT && has_one_label(name) && !dotted ? FEED_SKIP_ONE_LABEL : skip;
}

int domains_line(struct reading *reading, struct span text, struct line *out)
{
    struct span word, behind;
    uint8_t name[255];
    size_t length;
    if (is_comment(text) || !span_word(&text, &word))
        return 0;
    out->kind = LINE_ENTRY;
    if (span_word(&text, &behind) && *behind.at != '#') {
        out->skip = FEED_SKIP_WORDS;
        return 0;
    }
    out->skip = domain_name(word, name, &length);
    return out->skip ? 0 : rules_add(&reading->rules, name, length, RANK_BLOCK, RANK_BLOCK);
}
