/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of words against BIND's manual (argument 1: its words) and against ours (argument 2). */
#include "../unit.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candord/conf_words.h"

static const char *words_file, *manual_file;

static unsigned context_named(const char *name)
{
    static const struct {
        const char *name;
        unsigned context;
    } contexts[] = {
        {"top", TOP},
        {"options", OPT},
        {"view", VIEW},
        {"zone-primary", PRI},
        {"zone-secondary", SEC},
        {"zone-mirror", MIR},
        {"zone-hint", HINT},
        {"zone-forward", FWD},
        {"zone-stub", STUB_ZONE},
        {"zone-static-stub", STATIC},
        {"zone-redirect", REDIR},
        {"zone-in-view", INVIEW},
        {"server", SERVER},
        {"key", KEY},
        {"logging", LOGGING},
        {"channel", CHANNEL},
        {"tls", TLS},
        {"http", HTTP},
        {"controls", CONTROLS},
        {"statistics-channels", STATS},
        {"dnssec-policy", POLICY},
        {"dns64", DNS64},
        {"rate-limit", RRL},
        {"dlz", DLZ},
    };
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++)
        if (strcmp(contexts[i].name, name) == 0)
            return contexts[i].context;
    fail_msg("unknown context %s", name);
    return 0;
}

static void every_word_of_binds_manual_is_known_where_it_stands(void **state)
{
    (void)state;
    char line[256], context[64], word[64];
    unsigned count = 0;
    FILE *in = fopen(words_file, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        if (*line == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %63s", context, word), 2);
        if (!conf_word_find(word, context_named(context)))
            fail_msg("%s is not known in %s", word, context);
        count++;
    }
    fclose(in);
    assert_true(count > 700);
}

static char *read_file(const char *path)
{
    FILE *in = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    assert_non_null(in);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
    fclose(in);
    return text;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '\\';
}

/* Manuals write - as \- */
static bool mentions(const char *text, const char *word)
{
    char escaped[128], *to = escaped;
    for (const char *c = word; *c; *to++ = *c++)
        if (*c == '-')
            *to++ = '\\';
    *to = '\0';
    size_t length = strlen(escaped);
    for (const char *at = text; (at = strstr(at, escaped)); at += length)
        if (at > text && !is_word_char(at[-1]) && !is_word_char(at[length]))
            return true;
    return false;
}

static void our_manual_knows_every_word(void **state)
{
    (void)state;
    char *manual = read_file(manual_file);
    for (size_t i = 0; i < conf_word_count; i++)
        if (!mentions(manual, conf_words[i].word))
            fail_msg("%s is not in %s", conf_words[i].word, manual_file);
    free(manual);
}

static void the_table_is_sorted_and_says_why(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_word_count; i++) {
        assert_true(i == 0 || strcmp(conf_words[i - 1].word, conf_words[i].word) <= 0);
        assert_non_null(conf_use_text(conf_words[i].use));
        for (size_t j = i + 1; j < conf_word_count && strcmp(conf_words[i].word, conf_words[j].word) == 0;
             j++)
            if (conf_words[i].contexts & conf_words[j].contexts)
                fail_msg("%s stands twice in one context", conf_words[i].word);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_of_binds_manual_is_known_where_it_stands),
        cmocka_unit_test(our_manual_knows_every_word),
        cmocka_unit_test(the_table_is_sorted_and_says_why),
    };
    if (argc != 3)
        return 2;
    words_file = argv[1];
    manual_file = argv[2];
    return RUN_TESTS(tests);
}
