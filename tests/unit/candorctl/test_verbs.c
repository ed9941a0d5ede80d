/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "candorctl/verbs.h"

/* Parses words after a verb; the request as text, or NULL when they are refused. */
static char *request_of(const char *verb_name, ...)
{
    char *words[8];
    int count = 0;
    va_list more;
    va_start(more, verb_name);
    while (count < 8 && (words[count] = va_arg(more, char *)))
        count++;
    va_end(more);
    const struct verb *verb = verb_find(verb_name);
    assert_non_null(verb);
    json_t *request = json_object();
    int error = verb_parse(verb, count, words, request);
    char *text = error ? NULL : json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(request);
    return text;
}

#define assert_request(expected, ...)                                                                        \
    do {                                                                                                     \
        char *made = request_of(__VA_ARGS__, NULL);                                                          \
        assert_non_null(made);                                                                               \
        assert_string_equal(expected, made);                                                                 \
        free(made);                                                                                          \
    } while (0)

static void words_become_members_by_their_place(void **state)
{
    (void)state;
    assert_request("{}", "status");
    assert_request("{}", "reload");
    assert_request("{\"zone\":\"rpz.example\"}", "reload", "rpz.example");
    assert_request("{\"name\":\"example.com\",\"type\":\"AAAA\"}", "explain", "example.com", "AAAA");
}

static void options_stand_anywhere(void **state)
{
    (void)state;
    assert_request("{\"wait\":true,\"zone\":\"a\"}", "reload", "--wait", "a");
    assert_request("{\"wait\":false}", "reload", "--no-wait");
    assert_request("{\"client\":\"192.0.2.1\",\"name\":\"a\",\"type\":\"MX\",\"view\":\"v\"}", "explain", "a",
                   "--client", "192.0.2.1", "MX", "--view", "v");
    assert_request("{\"dnssec\":true,\"name\":\"a\",\"recurse\":false,\"tcp\":true}", "explain", "--tcp",
                   "--dnssec", "--no-recurse", "a");
}

static void wrong_words_are_refused(void **state)
{
    (void)state;
    assert_null(request_of("status", "more", NULL));
    assert_null(request_of("explain", NULL));
    assert_null(request_of("explain", "a", "A", "more", NULL));
    assert_null(request_of("explain", "a", "--client", NULL));
    assert_null(request_of("flush", "--wait", NULL));
    assert_null(request_of("flush", "\xff", NULL));
    assert_null(verb_find("destroy"));
}

static void each_verb_has_help_and_prints(void **state)
{
    (void)state;
    for (const struct verb *verb = verbs; verb->name; verb++) {
        assert_non_null(verb->help);
        assert_true((verb->print != NULL) !=
                    (verb->run != NULL)); /* one that is done here prints for itself */
        assert_ptr_equal(verb, verb_find(verb->name));
    }
}

/* An older or newer daemon may send anything: nothing of it may crash. */
static void results_that_lack_everything_print(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}",
        "[]",
        "7",
        "null",
        "{\"zones\":[{}],\"views\":[{}],\"rules\":[{}, {\"wins\":true}],\"metrics\":[{}],"
        "\"answer\":{\"flags\":[\"aa\"]},\"truth\":{\"chain\":[{\"servers\":[{}]}]}}",
        "{\"zones\":7,\"views\":\"x\",\"rules\":{},\"metrics\":null,\"answer\":[]}"};
    FILE *real = stdout;
    stdout = fopen("/dev/null", "w");
    for (const struct verb *verb = verbs; verb->name; verb++)
        for (size_t i = 0; verb->print && i < sizeof odd / sizeof *odd; i++) {
            json_t *result = json_loads(odd[i], JSON_DECODE_ANY, NULL);
            verb->print(result);
            if (verb->progress)
                verb->progress(result);
            json_decref(result);
        }
    fclose(stdout);
    stdout = real;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_members_by_their_place),
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(wrong_words_are_refused),
        cmocka_unit_test(each_verb_has_help_and_prints),
        cmocka_unit_test(results_that_lack_everything_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
