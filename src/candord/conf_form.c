/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks the items of a statement against a form of the table of words (conf_words.h). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "candord/conf_kind.h"
#include "candord/conf_value.h"
#include "candord/conf_words.h"

/* --- the matcher --- */

struct matcher {
    struct conf_report *report;
    const struct conf_item *item; /* next to match; NULL: the statement's end */
    const struct conf_item *last; /* matched before */
    const char *options;          /* the [ ] groups that could have come next, or NULL */
    bool failed;
};

static bool sequence(struct matcher *m, const char **form, char close);
static void leftover(struct matcher *m);

static void advance(struct matcher *m)
{
    m->last = m->item;
    m->item = m->item->next;
    m->options = NULL;
}

static void mismatch(struct matcher *m, const char *expected)
{
    struct conf_place at = m->item ? m->item->at : m->last->at;
    const char *quote = m->item ? "'" : "";
    if (!m->failed && m->last)
        conf_error(m->report, at, "expected %s %s '%s', found %s%s%s", expected,
                   m->last->kind == CONF_BLOCK ? "behind the block of" : "after", m->last->text, quote,
                   m->item ? m->item->text : "the end of the statement", quote);
    else if (!m->failed)
        conf_error(m->report, at, "expected %s, found '%s'", expected, m->item->text);
    m->failed = true;
}

/* The length of an alternative: "no-auth", "INT(0-10)", "cname:NAME". */
static size_t alternative_length(const char *form)
{
    return strcspn(form, "| []{}");
}

static bool is_kind(const char *form)
{
    return isupper((unsigned char)*form);
}

/* Length of the part that names the word or kind itself. */
static size_t head_length(const char *form)
{
    return strcspn(form, "| []{}(:");
}

/* The bounds of INT(a-b) and DURATION(a-b). */
static bool in_range(const char *form, size_t length, const char *text)
{
    unsigned long low = 0, high = UINT32_MAX;
    uint32_t value;
    const char *open = memchr(form, '(', length);
    if (!open || conf_duration(text, &value) != 0) /* plain numbers are durations too */
        return true;
    char *dash;
    low = strtoul(open + 1, &dash, 10);
    high = strtoul(dash + 1, NULL, 10);
    return value >= low && value <= high;
}

/* Could this alternative take the item? Range is not looked at. */
static bool accepts(const char *form, const struct conf_item *item)
{
    size_t length = head_length(form);
    if (!item)
        return false;
    if (*form == '{')
        return item->kind == CONF_BLOCK;
    if (item->kind != CONF_WORD && item->kind != CONF_QUOTED)
        return false;
    if (!is_kind(form))
        return strlen(item->text) == length && strncasecmp(item->text, form, length) == 0;
    const struct conf_value_kind *kind = conf_kind_find(form, length);
    return kind && (!kind->quoted_only || item->kind == CONF_QUOTED) && kind->fits(item->text);
}

/* "yes, no or a number" from "yes|no|INT". */
static void describe(const char *form, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (;;) {
        size_t whole = alternative_length(form), head = head_length(form);
        const struct conf_value_kind *kind = is_kind(form) ? conf_kind_find(form, head) : NULL;
        const char *open = memchr(form, '(', whole);
        if (*form == '{')
            used += (size_t)snprintf(out + used, size - used, "a block in braces");
        else if (open)
            used += (size_t)snprintf(out + used, size - used, "%s from %lu to %lu", kind->expected,
                                     strtoul(open + 1, NULL, 10), strtoul(strchr(open, '-') + 1, NULL, 10));
        else if (kind)
            used += (size_t)snprintf(out + used, size - used, "%s", kind->expected);
        else
            used += (size_t)snprintf(out + used, size - used, "%.*s", (int)head, form);
        if (used >= size || *form == '{' || form[whole] != '|')
            return;
        form += whole + 1;
        bool last = *form == '{' || form[alternative_length(form)] != '|';
        used += (size_t)snprintf(out + used, size - used, last ? " or " : ", ");
        if (used >= size)
            return;
    }
}

/* Past the end of a group that starts at its opening bracket. */
static const char *past_group(const char *form)
{
    unsigned depth = 0;
    do {
        if (*form == '[' || *form == '{')
            depth++;
        else if (*form == ']' || *form == '}')
            depth--;
        form++;
    } while (depth);
    return form;
}

static bool address_match_list(struct matcher *m, const struct conf_statement *list);

