/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is decided before anything is sent; the rest is tests/scenario/feeds.py with a real server. */
#include "feed/fetch.h"

#include <stdio.h>
#include <string.h>

#include "../unit.h"

static void a_url_is_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *shown;
        bool tls;
    } cases[] = {
        {"https://lists.example/x.txt", "lists.example", "https://lists.example/x.txt", true},
        {"http://lists.example:8080/x?y=1", "lists.example", "http://lists.example:8080/x?y=1", false},
        {"https://[2001:db8::1]:8443/", "2001:db8::1", "https://[2001:db8::1]:8443/", true},
        {"https://user:secret@lists.example/", "lists.example", "https://lists.example/", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fetch_url url;
        char problem[256] = "";
        assert_int_equal(fetch_url_parse(cases[i].url, &url, problem, sizeof problem), 0);
        assert_string_equal(url.host, cases[i].host);
        assert_string_equal(url.shown, cases[i].shown);
        assert_int_equal(url.tls, cases[i].tls);
    }
}

static void what_is_no_url_for_a_list_is_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "x",
                                       "/etc/passwd",
                                       "file:///etc/passwd",
                                       "ftp://h.example/",
                                       "https://",
                                       "https://h.example:99999/",
                                       "https://a b/"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct fetch_url url;
        char problem[256] = "";
        assert_int_equal(fetch_url_parse(urls[i], &url, problem, sizeof problem), ERR_INVALID);
        assert_true(*problem);
    }
}

static int no_address(void *context, const char *host, struct ip_address *out, char *problem,
                      size_t problem_size)
{
    (void)out;
    snprintf(problem, problem_size, "no address for %s", host);
    ++*(int *)context;
    return ERR_NOT_FOUND;
}

static void a_host_without_address_is_not_looked_for_elsewhere(void **state)
{
    (void)state;
    int asked = 0;
    struct fetch_request request = {.url = "https://localhost/x",
                                    .max_bytes = 1000,
                                    .timeout_s = 5,
                                    .resolve = no_address,
                                    .context = &asked};
    struct fetch_result result;
    assert_int_equal(fetch(&request, &result), ERR_NOT_FOUND);
    assert_string_equal(result.problem, "no address for localhost");
    assert_int_equal(asked, 1);
    fetch_result_fini(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(what_is_no_url_for_a_list_is_refused_with_a_reason),
        cmocka_unit_test(a_host_without_address_is_not_looked_for_elsewhere),
    };
    return RUN_TESTS(tests);
}