/* One element of an address match list: [!] ( { … } | key NAME | address | prefix | acl name ). */
static bool address_match(struct matcher *m)
{
    if (m->item && m->item->kind == CONF_BANG)
        advance(m);
    if (m->item && m->item->kind == CONF_BLOCK) {
        struct matcher inner = {.report = m->report, .last = m->item};
        if (!address_match_list(&inner, m->item->block))
            m->failed = true;
        advance(m);
        return !m->failed;
    }
    if (!m->item || m->item->kind == CONF_BANG) {
        mismatch(m, "an address, a prefix, key, an acl's name or a list in braces");
        return false;
    }
    if (conf_is(m->item, "geoip")) {
        conf_error(m->report, m->item->at, "geoip elements are not supported; list the addresses");
        m->failed = true;
        return false;
    }
    bool key = conf_is(m->item, "key");
    advance(m);
    if (key && accepts("NAME", m->item))
        advance(m);
    else if (key)
        mismatch(m, "the name of a key");
    return !m->failed;
}

static bool address_match_list(struct matcher *m, const struct conf_statement *list)
{
    bool good = true;
    for (; list; list = list->next) {
        struct matcher element = {.report = m->report, .item = list->items, .last = NULL};
        if (address_match(&element) && element.item)
            mismatch(&element, "';'");
        good = good && !element.failed;
    }
    return good;
}

/* {…} of a form against a block. */
static void block(struct matcher *m, const char *form)
{
    const struct conf_item *item = m->item;
    advance(m);
    if (form[1] == '@') /* its statements are checked by conf_check() */
        return;
    if (strncmp(form, "{MATCH}", 7) == 0) {
        if (!address_match_list(m, item->block))
            m->failed = true;
        return;
    }
    for (const struct conf_statement *s = item->block; s; s = s->next) {
        struct matcher inner = {.report = m->report, .item = s->items, .last = NULL};
        const char *at = form + 1;
        if (strncmp(at, "ANY", 3) != 0 && sequence(&inner, &at, '}') && inner.item)
            leftover(&inner);
        if (inner.failed)
            m->failed = true;
    }
}

/* a|B|c */
static void alternatives(struct matcher *m, const char **form)
{
    const char *at = *form;
    char expected[256];
    for (;;) {
        size_t length = *at == '{' ? (size_t)(past_group(at) - at) : alternative_length(at);
        if (accepts(at, m->item) && in_range(at, length, m->item->text)) {
            const char *argument = *at == '{' ? NULL : memchr(at, ':', length);
            if (*at == '{')
                block(m, at);
            else
                advance(m);
            if (argument) {
                argument++;
                alternatives(m, &argument);
            }
            break;
        }
        if (at[length] != '|') {
            describe(*form, expected, sizeof expected);
            mismatch(m, expected);
            break;
        }
        at += length + 1;
    }
    /* Past all of them, whichever fitted. */
    for (at = *form;;) {
        at = *at == '{' ? past_group(at) : at + alternative_length(at);
        if (*at != '|')
            break;
        at++;
    }
    *form = at;
}

enum { MAX_OPTIONS = 32 };

static bool group_accepts(const char *group, const struct conf_item *item)
{
    for (const char *at = group + 1;; at++) {
        if (accepts(at, item))
            return true;
        at += *at == '{' ? (size_t)(past_group(at) - at) : alternative_length(at);
        if (*at != '|')
            return false;
    }
}

/* A run of [ ] groups: each may come once, in any order. */
static void options(struct matcher *m, const char **form)
{
    const char *groups[MAX_OPTIONS];
    unsigned count = 0;
    const char *start = *form;
    while (**form == '[' && count < MAX_OPTIONS) {
        groups[count++] = *form;
        *form = past_group(*form);
        while (**form == ' ')
            ++*form;
    }
    for (unsigned i = 0; i < count && !m->failed;) {
        if (groups[i] && group_accepts(groups[i], m->item)) {
            const char *inside = groups[i] + 1;
            sequence(m, &inside, ']');
            groups[i] = NULL;
            i = 0;
        } else {
            i++;
        }
    }
    m->options = start;
}

static bool sequence(struct matcher *m, const char **form, char close)
{
    while (!m->failed) {
        while (**form == ' ')
            ++*form;
        if (**form == close || **form == '\0')
            break;
        if (**form == '[')
            options(m, form);
        else
            alternatives(m, form);
    }
    return !m->failed;
}

/* Something is left over: says what could have stood there. */
static void leftover(struct matcher *m)
{
    char expected[512] = "";
    size_t used = 0;
    for (const char *group = m->options; group && *group == '[' && used < sizeof expected;) {
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%.*s, ",
                                 is_kind(group + 1) ? 0 : (int)head_length(group + 1), group + 1);
        group = past_group(group);
        group += strspn(group, " ");
    }
    if (used > 2 && used < sizeof expected - 4)
        memcpy(expected + used - 2, " or ';'", sizeof " or ';'");
    mismatch(m, used > 2 && expected[0] != ',' ? expected : "';'");
}

bool conf_form_check(struct conf_report *report, const struct conf_statement *statement, const char *form)
{
    struct matcher m = {.report = report, .item = statement->items->next, .last = statement->items};
    if (sequence(&m, &form, '\0') && m.item)
        leftover(&m);
    return !m.failed;
}
